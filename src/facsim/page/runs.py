"""The visible text of a tree as a list of runs, so that the text of any element is a slice of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping

from facsim.page.tags import INLINE
from facsim.page.tree import TEXT, Tree
from facsim.page.words import fold

MAX_TEXT = 1_000
"""Longest text of one element. Elements may nest, and so would their texts."""


class Runs:
    """Text nodes and alternative texts, in document order.

    Args:
        tree: the document.
        is_hidden: tells from tag and attributes which elements, with all that is in them, to leave out.
            What is in controls (options, the content of a text area) is their value, not text around them.
    """

    def __init__(self, tree: Tree, is_hidden: Callable[[str, Mapping[str, str]], bool] | None = None) -> None:
        self.nodes: list[int] = []
        self.texts: list[str] = []
        self.is_alt: list[bool] = []
        self.hidden = bytearray(len(tree))
        """1 for each node that is left out as hidden."""
        self._ends = tree.ends
        self._known: dict[tuple[int, bool, int], str] = {}
        tags, attributes, ends = tree.tags, tree.attributes, tree.ends
        part = False
        blocks: list[int] = []
        node, total = 0, len(tags)
        while node < total:
            while blocks and blocks[-1] <= node:
                blocks.pop()
                part = True
            tag = tags[node]
            if tag == TEXT:
                text = tree.texts[node]
                self._add(node, f" {text}" if part else text, alt=False)
                part = False
            elif is_hidden and is_hidden(tag, attributes[node]):
                self.hidden[node : ends[node]] = b"\x01" * (ends[node] - node)
                node = ends[node]
                continue
            elif tag in ("select", "textarea", "head", "title", "svg", "math"):
                alt = _picture_title(tree, node) if tag == "svg" else ""
                if alt:
                    self._add(node, f" {alt} ", alt=True)
                part = True
                node = ends[node]
                continue
            elif tag not in INLINE:
                alt = attributes[node].get("alt", "") if tag == "img" else ""
                if alt:
                    self._add(node, f" {alt} ", alt=True)
                part = True
                blocks.append(ends[node])
            node += 1

    def _add(self, node: int, text: str, *, alt: bool) -> None:
        self.nodes.append(node)
        self.texts.append(text)
        self.is_alt.append(alt)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The runs of the nodes `start` up to `end`, as a range of indices."""
        first = bisect_left(self.nodes, start)
        return first, bisect_left(self.nodes, end, first)

    def text(self, node: int, *, alt: bool = True, limit: int = MAX_TEXT) -> str:
        """The text of an element, white space folded, at most about `limit` characters.

        Args:
            node: the element.
            alt: whether alternative texts of pictures count.
            limit: where to stop.
        """
        key = (node, alt, limit)
        text = self._known.get(key)
        if text is None:
            text = self._known[key] = self._text(node, alt, limit)
        return text

    def _text(self, node: int, alt: bool, limit: int) -> str:
        first, last = self.span(node, self._ends[node])
        if last - first == 1 and alt:
            return fold(self.texts[first][: limit * 4])[:limit].rstrip()
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

    def has_text(self, node: int) -> bool:
        """Whether an element holds anything but white space."""
        first, last = self.span(node, self._ends[node])
        return any(self.texts[run].strip() for run in range(first, last))


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
