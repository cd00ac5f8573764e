"""Condenses a simplified page to what a model needs: text, structure, names and states.

Stored pages keep addresses, because elements are compared by them, and all structural boxes. In a prompt
every character counts, so it omits:

- addresses (`href`): people do not read them, and names say where links lead;
- boxes without a name, label or state that only group others (`div`, `section`, `p`, lists), list items with
  a single child, and tables that only place parts of the page: line breaks replace them;
- text repeated nearby: the alternative text of a picture next to its title, a label that equals the
  content, an option's text that its name already contains, the texts of a long menu that its names say.

All elements remain, with their names, order and nesting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from facsim.page.characters import drawn
from facsim.page.layout_tables import layout_tables
from facsim.page.read import name_of, tree_of
from facsim.page.repeats import description, repeats_in
from facsim.page.roles import STATES
from facsim.page.slugs import fold
from facsim.page.tags import FLOWING, HEADINGS, INLINE, VOID
from facsim.page.tree import TEXT, Tree

_MEANINGFUL = frozenset(
    [
        *HEADINGS,
        "title",
        "nav",
        "header",
        "footer",
        "aside",
        "main",
        "fieldset",
        "legend",
        "table",
        "tr",
        "th",
        "td",
        "caption",
        "dt",
        "dd",
        "del",
        "s",
        "details",
        "dialog",
        "blockquote",
        "pre",
        "optgroup",
    ]
)
"""Tags that carry meaning; others are written only if they have a name, label or state."""
_KEPT_ATTRIBUTES = ("name", "type", "value", "placeholder", "alt", "title", "label", "role", "colspan")
_DATA = ("name", "type", "value", "role", "colspan")
_STATES = frozenset({*STATES, "open", "multiple"})
_SILENT_ROLES = frozenset(
    {
        *[
            "generic",
            "presentation",
            "none",
            "list",
            "listitem",
            "group",
            "form",
            "img",
            "region",
            "main",
            "navigation",
            "banner",
        ]
    }
)
_ON_THEIR_LINE = frozenset({"li", "td", "th", "dt", "dd"})
"""Their content begins on the line of the tag, and so does that of elements to act on."""
_IN_LINE = FLOWING | HEADINGS.keys()
_SPECIAL = re.compile("[&<>]")
_QUOTED = re.compile('[&<>"]')


def condense(html: str) -> str:
    """Return the prompt text of a simplified page, ours or another tool's.

    `facsim.page.names_in` finds the same names in the same order.

    >>> condense('<ul><li><a name="cart" href="/cart?from=menu"><img alt="Cart">Cart</a></li></ul>')
    '<a name="cart">Cart</a>'
    """
    tree = tree_of(html)
    names = [name_of(tree, node) for node in range(len(tree))]
    return _Condenser(tree, names, repeats_in(tree, names)).html()


class _Condenser:
    def __init__(self, tree: Tree, names: Sequence[str | None], repeated: set[int]) -> None:
        self._tree = tree
        self._parts: list[str] = []
        self._break = False
        self._trim = True
        self._held = 0
        """The number of parts when the last tag was written whose content begins on its line."""
        self._is_in_box = False
        """Whether the last output is the tag of such a box."""
        self._names = names
        self._repeated = repeated
        self._layout = layout_tables(tree, names)
        self._filled_children = self._count_filled_children()

    def html(self) -> str:
        tree, parts = self._tree, self._parts
        opened: list[tuple[int, str, bool]] = []
        node, total = 0, len(tree)
        while node < total:
            while opened and opened[-1][0] <= node:
                self._close(*opened.pop()[1:])
            tag = tree.tags[node]
            if tag == TEXT:
                self._text(node)
            else:
                start = self._start_tag(node, tag)
                if tag not in FLOWING:
                    self._end_block()
                if start:
                    # A box in a box begins a line.
                    self._break = self._break or (self._is_in_box and tag not in _IN_LINE)
                    self._end_line()
                    parts.append(start)
                    if tag not in VOID and (self._names[node] or tag in _ON_THEIR_LINE):
                        self._held = len(parts)
                    self._is_in_box = self._held == len(parts) and tag not in FLOWING
                    self._break = False
                    self._trim = tag not in INLINE and tag not in VOID
                if tag not in VOID:
                    opened.append((tree.ends[node], tag, bool(start)))
            node += 1
        while opened:
            self._close(*opened.pop()[1:])
        return "".join(parts)

    def _close(self, tag: str, is_written: bool) -> None:
        if is_written:
            if self._parts[-1].endswith(" ") and tag not in INLINE:
                self._parts[-1] = self._parts[-1].rstrip(" ")
            self._parts.append(f"</{tag}>")
            self._trim = False
        if tag not in FLOWING:
            self._end_block()

    def _end_block(self) -> None:
        self._break = len(self._parts) != self._held

    def _end_line(self) -> None:
        if self._break and self._parts:
            self._parts[-1] = self._parts[-1].rstrip(" ")
            self._parts.append("\n")

    def _text(self, node: int) -> None:
        tree = self._tree
        if node in self._repeated:
            return
        text = drawn(tree.texts[node])
        parent = tree.parents[node]
        if parent < 0 or tree.tags[parent] not in ("textarea", "pre"):
            words = fold(text)
            if not words:
                if self._parts and not (self._trim or self._break):
                    self._parts.append(" ")
                    self._trim = True
                return
            before = " " if text[0].isspace() and not (self._trim or self._break) else ""
            after = " " if text[-1].isspace() else ""
            text = f"{before}{words}{after}"
        self._end_line()
        self._is_in_box = False
        self._parts.append(escape(text, quote=False) if _SPECIAL.search(text) else text)
        self._break = False
        self._trim = text[-1:].isspace()

    def _count_filled_children(self) -> list[int]:
        """For each node, the number of its children with any output."""
        tree = self._tree
        is_filled = bytearray(len(tree))
        counts = [0] * len(tree)
        for node, tag in enumerate(tree.tags):
            if not (self._names[node] or (tag == TEXT and drawn(tree.texts[node]).strip()) or tag == "img"):
                continue
            if node in self._repeated:
                continue
            while not is_filled[node]:
                is_filled[node] = 1
                parent = tree.parents[node]
                if parent < 0:
                    break
                counts[parent] += 1
                node = parent  # noqa: PLW2901
        return counts

    def _start_tag(self, node: int, tag: str) -> str:
        """Start tag of an element; empty if only its content is written."""
        attributes = self._tree.attributes[node]
        if not self._names[node] and not self._is_meaningful(node, tag, attributes):
            return ""
        written = [tag]
        for attribute in _KEPT_ATTRIBUTES if attributes else ():
            value = attributes.get(attribute)
            if value is None or (attribute == "alt" and node in self._repeated):
                continue
            if attribute == "alt":
                value = description(value)
            if attribute == "role" and value in _SILENT_ROLES and not self._names[node]:
                continue
            written.append(f'{attribute}="{_quoted(value if attribute in _DATA else drawn(value))}"')
        for attribute, value in attributes.items():
            if attribute in _STATES:
                written.append(attribute)
            elif attribute.startswith("aria-") and not (attribute == "aria-label" and node in self._repeated):
                written.append(f'{attribute}="{_quoted(drawn(value))}"')
        return f"<{' '.join(written)}>"

    def _is_meaningful(self, node: int, tag: str, attributes: Mapping[str, str]) -> bool:
        if node in self._layout:
            return False
        if tag in _MEANINGFUL:
            return self._filled_children[node] > 0 or tag in ("td", "th")
        if tag == "img":
            # A picture of a sign (`|`) only parts what is beside it.
            return (
                any(map(str.isalnum, description(attributes.get("alt", "")))) and node not in self._repeated
            )
        if tag in ("li", "article") and self._filled_children[node] > 1:
            return True
        if not attributes or not self._filled_children[node]:
            return False
        return (
            bool(attributes.get("aria-label"))
            or not _STATES.isdisjoint(attributes)
            or attributes.get("role", "generic") not in _SILENT_ROLES
        )


def _quoted(value: str) -> str:
    return escape(value) if _QUOTED.search(value) else value
