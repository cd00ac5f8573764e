"""Unique, hierarchical names in words: `search_results.<product>.view_product`.

The last part is the element's accessible name; the parts before it are its enclosing groups. Generated values
(ids, classes, positions) are never used. Equal names are distinguished by the words in which their texts
differ, by address or field, and only then by numbers (`facsim.page.disambiguation`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import islice

from facsim.page.accessible_names import AccessibleNames
from facsim.page.addresses import address_words, destination, fragment_words, leads_nowhere
from facsim.page.card_detection import PageCard
from facsim.page.disambiguation import (
    differing_words,
    disambiguate,
    distinguishing,
    join_words,
    number_duplicates,
    with_words,
)
from facsim.page.fallback_names import FallbackNames
from facsim.page.formsets import COPY_INDEX, Formsets
from facsim.page.groups import UNSPECIFIC, Group, find_groups
from facsim.page.roles import WIDGET_ROLES, role_of
from facsim.page.slugs import PRICE, fold, is_count, is_generated, is_price, slug, steady, whole_slug
from facsim.page.text_runs import TextRuns
from facsim.page.tree import FUNCTION, TEXT, VARIANT, Tree, variant_of

_MAX_GROUPS = 4
_SEARCH = re.compile(r"^(q|s|k|query|search|keywords?|searchterm|field-keywords)$|search", re.IGNORECASE)
_TYPABLE = frozenset({"textbox", "searchbox", "combobox", "spinbutton"})
_FIELDS = _TYPABLE | {"slider", "checkbox", "radio", "switch"}
_VALUED = frozenset({"radio", "checkbox", "submit", "button"})
_COMING = frozenset({"option", "menuitem", "menuitemcheckbox", "menuitemradio", "treeitem"})
_WORD_OF_ROLE = {"generic": "", "textbox": "input"}
_FACT = re.compile(r"^\s*([^\W\d][^:]{1,20}):\s*(\S[^:]{0,30})$")
_TITLES = frozenset({"view", "view_product", "image", "title"})
_LEAST_TEXT = 200
_SHORTEST_TITLE = 4
_MOST_UP = 8
_MOST_UP_TO_VARIANT = 30
_LONGEST_PATH = 102
_MOST_BEFORE = 6
_LONGEST_CAPTION = 30
_WHOLE = frozenset({"html", "body", "main"})
_WORD = re.compile(r"[^\W\d_]{2}")
_BRACKETED = re.compile(r"\s*[(\[]\d[\d.,\s]*[)\]]\s*")
_PREPOSITION = re.compile(
    r"\s+(?:for|of|to|about|on|this|für|zu|über|von|de|du|pour|à|para|per|di|voor|dla|для)$", re.IGNORECASE
)
_Path = tuple[str, ...]


def name_elements(
    tree: Tree, runs: TextRuns, labels: AccessibleNames, targets: list[int], given: Mapping[int, str]
) -> dict[int, str]:
    """Give each target a unique name.

    Args:
        tree: the document.
        runs: its visible text.
        labels: its accessible names.
        targets: the nodes to name, in document order.
        given: names from a recipe; they take precedence over the page.
    """
    selects = _selects(tree, targets)
    others = [node for node in targets if node not in selects] if selects else targets
    groups = find_groups(tree, runs, labels, [node for node in others if tree.tags[node] != "option"])
    namer = _Namer(tree, runs, labels, others)
    names = {node: given.get(node, name) for node, name in namer.names(groups)}
    names = number_duplicates(namer.disambiguate(names, given))
    if not selects:
        return names
    words = _words_of_options(tree, labels, selects)
    options = {node: given.get(node) or f"{names[select]}.{words[node]}" for node, select in selects.items()}
    names |= number_duplicates(options, names.values())
    return {node: names[node] for node in targets}


def _words_of_options(tree: Tree, labels: AccessibleNames, selects: Mapping[int, int]) -> dict[int, str]:
    """Words for each option; equal ones keep dates, prices and counts, or get the label of their group."""
    words = {node: slug(labels.of(node)) or "option" for node in selects}
    same: dict[tuple[int, str], list[int]] = defaultdict(list)
    for node, select in selects.items():
        same[select, words[node]].append(node)
    for nodes in same.values():
        if len(nodes) == 1:
            continue
        words_in_full = [whole_slug(labels.of(node)) for node in nodes]
        ways = [
            differing_words([labels.of(node) for node in nodes], whole=True) or words_in_full,
            [join_words(_label_of_optgroup(tree, node), words[node]) for node in nodes],
        ]
        best = max(ways, key=lambda way: len(set(way)))
        if len(set(best)) > 1:
            words.update(zip(nodes, best, strict=True))
    return words


def _label_of_optgroup(tree: Tree, option: int) -> str:
    parent = tree.parents[option]
    return slug(tree.attributes[parent].get("label", "")) if tree.tags[parent] == "optgroup" else ""


def _selects(tree: Tree, targets: list[int]) -> dict[int, int]:
    """For each option of a named `select`, the select."""
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
        self._merged: set[int] = set()
        """Groups (by index) that are one with others of the same label."""
        self._starts: dict[int, int] = {}
        """Start of the innermost group around each target."""
        self._first_words: dict[int, int] = {}
        self._groups: Counter[_Path] = Counter()
        self._labels_of_groups: dict[int, str] = {}
        """Groups (by index) that need more than their label."""

    def names(self, groups: list[Group]) -> list[tuple[int, str]]:
        """Return a name for each target, not yet unique."""
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
            path, group = (around[-1][1], around[-1][0]) if around else ((), None)
            if group is not None:
                self._starts[node] = group.start
            card = next((outer for outer, _ in reversed(around) if outer.card), None)
            found.append((node, ".".join(self._full_name(node, path, group, card))))
        return found

    def disambiguate(self, names: dict[int, str], given: Mapping[int, str]) -> dict[int, str]:
        """Extend names that look the same by what distinguishes their elements."""
        kinds = (
            self._address,
            self._page_above,
            self._fragment,
            self._field_name,
            self._value,
            self._column,
            self._copy_index,
            self._caption,
            self._unabridged,
            self._role,
        )
        weak = (self._address, self._page_above, self._caption, self._variant)
        return disambiguate(names, given, kinds, weak, self._text_of_name)

    def _disambiguate_groups(self, groups: list[Group]) -> None:
        """Find groups in one place with the same label, and what else distinguishes each of them.

        Outer groups come first: what distinguishes a menu from its copy distinguishes all that is in them.
        """
        parents, levels = _nested(groups)
        paths: list[_Path] = [()] * len(groups)
        for level in levels:
            same: dict[_Path, list[int]] = defaultdict(list)
            for place in level:
                group, parent = groups[place], parents[place]
                above = paths[parent] if parent >= 0 else ()
                if parent >= 0 and groups[parent].label == group.label:
                    paths[place] = above
                    continue
                paths[place] = (*above, group.label)
                if group.is_distinct:
                    same[paths[place]].append(place)
            for places in same.values():
                if len(places) > 1:
                    labels = self._longer_labels([groups[place] for place in places])
                    for place, label in zip(places, labels, strict=True):
                        self._labels_of_groups[place] = label
                        paths[place] = (*paths[place][:-1], label)
                    if len(set(labels)) == 1 and self._share_little(places, groups):
                        self._merged.update(places)

    def _share_little(self, places: list[int], groups: list[Group]) -> bool:
        """Whether sections with the same label hardly have names in common: two carousels of one kind.

        They are then one group. Two address forms stay apart, and so do cards.
        """
        labels: list[str] = []
        for place in places:
            group, node = groups[place], bisect_left(self._targets, groups[place].start)
            if group.card is not None or group.is_item:
                return False
            inner, own = place + 1, set()
            while node < len(self._targets) and self._targets[node] < group.end:
                while inner < len(groups) and groups[inner].end <= self._targets[node]:
                    inner += 1
                if inner < len(groups) and groups[inner].start <= self._targets[node]:
                    own.add(groups[inner].label)
                    node = bisect_left(self._targets, groups[inner].end)
                else:
                    own.add(slug(self._labels.title(self._targets[node])))
                    node += 1
            labels += own
        return len(set(labels)) * 3 > len(labels) * 2

    def _longer_labels(self, groups: list[Group]) -> list[str]:
        """Labels of groups with the same label, extended by what distinguishes them if anything does."""
        label = groups[0].label
        if all(group.title for group in groups):
            varied = differing_words([group.title for group in groups])
            if varied:
                return [with_words(label, part) for part in varied]
        parts = (
            distinguishing(self._first_address(group) for group in groups)
            or self._distinguishing_fact(groups)
            or distinguishing(self._formsets.within(group.start, group.end) for group in groups)
            or self._captions(groups)
            or self._variants(groups)
        )
        return [join_words(label, part) for part in parts] if parts else [label] * len(groups)

    def _captions(self, groups: list[Group]) -> list[str]:
        """The caption above each group, if not all are the same."""
        parts = [self._caption(group.start, group.label) for group in groups]
        return parts if len(set(parts)) > 1 else []

    def _variants(self, groups: list[Group]) -> list[str]:
        """The kind of screen that each group is for, if not all are the same."""
        chains = [self._screens(self._box_of_targets(group)) for group in groups]
        steps = enumerate(zip(*chains, strict=False))
        shared = next((place for place, step in steps if len(set(step)) > 1), min(map(len, chains)))
        parts = [chain[shared] if len(chain) > shared else "" for chain in chains]
        return parts if len(set(parts)) > 1 else []

    def _box_of_targets(self, group: Group) -> int:
        """The innermost box with all the targets of a group; its first node if none is in the group."""
        first, after = bisect_left(self._targets, group.start), bisect_left(self._targets, group.end)
        node = self._tree.parents[self._targets[first]]
        while node > group.start and self._tree.ends[node] <= self._targets[after - 1]:
            node = self._tree.parents[node]
        return max(node, group.start)

    def _variant(self, node: int, name: str) -> str:  # noqa: ARG002
        return next(iter(self._screens(node, self._starts.get(node, 0))), "")

    def _screens(self, node: int, start: int = 0) -> list[str]:
        """The kinds of screen that the parts around an element, from `start` on, are for, outer first."""
        tree, found = self._tree, []
        for _ in range(_MOST_UP_TO_VARIANT):
            if node < start or tree.tags[node] in _WHOLE:
                break
            attributes = tree.attributes[node]
            if attributes and (screen := attributes.get(VARIANT) or variant_of(attributes.get("id", ""))):
                found.append(screen)
            node = tree.parents[node]
        return found[::-1]

    def _first_address(self, group: Group) -> str:
        """Words of the address of a card or item; sections have none, whatever their first link."""
        if group.card is not None:
            return address_words(group.card.address, 0)
        if not group.is_item:
            return ""
        first = bisect_left(self._targets, group.start)
        for node in self._targets[first : first + 5]:
            if node < group.end and self._tree.tags[node] == "a":
                return self._address(node)
        return ""

    def _distinguishing_fact(self, groups: list[Group]) -> list[str]:
        """The value of one fact on each card (`Size: M`), if all values differ."""
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
            if group.is_distinct and place not in self._merged:
                # Two cards with the same title are distinguished as a whole.
                self._groups[path] += 1
                if self._groups[path] > 1:
                    path = (*path[:-1], f"{label}_{self._groups[path]}")
        if len(path) > _MAX_GROUPS:
            path = (path[0], *path[-(_MAX_GROUPS - 1) :])
        while len(path) > 2 and sum(map(len, path)) > _LONGEST_PATH:
            path = (path[0], *path[2:])
        around.append((group, path))

    def _full_name(self, node: int, path: _Path, group: Group | None, card: Group | None) -> _Path:
        own = self._own_words(node)
        if group is None:
            return (own,)
        if card is not None and card.card is not None:
            if self._tree.tags[node] == "a" and (
                part := self._part_of_card(node, own, card.label, card.card)
            ):
                return (*path, part)
            own = self._without_title(node, own, card.card.title)
        if own == group.label:
            return self._named_like_group(group, node, path)
        # A link around a whole card has more text than the title, some of it unstable (the price).
        if own.startswith(f"{group.label}_") and self._shows_price(node):
            return (*path, "view_product")
        own = _without(own, path)
        return path if own in path and self._tree.tags[node] != "a" else (*path, own)

    def _part_of_card(self, node: int, own: str, label: str, card: PageCard) -> str:
        """Name, within its card, of a link to the card's subject; empty for other links."""
        if node == card.main:
            return "view_product" if card.has_price else "view"
        leads_there = (
            card.address and destination(self._tree.attributes[node].get("href", "")) == card.address
        )
        if not leads_there and own != label:
            return ""
        if not self._runs.text(node, alt=False, limit=_LEAST_TEXT):
            return "image" if self._shows_picture(node) else "title"
        return "" if own != label else "title"

    def _without_title(self, node: int, own: str, title: str) -> str:
        """Text of an element without its card's title: `watch`, not `watch_red_kettle`."""
        said = fold(steady(self._labels.title(node)))
        title = fold(steady(title))
        is_telling = len(title) >= _SHORTEST_TITLE and " " in title
        at = said.casefold().find(title.casefold()) if is_telling else -1
        if at < 0 or len(said) == len(title):
            return own
        rest = f"{said[:at]} {said[at + len(title) :]}".strip(" -–:,.|/()")  # noqa: RUF001
        rest = _PREPOSITION.sub("", rest)
        return slug(rest) if _WORD.search(rest) else own

    def _named_like_group(self, group: Group, node: int, path: _Path) -> _Path:
        """Name of an element that is labelled like its group: the title or the picture of a card."""
        if self._tree.tags[node] != "a" or not self._navigates(node):
            return path
        if not self._runs.text(node, alt=False):
            return (*path, "image")
        # A price next to its title: a price range to filter by is not a product.
        beside = self._runs.text(group.start, limit=1_000).replace(self._runs.title(node), "")
        if is_count(group.label) and self._tree.tags[group.start] == "tr":
            return path
        if PRICE.search(beside) and self._tree.tags[self._tree.parents[node]] != "th":
            return (*path, "view_product")
        return (*path, "view") if group.targets > 1 else path

    def _navigates(self, node: int) -> bool:
        """Whether a link leads anywhere; a link to `#` only toggles what is around it."""
        attributes = self._tree.attributes[node]
        return role_of("a", attributes) != "button" and not leads_nowhere(attributes.get("href", ""))

    def _shows_picture(self, node: int) -> bool:
        inside = self._tree.tags[node : self._tree.ends[node]]
        return "img" in inside or "svg" in inside

    def _shows_price(self, node: int) -> bool:
        return self._tree.tags[node] == "a" and bool(PRICE.search(self._runs.text(node, limit=1_000)))

    def _own_words(self, node: int) -> str:
        tag, attributes = self._tree.tags[node], self._tree.attributes[node]
        role = role_of(tag, attributes)
        if role in _TYPABLE and tag != "select" and _is_search(role, attributes):
            return "search_input"
        title = self._labels.title(node)
        words = slug(title)
        href = attributes.get("href", "") if tag == "a" else ""
        if tag == "a" and words and is_count(title):
            words = self._words_of_amount(title, href) or words
        words = words or self._field_name(node) or self._address(node)
        if words:
            # The widget gets the name, although its label is clickable, too.
            return f"{words}_label" if tag == "label" and node in self._labels.of_widgets else words
        if tag == "a" and self._shows_picture(node):
            return "image"
        if href[:4].lower() == "tel:":
            return "phone"
        return self._fallbacks.icon(node) or attributes.get(FUNCTION) or self._by_neighbour(node, tag, role)

    def _words_of_amount(self, amount: str, href: str) -> str:
        """Name of a link whose text is only a price or a count: `1,204` to `/mug#reviews`, `(12)`."""
        if is_price(amount):
            return "price"
        if href[:4].lower() == "tel:":
            return "phone"
        if "#" in href and not leads_nowhere(href):
            return fragment_words(href) or "reviews"
        return "reviews" if _BRACKETED.fullmatch(amount) else ""

    def _by_neighbour(self, node: int, tag: str, role: str) -> str:
        """Name of an element without text: from text next to or above it, else its role."""
        kind = {"textbox": "input", "generic": slug(tag)}.get(role, slug(role)) or "element"
        words = self._fallbacks.text(node, role) or self._fallbacks.column(node)
        if not words:
            return kind
        return words if role in _FIELDS else f"{words}_{kind}"

    def _text_of_name(self, node: int, name: str) -> str:
        """Full text of an element if the last part of its name was cut from it."""
        text = self._labels.title(node)
        return text if name.rpartition(".")[2] == slug(text) else ""

    def _unabridged(self, node: int, name: str) -> str:
        """Text of an element, including counts and prices."""
        said = self._labels.of(node)
        words = whole_slug(said)
        return words if name.rpartition(".")[2] == slug(self._labels.title(node)) != words else ""

    def _address(self, node: int, name: str = "") -> str:  # noqa: ARG002
        return address_words(self._tree.attributes[node].get("href", ""), 0)

    def _page_above(self, node: int, name: str) -> str:  # noqa: ARG002
        return address_words(self._tree.attributes[node].get("href", ""), 1)

    def _fragment(self, node: int, name: str) -> str:  # noqa: ARG002
        return fragment_words(self._tree.attributes[node].get("href", ""))

    def _column(self, node: int, name: str) -> str:
        # Not for the title of a row.
        return "" if name.rpartition(".")[2] in _TITLES else self._fallbacks.column(node)

    def _caption(self, node: int, name: str) -> str:
        """Caption of the box that contains an element, such as the menu entry above a submenu."""
        tree, inner = self._tree, node
        for _ in range(_MOST_UP):
            box = tree.parents[inner]
            if box < 0 or tree.tags[box] in _WHOLE:
                break
            first = self._first_child_with_words(box, inner)
            if first >= 0:
                held = self._targets_in(first, tree.ends[first])
                words = (
                    slug(self._runs.title(first, limit=_LEAST_TEXT))
                    if tree.tags[first] != TEXT
                    else slug(tree.texts[first])
                )
                # A link above sibling links is not their caption; above a box of links it is.
                is_caption = not held or (
                    held == 1 and inner != node and self._targets_in(inner, tree.ends[inner]) > 1
                )
                is_short = 0 < len(words) <= _LONGEST_CAPTION and _WORD.search(words)
                if is_caption and is_short and f"_{words}_" not in f"_{name.rpartition('.')[2]}_":
                    return words
            inner = box
        return ""

    def _first_child_with_words(self, box: int, before: int) -> int:
        """The first child of a box that shows text, if it ends before the node `before`; otherwise -1."""
        child = self._first_words.get(box)
        if child is None:
            children = islice(self._tree.children(box), _MOST_BEFORE)
            child = self._first_words[box] = next(filter(self._has_words, children), -1)
        return child if child < before else -1

    def _has_words(self, node: int) -> bool:
        first, last = self._runs.span(node, self._tree.ends[node])
        return any(map(_WORD.search, self._runs.texts[first : min(last, first + 3)]))

    def _targets_in(self, start: int, end: int) -> int:
        return bisect_left(self._targets, end) - bisect_left(self._targets, start)

    def _copy_index(self, node: int, name: str) -> str:  # noqa: ARG002
        return self._formsets.of(node)

    def _role(self, node: int, name: str) -> str:  # noqa: ARG002
        role = role_of(self._tree.tags[node], self._tree.attributes[node])
        # A popup list appears and disappears, but the control that opens it keeps its name.
        return "" if role in _COMING else _WORD_OF_ROLE.get(role, slug(role))

    def _field_name(self, node: int, name: str = "") -> str:
        name = self._tree.attributes[node].get("name", "")[:200]
        # In a repeated form (`form-0-quantity`, `items[3][quantity]`), the part that the copies share.
        parts = [part for part in map(slug, COPY_INDEX.split(name)[::2]) if part]
        return parts[-1] if parts and not is_generated(parts[-1]) else ""

    def _value(self, node: int, name: str) -> str:  # noqa: ARG002
        attributes = self._tree.attributes[node]
        # Not for values that people fill in.
        is_fixed = self._tree.tags[node] == "button" or attributes.get("type", "").lower() in _VALUED
        return slug(attributes.get("value", "")) if is_fixed else ""


