"""Unique, hierarchical names in words: `search_results.<product>.view_product`.

The last part is what the element says (its accessible name), the parts before are the groups around it.
Nothing that pages generate (ids, classes, positions) enters. What is called the same is told apart by what it
says in full, its address or its field, and only then by numbers (`facsim.page.disambiguation`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping

from facsim.page.accessible_names import AccessibleNames
from facsim.page.disambiguation import (
    address_words,
    disambiguate,
    distinguishing,
    join_words,
    number_duplicates,
)
from facsim.page.fallback_names import FallbackNames
from facsim.page.formsets import COPY_INDEX, Formsets
from facsim.page.groups import UNSPECIFIC, Group, find_groups
from facsim.page.roles import WIDGET_ROLES, role_of
from facsim.page.slugs import PRICE, is_count, is_generated, slug, whole_slug
from facsim.page.text_runs import TextRuns
from facsim.page.tree import Tree

_MAX_GROUPS = 4
_SEARCH = re.compile(r"^(q|s|k|query|search|keywords?|searchterm|field-keywords)$|search", re.IGNORECASE)
_TYPABLE = frozenset({"textbox", "searchbox", "combobox", "spinbutton"})
_FIELDS = _TYPABLE | {"slider", "checkbox", "radio", "switch"}
_VALUED = frozenset({"radio", "checkbox", "submit", "button"})
_COMING = frozenset({"option", "menuitem", "menuitemcheckbox", "menuitemradio", "treeitem"})
_WORD_OF_ROLE = {"generic": "", "textbox": "input"}
_FACT = re.compile(r"^\s*([^\W\d][^:]{1,20}):\s*(\S[^:]{0,30})$")
_TITLES = frozenset({"view", "view_product", "image"})
_Path = tuple[str, ...]


def name_elements(
    tree: Tree, runs: TextRuns, labels: AccessibleNames, targets: list[int], given: Mapping[int, str]
) -> dict[int, str]:
    """A unique name for each target.

    Args:
        tree: the document.
        runs: its visible text.
        labels: its accessible names.
        targets: the nodes to name, in document order.
        given: names that a recipe gives; they win over what the page says.
    """
    selects = _selects(tree, targets)
    others = [node for node in targets if node not in selects] if selects else targets
    groups = find_groups(tree, runs, labels, [node for node in others if tree.tags[node] != "option"])
    namer = _Namer(tree, runs, labels, others)
    names = {node: given.get(node, name) for node, name in namer.names(groups)}
    names = number_duplicates(namer.disambiguate(names, given))
    if not selects:
        return names
    options = {
        node: given.get(node) or f"{names[select]}.{slug(labels.of(node)) or 'option'}"
        for node, select in selects.items()
    }
    names |= number_duplicates(options, names.values())
    return {node: names[node] for node in targets}


def _selects(tree: Tree, targets: list[int]) -> dict[int, int]:
    """For each option of a `select` that is named: the select."""
    found: dict[int, int] = {}
    select, end = -1, -1
    for node in targets:
        if tree.tags[node] == "select":
            select, end = node, tree.ends[node]
        elif node < end and tree.tags[node] == "option":
            found[node] = select
    return found


class _Namer:
    def __init__(self, tree: Tree, runs: TextRuns, labels: AccessibleNames, targets: list[int]) -> None:
        self._tree, self._runs, self._labels, self._targets = tree, runs, labels, targets
        self._fallbacks = FallbackNames(tree, runs, targets)
        self._formsets = Formsets(tree)
        self._groups: Counter[_Path] = Counter()
        self._labels_of_groups: dict[int, str] = {}
        """Groups (by their place) that need more than their label."""

    def names(self, groups: list[Group]) -> list[tuple[int, str]]:
        """A name for each target, not yet unique."""
        self._disambiguate_groups(groups)
        found: list[tuple[int, str]] = []
        around: list[tuple[Group, _Path]] = []
        coming = 0
        for node in self._targets:
            while coming < len(groups) and groups[coming].start <= node:
                self._enter_group(coming, groups[coming], around)
                coming += 1
            while around and around[-1][0].end <= node:
                around.pop()
            path, card = (around[-1][1], around[-1][0]) if around else ((), None)
            found.append((node, ".".join(self._full_name(node, path, card))))
        return found

    def disambiguate(self, names: dict[int, str], given: Mapping[int, str]) -> dict[int, str]:
        """Names that look the same, with what else tells their elements apart."""
        kinds = (
            self._unabridged,
            self._address,
            self._page_above,
            self._fragment,
            self._field_name,
            self._value,
            self._column,
            self._copy_index,
            self._role,
        )
        longer = disambiguate(names, given, kinds)
        # Once more: `today` in two columns of three rows is told apart by the column, then by the row.
        return longer if longer is names else disambiguate(longer, given, kinds)

    def _disambiguate_groups(self, groups: list[Group]) -> None:
        """Find cards in one place with the same title, and what else each of them says."""
        around: list[tuple[int, _Path]] = []
        same: dict[_Path, list[int]] = defaultdict(list)
        for place, group in enumerate(groups):
            while around and around[-1][0] <= group.start:
                around.pop()
            path = around[-1][1] if around else ()
            if not path or path[-1] != group.label:
                path = (*path, group.label)
                if group.is_distinct:
                    same[path].append(place)
            around.append((group.end, path))
        for path, places in same.items():
            if len(places) > 1:
                some = [groups[place] for place in places]
                parts = (
                    distinguishing(self._first_address(group) for group in some)
                    or self._distinguishing_fact(some)
                    or distinguishing(self._formsets.within(group.start, group.end) for group in some)
                )
                self._labels_of_groups.update(
                    (place, join_words(path[-1], part)) for place, part in zip(places, parts, strict=False)
                )

    def _first_address(self, group: Group) -> str:
        first = bisect_left(self._targets, group.start)
        for node in self._targets[first : first + 5]:
            if node < group.end and self._tree.tags[node] == "a":
                return self._address(node)
        return ""

    def _distinguishing_fact(self, groups: list[Group]) -> list[str]:
        """What each card says of one thing (`Size: M`), if all of them say something else."""
        said: list[dict[str, str]] = []
        for group in groups:
            start, stop = self._runs.span(group.start, group.end)
            found = [_FACT.match(text[:60]) for text in self._runs.texts[start : min(stop, start + 20)]]
            said.append({one[1]: slug(one[2]) for one in found if one and not is_count(one[2])})
        for key in said[0]:
            values = [values.get(key, "") for values in said]
            if all(values) and len(set(values)) == len(values):
                return values
        return []

    def _enter_group(self, place: int, group: Group, around: list[tuple[Group, _Path]]) -> None:
        while around and around[-1][0].end <= group.start:
            around.pop()
        path = around[-1][1] if around else ()
        if not around or around[-1][0].label != group.label:
            label = self._labels_of_groups.get(place, group.label)
            path = (*path, label)
            if group.is_distinct:
                # Two cards with one title stay apart as a whole.
                self._groups[path] += 1
                if self._groups[path] > 1:
                    path = (*path[:-1], f"{label}_{self._groups[path]}")
        if len(path) > _MAX_GROUPS:
            path = (path[0], *path[-(_MAX_GROUPS - 1) :])
        around.append((group, path))

    def _full_name(self, node: int, path: _Path, group: Group | None) -> _Path:
        own = self._own_words(node)
        if group is None:
            return (own,)
        if own == group.label:
            return self._named_like_group(group, node, path)
        # A link around a whole card says more than the title, and what changes (the price) among it.
        if own.startswith(f"{group.label}_") and self._shows_price(node):
            return (*path, "view_product")
        own = _without(own, path)
        return path if own in path and self._tree.tags[node] != "a" else (*path, own)

    def _named_like_group(self, group: Group, node: int, path: _Path) -> _Path:
        """The name of what is called like its group: the title, or the picture, of a card."""
        if self._tree.tags[node] != "a" or not self._navigates(node):
            return path
        if not self._runs.text(node, alt=False):
            return (*path, "image")
        # A price beside its title: a range of prices to filter by is no product.
        beside = self._runs.text(group.start, limit=1_000).replace(self._runs.title(node), "")
        if is_count(group.label) and self._tree.tags[group.start] == "tr":
            return path
        if PRICE.search(beside) and self._tree.tags[self._tree.parents[node]] != "th":
            return (*path, "view_product")
        return (*path, "view") if group.targets > 1 else path

    def _navigates(self, node: int) -> bool:
        """Whether a link leads anywhere; one to `#` opens what is around it."""
        attributes = self._tree.attributes[node]
        href = attributes.get("href", "").strip()
        return role_of("a", attributes) != "button" and href != "#" and href[:11].lower() != "javascript:"

    def _shows_price(self, node: int) -> bool:
        return self._tree.tags[node] == "a" and bool(PRICE.search(self._runs.text(node, limit=1_000)))

    def _own_words(self, node: int) -> str:
        tag, attributes = self._tree.tags[node], self._tree.attributes[node]
        role = role_of(tag, attributes)
        if role in _TYPABLE and tag != "select" and _is_search(role, attributes):
            return "search_input"
        words = slug(self._labels.title(node))
        if words and not any(map(str.isalpha, words)) and "#" in attributes.get("href", ""):
            # `1,204`, to `/mug#reviews`
            words = self._fragment(node, "") or words
        words = words or self._field_name(node) or self._address(node)
        if words:
            # The widget has the name; its label can be clicked, too.
            return f"{words}_label" if tag == "label" and node in self._labels.of_widgets else words
        if tag == "a" and "img" in self._tree.tags[node : self._tree.ends[node]]:
            return "image"
        return self._fallbacks.icon(node) or self._by_neighbour(node, tag, role)

    def _by_neighbour(self, node: int, tag: str, role: str) -> str:
        """Of what has no words, what stands beside or above it, else what kind of thing it is."""
        kind = {"textbox": "input", "generic": slug(tag)}.get(role, slug(role)) or "element"
        words = self._fallbacks.text(node, role) or self._fallbacks.column(node)
        if not words:
            return kind
        return words if role in _FIELDS else f"{words}_{kind}"

    def _unabridged(self, node: int, name: str) -> str:
        """What an element says, with counts and prices."""
        said = self._labels.of(node)
        words = whole_slug(said)
        return words if name.rpartition(".")[2] == slug(self._labels.title(node)) != words else ""

    def _address(self, node: int, name: str = "") -> str:  # noqa: ARG002
        return address_words(self._tree.attributes[node].get("href", ""), 0)

    def _page_above(self, node: int, name: str) -> str:  # noqa: ARG002
        return address_words(self._tree.attributes[node].get("href", ""), 1)

    def _fragment(self, node: int, name: str) -> str:  # noqa: ARG002
        return address_words("/" + self._tree.attributes[node].get("href", "").partition("#")[2], 0)

    def _column(self, node: int, name: str) -> str:
        # Not of the title of a row.
        return "" if name.rpartition(".")[2] in _TITLES else self._fallbacks.column(node)

    def _copy_index(self, node: int, name: str) -> str:  # noqa: ARG002
        return self._formsets.of(node)

    def _role(self, node: int, name: str) -> str:  # noqa: ARG002
        role = role_of(self._tree.tags[node], self._tree.attributes[node])
        # Lists come and go with what opens them; that keeps its name.
        return "" if role in _COMING else _WORD_OF_ROLE.get(role, slug(role))

    def _field_name(self, node: int, name: str = "") -> str:
        name = self._tree.attributes[node].get("name", "")[:200]
        # Of a form in several copies (`form-0-quantity`, `items[3][quantity]`) what the copies share.
        parts = [part for part in map(slug, COPY_INDEX.split(name)[::2]) if part]
        return parts[-1] if parts and not is_generated(parts[-1]) else ""

    def _value(self, node: int, name: str) -> str:  # noqa: ARG002
        attributes = self._tree.attributes[node]
        # Not of what is filled in.
        is_fixed = self._tree.tags[node] == "button" or attributes.get("type", "").lower() in _VALUED
        return slug(attributes.get("value", "")) if is_fixed else ""


def _is_search(role: str, attributes: Mapping[str, str]) -> bool:
    return role == "searchbox" or bool(_SEARCH.search(attributes.get("name", "")[:100]))


def _without(own: str, path: _Path) -> str:
    """What an element says without the title of the card it is in: `mug.decrease`, not `mug.decrease_mug`."""
    for title in reversed(path):
        rest = own[len(title) + 1 :]
        # One word left says too little: `filter.filter_results`.
        if ("_" in rest or rest in WIDGET_ROLES) and title not in UNSPECIFIC and own.startswith(f"{title}_"):
            return rest
    return own
