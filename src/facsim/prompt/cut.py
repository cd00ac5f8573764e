r"""Shortening a simplified page on element boundaries, in one pass, whatever the page looks like.

A cut keeps a stretch of the source text that ends (or begins) between elements, opens again what was open
where it begins and closes what is open where it ends; `<!-- cut -->` marks each end. No tag, text or name is
ever cut in two, and an element whose content would not fit is left out rather than shown empty.
"""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from facsim.prompt.wording import CUT_MARK

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
_PLAIN = re.compile(r"[\w.-]+", re.ASCII)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
# Their content is text, whatever it looks like.
_RAW_TEXT = frozenset({"script", "style", "textarea", "title"})


@dataclass(slots=True, eq=False)
class _Open:
    """An element that is open at some place: a linked list from the innermost outwards.

    Attributes:
        openers: characters that the start tags of it and of all around it take.
        closers: characters that their end tags take.
    """

    tag: str
    start_tag: str
    around: _Open | None
    depth: int
    openers: int
    closers: int


@dataclass(slots=True)
class _Boundary:
    """A place between elements: its position in the source, and what is open there."""

    at: int
    inside: _Open | None

    @property
    def openers(self) -> int:
        """Characters that it takes to open again what is open here."""
        return self.inside.openers if self.inside else 0

    @property
    def closers(self) -> int:
        """Characters that it takes to close what is open here."""
        return self.inside.closers if self.inside else 0


@dataclass(slots=True)
class _Tag:
    """A tag in the source. `is_end` also holds of elements that have no end tag (`<br>`)."""

    begin: int
    end: int
    attributes: str
    is_end: bool
    outside: _Open | None
    inside: _Open | None


def _tags(html: str) -> Iterator[_Tag]:
    """The tags of a page in order, with what is open before and after each."""
    stack: _Open | None = None
    open_count: dict[str, int] = {}
    at = 0
    while markup := _MARKUP.search(html, at):
        at = markup.end()
        if tag := markup["start"]:
            tag, outside = tag.lower(), stack
            if tag in _VOID:
                yield _Tag(markup.start(), at, markup["attributes"], True, stack, stack)
                continue
            depth, openers, closers = (stack.depth, stack.openers, stack.closers) if stack else (0, 0, 0)
            openers += at - markup.start()
            closers += len(tag) + len("</>")
            stack = _Open(tag, markup[0], stack, depth + 1, openers, closers)
            open_count[tag] = open_count.get(tag, 0) + 1
            if tag in _RAW_TEXT:
                at = _end_of_raw_text(html, at, tag)
            yield _Tag(markup.start(), markup.end(), markup["attributes"], False, outside, stack)
        elif (tag := markup["end"]) and open_count.get(tag.lower()):
            tag, outside = tag.lower(), stack
            while stack is not None:  # closes what was left open inside, too
                closed, stack = stack.tag, stack.around
                open_count[closed] -= 1
                if closed == tag:
                    break
            yield _Tag(markup.start(), at, "", True, outside, stack)


def _end_of_raw_text(html: str, at: int, tag: str) -> int:
    end = re.compile(f"</{tag}", re.IGNORECASE).search(html, at)
    return end.start() if end else len(html)


def _name_in(attributes: str) -> str | None:
    for attribute in _ATTRIBUTE.finditer(attributes):
        key, *values = attribute.groups()
        if key.lower() == "name":
            return html_entities.unescape(next((value for value in values if value is not None), ""))
    return None


def cut_from_top(html: str, limit: int) -> str:
    """The beginning of a page, at most `limit` characters with mark and end tags, in document order.

    The whole page if it fits; the mark alone where no element does.
    """
    if len(html) <= limit:
        return html
    last = _Boundary(0, None)
    for tag in _tags(html):
        if tag.end > limit:
            break
        if tag.is_end:
            here = _Boundary(tag.end, tag.inside)
            if here.at + here.closers + len(CUT_MARK) <= limit:
                last = here
    return html[: last.at] + CUT_MARK + _end_tags(last.inside)


def window_around(html: str, name: str, limit: int) -> str | None:
    """What stands around the element called `name`, at most `limit` characters with marks and tags.

    The whole page if it fits. The beginning of the element if it alone does not. None where there is no such
    element, or what it is nested in takes all the room.
    """
    if len(html) <= limit:
        return html
    before, after, own_end = _boundaries_around(html, name, reach=limit)
    if not before:
        return None
    begin = before[-1]
    limit -= 2 * len(CUT_MARK)

    def fits(first: _Boundary, last: _Boundary, room: int = limit) -> bool:
        return first.openers + last.at - first.at + last.closers <= room

    def furthest(boundaries: list[_Boundary], accepted: Callable[[_Boundary], bool]) -> _Boundary | None:
        return next((boundary for boundary in reversed(boundaries) if accepted(boundary)), None)

    if own_end is None or not fits(begin, after[own_end]):
        first, last = begin, furthest(after[:own_end], lambda end: fits(begin, end))
        if last is None:
            return None
    else:
        # Half of the room that the element leaves goes to what stands before it, the rest to what comes
        # after, and what remains at the end of a page to what stands before, again.
        end = after[own_end]
        half = (limit + begin.openers + end.at - begin.at + end.closers) // 2
        first = next(start for start in before if fits(start, end, half) or start is begin)
        last = furthest(after, lambda end: fits(first, end)) or end
        first = next(start for start in before if fits(start, last) or start is begin)
    head = CUT_MARK if html[: first.at].strip() else ""
    tail = CUT_MARK if html[last.at :].strip() else ""
    return _start_tags(first.inside) + head + html[first.at : last.at] + tail + _end_tags(last.inside)


def _boundaries_around(
    html: str, name: str, reach: int
) -> tuple[list[_Boundary], list[_Boundary], int | None]:
    """Where a window around the element may begin and end, no further than `reach` characters from its begin.

    Returns:
        The places before, the last being the element's own begin (none at all: no such element); the places
        after; which of these is the element's own end (None: beyond reach).
    """
    before = [_Boundary(0, None)]
    tags = _tags(html)
    # What a plain name is written as is plain, too; most tags are then passed over without reading them.
    plain = name if _PLAIN.fullmatch(name) else ""
    for tag in tags:
        if plain in tag.attributes and _name_in(tag.attributes) == name:
            break
        if tag.is_end:
            before.append(_Boundary(tag.end, tag.inside))
    else:
        return [], [], None
    begin = _Boundary(tag.begin, tag.outside)
    before = [place for place in before if begin.at - reach <= place.at < begin.at]
    depth = tag.inside.depth if tag.inside else 0
    after, own_end = list[_Boundary](), None
    if tag.is_end:
        after, own_end = [_Boundary(tag.end, tag.inside)], 0
    inside = tag.inside
    for tag in tags:
        inside = tag.inside
        if tag.end - begin.at > reach:
            break
        if tag.is_end:
            after.append(_Boundary(tag.end, inside))
            if own_end is None and (inside.depth if inside else 0) < depth:
                own_end = len(after) - 1
    else:
        after.append(_Boundary(len(html), inside))
        own_end = len(after) - 1 if own_end is None else own_end
    return [*before, begin], after, own_end


def _start_tags(inside: _Open | None) -> str:
    return "".join(reversed([element.start_tag for element in _outwards(inside)]))


def _end_tags(inside: _Open | None) -> str:
    return "".join(f"</{element.tag}>" for element in _outwards(inside))


def _outwards(inside: _Open | None) -> Iterator[_Open]:
    while inside is not None:
        yield inside
        inside = inside.around
