"""Formsets (one form repeated on a page): finds the form that a field or an adjacent element belongs to."""

from __future__ import annotations

import re
from bisect import bisect_left

from facsim.page.tags import CONTROLS
from facsim.page.tree import Tree

COPY_INDEX = re.compile(r"[\[_-](\d{1,6}|__prefix__)[\]_-]+")
"""The form's index in a field name: `form-0-quantity`, `items[3][quantity]`."""
NUMBER_AT_END = re.compile(r"(?<=[^\W\d_]{3})[\[_-](\d{3,12})\]?$")
"""The number of what a field is about: `price_4381135`."""
_ENDS = frozenset({"form", "table", "body", "html"})
_MAX_UP = 10
# Maximum size of one copy. Anything larger is the form as a whole.
_MAX_FIELDS = 200


class Formsets:
    """The formsets of one page. A form keeps its number when others are added, removed or moved.

    Args:
        tree: the document.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._nodes: list[int] = []
        self._found: list[str] | None = None

    def of(self, node: int) -> str:
        """Return the number of the form that an element is in; empty if there is none."""
        own = _copy_index(self._tree, node)
        for _ in range(_MAX_UP):
            if own or node < 0 or self._tree.tags[node] in _ENDS:
                break
            own = self.within(node, self._tree.ends[node])
            node = self._tree.parents[node]
        return own

    def within(self, start: int, end: int) -> str:
        """Return the number that all fields (hidden ones too) in nodes `start` to `end` share; or empty."""
        if self._found is None:
            self._nodes = [
                node for node in self._tree.with_tags(CONTROLS) if "name" in self._tree.attributes[node]
            ]
            self._found = [_copy_index(self._tree, node) for node in self._nodes]
        first, last = bisect_left(self._nodes, start), bisect_left(self._nodes, end)
        if last - first > _MAX_FIELDS:
            return ""
        inside = set(self._found[first:last]) - {""}
        return inside.pop() if len(inside) == 1 else ""


def _copy_index(tree: Tree, node: int) -> str:
    name = tree.attributes[node].get("name", "")[:200]
    found = COPY_INDEX.search(name) or NUMBER_AT_END.search(name)
    return found[1].strip("_") if found else ""
