"""A page as a person reads it, line by line. For people who view pages; predictors get the HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from facsim.page.slugs import fold
from facsim.page.tags import FLOWING, HEADINGS
from facsim.page.tree import TEXT, Tree
from facsim.schema import Outline, OutlineLine

_NOT_READ: Final = frozenset({"head", "title", "svg", "math", "select", "textarea"})


def outline_of(tree: Tree, names: Sequence[str | None]) -> Outline:
    """Return the title and the lines of a simplified page.

    Each named element is a separate line; so is the text between two of them, or in a block.

    Args:
        tree: nodes of the page.
        names: name of each node; None for nodes that are not elements to act on.
    """
    reader = _Reader(tree, names)
    reader.read()
    titles = (tree.text_content(node) for node, tag in enumerate(tree.tags) if tag == "title")
    return Outline(next(titles, ""), tuple(reader.lines))


class _Reader:
    def __init__(self, tree: Tree, names: Sequence[str | None]) -> None:
        self.lines: list[OutlineLine] = []
        self._tree, self._names = tree, names
        self._text: list[str] = []
        self._seen: set[str] = set()
        self._holds_names = _ancestors_of_names(tree, names)

    def read(self) -> None:
        tree = self._tree
        node = headings = 0
        blocks: list[int] = []
        while node < len(tree):
            while blocks and blocks[-1] <= node:
                blocks.pop()
                self._break(heading=node <= headings)
            tag = tree.tags[node]
            if tag == TEXT:
                self._text.append(tree.texts[node])
                node += 1
                continue
            name = self._names[node]
            is_element = bool(name) and name not in self._seen
            if tag not in FLOWING or is_element:
                self._break(heading=node < headings)
            if tag in HEADINGS:
                headings = tree.ends[node]
            if is_element:
                assert name
                self._seen.add(name)
                self.lines.append(OutlineLine("", name, heading=node < headings))
            # The content of an element is its text, unless it contains other elements.
            if not self._holds_names[node] and (is_element or tag in _NOT_READ):
                node = tree.ends[node]
                continue
            if tag == "img":
                self._text.append(f" {tree.attributes[node].get('alt', '')} ")
            elif tag not in FLOWING:
                blocks.append(tree.ends[node])
            node += 1
        self._break(heading=False)

    def _break(self, *, heading: bool) -> None:
        text = fold("".join(self._text))
        self._text.clear()
        if text:
            self.lines.append(OutlineLine(text, heading=heading))


def _ancestors_of_names(tree: Tree, names: Sequence[str | None]) -> bytearray:
    """For each node, whether it contains a named element."""
    holds = bytearray(len(tree))
    for node, name in enumerate(names):
        if name:
            above = tree.parents[node]
            while above >= 0 and not holds[above]:
                holds[above] = 1
                above = tree.parents[above]
    return holds
