"""The visible text of a tree as a list of runs, so that the text of any element is a slice of it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Mapping
from itertools import accumulate

from facsim.page.aria_hidden import AriaHiddenText
from facsim.page.roles import is_drawn_link, is_inert, reach_of
from facsim.page.slugs import HAS_NUMBER, fold, is_count
from facsim.page.tags import INLINE
from facsim.page.tree import TEXT, Tree

MAX_TEXT = 1_000
"""Longest text of one element. Elements nest, and their texts with them."""
HIDDEN, INERT = 1, 2
_BESIDE, _SCRIPT = 1, 2
_TEXT, _INLINE, _BLOCK, _SPECIAL = range(4)
"""How to read nodes of a kind. `_SPECIAL` ones may be hidden, opaque or a picture."""
_OPAQUE = frozenset({"select", "textarea", "head", "title", "svg", "math"})
"""The content of these is not part of the surrounding text."""
_FEW = 30
_MOST_IN_LABELLED = 60
LEAST_LIMIT = 200
"""Texts up to this length are the same for any limit."""
_ENDS_OF_ALT = " .…"
_UNFINISHED = re.compile(r"(?:^|\d)[.,]$")


class TextRuns:
    """Text nodes and alternative texts, in document order.

    Args:
        tree: the document.
        is_hidden: decides by tag and attributes which elements, with everything in them, to leave out. The
            content of controls (options, the text of a text area) is their value, not surrounding text.
    """

    def __init__(self, tree: Tree, is_hidden: Callable[[str, Mapping[str, str]], bool] | None = None) -> None:
        self.nodes = array("I")
        self.texts: list[str] = []
        self.is_alt = bytearray()
        self.hidden = bytearray(len(tree))
        """For each node: `HIDDEN` if it is left out, `INERT` if it is visible but unreachable, else 0."""
        self.gaps: set[int] = set()
        """Text nodes preceded by a word break between adjacent inline elements."""
        self._ends = tree.ends
        self._known: dict[tuple[int, bool, int], str] = {}
        self._short: tuple[dict[int, str], dict[int, str]] = {}, {}
        """Cache of texts short enough for any limit, without and with alternative texts."""
        self._titles: dict[tuple[int, bool, int], str] = {}
        self._counts: set[int] = set()
        """Runs that are only a number or a price."""
        self._counts_before: array[int] | None = None
        self._find(tree, is_hidden)
        marks = bytearray(len(tree) + 1)
        for node in self.nodes:
            marks[node + 1] = 1
        self._before = array("I", accumulate(marks))
        """For each node, and the end, the number of runs before it."""

    def _find(  # noqa: PLR0912, PLR0915 (calls would cost more than what they do)
        self, tree: Tree, is_hidden: Callable[[str, Mapping[str, str]], bool] | None
    ) -> None:
        tags, kinds, attributes, ends, parents = (
            tree.tags,
            tree.kinds,
            tree.attributes,
            tree.ends,
            tree.parents,
        )
        all_texts, nodes, texts, is_alt = tree.texts, self.nodes, self.texts, self.is_alt
        hides = [
            bool(is_hidden and kind and (is_hidden(*form) or "inert" in form[1]))
            for kind, form in enumerate(tree.kinds_of)
        ]
        labels = [
            form[1]["aria-label"] if kind and _is_labelled_part(*form) else ""
            for kind, form in enumerate(tree.kinds_of)
        ]
        closed = _closed_parts(tree)
        plans = [
            _SPECIAL
            if closed or hides[kind] or labels[kind] or tag in _OPAQUE or tag == "img"
            else _INLINE
            if tag in INLINE
            else _BLOCK
            for kind, (tag, _) in enumerate(tree.kinds_of)
        ]
        plans[0] = _TEXT
        aria_hidden = AriaHiddenText(tree, hides)
        part = False
        side = 0
        blocks: list[int] = []
        node, total = 0, len(tags)
        block_ends = total
        while node < total:
            if block_ends <= node:
                while blocks and blocks[-1] <= node:
                    blocks.pop()
                block_ends = blocks[-1] if blocks else total
                part = True
            plan = plans[kinds[node]]
            if plan == _TEXT:
                text = all_texts[node]
                if side and texts and not _is_one_word(texts[-1], text, side):
                    self.gaps.add(node)
                    part = True
                nodes.append(node)
                texts.append(f" {text}" if part else text)
                is_alt.append(False)
                part, side = False, 0
                node += 1
                continue
            if plan == _BLOCK:
                part = True
                if ends[node] > node + 1:
                    block_ends = ends[node]
                    blocks.append(block_ends)
                node += 1
                continue
            tag = tags[node]
            if closed and node in closed:
                self.hidden[node : ends[node]] = bytes((HIDDEN,)) * (ends[node] - node)
                node = ends[node]
                part = True
                continue
            elif hides[kinds[node]] and not (
                is_drawn_link(tag, attributes[node], tags, node + 1, ends[node]) or aria_hidden.is_drawn(node)
            ):
                behind = is_inert(tag, attributes[node], tags, node + 1, ends[node])
                self.hidden[node : ends[node]] = bytes((INERT if behind else HIDDEN,)) * (ends[node] - node)
                node = node + 1 if behind else ends[node]
                part = part or behind
                continue
            elif labels[kinds[node]] and not _shows_more(tree, hides, node):
                self._add_alt(node, labels[kinds[node]])
                part = True
                node = ends[node]
                continue
            elif tag in _OPAQUE:
                self._add_alt(node, _picture_title(tree, node) if tag == "svg" else "")
                part = True
                node = ends[node]
                continue
            elif tag not in INLINE:
                if tag == "img":
                    self._add_alt(node, attributes[node].get("alt", ""))
                part = True
                block_ends = ends[node]
                blocks.append(block_ends)
            elif node - 1 != parents[node] and not (
                tags[node - 1] == TEXT and parents[node - 1] == parents[node]
            ):
                side = _SCRIPT if tag in ("sub", "sup") else _BESIDE
            node += 1

    def _add_alt(self, node: int, text: str) -> None:
        if text:
            self.nodes.append(node)
            self.texts.append(f" {text} ")
            self.is_alt.append(True)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the index range of the runs of nodes `start` to `end` (exclusive)."""
        return self._before[start], self._before[end]

    def title(self, node: int, *, alt: bool = True, limit: int = MAX_TEXT) -> str:
        """Return the text of an element without numbers and prices in separate elements.

        For `<a><span>11</span> <span>products</span></a>` it is `products`: badges, counts and prices are
        unstable. Numbers within a text stay, and so do numbers that are the whole text.
        """
        key = (node, alt, limit)
        title = self._titles.get(key)
        if title is None:
            title = self._titles[key] = self._title(node, alt, limit)
        return title

    def _title(self, node: int, alt: bool, limit: int) -> str:
        first, last = self._before[node], self._before[self._ends[node]]
        if last - first < 2:
            return self.text(node, alt=alt, limit=limit)
        last = min(last, first + 30)
        # A picture of what the text beside it says adds no words.
        alt = alt and not (self.is_alt.find(1, first, last) >= 0 and self._is_said(node, first, last))
        if self._counts_before is None:
            self._counts_before = self._count_counts()
        if self._counts_before[first] == self._counts_before[last]:
            return self.text(node, alt=alt, limit=limit)
        texts = self.texts[first:last]
        parts = []
        for place, text in enumerate(texts):
            if self.is_alt[first + place] and not alt:
                continue
            apart = not place or text[0].isspace() or texts[place - 1][-1:].isspace()
            after = texts[place + 1][:1] if place + 1 < len(texts) else " "
            if not (apart and first + place in self._counts and (after.isspace() or text[-1].isspace())):
                parts.append(text[: limit * 4])
        title = fold("".join(parts))[:limit].rstrip()
        return title if any(map(str.isalpha, title)) else self.text(node, alt=alt, limit=limit)

    def _is_said(self, node: int, first: int, last: int) -> bool:
        """Whether the text of an element contains all the alternative texts in it."""
        said = self.text(node, alt=False).casefold()
        return bool(said) and all(
            self.texts[run].strip(_ENDS_OF_ALT).casefold() in said
            for run in range(first, last)
            if self.is_alt[run]
        )

    def _count_counts(self) -> array[int]:
        """For each run, and the end, the number of runs before it that are only a number or a price."""
        marks = bytearray(len(self.texts) + 1)
        counts = {text for text in {*self.texts} if HAS_NUMBER.search(text) and is_count(text)}
        for run, text in enumerate(self.texts) if counts else ():
            if text in counts:
                self._counts.add(run)
                marks[run + 1] = 1
        return array("I", accumulate(marks))

    def text(self, node: int, *, alt: bool = True, limit: int = MAX_TEXT) -> str:
        """Return the text of an element with collapsed white space, at most about `limit` characters.

        Args:
            node: the element.
            alt: whether to include alternative texts of pictures.
            limit: where to stop, `LEAST_LIMIT` or more.
        """
        text = self._short[alt].get(node)
        if text is None:
            key = (node, alt, limit)
            text = self._known.get(key)
            if text is None:
                text = self._known[key] = self._text(node, alt, limit)
        return text

    def _text(self, node: int, alt: bool, limit: int) -> str:
        first, last = self._before[node], self._before[self._ends[node]]
        if last - first <= _FEW:
            has_alt = 1 in self.is_alt[first:last]
            text = "" if has_alt and not alt else "".join(self.texts[first:last])
            if len(text) <= min(limit, LEAST_LIMIT) and (alt or not has_alt):
                text = self._short[alt][node] = fold(text)
                if not has_alt:
                    self._short[not alt][node] = text
                return text
        parts: list[str] = []
        length = 0
        for run in range(first, min(last, first + limit)):
            if self.is_alt[run] and not alt:
                continue
            part = self.texts[run]
            parts.append(part if len(part) < limit else part[: limit * 4])
            length += len(part)
            if length > limit * 4:
                break
        return fold("".join(parts))[:limit].rstrip()

    def forget(self) -> None:
        """Drop the cached texts."""
        for kept in (self._known, *self._short, self._titles):
            kept.clear()

    def has_text(self, node: int) -> bool:
        """Whether an element contains anything but white space."""
        first, last = self._before[node], self._before[self._ends[node]]
        return not all(map(str.isspace, self.texts[first:last]))