def _nested(groups: list[Group]) -> tuple[list[int], list[list[int]]]:
    """For each group the place of the group around it, or -1; and the places of the groups at each depth.

    A group with the label of the one around it is at the same depth.
    """
    parents: list[int] = []
    depths: list[int] = []
    levels: list[list[int]] = []
    around: list[int] = []
    for place, group in enumerate(groups):
        while around and groups[around[-1]].end <= group.start:
            around.pop()
        parent = around[-1] if around else -1
        is_same = parent >= 0 and groups[parent].label == group.label
        depth = depths[parent] + (not is_same) if parent >= 0 else 0
        parents.append(parent)
        depths.append(depth)
        if depth == len(levels):
            levels.append([])
        levels[depth].append(place)
        around.append(place)
    return parents, levels


def _is_search(role: str, attributes: Mapping[str, str]) -> bool:
    return role == "searchbox" or bool(_SEARCH.search(attributes.get("name", "")[:100]))


def _without(own: str, path: _Path) -> str:
    """Name of an element without the title of its card: `mug.decrease`, not `mug.decrease_mug`."""
    for title in reversed(path):
        rest = own[len(title) + 1 :]
        # A single remaining word says too little: `filter.filter_results`.
        if ("_" in rest or rest in WIDGET_ROLES) and title not in UNSPECIFIC and own.startswith(f"{title}_"):
            return rest
    return own
