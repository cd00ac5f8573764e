"""Accessible names: the words by which a person, or a screen reader, calls an element."""

from __future__ import annotations

from facsim.page.roles import role_of
from facsim.page.runs import Runs
from facsim.page.tags import CONTROLS, MOVED, SHADOW_ROOT
from facsim.page.tree import TEXT, Tree
from facsim.page.words import fold

MAX_LABEL = 300
"""Longest accessible name. Titles of groups are cut here too: links are compared with them."""


class Labels:
    """Accessible names of the elements of one page (order of the W3C's accname, without its recursion)."""

    def __init__(self, tree: Tree, runs: Runs) -> None:
        self._tree, self._runs = tree, runs
        self.by_id: dict[str, int] = {}
        self.label_of: dict[int, int] = {}
        """Control -> the `label` element that labels it."""
        named: list[tuple[str, int]] = []
        scopes = _Scopes(tree)
        self._scopes = scopes
        wrapping: list[tuple[int, int]] = []
        for node, attributes in enumerate(tree.attributes):
            if attributes and "id" in attributes:
                self.by_id.setdefault(scopes.key(attributes["id"], node), node)
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
            control = self.by_id.get(target)
            if control is not None:
                self.label_of[control] = label
        self.controls = {label: control for control, label in self.label_of.items()}
        """The other way round."""

    def given(self, node: int) -> str:
        """The label that attributes or other elements give: aria-labelledby, aria-label, `label`."""
        attributes = self._tree.attributes[node]
        if "aria-labelledby" in attributes:
            ids = attributes["aria-labelledby"].split()[:8]
            text = fold(" ".join(self._text_by_id(self._scopes.key(target, node)) for target in ids))
            if text:
                return text[:MAX_LABEL]
        text = fold(attributes.get("aria-label", "")[: MAX_LABEL * 4])
        if text:
            return text[:MAX_LABEL]
        if node in self.label_of:
            return self._runs.text(self.label_of[node], limit=MAX_LABEL)
        return ""

    def of(self, node: int) -> str:
        """The accessible name; empty if it has none."""
        return self.given(node) or self.content(node) or self._fallback(node)

    def content(self, node: int) -> str:
        """What an element says by its own content: text and alternative texts, or its value for a button."""
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
        return ""

    def _text_by_id(self, target: str) -> str:
        node = self.by_id.get(target)
        if node is None or self._tree.tags[node] == TEXT:
            return ""
        label = self._tree.attributes[node].get("aria-label") or self._runs.text(node, limit=MAX_LABEL)
        if label:
            return label
        # A label may be hidden itself.
        return fold("".join(self._tree.texts[node : min(self._tree.ends[node], node + 20)])[:MAX_LABEL])


class _Scopes:
    """Each shadow root, and each frame, has ids of its own."""

    def __init__(self, tree: Tree) -> None:
        self._starts = [node for node, tag in enumerate(tree.tags) if tag in (SHADOW_ROOT, "iframe")]
        self._tree = tree

    def key(self, target: str, node: int) -> str:
        """What an id is listed under, as elements near `node` mean it."""
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