def _is_one_word(before: str, after: str, side: int) -> bool:
    """Whether the texts of two adjacent inline elements are parts of one word.

    This holds for styled letters (`<b>a</b><i>b</i>`), parts of a price or number, punctuation after a word,
    and superscripts (`<b>4</b><sup>th</sup>`).
    """
    before, after = before[-4:].lstrip(), after[:4]
    if not before or before[-1].isspace() or after[0].isspace():
        return True
    if len(before) == len(after) == 1 and before.isalpha() and after.isalpha():
        return True
    if after[0] in ".,;:!?%)]" or before[-1] in "([":
        return True
    if after[0].isdigit():
        # `$12` and `12.` + `99`, but not `11.` + `5 products`
        return before[-1] in "$€£¥₹₩" or (after.isdigit() and bool(_UNFINISHED.search(before)))
    return side == _SCRIPT


def _is_labelled_part(tag: str, attributes: Mapping[str, str]) -> bool:
    """Whether a non-control has a label that replaces its content for screen readers: a price, stars."""
    return (
        bool(attributes)
        and bool(attributes.get("aria-label", "").strip())
        and (
            attributes.get("role", "") == "img" or ("role" not in attributes and tag in INLINE | {"div", "p"})
        )
        and tag not in ("img", "svg")
        and not reach_of(tag, attributes)
    )


