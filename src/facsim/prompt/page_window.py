"""Excerpts of a simplified page, cut at element boundaries in one pass over any page.

An excerpt is a stretch of the source between two element boundaries. Elements that are open where it begins
are opened again, those open where it ends are closed, and `<!-- cut -->` marks both ends. Tags, texts and
names are never split. An element whose content does not fit is left out rather than shown empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from facsim.prompt.markup import OpenElement, name_in, tags
from facsim.prompt.templates import CUT_MARK

_PLAIN = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(slots=True)
class _Boundary:
    """An element boundary: its position in the source, and the innermost open element there."""

    at: int
    inside: OpenElement | None

    @property
    def start_length(self) -> int:
        """Characters of the start tags of the elements that are open here."""
        return self.inside.start_length if self.inside else 0

    @property
    def end_length(self) -> int:
        """Characters of the end tags of the elements that are open here."""
        return self.inside.end_length if self.inside else 0


def cut_from_top(html: str, limit: int) -> str:
    """The beginning of a page, at most `limit` characters including the cut mark and end tags.

    Returns the whole page if it fits, and the mark alone if no element does.
    """
    if len(html) <= limit:
        return html
    last = _Boundary(0, None)
    for tag in tags(html):
        if tag.end > limit:
            break
        if tag.is_end:
            here = _Boundary(tag.end, tag.inside)
            if here.at + here.end_length + len(CUT_MARK) <= limit:
                last = here
    return html[: last.at] + CUT_MARK + _end_tags(last.inside)


def window_around(html: str, name: str, limit: int) -> str | None:
    """An excerpt around the element `name`, at most `limit` characters including marks and tags.

    Returns the whole page if it fits, and the beginning of the element if the element alone does not fit.
    Returns None if there is no such element, or if the tags of its ancestors take all the room.
    """
    if len(html) <= limit:
        return html
    before, after, own_end = _boundaries_around(html, name, reach=limit)
    if not before:
        return None
    begin = before[-1]
    limit -= 2 * len(CUT_MARK)

    def fits(first: _Boundary, last: _Boundary, room: int = limit) -> bool:
        return first.start_length + last.at - first.at + last.end_length <= room

    def furthest(boundaries: list[_Boundary], accepted: Callable[[_Boundary], bool]) -> _Boundary | None:
        return next((boundary for boundary in reversed(boundaries) if accepted(boundary)), None)

    if own_end is None or not fits(begin, after[own_end]):
        first, last = begin, furthest(after[:own_end], lambda end: fits(begin, end))
        if last is None:
            return None
    else:
        # Half of the remaining room goes to what precedes the element, the rest to what follows it. What is
        # left over at the end of a page goes to what precedes it.
        end = after[own_end]
        half = (limit + begin.start_length + end.at - begin.at + end.end_length) // 2
        first = next(start for start in before if fits(start, end, half) or start is begin)
        last = furthest(after, lambda end: fits(first, end)) or end
        first = next(start for start in before if fits(start, last) or start is begin)
    head = CUT_MARK if html[: first.at].strip() else ""
    tail = CUT_MARK if html[last.at :].strip() else ""
    return _start_tags(first.inside) + head + html[first.at : last.at] + tail + _end_tags(last.inside)


def _boundaries_around(
    html: str, name: str, reach: int
) -> tuple[list[_Boundary], list[_Boundary], int | None]:
    """Where a window around the element may begin and end, within `reach` characters of its beginning.

    Returns:
        The boundaries before it, the last being its own beginning (empty if there is no such element); the
        boundaries after it; and the index of its own end among these (None if beyond reach).
    """
    before = [_Boundary(0, None)]
    found = tags(html)
    # A plain name is written without entities, so most tags can be skipped by a substring test.
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


def _start_tags(inside: OpenElement | None) -> str:
    return "".join(reversed([element.start_tag for element in _outwards(inside)]))


def _end_tags(inside: OpenElement | None) -> str:
    return "".join(f"</{element.tag}>" for element in _outwards(inside))


def _outwards(inside: OpenElement | None) -> Iterator[OpenElement]:
    while inside is not None:
        yield inside
        inside = inside.parent
