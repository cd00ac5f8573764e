"""Text that is drawn although `aria-hidden` keeps it from screen readers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from facsim.page.roles import is_hidden, reach_of
from facsim.page.slugs import fold
from facsim.page.tree import Tree

_MOST_NODES = 16
_LONGEST = 300
_MOST_UP = 6
_NO_TEXT = ("i", "svg", "img", "dialog")
_SAYS = re.compile(r"[^\W\d_]{3}|\d|[\u3040-\u30ff\u4e00-\u9fff]")
# The name of an icon that a font draws as a picture: `search`, `arrow_forward`.
_ICON = re.compile(r"[a-z][a-z_]*")
_CUT = re.compile(r"\s*\S*(?:…|\.\.\.)$")
_UNDRAWN = re.compile(r"opacity:0(?![.\d])|clip|left:-\d|text-indent:-\d|width:0(?![.\d])|height:0(?![.\d])")
_LABELS = ("aria-label", "alt", "title", "placeholder", "value")
_TO_BE_SHOWN = frozenset({"id", "tabindex", "onclick", "role", "inert"})
"""Scripts find parts by these to show them: messages, dialogs, menus."""


class AriaHiddenText:
    """Decides which `aria-hidden` parts of a page hold text that people see and that nothing else says.

    More often a copy for screen readers stands beside it: the price in one piece beside the price in its
    parts. Most larger parts (closed menus and dialogs, slides) are invisible.

    Args:
        tree: the page.
        hides: for each kind of node, whether it is hidden.
    """

    def __init__(self, tree: Tree, hides: Sequence[bool]) -> None:
        self._tree, self._hides = tree, hides
        self._said: str | None = None

    def is_drawn(self, node: int) -> bool:
        """Whether to show the hidden element `node` and what is in it."""
        tree = self._tree
        tag, end = tree.tags[node], tree.ends[node]
        if not 1 < end - node <= _MOST_NODES or tag in _NO_TEXT:
            return False
        attributes = tree.attributes[node]
        if not _TO_BE_SHOWN.isdisjoint(attributes) and not _is_link(tag, attributes):
            return False
        text = fold("".join(tree.texts[node:end]))
        return (
            len(text) <= _LONGEST
            and _SAYS.search(text) is not None
            and _ICON.fullmatch(text) is None
            and attributes.get("aria-hidden", "").lower() == "true"
            and not is_hidden(tag, {**attributes, "aria-hidden": "false"})
            and not ("style" in attributes and _UNDRAWN.search("".join(attributes["style"].lower().split())))
            and self._holds_only_text(node)
            and not self._is_named(node)
            and not self._is_said(text)
            # A snapshot tells what was visible.
            and not any("data-facsim-visible" in attributes for _, attributes in tree.kinds_of)
        )

    def _holds_only_text(self, node: int) -> bool:
        tree = self._tree
        return not any(
            self._hides[tree.kinds[inner]] or reach_of(tree.tags[inner], tree.attributes[inner])
            for inner in range(node + 1, tree.ends[node])
            if tree.kinds[inner]
        )

    def _is_named(self, node: int) -> bool:
        """Whether the text is in a control that has another text or a label: its name is not this text."""
        tree = self._tree
        above = tree.parents[node]
        for _ in range(_MOST_UP):
            if above < 0:
                break
            tag, attributes = tree.tags[above], tree.attributes[above]
            if tag == "label" or reach_of(tag, attributes):
                return not {"aria-label", "aria-labelledby", "title"}.isdisjoint(attributes) or any(
                    tree.texts[other].strip()
                    for other in range(above + 1, tree.ends[above])
                    if not node < other < tree.ends[node]
                )
            above = tree.parents[above]
        return False

    def _is_said(self, text: str) -> bool:
        if self._said is None:
            self._said = self._all_said()
        text = _CUT.sub("", text.casefold())
        return text in self._said

    def _all_said(self) -> str:
        """All texts outside hidden parts, and all labels."""
        tree, hides = self._tree, self._hides
        texts: list[str] = []
        done = 0
        for node in tree.of_kinds([kind for kind, hidden in enumerate(hides) if hidden]):
            if node >= done:
                texts += tree.texts[done:node]
                done = tree.ends[node]
        texts += tree.texts[done:]
        for kind, (_, attributes) in enumerate(tree.kinds_of):
            if attributes and not hides[kind]:
                texts += (f" {attributes[name]} " for name in _LABELS if name in attributes)
        return fold("".join(texts)).casefold()


def _is_link(tag: str, attributes: Mapping[str, str]) -> bool:
    """Whether it is a link to another page: only a list of such links is a closed menu."""
    address = attributes.get("href", "#")
    return tag == "a" and not address.startswith("#") and "role" not in attributes and "id" not in attributes
