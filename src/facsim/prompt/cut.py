"""Stretches of a simplified page, cut on element boundaries in one pass, whatever the page looks like.

A cut keeps a stretch of the source text that ends (or begins) between elements, opens again what was open
where it begins and closes what is open where it ends; `<!-- cut -->` marks each end. No tag, text or name is
ever cut in two, and an element whose content would not fit is left out rather than shown empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from facsim.prompt.markup import Open, name_in, tags
from facsim.prompt.templates import CUT_MARK

_PLAIN = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(slots=True)
class _Boundary:
    """A place between elements: its position in the source, and what is open there."""

    at: int
    inside: Open | None

    @property
    def openers(self) -> int:
        """Characters that it takes to open again what is open here."""
        return self.inside.openers if self.inside else 0

    @property
    def closers(self) -> int:
        """Characters that it takes to close what is open here."""
        return self.inside.closers if self.inside else 0


def cut_from_top(html: str, limit: int) -> str:
    """The beginning of a page, at most `limit` characters with mark and end tags, in document order.

    The whole page if it fits; the mark alone where no element does.
    """
    if len(html) <= limit:
        return html
    last = _Boundary(0, None)
    for tag in tags(html):
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
    found = tags(html)
    # What a plain name is written as is plain, too; most tags are then passed over without reading them.
    plain = name if _PLAIN.fullmatch(name) else ""
    for tag in found:
        if plain in tag.attributes and name_in(tag.attributes) == name:
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
    for tag in found:
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


def _start_tags(inside: Open | None) -> str:
    return "".join(reversed([element.start_tag for element in _outwards(inside)]))


def _end_tags(inside: Open | None) -> str:
    return "".join(f"</{element.tag}>" for element in _outwards(inside))


def _outwards(inside: Open | None) -> Iterator[Open]:
    while inside is not None:
        yield inside
        inside = inside.around
