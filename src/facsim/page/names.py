"""Unique, hierarchical names in words: `search_results.<product>.view_product`.

The last part is the element's accessible name; the parts before it are its enclosing groups. Generated values
(ids, classes, positions) are never used. Equal names are distinguished by the words in which their texts
differ, by address or field, and only then by numbers (`facsim.page.disambiguation`).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping

from facsim.page.accessible_names import MAX_LABEL, AccessibleNames
from facsim.page.addresses import destination, fragment_words, host_words, leads_nowhere
from facsim.page.card_detection import PageCard
from facsim.page.class_words import FUNCTION
from facsim.page.disambiguation import (
    number_duplicates,
)
from facsim.page.fallback_names import FallbackNames
from facsim.page.group_labels import GroupLabels
from facsim.page.groups import UNSPECIFIC, Group, find_groups, outer_path
from facsim.page.option_names import selects_of_options, words_of_options
from facsim.page.qualifiers import Qualifiers
from facsim.page.roles import WIDGET_ROLES, role_of
from facsim.page.slugs import PRICE, begins_with_prices, fold, is_count, is_price, slug, steady
from facsim.page.tags import ACTIONABLE
from facsim.page.text_runs import TextRuns
from facsim.page.tree import Tree

_MAX_GROUPS = 4
_SEARCH = re.compile(r"^(q|s|k|query|search|keywords?|searchterm|field-keywords)$|search", re.IGNORECASE)
_TYPABLE = frozenset({"textbox", "searchbox", "combobox", "spinbutton"})
_FIELDS = _TYPABLE | {"slider", "checkbox", "radio", "switch"}
_FOR_PEOPLE = (
    "address city color colour comment comments country email e_mail first_name last_name message name "
    "password phone quantity size state telephone username zip"
)
_WORDS_FOR_FIELDS = frozenset(_FOR_PEOPLE.split())
"""Names of form fields that say as much as the text beside them, which may be longer."""
_LEAST_TEXT = 200
_SHORT_LABEL = 30
_SHORTEST_TITLE = 4
_LEAST_OF_TITLE = 10
_OFTEN = 3
_OF_PICTURE = re.compile(r"image|picture|photo|img|thumb|foto|bild|product|^[\d_]*$")
_LONGEST_PATH = 102
_MOST_OF_PRODUCT = 25
_MOST_RUNS = 30
_MOST_INSIDE = 60
_FIRST_NODES = 6
_WORD = re.compile(r"[^\W\d_]{2}")
_TO_REVIEWS = re.compile(r"review|rating|bewertung|rezension|opini|recension|reseñ|avis\b", re.IGNORECASE)
_MINUS = frozenset("-−–")  # noqa: RUF001
_BRACKETED = re.compile(r"\s*[(\[]\d[\d.,\s]*[)\]]\s*")
_PREPOSITION = re.compile(
    r"\s+(?:for|of|to|about|on|this|für|zu|über|von|de|du|pour|à|para|per|di|voor|dla|для)$", re.IGNORECASE
)
_NO_BOXES = ACTIONABLE | {"a", "label"}
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
    selects = selects_of_options(tree, targets)
    others = [node for node in targets if node not in selects] if selects else targets
    groups = find_groups(tree, runs, labels, [node for node in others if tree.tags[node] != "option"])
    namer = _Namer(tree, runs, labels, others)
    names = {node: given.get(node, name) for node, name in namer.names(groups)}
    names = number_duplicates(namer.qualifiers.disambiguate(names, given))
    if not selects:
        return names
    words = words_of_options(tree, labels, selects)
    options = {node: given.get(node) or f"{names[select]}.{words[node]}" for node, select in selects.items()}
    names |= number_duplicates(options, names.values())
    return {node: names[node] for node in targets}


class _Namer:
    def __init__(self, tree: Tree, runs: TextRuns, labels: AccessibleNames, targets: list[int]) -> None:
        self._tree, self._runs, self._labels, self._targets = tree, runs, labels, targets
        self._fallbacks = FallbackNames(tree, runs, targets)
        self.qualifiers = Qualifiers(tree, runs, labels, targets, self._fallbacks)
        self._groups: Counter[_Path] = Counter()
        self._picture_words: Counter[str] | None = None
        """How many destinations the pictures with these words, each in a link without text, lead to."""

    def names(self, groups: list[Group]) -> list[tuple[int, str]]:
        """Return a name for each target, not yet unique."""
        group_labels = GroupLabels(self._tree, self._runs, self._labels, self.qualifiers, groups)
        found: list[tuple[int, str]] = []
        around: list[tuple[Group, _Path]] = []
        coming = 0
        for node in self._targets:
            while coming < len(groups) and groups[coming].start <= node:
                self._enter_group(coming, groups[coming], around, group_labels)
                coming += 1
            while around and around[-1][0].end <= node:
                around.pop()
            path, group = (around[-1][1], around[-1][0]) if around else ((), None)
            if group is not None:
                self.qualifiers.group_starts[node] = group.start
            card = next((outer for outer, _ in reversed(around) if outer.card), None)
            found.append((node, ".".join(self._full_name(node, path, group, card))))
        return found

    def _enter_group(
        self, place: int, group: Group, around: list[tuple[Group, _Path]], labels: GroupLabels
    ) -> None:
        while around and around[-1][0].end <= group.start:
            around.pop()
        path = around[-1][1] if around else ()
        if not around or around[-1][0].label != group.label:
            label = labels.longer.get(place, group.label)
            path = (*outer_path(path, group), label)
            if group.is_distinct and place not in labels.merged:
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
        of_box = self._words_of_box(node)
        if of_box == "":
            # A card that opens is called by its title alone.
            is_all = group is not None and group.end <= self._tree.ends[self._tree.parents[node]]
            of_box = group.label if group is not None and is_all else self._words_of_controls(node)
        own = of_box or self._own_words(node)
        if group is None:
            return (own,)
        if of_box is None and card is not None and card.card is not None:
            if self._tree.tags[node] == "a" and (
                part := self._part_of_card(node, own, card.label, card.card)
            ):
                return (*path, part)
            own = self._without_title(node, own, card.card.title)
        if own == group.label:
            # The heading above the first field of a section is the section's, not the field's.
            field = "" if group.is_item else self.qualifiers.field_name(node)
            return (*path, field) if field not in ("", own) else self._named_like_group(group, node, path)
        # A link around a whole card has more text than the title, some of it unstable (the price).
        if own.startswith(f"{group.label}_") and self._shows_price(node):
            return (*path, "view_product")
        own = _without(own, path)
        return path if own in path and self._tree.tags[node] != "a" else (*path, own)

    def _words_of_box(self, node: int) -> str | None:
        """Text of a box to click on beside its own controls, such as a card that opens; None for others."""
        tag = self._tree.tags[node]
        if tag in _NO_BOXES or role_of(tag, self._tree.attributes[node]) not in ("button", "link"):
            return None
        inside = self._inside(node)
        if not inside or len(inside) > _MOST_INSIDE or self._labels.given(node):
            return None
        end = self._tree.ends[node]
        texts: list[str] = []
        after = node
        for inner in (*inside, end):
            if inner < after:
                continue
            start, stop = self._runs.span(after, inner)
            texts += self._runs.texts[start : min(stop, start + _MOST_RUNS)]
            after = self._tree.ends[inner] if inner < end else end
        text = steady(fold("".join(texts)))
        if _WORD.search(text):
            return slug(text)
        return None if any(map(str.isalpha, text)) else ""

    def _words_of_controls(self, node: int) -> str:
        """The first words of the controls in a box."""
        words = (slug(self._runs.title(inner, limit=MAX_LABEL)) for inner in self._inside(node))
        return next(filter(None, words), "")

    def _inside(self, box: int) -> list[int]:
        """The targets in a box; one more than `_MOST_INSIDE` if there are many."""
        first = bisect_right(self._targets, box)
        last = bisect_left(self._targets, self._tree.ends[box], first)
        return self._targets[first : min(last, first + _MOST_INSIDE + 1)]

    def _part_of_card(self, node: int, own: str, label: str, card: PageCard) -> str:
        """Name, within its card, of a link to the card's subject or its reviews; empty for other links."""
        if node == card.main:
            return "view_product" if card.has_price else "view"
        leads_there = (
            card.address and destination(self._tree.attributes[node].get("href", "")) == card.address
        )
        if not leads_there and own != label:
            if self._shows_start_of(node, card.title):
                return "image"
            path = self._tree.attributes[node].get("href", "").partition("?")[0]
            return "reviews" if is_count(self._labels.title(node)) and _TO_REVIEWS.search(path) else ""
        if not self._runs.text(node, alt=False, limit=_LEAST_TEXT):
            if not self._shows_picture(node):
                # A short label may say something else: `169 reviews`.
                is_other = self._labels.of(node) != "" and len(own) <= _SHORT_LABEL
                is_title = not is_other or own.startswith(label) or label.startswith(own)
                return "title" if is_title else own
            is_of_title = f"_{own}_" in f"_{label}_"
            return own if not is_of_title and self._is_control_of_cards(own) else "image"
        return "" if own != label else "title"

    def _shows_start_of(self, node: int, title: str) -> bool:
        """Whether a link shows only a picture whose words are a cut title: `Peeling foam for...`."""
        said = self._labels.title(node)
        start = said.rstrip(" .…").casefold()
        return (
            said.endswith(("...", "…"))
            and len(start) >= _LEAST_OF_TITLE
            and title.casefold().startswith(start)
            and not self._runs.text(node, alt=False, limit=_LEAST_TEXT)
        )

    def _is_control_of_cards(self, words: str) -> bool:
        """Whether pictures in links to several things show the same words: `Add to cart`, not a product."""
        if self._picture_words is None:
            tree, labels = self._tree, self._labels
            pictures = {
                (slug(labels.title(node)), destination(tree.attributes[node].get("href", "")))
                for node in self._targets
                if tree.tags[node] == "a" and not self._runs.text(node, alt=False, limit=_LEAST_TEXT)
            }
            self._picture_words = Counter(words for words, _ in pictures)
        return self._picture_words[words] >= _OFTEN and not _OF_PICTURE.search(words)

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
        # A price next to its title: a price range to filter by is not a product, nor is a branch of a menu.
        beside = self._runs.text(group.start, limit=1_000).replace(self._runs.title(node), "")
        if is_count(group.label) and self._tree.tags[group.start] == "tr":
            return path
        is_small = group.targets <= _MOST_OF_PRODUCT
        if is_small and PRICE.search(beside) and self._tree.tags[self._tree.parents[node]] != "th":
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
        if tag == "a" and (is_price(said := self._labels.of(node)) or begins_with_prices(said)):
            return "price"
        if tag == "a" and words and is_count(title):
            words = self._words_of_amount(title, href) or words
        words = words or self._words_of_field(node, role) or self.qualifiers.address(node)
        if words:
            # The widget gets the name, although its label is clickable, too.
            return f"{words}_label" if tag == "label" and node in self._labels.of_widgets else words
        if tag == "a" and "img" in self._tree.tags[node : self._tree.ends[node]]:
            return attributes.get(FUNCTION, "image")
        if href[:4].lower() == "tel:":
            return "phone"
        return (
            self._fallbacks.icon(node)
            or attributes.get(FUNCTION)
            or host_words(href)
            or self._by_neighbour(node, tag, role)
        )

    def _words_of_field(self, node: int, role: str) -> str:
        """Name of a form field: the text beside it, unless the name in the form is a word for people."""
        name = self.qualifiers.field_name(node)
        if role not in _FIELDS or name in _WORDS_FOR_FIELDS:
            return name
        return self._fallbacks.label_of_field(node, role) or name

    def _words_of_amount(self, amount: str, href: str) -> str:
        """Name of a link whose text is only a price or a count: `1,204` to `/mug#reviews`, `(12)`."""
        if href[:4].lower() == "tel:":
            return "phone"
        if amount.rstrip().endswith("%"):
            # `-20%`, but `64%` of the reviews.
            return "discount" if amount.lstrip(" (")[:1] in _MINUS else "percentage"
        if "#" in href and not leads_nowhere(href):
            place = fragment_words(href)
            return place if place and not _TO_REVIEWS.search(place) else "reviews"
        return "reviews" if _BRACKETED.fullmatch(amount) else ""

    def _by_neighbour(self, node: int, tag: str, role: str) -> str:
        """Name of an element without text: from text next to or above it, else its role."""
        kind = {"textbox": "input", "generic": slug(tag)}.get(role, slug(role)) or "element"
        words = self._fallbacks.text(node, role) or self._fallbacks.column(node)
        if not words and tag == "select":
            # Not the selected option: that changes.
            inside = range(node + 1, min(self._tree.ends[node], node + _FIRST_NODES))
            first = next((inner for inner in inside if self._tree.tags[inner] == "option"), None)
            words = "" if first is None else slug(self._labels.of(first))
        if not words:
            is_picture = tag == "input" and self._tree.attributes[node].get("type", "").lower() == "image"
            return "submit" if is_picture else kind
        return words if role in _FIELDS else f"{words}_{kind}"


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