def _shows_more(tree: Tree, hides: list[bool], node: int) -> bool:
    """Whether a labelled element contains text for screen readers, or an element to act on."""
    is_picture = tree.attributes[node].get("role") == "img"
    end = tree.ends[node]
    if end - node > _MOST_IN_LABELLED:
        return True
    inner = node + 1
    while inner < end:
        if not tree.kinds[inner]:
            if not is_picture and not tree.texts[inner].isspace():
                return True
        elif hides[tree.kinds[inner]]:
            inner = tree.ends[inner]
            continue
        elif reach_of(tree.tags[inner], tree.attributes[inner]) or (
            tree.attributes[inner].get("alt") and not is_picture
        ):
            return True
        inner += 1
    return False


def _closed_parts(tree: Tree) -> set[int]:
    """The children of closed `details` except the summary: invisible and unreachable by a click."""
    closed: set[int] = set()
    for node in tree.with_tags(("details",)):
        if "open" in tree.attributes[node] or "data-facsim-visible" in tree.attributes[node]:
            continue
        children = list(tree.children(node))
        summary = next((child for child in children if tree.tags[child] == "summary"), -1)
        closed.update(child for child in children if child != summary and tree.kinds[child])
    return closed


def _picture_title(tree: Tree, node: int) -> str:
    label = tree.attributes[node].get("aria-label", "")
    if label:
        return label
    for child in tree.children(node):
        if tree.tags[child] == "title":
            return tree.text_content(child)
        if tree.tags[child] != TEXT:
            break
    return ""
