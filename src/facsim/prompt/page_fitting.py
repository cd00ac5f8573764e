"""Shorten a page that is too long: texts before elements.

In this order, and no further than necessary:

1. Links lose their `href`: name and text tell where they lead.
2. Texts and attribute values are truncated with `…` to one common length: the greatest that fits, at least
   `SHORT`.
3. Elements are left out evenly. Of siblings with the same tag (cards of a list, rows of a table, options of
   a select) the first ones stay, the same number everywhere. Three times as many stay if they contain a
   control (input, select, textarea, button), a fifth as many outside the main content (in `nav`, `aside`,
   the page's `header`). The page's footer goes first. The cells of a row and the selected option of a select
   stay. `<!-- cut -->` marks, once per parent, where the first child was left out.

Names are never shortened, and elements keep their ancestors. One pass over the page, and one over its parts
for each requested length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import compress

from facsim.prompt.markup import Tag, attributes_in, tags
from facsim.prompt.page_window import cut_from_top
from facsim.prompt.templates import CUT_MARK

SHORT = 40
"""Texts are not truncated to fewer characters than this."""

_CONTROLS = frozenset({"input", "select", "textarea", "button"})
_CELLS = frozenset({"td", "th"})
_AROUND = frozenset({"nav", "aside"})
_AROUND_GOES = 5
"""Outside the main content, this many times fewer items stay: people mostly act on the main content."""
# A footer in one of these is not the page's.
_SECTIONS = frozenset({"article", "aside", "main", "nav", "section"})
_SELECTED = re.compile(r"\sselected(?![\w-])", re.IGNORECASE)
_BROKEN_ENTITY = re.compile(r"&[^;&\s]{0,32}\Z")


class PageFitter:
    """A page that can be shortened to any length."""

    def __init__(self, html: str) -> None:
        self._html = html
        # The parts of the page, each with the index of the element that owns it (-1: none).
        self._parts: list[str] = []
        self._owners: list[int] = []
        self._may_shrink: list[bool] = []
        # The elements in document order.
        self._parents: list[int] = []
        self._tags: list[str] = []
        self._chosen: list[bool] = []
        self._read()
        self._ranks = self._rank()

    def to(self, limit: int) -> str:
        """The page in at most `limit` characters; the cut mark alone if nothing fits."""
        if len(self._html) <= limit:
            return self._html
        parts = self._shrunk(limit)
        if sum(map(len, parts)) <= limit:
            return "".join(parts)
        return self._thinned(parts, limit)

    def _read(self) -> None:
        stack, before = [-1], [-1]  # the open elements, and the last closed child of each
        at = 0
        for tag in tags(self._html):
            self._add_text(self._html[at : tag.begin], before[-1] if before[-1] >= 0 else stack[-1])
            at = tag.end
            if tag.name:
                element = before[-1] = len(self._tags)
                self._parents.append(stack[-1])
                self._tags.append(tag.name)
                self._chosen.append(tag.name == "option" and bool(_SELECTED.search(tag.attributes)))
                self._add_start(tag, element)
                if not tag.is_end:
                    stack.append(element)
                    before.append(-1)
            else:
                depth = tag.inside.depth if tag.inside else 0
                self._add(self._html[tag.begin : tag.end], stack[depth + 1])
                del stack[depth + 1 :], before[depth + 1 :]
        self._add_text(self._html[at:], before[-1] if before[-1] >= 0 else stack[-1])

    def _add(self, part: str, owner: int, *, may_shrink: bool = False) -> None:
        self._parts.append(part)
        self._owners.append(owner)
        self._may_shrink.append(may_shrink)

    def _add_text(self, text: str, owner: int) -> None:
        if text:
            self._add(text, owner, may_shrink=len(text) > SHORT and "<" not in text)

    def _add_start(self, tag: Tag, element: int) -> None:
        if len(tag.attributes) <= SHORT and "href" not in tag.attributes:
            self._add(self._html[tag.begin : tag.end], element)
            return
        written = f"<{tag.name}"
        for key, given in attributes_in(tag.attributes):
            if key == "href":
                continue
            written += f" {key}"
            if given is None:
                continue
            value = given.replace('"', "&quot;")
            if key != "name" and len(value) > SHORT:
                self._add(f'{written}="', element)
                self._add(value, element, may_shrink=True)
                written = '"'
            else:
                written += f'="{value}"'
        self._add(f"{written}>", element)

    def _rank(self) -> list[int]:
        """The order in which elements are left out, highest first; children never go after their parent."""
        parents, names = self._parents, self._tags
        holds_control = [name in _CONTROLS for name in names]
        for element in range(len(names) - 1, -1, -1):
            if holds_control[element] and parents[element] >= 0:
                holds_control[parents[element]] = True
        ranks: list[int] = []
        in_section: list[bool] = []
        around: list[bool] = []
        places: dict[tuple[int, str], int] = {}
        for element, (parent, name) in enumerate(zip(parents, names, strict=True)):
            place = places[parent, name] = places.get((parent, name), -1) + 1
            of_page = parent < 0 or not in_section[parent]
            in_section.append(name in _SECTIONS or not of_page)
            around.append(
                name in _AROUND or (name == "header" and of_page) or (parent >= 0 and around[parent])
            )
            rank = place if holds_control[element] else 3 * place
            if around[element] and name not in _AROUND:
                rank *= _AROUND_GOES
            if name in _CELLS or self._chosen[element]:
                rank = 0
            elif name == "footer" and of_page:
                rank = 3 * len(names)
            ranks.append(max(rank, ranks[parent]) if parent >= 0 else rank)
        return ranks

    def _shrunk(self, limit: int) -> list[str]:
        """The parts, with shrinkable ones truncated to the greatest length that fits."""
        lengths = sorted(map(len, compress(self._parts, self._may_shrink)))
        room = limit - sum(map(len, self._parts)) + sum(lengths)
        longest = SHORT
        for shorter, length in enumerate(lengths):
            longest = max(SHORT, room // (len(lengths) - shorter))
            if length > longest:
                break
            room -= length
        return [
            _ended(part, longest) if may_shrink and len(part) > longest else part
            for part, may_shrink in zip(self._parts, self._may_shrink, strict=True)
        ]

    def _thinned(self, parts: Sequence[str], limit: int) -> str:
        """The parts of as many elements as fit, in the order of their ranks."""
        parents, ranks = self._parents, self._ranks
        last = list(ranks)  # the highest rank among an element and its children
        # An element and its descendants of the same rank form a unit, identified by its first element.
        units: list[int] = []
        for element, (parent, rank) in enumerate(zip(parents, ranks, strict=True)):
            alone = parent < 0 or ranks[parent] < rank
            units.append(element if alone else units[parent])
            if parent >= 0:
                last[parent] = max(last[parent], rank)
        sizes = [0] * len(units)
        used = len(CUT_MARK)
        for part, owner in zip(parts, self._owners, strict=True):
            if owner >= 0:
                sizes[units[owner]] += len(part)
            else:
                used += len(part)
        for element, unit in enumerate(units):
            if last[element] > ranks[element]:
                sizes[unit] += len(CUT_MARK)
        stays = [False] * len(units)
        firsts = [element for element, unit in enumerate(units) if element == unit]
        for unit in sorted(firsts, key=ranks.__getitem__):
            parent = parents[unit]
            if used + sizes[unit] <= limit and (parent < 0 or stays[units[parent]]):
                used += sizes[unit]
                stays[unit] = True
        if any(stays):
            return self._written(parts, [stays[unit] for unit in units])
        return cut_from_top(self._written(parts, [rank == 0 for rank in ranks]), limit)

    def _written(self, parts: Sequence[str], stays: Sequence[bool]) -> str:
        """The parts of the elements that stay, with cut marks."""
        written: list[str] = []
        marked: set[int] = set()
        for part, owner in zip(parts, self._owners, strict=True):
            if owner < 0 or stays[owner]:
                written.append(part)
                continue
            parent = self._parents[owner]
            if parent not in marked and (parent < 0 or stays[parent]):
                marked.add(parent)
                written.append(CUT_MARK)
        return "".join(written)


def _ended(text: str, length: int) -> str:
    """`text` truncated to `length` characters, at a word boundary if there is one in the second half."""
    text = _BROKEN_ENTITY.sub("", text[: length - 1])
    head = text.rpartition(" ")[0]
    return (head if len(head) > length // 2 else text) + "…"
