"""Unique, hierarchical names in words: `search_results.<product>.view_product`.

The last part is what the element says (its accessible name), the parts before are the groups around it.
Nothing that pages generate (ids, classes, positions) enters. Numbers are added only where two names would be
equal.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from facsim.page.groups import Group, find_groups
from facsim.page.labels import Labels
from facsim.page.looks import look
from facsim.page.roles import role_of
from facsim.page.runs import Runs
from facsim.page.tree import Tree
from facsim.page.words import PRICE, fold, is_generated, slug

_MAX_GROUPS = 4
_SEARCH = re.compile(r"^(q|s|k|query|search|keywords?|searchterm|field-keywords)$|search", re.IGNORECASE)
_TYPABLE = frozenset({"textbox", "searchbox", "combobox", "spinbutton"})
_Path = tuple[str, ...]


def name_elements(
    tree: Tree, runs: Runs, labels: Labels, targets: list[int], given: Mapping[int, str]
) -> dict[int, str]:
    """A unique name for each target.

    Args:
        tree: the document.
        runs: its visible text.
        labels: its accessible names.
        targets: the nodes to name, in document order.
        given: names that a recipe gives; they win over what the page says.
    """
    groups = find_groups(tree, runs, labels, [node for node in targets if tree.tags[node] != "option"])
    namer = _Namer(tree, runs, labels)
    return _unique({node: given.get(node, name) for node, name in namer.names(groups, targets)})


class _Namer:
    def __init__(self, tree: Tree, runs: Runs, labels: Labels) -> None:
        self._tree, self._runs, self._labels = tree, runs, labels
        self._groups: Counter[_Path] = Counter()

    def names(self, groups: list[Group], targets: list[int]) -> list[tuple[int, str]]:
        """A name for each target, not yet unique."""
        found: list[tuple[int, str]] = []
        around: list[tuple[Group, _Path]] = []
        select: tuple[int, str] = (-1, "")
        coming = 0
        for node in targets:
            while coming < len(groups) and groups[coming].start <= node:
                self._enter(groups[coming], around)
                coming += 1
            while around and around[-1][0].end <= node:
                around.pop()
            if self._tree.tags[node] == "option" and node < select[0]:
                found.append((node, f"{select[1]}.{slug(self._labels.of(node)) or 'option'}"))
                continue
            path, card = (around[-1][1], around[-1][0]) if around else ((), None)
            name = ".".join(self._whole(node, path, card))
            if self._tree.tags[node] == "select":
                select = (self._tree.ends[node], name)
            found.append((node, name))
        return found

    def _enter(self, group: Group, around: list[tuple[Group, _Path]]) -> None:
        while around and around[-1][0].end <= group.start:
            around.pop()
        path = around[-1][1] if around else ()
        if not path or path[-1] != group.label:
            path = (*path, group.label)
            if group.is_distinct:
                # Two cards with one title stay apart as a whole.
                self._groups[path] += 1
                if self._groups[path] > 1:
                    path = (*path[:-1], f"{group.label}_{self._groups[path]}")
        if len(path) > _MAX_GROUPS:
            path = (path[0], *path[-(_MAX_GROUPS - 1) :])
        around.append((group, path))

    def _whole(self, node: int, path: _Path, group: Group | None) -> _Path:
        own = self._own(node)
        if group is not None and own == group.label:
            return self._called_like(group, node, path)
        # A link around a whole card says more than the title, and what changes (the price) among it.
        if group is not None and own.startswith(f"{group.label}_") and self._shows_price(node):
            return (*path, "view_product")
        return (*path, own)

    def _called_like(self, group: Group, node: int, path: _Path) -> _Path:
        """The name of what is called like its group: the title, or the picture, of a card."""
        if self._tree.tags[node] != "a":
            return path
        if not self._runs.text(node, alt=False, limit=20):
            return (*path, "image")
        # A price beside it, not in it: a range of prices to filter by is no product.
        beside = self._runs.text(group.start, limit=1_000).replace(self._runs.text(node), "")
        if PRICE.search(beside):
            return (*path, "view_product")
        return (*path, "view") if group.targets > 1 else path

    def _shows_price(self, node: int) -> bool:
        return self._tree.tags[node] == "a" and bool(PRICE.search(self._runs.text(node, limit=1_000)))

    def _own(self, node: int) -> str:
        tag, attributes = self._tree.tags[node], self._tree.attributes[node]
        role = role_of(tag, attributes)
        if role in _TYPABLE and tag != "select" and _is_search(role, attributes):
            return "search_input"
        return (
            slug(self._labels.of(node))
            or _field(attributes.get("name", ""))
            or _last_of(attributes.get("href", ""))
            or {"textbox": "input", "generic": tag}.get(role, slug(role))
            or "element"
        )


def _is_search(role: str, attributes: Mapping[str, str]) -> bool:
    return role == "searchbox" or bool(_SEARCH.search(attributes.get("name", "")[:100]))


def _field(name: str) -> str:
    words = slug(name)
    return "" if is_generated(words) else words


def _last_of(href: str) -> str:
    """The last readable part of an address: `/help/returns.html?x=1` gives `returns`."""
    path = re.split(r"[?#]", href[:500], maxsplit=1)[0].rstrip("/").rpartition("/")[2]
    return slug(re.sub(r"\.[a-z]{2,5}$", "", fold(path)))


def _unique(names: dict[int, str]) -> dict[int, str]:
    """Number what looks the same, the first one plain; names that are unique already stay as they are."""
    looks = {node: look(name) for node, name in names.items()}
    taken = set(looks.values())
    last: dict[str, int] = {}
    unique: dict[int, str] = {}
    for node, name in names.items():
        seen = looks[node]
        if seen not in last:
            unique[node] = name
            last[seen] = 1
            continue
        number = last[seen] + 1
        while f"{seen}_{number}" in taken:
            number += 1
        last[seen] = number
        unique[node] = f"{name}_{number}"
        taken.add(f"{seen}_{number}")
    return unique
