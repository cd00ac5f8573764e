"""Renders the simplified page: text, structure, and named controls, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from itertools import chain, compress

from facsim.page.characters import drawn, has_undrawn
from facsim.page.nesting import NEUTRAL, NO_SCOPES, allowed_tag
from facsim.page.read import MARK
from facsim.page.roles import ROLE_OF_TAG, STATES, role_of
from facsim.page.tags import CELLS, CONTROLS, FLOWING, INLINE, KEPT, VOID, WHOLE_PAGE
from facsim.page.text_runs import HIDDEN, TextRuns
from facsim.page.tree import Tree

_ATTRIBUTES = {
    "input": ("type", "value", "placeholder"),
    "textarea": ("placeholder",),
    "a": ("href",),
    "area": ("href",),
    "optgroup": ("label",),
    "option": ("label",),
    "select": ("multiple",),
}
_SHOWN = ("placeholder", "label")
_STATES = tuple((state, f"aria-{state}") for state in STATES)
_TELL_STATES = frozenset(chain.from_iterable(_STATES))
_TELL_ROLE_OR_STATES = _TELL_STATES | {"role", "contenteditable", "open"}
_NO_ROLES = ("generic", "presentation", "none")
_LISTS_OF_OPTIONS = ("select", "optgroup", "datalist")
_MANY = 50_000
_SPECIAL = re.compile("[&<>\"']")


def render(
    tree: Tree, runs: TextRuns, names: Mapping[int, str], labels: Mapping[int, str], title: str
) -> str:
    """Return the simplified HTML.

    Args:
        tree: the document.
        runs: its visible text.
        names: names of the nodes to act on.
        labels: `aria-label` for elements whose content does not describe them.
        title: the page's title.
    """
    return _Renderer(tree, runs, names, labels).html(title)


class _Renderer:
    def __init__(
        self, tree: Tree, runs: TextRuns, names: Mapping[int, str], labels: Mapping[int, str]
    ) -> None:
        self._tree, self._runs, self._names, self._labels = tree, runs, names, labels
        self._is_odd = has_undrawn("".join(runs.texts))
        self._alts = {
            node: (drawn(runs.texts[run]) if self._is_odd else runs.texts[run]).strip()
            for run, node in compress(enumerate(runs.nodes), runs.is_alt)
        }
        self._shown, self._filled_children = self._find_content()
        kinds = len(tree.kinds_of)
        self._unnamed: tuple[list[str | None], list[str | None]] = [None] * kinds, [None] * kinds
        """Start tags of unnamed elements by kind: of those with at most one filled child, and of others."""
        self._parts: list[str] = []
        self._written_before: list[str] = []
        self._break = False  # a block starts or ends here: the next output starts a line
        self._gap = False  # an omitted element that separates words starts or ends here
        self._trim = True  # white space here separates nothing
        self._around = [NO_SCOPES]  # open scopes (see `nesting`)

    def _find_content(self) -> tuple[bytearray, list[int]]:
        """For each node, whether it has visible content, and the number of its children that do."""
        runs, parents = self._runs, self._tree.parents
        shown = bytearray(len(self._tree))
        children = [0] * len(self._tree)
        texts = [drawn(text) or " " for text in runs.texts] if self._is_odd else runs.texts
        filled = compress(runs.nodes, [not text.isspace() for text in texts])
        for node in chain(filled, self._names):
            while not shown[node]:
                shown[node] = 1
                parent = parents[node]
                if parent < 0:
                    break
                children[parent] += 1
                node = parent  # noqa: PLW2901
        return shown, children

    def html(self, title: str) -> str:  # noqa: PLR0912, PLR0915 (calls would cost more than what they do)
        parts = self._parts
        tags, ends, kinds, texts = self._tree.tags, self._tree.ends, self._tree.kinds, self._tree.texts
        hidden, shown, filled_children = self._runs.hidden, self._shown, self._filled_children
        is_own = bytearray(len(tags))
        for node in chain(self._names, self._alts):
            is_own[node] = 1
        # Inline elements of these kinds are visible only if they have a name or are a picture.
        is_silent = [tag in INLINE and tag not in KEPT for tag, _ in self._tree.kinds_of]
        parts.append(MARK)
        parts.append(f"<head><title>{escape(title, quote=False)}</title></head><body>" if title else "<body>")
        opened: list[tuple[int, str, str]] = []
        node, total, closes = 0, len(tags), len(tags)
        while node < total:
            while closes <= node:
                _, tag, written = opened.pop()
                if written:
                    self._close(tag, written)
                elif tag not in FLOWING:
                    self._break = self._break or not self._trim
                else:
                    self._gap = True
                closes = opened[-1][0] if opened else total
            kind = kinds[node]
            if not kind:
                if hidden[node] != HIDDEN:
                    if texts[node] != " " or tags[node - 1] == "textarea":
                        self._write_text(node)
                    elif not (self._trim or self._break):
                        self._write_space(node)
            elif hidden[node] == HIDDEN or not (shown[node] or tags[node] in CELLS):
                tag = tags[node]
                if tag not in FLOWING:
                    self._break = self._break or not self._trim
                elif tag == "svg" and not hidden[node]:
                    self._gap = True
                node = ends[node]
                continue
            elif not is_silent[kind] or is_own[node]:
                tag = tags[node]
                if tag == "br":
                    self._break = True
                else:
                    start = None if is_own[node] else self._unnamed[filled_children[node] > 1][kind]
                    if start == "":
                        written = ""
                        self._leave_out(tag)
                    else:
                        written = self._open(node, tag, start, is_own=is_own[node] > 0)
                    if tag in VOID or tag == "svg" or node in self._alts:
                        node = ends[node]
                        continue
                    # What is left out matters at its end only where it separates words or lines.
                    if written or tag not in INLINE:
                        closes = ends[node]
                        opened.append((closes, tag, written))
                if len(parts) > _MANY:
                    # Separate strings take twice the memory of their characters; the last may still change.
                    self._written_before.append("".join(parts[:-2]))
                    del parts[:-2]
            node += 1
        while opened:
            self._close(*opened.pop()[1:])
        parts.append("</body></html>")
        return "".join((*self._written_before, *parts))

    def _leave_out(self, tag: str) -> None:
        """Note that an element starts or ends of which only the content is written."""
        if tag not in FLOWING:
            self._break = self._break or not self._trim
        elif tag not in INLINE:
            self._gap = True

    def _open(self, node: int, tag: str, start: str | None, *, is_own: bool) -> str:
        """Write a start tag if the element is kept; return the tag written, or an empty string.

        Args:
            node: the element.
            tag: its tag.
            start: its start tag, if known.
            is_own: whether it has a name or is a picture; otherwise all elements of a kind are the same.
        """
        tag_allowed = "img" if is_own and (tag == "svg" or node in self._alts) else tag
        written, inside = allowed_tag(self._around[-1], tag_allowed)
        if is_own:
            start = self._written(node, tag, written)
        elif written == NEUTRAL:
            start = ""
        elif start is None or tag == "summary":  # a summary shows the state of its `details`
            start = self._written(node, tag, written)
            self._unnamed[self._filled_children[node] > 1][self._tree.kinds[node]] = start
        if not start:
            self._leave_out(tag)
            return ""
        if self._break or not (tag in FLOWING or self._trim):
            self._parts.append("\n")
        self._parts.append(start)
        self._break = self._gap = False
        is_empty = tag in VOID or tag == "svg" or node in self._alts
        self._trim = tag not in INLINE and not is_empty
        if not is_empty:
            self._around.append(inside)
        return written

    def _close(self, tag: str, written: str) -> None:
        if not written:
            self._leave_out(tag)
            return
        if tag not in INLINE and self._parts[-1].endswith(" "):
            self._parts[-1] = self._parts[-1].rstrip(" ")
        self._parts.append(f"</{written}>")
        self._around.pop()
        self._trim = self._gap = False
        self._break = tag not in FLOWING

    def _write_space(self, node: int) -> None:
        """Write white space between words."""
        if self._tree.tags[self._tree.parents[node]] not in _LISTS_OF_OPTIONS:
            self._parts.append(" ")
            self._gap = False
            self._trim = True

    def _write_text(self, node: int) -> None:
        text, above = self._tree.texts[node], self._tree.parents[node]
        parent = self._tree.tags[above] if above >= 0 else ""
        if parent in _LISTS_OF_OPTIONS:
            return
        if parent != "textarea":
            if self._is_odd and has_undrawn(text):
                text = drawn(text)
                if not text or text.isspace():
                    self._gap = self._gap or bool(text)
                    return
            words = " ".join(text.split())
            tail = " " if words and text[-1].isspace() else ""
            if self._trim or self._break:
                text = f"{words}{tail}"
            elif text[0].isspace() or node in self._runs.gaps or (self._gap and text[0] not in ".,;:!?)"):
                text = f" {words}{tail}"
            else:
                text = f"{words}{tail}"
        if not text:
            return
        if self._break:
            self._parts.append("\n")
        self._parts.append(escape(text, quote=False) if _SPECIAL.search(text) else text)
        self._break = self._gap = False
        self._trim = text.endswith(" ")

    def _written(self, node: int, tag: str, instead: str) -> str:
        attributes, name = self._tree.attributes[node], self._names.get(node)
        if name is None:
            if node in self._alts:
                return f'<img alt="{_quoted(self._alts[node])}">'
            if tag not in KEPT and (tag in FLOWING or not self._is_telling_box(node, attributes)):
                return ""
        elif tag == "svg":
            tag = "img"
        is_inner = instead == NEUTRAL != tag
        written = [instead]
        if name is not None:
            written.append(f'name="{_quoted(name)}"')
        for attribute in _ATTRIBUTES.get(tag, ()):
            if attribute in attributes and _is_telling(attribute, attributes):
                value = attributes[attribute]
                written.append(f'{attribute}="{_quoted(drawn(value) if attribute in _SHOWN else value)}"')
        label = self._labels.get(node) or (attributes.get("aria-label") if name is None else None)
        if label and (label := drawn(label).strip()):
            written.append(f'aria-label="{_quoted(label)}"')
        if node in self._alts:
            written.append(f'alt="{_quoted(self._alts[node])}"')
        if tag == "summary" or is_inner or not _TELL_ROLE_OR_STATES.isdisjoint(attributes):
            written += self._role_and_states(node, tag, attributes, is_inner=is_inner)
        end = f"</{instead}>" if is_inner and tag in VOID else ""
        return f"<{' '.join(written)}>{end}"

    def _is_telling_box(self, node: int, attributes: Mapping[str, str]) -> bool:
        if self._tree.tags[node] in WHOLE_PAGE:
            return False
        return self._filled_children[node] > 1 or "aria-label" in attributes

    def _role_and_states(
        self, node: int, tag: str, attributes: Mapping[str, str], *, is_inner: bool
    ) -> list[str]:
        written: list[str] = []
        role = role_of(tag, attributes)
        is_told = "role" in attributes or tag not in CONTROLS
        if is_inner or (is_told and role != ROLE_OF_TAG.get(tag) and role not in _NO_ROLES):
            written.append(f'role="{_quoted(role)}"')
        for state, aria in () if _TELL_STATES.isdisjoint(attributes) else _STATES:
            if state in attributes:
                written.append(state)
            elif attributes.get(aria):
                written.append(f'{aria}="{_quoted(attributes[aria])}"')
        parent = self._tree.parents[node]
        if tag == "details" and "open" in attributes:
            written.append("open")
        elif tag == "summary" and parent >= 0 and "open" in self._tree.attributes[parent]:
            written.append('aria-expanded="true"')
        return written


def _quoted(value: str) -> str:
    return escape(value) if _SPECIAL.search(value) else value


def _is_telling(attribute: str, attributes: Mapping[str, str]) -> bool:
    kind = attributes.get("type", "").lower()
    if attribute == "type":
        return kind != "text"
    # The value of a password field is private; that of a checkbox is for the server.
    return attribute != "value" or kind not in ("password", "checkbox", "radio")
