"""The tags of a simplified page where they stand in its text, ours or another tool's, valid or not."""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Every alternative runs to its end or to the end of the page, so no character is read twice.
_MARKUP = re.compile(
    r"""
      <!--.*?(?:-->|\Z)
    | </(?P<end>[a-z][^\s/>]*+)[^>]*+(?:>|\Z)
    | <(?P<start>[a-z][^\s/>]*+)(?P<attributes>(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+)(?:>|\Z)
    | <[!?/][^>]*+(?:>|\Z)
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""([^\s=/]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]++)))?""")
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
# Their content is text, whatever it looks like.
_RAW_TEXT = frozenset({"script", "style", "textarea", "title"})


@dataclass(slots=True, eq=False)
class Open:
    """An element that is open at some place: a linked list from the innermost outwards.

    Attributes:
        openers: characters that the start tags of it and of all around it take.
        closers: characters that their end tags take.
    """

    tag: str
    start_tag: str
    around: Open | None
    depth: int
    openers: int
    closers: int


@dataclass(slots=True)
class Tag:
    """A tag in the source.

    Attributes:
        name: of a start tag, in lower case; empty for an end tag.
        attributes: of a start tag, as written.
        is_end: whether an element ends here; so it does at a start tag that has no end tag (`<br>`).
        outside: what is open before it.
        inside: what is open after it.
    """

    begin: int
    end: int
    name: str
    attributes: str
    is_end: bool
    outside: Open | None
    inside: Open | None


def tags(html: str) -> Iterator[Tag]:
    """The tags of a page in order. End tags that close nothing are passed over. One pass, linear."""
    stack: Open | None = None
    open_count: dict[str, int] = {}
    at = 0
    while markup := _MARKUP.search(html, at):
        at = markup.end()
        if tag := markup["start"]:
            tag, outside = tag.lower(), stack
            if tag in _VOID:
                yield Tag(markup.start(), at, tag, markup["attributes"], True, stack, stack)
                continue
            depth, openers, closers = (stack.depth, stack.openers, stack.closers) if stack else (0, 0, 0)
            openers += at - markup.start()
            closers += len(tag) + len("</>")
            stack = Open(tag, markup[0], stack, depth + 1, openers, closers)
            open_count[tag] = open_count.get(tag, 0) + 1
            if tag in _RAW_TEXT:
                at = _end_of_raw_text(html, at, tag)
            yield Tag(markup.start(), markup.end(), tag, markup["attributes"], False, outside, stack)
        elif (tag := markup["end"]) and open_count.get(tag.lower()):
            tag, outside = tag.lower(), stack
            while stack is not None:  # closes what was left open inside, too
                closed, stack = stack.tag, stack.around
                open_count[closed] -= 1
                if closed == tag:
                    break
            yield Tag(markup.start(), at, "", "", True, outside, stack)


def _end_of_raw_text(html: str, at: int, tag: str) -> int:
    end = re.compile(f"</{tag}", re.IGNORECASE).search(html, at)
    return end.start() if end else len(html)


def attributes_in(written: str) -> Iterator[tuple[str, str | None]]:
    """The attributes of a tag in order: key in lower case, value as written (None: there is none)."""
    for attribute in _ATTRIBUTE.finditer(written):
        key, *values = attribute.groups()
        yield key.lower(), next((value for value in values if value is not None), None)


def name_in(written: str) -> str | None:
    """The `name` among the attributes of a tag."""
    for key, value in attributes_in(written):
        if key == "name":
            return html_entities.unescape(value or "")
    return None
