"""The tags of a simplified page and their positions, whatever tool wrote it, valid or not."""

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
class OpenElement:
    """An open element. Linked to its parent, so that it represents the whole stack of open elements.

    Attributes:
        start_length: characters of the start tags of the element and its ancestors.
        end_length: characters of their end tags.
    """

    tag: str
    start_tag: str
    parent: OpenElement | None
    depth: int
    start_length: int
    end_length: int


@dataclass(slots=True)
class Tag:
    """A tag in the source.

    Attributes:
        name: of a start tag, in lower case; empty for an end tag.
        attributes: of a start tag, as written.
        is_end: whether an element ends here: at an end tag, and at the start tag of a void element (`<br>`).
        outside: innermost open element before the tag.
        inside: innermost open element after the tag.
    """

    begin: int
    end: int
    name: str
    attributes: str
    is_end: bool
    outside: OpenElement | None
    inside: OpenElement | None


def tags(html: str) -> Iterator[Tag]:
    """The tags of a page in order, in one linear pass. Stray end tags are skipped."""
    stack: OpenElement | None = None
    open_count: dict[str, int] = {}
    at = 0
    while markup := _MARKUP.search(html, at):
        at = markup.end()
        if tag := markup["start"]:
            tag, outside = tag.lower(), stack
            if tag in _VOID:
                yield Tag(markup.start(), at, tag, markup["attributes"], True, stack, stack)
                continue
            depth, start_length, end_length = (
                (stack.depth, stack.start_length, stack.end_length) if stack else (0, 0, 0)
            )
            start_length += at - markup.start()
            end_length += len(tag) + len("</>")
            stack = OpenElement(tag, markup[0], stack, depth + 1, start_length, end_length)
            open_count[tag] = open_count.get(tag, 0) + 1
            if tag in _RAW_TEXT:
                at = _end_of_raw_text(html, at, tag)
            yield Tag(markup.start(), markup.end(), tag, markup["attributes"], False, outside, stack)
        elif (tag := markup["end"]) and open_count.get(tag.lower()):
            tag, outside = tag.lower(), stack
            while stack is not None:  # closes what was left open inside, too
                closed, stack = stack.tag, stack.parent
                open_count[closed] -= 1
                if closed == tag:
                    break
            yield Tag(markup.start(), at, "", "", True, outside, stack)


def _end_of_raw_text(html: str, at: int, tag: str) -> int:
    end = re.compile(f"</{tag}", re.IGNORECASE).search(html, at)
    return end.start() if end else len(html)


def attributes_in(written: str) -> Iterator[tuple[str, str | None]]:
    """The attributes of a tag in order: key in lower case, value as written, or None without a value."""
    for attribute in _ATTRIBUTE.finditer(written):
        key, *values = attribute.groups()
        yield key.lower(), next((value for value in values if value is not None), None)


def name_in(written: str) -> str | None:
    """The `name` among the attributes of a tag."""
    for key, value in attributes_in(written):
        if key == "name":
            return html_entities.unescape(value or "")
    return None
