"""Tables that only place the parts of a page, as older sites use them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from facsim.page.tree import Tree

_PARTS = ("tr", "td", "thead", "tbody", "tfoot")
_OF_DATA = ("th", "caption")
_FEW = 8
"""Elements to act on in a cell of data, at most."""


def layout_tables(tree: Tree, names: Sequence[str | None]) -> set[int]:
    """Return the tables of a page that hold no rows of data, with their rows and cells.

    Such a table has no header or caption of its own. A cell of it contains another table or more than eight
    elements to act on, or each of its rows has only one cell.

    Args:
        tree: the page.
        names: the name of each node; None for nodes that are not elements to act on.
    """
    tables = tree.with_tags(("table",))
    if not tables:
        return set()
    parts: dict[int, list[int]] = {table: [] for table in tables}
    open_tables: list[int] = []
    of_data: set[int] = set()
    for node in tree.with_tags(("table", *_PARTS, *_OF_DATA)):
        while open_tables and tree.ends[open_tables[-1]] <= node:
            open_tables.pop()
        tag = tree.tags[node]
        if tag == "table":
            open_tables.append(node)
        elif open_tables:
            if tag in _OF_DATA:
                of_data.add(open_tables[-1])
            else:
                parts[open_tables[-1]].append(node)
    named = [0, *accumulate(map(bool, names))]
    inner = [0, *accumulate(tag == "table" for tag in tree.tags)]
    found: set[int] = set()
    for table in tables:
        # What has a name or is told apart by a label is no mere layout.
        if table not in of_data and not names[table] and _places(tree, parts[table], named, inner):
            found.update((table, *parts[table]))
    return found


def _places(tree: Tree, parts: Sequence[int], named: Sequence[int], inner: Sequence[int]) -> bool:
    """Whether rows and cells are those of a layout.

    Args:
        tree: the page.
        parts: rows and cells of one table.
        named: the number of elements to act on before each node.
        inner: the number of tables before each node.
    """
    cells = [(node, tree.ends[node]) for node in parts if tree.tags[node] == "td"]
    rows = sum(tree.tags[node] == "tr" for node in parts)
    return bool(cells) and (
        len(cells) <= rows
        or any(named[end] - named[cell] > _FEW or inner[end] > inner[cell] for cell, end in cells)
    )
