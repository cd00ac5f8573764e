"""Names for elements without text: from the icon, adjacent text, or the column header."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from facsim.page.class_words import ICON
from facsim.page.slugs import is_count, slug
from facsim.page.tags import CELLS, INLINE
from facsim.page.text_runs import TextRuns
from facsim.page.tree import TEXT, Tree

_MAX_TEXT = 40
_MAX_INSIDE = 12
_MOST_UP_TO_LABEL = 3
_MAX_COLUMNS = 200
_TICKED = frozenset({"checkbox", "radio", "switch"})
_WORD = re.compile(r"[^\W\d_]{2}")
_SPRITE = re.compile(r"#(?:icon|i|ico|sprite|symbol|svg)?[-_]*([a-z][a-z-]{1,30})$")
# Icons named by their appearance, not their function.
_MEANINGS = {
    "magnifying-glass": "search",
    "x": "close",
    "times": "close",
    "xmark": "close",
    "bars": "menu",
    "hamburger": "menu",
}


class FallbackNames:
    """Words near the elements of one page.

    Args:
        tree: the document.
        runs: its visible text.
        targets: the nodes to name, in order.
    """

    def __init__(self, tree: Tree, runs: TextRuns, targets: Sequence[int]) -> None:
        self._tree, self._runs, self._targets = tree, runs, targets
        self._heads: dict[int, tuple[int, list[str]]] = {}
        self._rows: dict[int, dict[int, str]] = {}

    def icon(self, node: int) -> str:
        """Name of the icon that an element shows, in a known icon set or a sprite of the page."""
        tree = self._tree
        for inner in range(node, min(tree.ends[node], node + _MAX_INSIDE)):
            attributes = tree.attributes[inner]
            name = attributes.get(ICON, "")
            if (
                not name
                and tree.tags[inner] == "use"
                and (sprite := _SPRITE.search(attributes.get("href", "")))
            ):
                name = sprite[1]
            if name:
                return _MEANINGS.get(name, slug(name))
        return ""

    def text(self, node: int, role: str) -> str:
        """Short text next to an element, in the same box and with no other element in between.

        It follows a checkbox or radio button and precedes anything else. Text in another cell does not count.
        """
        after = self._text_after(node) if role in _TICKED else ""
        return slug(after or self._text_before(node))

    def label_of_field(self, node: int, role: str) -> str:
        """Words of the text that people read as the label of a field without one; empty if there is none.

        It follows a checkbox or radio button. Other fields follow it, in one box with it, with nothing else
        to act on in between. From another cell of a row, it must end with a colon. A sentence, or the end of
        one, is no label.
        """
        said = self._text_after(node) if role in _TICKED else self._label_before(node)
        is_label = len(said) <= _MAX_TEXT and not is_count(said) and _WORD.search(said)
        is_begun = said.endswith((":", "*")) or said.startswith("*") or not said[:1].islower()
        return slug(said.strip("*: ")) if is_label and is_begun else ""

    def _label_before(self, node: int) -> str:
        tree, runs, targets = self._tree, self._runs, self._targets
        run = runs.span(node, node)[0] - 1
        while run >= 0 and runs.texts[run].isspace():
            run -= 1
        if run < 0:
            return ""
        said = runs.nodes[run]
        box, cell = node, -1
        for _ in range(_MOST_UP_TO_LABEL):
            box = tree.parents[box]
            if box < said or tree.tags[box] == "tr":
                break
            cell = box if tree.tags[box] in CELLS else cell
        before = bisect_left(targets, node) - 1
        if not 0 <= box < said or (before >= 0 and tree.ends[targets[before]] > said):
            return ""
        if said < cell and not runs.texts[run].rstrip().endswith((":", "*")):
            return ""
        whole = tree.parents[said]
        while whole > box and (tree.tags[whole] in INLINE or tree.tags[whole] == "label"):
            whole = tree.parents[whole]
        return (runs.texts[run] if tree.ends[whole] > node else runs.text(whole)).strip()

    def _text_before(self, node: int) -> str:
        tree, runs, targets = self._tree, self._runs, self._targets
        run = runs.span(node, node)[0] - 1
        if run < 0:
            return ""
        said = runs.nodes[run]
        box = node
        for _ in range(3):
            box = tree.parents[box] if box >= 0 else -1
            if box >= 0 and tree.tags[box] in CELLS:
                break
        before = bisect_left(targets, node) - 1
        if said < box or (before >= 0 and tree.ends[targets[before]] > said):
            return ""
        return _short(runs.texts[run])

    def _text_after(self, node: int) -> str:
        tree, runs, targets = self._tree, self._runs, self._targets
        run = runs.span(node, tree.ends[node])[1]
        box = tree.parents[node]
        if box >= 0 and tree.tags[box] in INLINE:
            box = tree.parents[box]
        if box < 0 or run >= len(runs.nodes) or runs.nodes[run] >= tree.ends[box]:
            return ""
        following = bisect_right(targets, node)
        if following < len(targets) and targets[following] <= runs.nodes[run]:
            return ""
        return _short(runs.texts[run])

    def column(self, node: int) -> str:
        """Header of the column that an element is in; empty in the header row itself."""
        tree = self._tree
        cell = node
        for _ in range(8):
            cell = tree.parents[cell]
            if cell < 0 or tree.tags[cell] in CELLS:
                break
        if cell < 0 or tree.tags[cell] not in CELLS:
            return ""
        row = tree.parents[cell]
        table = tree.parents[row] if row >= 0 else -1
        if table >= 0 and tree.tags[table] != "table":
            table = tree.parents[table]
        if table < 0 or tree.tags[row] != "tr" or tree.tags[table] != "table":
            return ""
        if table not in self._heads:
            self._heads[table] = self._head(table)
        head, columns = self._heads[table]
        if row == head or not columns:
            return ""
        if row not in self._rows:
            self._rows[row] = self._row(row, columns)
        return self._rows[row].get(cell, "")

    def _row(self, row: int, columns: Sequence[str]) -> dict[int, str]:
        """Column header for each cell of a row."""
        found: dict[int, str] = {}
        place = 0
        for child in self._tree.children(row):
            if place >= len(columns):
                break
            found[child] = columns[place]
            place += self._width(child)
        return found

    def _head(self, table: int) -> tuple[int, list[str]]:
        """The first row of a table if it is a header row, and the words in each of its columns."""
        tree = self._tree
        row = next((node for node in range(table + 1, tree.ends[table]) if tree.tags[node] == "tr"), -1)
        if row < 0:
            return -1, []
        cells = [child for child in tree.children(row) if tree.tags[child] in CELLS]
        # The corner above a column of headers is often an empty `td`.
        others = cells[1:] if cells and not self._runs.has_text(cells[0]) else cells
        if not any(tree.tags[cell] == "th" for cell in cells) or (
            tree.tags[tree.parents[row]] != "thead" and any(tree.tags[cell] == "td" for cell in others)
        ):
            return -1, []
        columns: list[str] = []
        for cell in cells[:_MAX_COLUMNS]:
            columns += [slug(self._runs.title(cell, limit=200))] * self._width(cell)
        return row, columns

    def _width(self, cell: int) -> int:
        """Number of columns that a child of a row spans."""
        if self._tree.tags[cell] == TEXT:
            return 0
        written = self._tree.attributes[cell].get("colspan", "1")
        is_number = written.isascii() and written.isdecimal() and len(written) < 4
        return min(max(int(written), 1), _MAX_COLUMNS) if is_number else 1


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _MAX_TEXT and not is_count(text) else ""
