"""Accessible names: the name of an element for people and screen readers."""

from __future__ import annotations

from collections.abc import Mapping

from facsim.page.roles import role_of
from facsim.page.slugs import fold
from facsim.page.tags import CONTROLS, MOVED, SHADOW_ROOT
from facsim.page.text_runs import HIDDEN, TextRuns
from facsim.page.tree import TEXT, Tree

MAX_LABEL = 300
"""Longest accessible name. Group titles are cut to the same length, since links are compared with them."""


_MAX_INSIDE = 12
_NAMED_BY_CONTENT = frozenset({"a", "button", "label", "summary", "div", "span", "li"})
_CUSTOM_CONTROLS = frozenset({"checkbox", "radio", "switch"})


class AccessibleNames:
    """Accessible names of the elements of one page (order of the W3C's accname, without its recursion)."""

    def __init__(self, tree: Tree, runs: TextRuns) -> None:
        self._tree, self._runs = tree, runs
        self.by_id: dict[str, int] = {}
        self.label_of: dict[int, int] = {}
        """Control -> the `label` element that labels it."""
        self._given: dict[int, str] = {}
        self._repeated: dict[str, list[int]] = {}
        """Nodes by id, for ids that are not unique."""
        named: list[tuple[str, int]] = []
        scopes = _IdScopes(tree)
        self._scopes = scopes
        wrapping: list[tuple[int, int]] = []
        for node in tree.find(_takes_part_in_labelling):
            attributes = tree.attributes[node]
            if "id" in attributes:
                self._list(scopes.key(attributes["id"], node), node)
            if tree.tags[node] == "label":
                if attributes.get("for"):
                    named.append((scopes.key(attributes["for"], node), node))
                wrapping.append((tree.ends[node], node))
            elif tree.tags[node] in CONTROLS:
                while wrapping and wrapping[-1][0] <= node:
                    wrapping.pop()
                if wrapping:
                    self.label_of[node] = wrapping[-1][1]
        for target, label in named:
            control = self._labelled(target, label)
            if control is not None:
                self.label_of[control] = label
        self.controls = {label: control for control, label in self.label_of.items()}
        """The reverse mapping."""
        self.of_widgets = self._labels_of_widgets()
        """The labels of custom checkboxes, radio buttons and switches."""

    def _list(self, key: str, node: int) -> None:
        first = self.by_id.setdefault(key, node)
        if first != node:
            self._repeated.setdefault(key, [first]).append(node)

    def _labelled(self, key: str, label: int) -> int | None:
        """The control that a label refers to by id; of several, the next one, or a checkbox before it."""
        if key not in self._repeated:
            return self.by_id.get(key)
        after = next((node for node in self._repeated[key] if node > label), None)
        before = max((node for node in self._repeated[key] if node < label), default=None)
        if before is None or after is None:
            return before if after is None else after
        is_beside = label - before <= 2 and self._tree.attributes[before].get("type") in _CUSTOM_CONTROLS
        return before if is_beside else after

    def _labels_of_widgets(self) -> set[int]:
        """The nodes that label a custom checkbox, radio button or switch."""
        made = self._tree.find(
            lambda _, attributes: (
                "aria-labelledby" in attributes and attributes.get("role") in _CUSTOM_CONTROLS
            )
        )
        ids = ((self._tree.attributes[node]["aria-labelledby"], node) for node in made)
        return {self.by_id.get(self._scopes.key(target, node), -1) for target, node in ids}

    def given(self, node: int) -> str:
        """The label from attributes or other elements: aria-labelledby, aria-label, `label`."""
        label = self._given.get(node)
        if label is None:
            label = self._given[node] = self._find_given(node)
        return label

    def _find_given(self, node: int) -> str:
        attributes = self._tree.attributes[node]
        if "aria-labelledby" in attributes:
            ids = attributes["aria-labelledby"].split()[:8]
            text = fold(" ".join(self._text_by_id(self._scopes.key(target, node), node) for target in ids))
            if text and attributes.get("role") == "combobox":
                # The displayed value is not its label.
                text = self._label_of_select(node) or text
            if text:
                return text[:MAX_LABEL]
        text = fold(attributes.get("aria-label", "")[: MAX_LABEL * 4])
        if text:
            return text[:MAX_LABEL]
        if node in self.label_of:
            return self._runs.text(self.label_of[node], limit=MAX_LABEL)
        return self._label_of_select(node) if attributes.get("role") == "combobox" else ""

    def _label_of_select(self, combobox: int) -> str:
        """The label of the hidden `select` that a combobox replaces: the one just before its box."""
        tree, node = self._tree, combobox
        for _ in range(3):
            before = self._before(node)
            if before >= 0 and tree.tags[before] == "select" and self._runs.hidden[before]:
                return self.given(before)
            node = tree.parents[node]
            if node < 0:
                break
        return ""

    def _before(self, node: int) -> int:
        """The previous sibling element; -1 if there is none or text lies between."""
        tree, parent = self._tree, self._tree.parents[node]
        before = node - 1
        if before > parent and tree.tags[before] == TEXT and tree.texts[before].isspace():
            before -= 1
        while before > parent and tree.parents[before] != parent:
            before = tree.parents[before]
        return before if before > parent else -1

    def title(self, node: int) -> str:
        """Like `of`, without counts and prices in separate elements."""
        given = self.given(node)
        label = self.label_of.get(node, -1)
        if label >= 0 and given and given == self._runs.text(label, limit=MAX_LABEL):
            return self._runs.title(label, limit=MAX_LABEL)
        if not given and self._tree.tags[node] in _NAMED_BY_CONTENT:
            given = self._runs.title(node, limit=MAX_LABEL)
        return given or self.of(node)

    def of(self, node: int) -> str:
        """Return the accessible name; empty if there is none."""
        return self.given(node) or self.content(node) or self._fallback(node)

    def content(self, node: int) -> str:
        """The name from content: text and alternative texts, or the value of a button."""
        tag, attributes = self._tree.tags[node], self._tree.attributes[node]
        if tag == "input":
            if role_of(tag, attributes) != "button":
                return ""
            text = attributes.get("alt") or attributes.get("value") or ""
            kind = attributes.get("type", "").lower()
            return fold(text[:MAX_LABEL]) or (kind if kind in ("submit", "reset") else "")
        if tag in ("select", "textarea"):
            return ""
        if tag == "option":
            return fold(attributes.get("label", "") or self._tree.text_content(node))[:MAX_LABEL]
        if tag in ("img", "area"):
            return fold(attributes.get("alt", "")[:MAX_LABEL])
        return self._runs.text(node, limit=MAX_LABEL)

    def _fallback(self, node: int) -> str:
        attributes = self._tree.attributes[node]
        for attribute in ("placeholder", "title"):
            text = fold(attributes.get(attribute, "")[:MAX_LABEL])
            if text:
                return text
        return self.inner(node)

    def inner(self, node: int) -> str:
        """The label or title of the first element in one that has either: `<a><i title="Choose a date">`."""
        tree = self._tree
        for other in range(node + 1, min(tree.ends[node], node + _MAX_INSIDE)):
            attributes = tree.attributes[other]
            if attributes and self._runs.hidden[other] != HIDDEN:
                text = fold((attributes.get("aria-label") or attributes.get("title") or "")[:MAX_LABEL])
                if text:
                    return text
        return ""

    def _text_by_id(self, target: str, near: int) -> str:
        node = self.by_id.get(target)
        if target in self._repeated:
            # A duplicate id refers to the preceding element that has it, if any.
            node = max((other for other in self._repeated[target] if other < near), default=None)
        if node is None or self._tree.tags[node] == TEXT:
            return ""
        label = self._tree.attributes[node].get("aria-label") or self._runs.text(node, limit=MAX_LABEL)
        if label:
            return label
        # The label itself may be hidden.
        return fold("".join(self._tree.texts[node : min(self._tree.ends[node], node + 20)])[:MAX_LABEL])


def _takes_part_in_labelling(tag: str, attributes: Mapping[str, str]) -> bool:
    return "id" in attributes or tag == "label" or tag in CONTROLS


class _IdScopes:
    """Scopes of ids: each shadow root and each frame has its own."""

    def __init__(self, tree: Tree) -> None:
        self._starts = tree.with_tags((SHADOW_ROOT, "iframe"))
        self._tree = tree

    def key(self, target: str, node: int) -> str:
        """Key of an id as seen from `node`."""
        if not self._starts:
            return target
        return f"{target} {self._scope(node)}"

    def _scope(self, node: int) -> int:
        tree, moved = self._tree, 0
        for _ in range(1_000):
            if node < 0:
                break
            if tree.tags[node] in (SHADOW_ROOT, "iframe"):
                if not moved:
                    return node
                moved -= 1
            elif MOVED in tree.attributes[node]:
                moved += 1
            node = tree.parents[node]
        return -1
