"""Writing the simplified page: text and structure, the controls with their names, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from facsim.page.read import MARK
from facsim.page.roles import ROLE_OF_TAG, STATES, role_of
from facsim.page.runs import HIDDEN, Runs
from facsim.page.tags import CELLS, CONTROLS, FLOWING, INLINE, KEPT, VOID, WHOLE_PAGE
from facsim.page.tree import TEXT, Tree

_ATTRIBUTES = {
    "input": ("type", "value", "placeholder"),
    "textarea": ("placeholder",),
    "a": ("href",),
    "area": ("href",),
    "optgroup": ("label",),
    "option": ("label",),
    "select": ("multiple",),
}
_STATES = tuple((state, f"aria-{state}") for state in STATES)
_STATELESS = frozenset({"href", "type", "name", "id", "class"})
_NO_ROLES = ("generic", "presentation", "none")
_SPACE = re.compile(r"\s+")


def render(tree: Tree, runs: Runs, names: Mapping[int, str], labels: Mapping[int, str], title: str) -> str:
    """The simplified HTML.

    Args:
        tree: the document.
        runs: its visible text.
        names: the names of the nodes to act on.
        labels: what to write as `aria-label`: of elements whose content does not say what they are.
        title: the page's title.
    """
    return _Renderer(tree, runs, names, labels).html(title)


class _Renderer:
    def __init__(self, tree: Tree, runs: Runs, names: Mapping[int, str], labels: Mapping[int, str]) -> None:
        self._tree, self._runs, self._names, self._labels = tree, runs, names, labels
        self._alts = {
            node: text.strip()
            for node, text, is_alt in zip(runs.nodes, runs.texts, runs.is_alt, strict=True)
            if is_alt
        }
        self._shown, self._filled_children = self._find_content()
        self._parts: list[str] = []
        self._break = False  # a block began or ended here: what comes next starts a line
        self._gap = False  # an element that parts words, itself not written, began or ended here
        self._trim = True  # white space here has nothing to part

    def _find_content(self) -> tuple[bytearray, list[int]]:
        """Which nodes hold something to show, and in how many of its children a node does."""
        tree, runs = self._tree, self._runs
        shown = bytearray(len(tree))
        children = [0] * len(tree)
        for run, node in enumerate(runs.nodes):
            if not runs.texts[run].isspace():
                shown[node] = 1
        for node in self._names:
            shown[node] = 1
        for node in range(len(tree) - 1, -1, -1):
            parent = tree.parents[node]
            if shown[node] and parent >= 0:
                shown[parent] = 1
                children[parent] += 1
        return shown, children

    def html(self, title: str) -> str:
        parts, tree = self._parts, self._tree
        parts.append(MARK)
        parts.append(f"<head><title>{escape(title, quote=False)}</title></head><body>" if title else "<body>")
        opened: list[tuple[int, str, str]] = []
        node, total = 0, len(tree)
        while node < total:
            while opened and opened[-1][0] <= node:
                self._close(*opened.pop()[1:])
            tag = tree.tags[node]
            if tag == TEXT:
                if self._runs.hidden[node] != HIDDEN:
                    self._write_text(node)
                node += 1
            elif self._runs.hidden[node] == HIDDEN or not (self._shown[node] or tag in CELLS):
                self._break = self._break or (tag not in FLOWING and not self._trim)
                self._gap = self._gap or (tag == "svg" and not self._runs.hidden[node])
                node = tree.ends[node]
            elif tag == "br":
                self._break = True
                node += 1
            else:
                written = self._open(node)
                if tag in VOID or tag == "svg":
                    node = tree.ends[node]
                else:
                    opened.append((tree.ends[node], tag, written))
                    node += 1
        while opened:
            self._close(*opened.pop()[1:])
        parts.append("</body></html>")
        return "".join(parts)

    def _open(self, node: int) -> str:
        """Write a start tag if the element is kept. Returns the tag written, or nothing."""
        tag = self._tree.tags[node]
        flows = tag in FLOWING
        start = self._start_tag(node)
        if not start:
            self._break = self._break or (not flows and not self._trim)
            self._gap = self._gap or (flows and tag not in INLINE)
            return ""
        if self._break or not (flows or self._trim):
            self._parts.append("\n")
        self._parts.append(start)
        self._break = self._gap = False
        self._trim = tag not in INLINE and tag not in VOID and tag != "svg"
        return tag

    def _close(self, tag: str, written: str) -> None:
        flows = tag in FLOWING
        if written:
            if tag not in INLINE and self._parts[-1].endswith(" "):
                self._parts[-1] = self._parts[-1].rstrip(" ")
            self._parts.append(f"</{written}>")
            self._trim = self._gap = False
            self._break = not flows
        elif not flows:
            self._break = self._break or not self._trim
        else:
            self._gap = self._gap or tag not in INLINE

    def _write_text(self, node: int) -> None:
        tree = self._tree
        text = tree.texts[node]
        parent = tree.tags[tree.parents[node]] if tree.parents[node] >= 0 else ""
        if parent in ("select", "optgroup", "datalist"):
            return
        if parent != "textarea":
            text = _SPACE.sub(" ", text)
            if self._trim or self._break:
                text = text.lstrip(" ")
            elif node in self._runs.gaps or (self._gap and text[0] not in ".,;:!?)"):
                text = f" {text.lstrip(' ')}"
        if not text:
            return
        self._parts.append(("\n" if self._break else "") + escape(text, quote=False))
        self._break = self._gap = False
        self._trim = text.endswith(" ")

    def _start_tag(self, node: int) -> str:
        tag, attributes = self._tree.tags[node], self._tree.attributes[node]
        name = self._names.get(node)
        if name is None:
            if node in self._alts:
                return f'<img alt="{escape(self._alts[node])}">'
            if tag not in KEPT and (tag in FLOWING or not self._is_telling_box(node, attributes)):
                return ""
        elif tag == "svg":
            tag = "img"
        written = [tag]
        if name is not None:
            written.append(f'name="{escape(name)}"')
        for attribute in _ATTRIBUTES.get(tag, ()):
            if attribute in attributes and _is_telling(attribute, attributes):
                written.append(f'{attribute}="{escape(attributes[attribute])}"')
        label = self._labels.get(node) or (attributes.get("aria-label") if name is None else None)
        if label:
            written.append(f'aria-label="{escape(label)}"')
        if node in self._alts:
            written.append(f'alt="{escape(self._alts[node])}"')
        written += self._role_and_states(node, tag, attributes)
        return f"<{' '.join(written)}>"

    def _is_telling_box(self, node: int, attributes: Mapping[str, str]) -> bool:
        if self._tree.tags[node] in WHOLE_PAGE:
            return False
        return self._filled_children[node] > 1 or "aria-label" in attributes

    def _role_and_states(self, node: int, tag: str, attributes: Mapping[str, str]) -> list[str]:
        written: list[str] = []
        if not attributes and tag != "summary":
            return written
        role = role_of(tag, attributes)
        if ("role" in attributes or tag not in CONTROLS) and role not in (ROLE_OF_TAG.get(tag), *_NO_ROLES):
            written.append(f'role="{escape(role)}"')
        for state, aria in _STATES if len(attributes) > 1 or not attributes.keys() <= _STATELESS else ():
            if state in attributes:
                written.append(state)
            elif attributes.get(aria):
                written.append(f'{aria}="{escape(attributes[aria])}"')
        parent = self._tree.parents[node]
        if tag == "details" and "open" in attributes:
            written.append("open")
        elif tag == "summary" and parent >= 0 and "open" in self._tree.attributes[parent]:
            written.append('aria-expanded="true"')
        return written


def _is_telling(attribute: str, attributes: Mapping[str, str]) -> bool:
    kind = attributes.get("type", "").lower()
    if attribute == "type":
        return kind != "text"
    # What stands in a password field is nobody's business; that of a checkbox is the server's.
    return attribute != "value" or kind not in ("password", "checkbox", "radio")
