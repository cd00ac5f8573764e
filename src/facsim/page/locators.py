"""CSS selectors of nodes in the original document."""

from __future__ import annotations

import re

from facsim.page.tags import MOVED, SHADOW_ROOT
from facsim.page.tree import TEXT, Tree

_NO_WORD = re.compile("[^a-zA-Z0-9_-]")


class Locators:
    """CSS selectors that match exactly one node in the document from which the tree was built."""

    def __init__(self, tree: Tree) -> None:
        # Does not keep the texts: locators may be requested long after parsing.
        self._tree = Tree(tree.tags, tree.attributes, [], tree.parents, [], [], [])
        self._paths: dict[int, tuple[str, int]] = {-1: ("", 0)}
        self._nth: list[int] = []

    def of(self, node: int) -> str:
        """Return the selector of a node; empty below depth 512, where no browser has nodes."""
        tree, paths = self._tree, self._paths
        if not self._nth:
            self._nth = _places(tree)
        missing = []
        while node not in paths:
            missing.append(node)
            node = tree.parents[node]
        path, depth = paths[node]
        for step in reversed(missing):
            depth += 1
            path = self._extended(path, step) if depth <= 512 else ""
            paths[step] = (path, depth)
        return path

    def _extended(self, path: str, step: int) -> str:
        """The selector of a node whose parent has the selector `path`."""
        tag = self._tree.tags[step]
        if tag == "html":
            return f"{path} >>> html" if path else "html"
        if tag == SHADOW_ROOT:
            return f"{path} >>> :host"
        moved = self._tree.attributes[step].get(MOVED)
        if moved is not None:
            host = path.rpartition(" >>> :host")[0] or path
            return f"{host} > {_selector(tag)}:nth-of-type({moved if moved.isdecimal() else self._nth[step]})"
        return f"{path} > {_selector(tag)}:nth-of-type({self._nth[step]})"


def _places(tree: Tree) -> list[int]:
    """For each element, its 1-based position among siblings with the same tag."""
    places = [0] * len(tree)
    counts: dict[tuple[int, str], int] = {}
    for node, (parent, tag) in enumerate(zip(tree.parents, tree.tags, strict=True)):
        if tag != TEXT:
            places[node] = counts[parent, tag] = counts.get((parent, tag), 0) + 1
    return places


def _selector(tag: str) -> str:
    """Write a tag as a CSS type selector; unusual tags have most characters escaped."""
    return tag if tag.isascii() and tag.isalnum() else _NO_WORD.sub(r"\\\g<0>", tag)
