"""Finds what a person perceives as groups: landmarks, headed sections, fieldsets, tables, list items, cards.

Each group is a labelled span of nodes. An element's name begins with the labels of its enclosing groups.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate

from facsim.page.accessible_names import MAX_LABEL, AccessibleNames
from facsim.page.branches import find_branches
from facsim.page.card_detection import PageCard, find_cards
from facsim.page.card_titles import is_in_last
from facsim.page.item_titles import ItemTitles, without_link_to_all
from facsim.page.list_captions import captions_of_lists
from facsim.page.roles import WIDGET_ROLES
from facsim.page.slugs import slug
from facsim.page.tags import HEADINGS
from facsim.page.text_runs import TextRuns
from facsim.page.tree import TEXT, Tree

_LANDMARKS = {"nav": "navigation", "header": "header", "footer": "footer", "aside": "sidebar"}
_LANDMARK_ROLES = {
    "navigation": "navigation",
    "banner": "header",
    "contentinfo": "footer",
    "complementary": "sidebar",
    "search": "search",
    "dialog": "dialog",
    "alertdialog": "dialog",
}
_CARDS = frozenset({"li", "article", "tr", "dd"})
_CARD_ROLES = frozenset({"listitem", "article", "row", "treeitem"})
# A card's picture, badge and wish-list button precede its heading.
_MAX_BEFORE = 3
_MESSAGES = frozenset({"alert", "status", "log", "timer"})
"""Transient messages."""
_LEAST_IN_PART = 2
# A heading titles its enclosing box, but not these.
_PARTS_OF_PAGE = frozenset({"html", "body", "main", "nav", "header", "footer", "aside", "#text"})
_TITLED_BY = {"fieldset": "legend", "table": "caption", "details": "summary", "figure": "figcaption"}

_TELLING_TAGS = frozenset((*_CARDS, *_TITLED_BY, *_LANDMARKS, "iframe"))
_LABELLING = frozenset({"role", "aria-label", "aria-labelledby"})


@dataclass(slots=True)
class Group:
    """A labelled span of nodes.

    Attributes:
        start: first node.
        end: one past the last node.
        label: words, as in names.
        targets: number of elements in it that will be named.
        is_distinct: whether groups with the same label are different groups; False for landmarks that are
            labelled only by their role (`navigation`).
        title: full title of a card or a headed section.
        is_item: whether it is a list item, a row or similar.
        card: the card, if it is a card or row.
    """

    start: int
    end: int
    label: str
    targets: int
    is_distinct: bool = True
    title: str = ""
    is_item: bool = False
    card: PageCard | None = None


def find_groups(tree: Tree, runs: TextRuns, labels: AccessibleNames, targets: list[int]) -> list[Group]:
    """Find the groups of a page, outer before inner.

    Args:
        tree: the document.
        runs: its visible text.
        labels: its accessible names.
        targets: the nodes that will be named, in order. Spans without targets are ignored.
    """
    return _Finder(tree, runs, labels, targets).groups()


class _Finder:
    def __init__(self, tree: Tree, runs: TextRuns, labels: AccessibleNames, targets: list[int]) -> None:
        self._tree, self._runs, self._labels, self._targets = tree, runs, labels, targets
        self._is_target = set(targets)
        marks = bytearray(len(tree) + 1)
        for node in targets:
            marks[node + 1] = 1
        self._before = array("I", accumulate(marks))
        self._headings: list[int] = []
        self._ranks: list[int] = []
        roles = [(kind, form[1]["role"]) for kind, form in enumerate(tree.kinds_of) if "role" in form[1]]
        self._messages = tree.of_kinds([kind for kind, role in roles if role in _MESSAGES])
        self._headings_by_role = [kind for kind, role in roles if role == "heading"]
        self._may_be_labelled = [
            tag in _TELLING_TAGS or not _LABELLING.isdisjoint(attributes) for tag, attributes in tree.kinds_of
        ]
        self._cards: dict[int, PageCard] = {}
        self._card_starts: list[int] = []
        self._branches = find_branches(tree, runs, targets)
        self._item_titles = ItemTitles(
            tree, runs, labels, targets, headings=self._headings, ranks=self._ranks
        )

    def groups(self) -> list[Group]:
        self._find_headings()
        containers = self._containers()
        self._cards = find_cards(
            self._tree,
            self._runs,
            self._labels,
            boxes=containers,
            targets=self._targets,
            headings=dict(zip(self._headings, self._ranks, strict=True)),
        )
        self._card_starts = sorted(self._cards)
        found: dict[int, Group] = {}
        flat: list[Group] = []
        for heading, group in self._headed():
            # The card's title is known; its headings are just lines in it.
            if self._card_around(heading) >= 0:
                continue
            if self._tree.ends[group.start] == group.end:
                found[group.start] = group
            else:
                flat.append(group)
        kinds, labelled = self._tree.kinds, self._labels.label_of
        for node in containers:
            may_be_labelled = self._may_be_labelled[kinds[node]] or node in labelled or node in self._branches
            own = self._explicit_label(node) if may_be_labelled else None
            # A heading is more specific than "sidebar"; an explicit label is more specific than a heading.
            if own is not None and (node not in found or own.is_distinct):
                found[node] = own
        for node, caption in captions_of_lists(self._tree, self._runs, self._targets, self._headings):
            if node not in found and self._card_around(node) < 0:
                found[node] = self._group(node, self._tree.ends[node], slug(caption))
        for node, card in self._cards.items():
            found[node] = self._group(node, self._tree.ends[node], slug(card.title))
            found[node].title, found[node].card = card.title, card
        everything = [group for group in (*found.values(), *flat) if group.label]
        return sorted(everything, key=lambda group: (group.start, -group.end))

    def _card_around(self, node: int) -> int:
        """The card that contains a node; -1 if there is none."""
        place = bisect_left(self._card_starts, node) - 1
        card = self._card_starts[place] if place >= 0 else -1
        return card if card >= 0 and node < self._tree.ends[card] else -1

    def _holds_cards(self, node: int) -> bool:
        """Whether a box contains several cards: it is a list or row of cards and takes no card's title."""
        first = bisect_right(self._card_starts, node)
        return bisect_left(self._card_starts, self._tree.ends[node], first) - first > 1

    def _is_message(self, node: int) -> bool:
        return is_in_last(self._tree, self._messages, node)

    def _count(self, start: int, end: int) -> int:
        return self._before[end] - self._before[start]

    def _containers(self) -> list[int]:
        """Elements that contain targets but are not targets, found by walking up from the targets."""
        seen: set[int] = set()
        parents = self._tree.parents
        for target in self._targets:
            node = parents[target]
            while node >= 0 and node not in seen:
                seen.add(node)
                node = parents[node]
        return sorted(seen - self._is_target)

    def _find_headings(self) -> None:
        by_role = self._tree.of_kinds(self._headings_by_role)
        for node in sorted({*self._tree.with_tags(HEADINGS), *by_role}):
            rank = HEADINGS.get(self._tree.tags[node])
            if rank is None:
                level = self._tree.attributes[node].get("aria-level", "2")
                rank = int(level) if level.isascii() and level.isdecimal() and len(level) < 3 else 2
            if not self._runs.hidden[node] and not self._is_message(node):
                self._headings.append(node)
                self._ranks.append(rank)

    def _headed(self) -> list[tuple[int, Group]]:
        """For each heading, the largest box where it comes first and no other heading has its rank or above.

        A heading without such a box titles what follows it, up to the next such heading. `h1` titles the
        page, not a group.
        """
        tree = self._tree
        limits = self._next_of_rank()
        found: list[tuple[int, Group]] = []
        for place, heading in enumerate(self._headings):
            previous = self._headings[place - 1] if place else -1
            box, node = -1, tree.parents[heading]
            while node > previous and tree.ends[node] <= limits[place]:
                if tree.tags[node] in _PARTS_OF_PAGE:
                    break
                if node not in self._is_target:
                    if box >= 0 and self._is_filled(box, heading) and self._adds_headings(box, node):
                        break
                    if self._comes_late(heading, node):
                        break
                    box = node
                    if self._is_card(node):
                        break
                node = tree.parents[node]
            if self._ranks[place] == 1 and not (box >= 0 and self._is_card(box)):
                continue
            title = without_link_to_all(self._runs.title(heading, limit=MAX_LABEL))
            label = slug(title)
            if box >= 0 and self._count(box + 1, tree.ends[box]):
                found.append((heading, self._group(box, tree.ends[box], label, title)))
                continue
            parent = tree.parents[heading]
            end = self._end_of_section(heading, parent, self._after_cards(place, limits[place]))
            if self._count(heading, end):
                found.append((heading, self._group(heading, end, label, title)))
        return found

    def _after_cards(self, place: int, limit: int) -> int:
        """The next heading of the same or a higher rank that is no line of a card, if the first one is.

        Cards are here those of products and the like, with a price or a picture.
        """
        card = self._cards.get(self._card_around(limit))
        if (
            card is None
            or not (card.has_price or card.has_picture)
            or self._card_around(self._headings[place]) >= 0
        ):
            return limit
        for heading, rank in zip(self._headings[place + 1 :], self._ranks[place + 1 :], strict=True):
            if rank <= self._ranks[place] and self._card_around(heading) < 0:
                return heading
        return len(self._tree)

    def _end_of_section(self, heading: int, parent: int, limit: int) -> int:
        """Where what a heading titles ends: with its parent, or at the next such heading.

        The box with the next heading is another section, unless there is nothing to act on before it.
        """
        tree = self._tree
        if parent >= 0 and tree.ends[parent] <= limit:
            return tree.ends[parent]
        end = limit
        while end < len(tree) and tree.parents[end] not in (parent, -1):
            end = tree.parents[end]
        return end if self._count(heading, end) > self._count(heading, tree.ends[heading]) else limit

    def _comes_late(self, heading: int, box: int) -> bool:
        """Whether several targets in a box precede its first heading."""
        before = self._count(box + 1, heading) if heading > box else 0
        return before > _MAX_BEFORE

    def _is_filled(self, box: int, heading: int) -> bool:
        """Whether a box contains targets outside its heading."""
        ends = self._tree.ends
        return self._count(box + 1, ends[box]) > self._count(heading, ends[heading])

    def _adds_headings(self, box: int, outer: int) -> bool:
        after = bisect_left(self._headings, self._tree.ends[box])
        return after < len(self._headings) and self._headings[after] < self._tree.ends[outer]

    def _next_of_rank(self) -> list[int]:
        """For each heading, the node of the next heading of the same or a higher rank."""
        limits = [len(self._tree)] * len(self._headings)
        waiting: list[int] = []
        for place, rank in enumerate(self._ranks):
            while waiting and self._ranks[waiting[-1]] >= rank:
                limits[waiting.pop()] = self._headings[place]
            waiting.append(place)
        return limits

    def _explicit_label(self, node: int) -> Group | None:
        tree = self._tree
        tag, attributes = tree.tags[node], tree.attributes[node]
        role = attributes.get("role", "").lower()
        if role in _MESSAGES:
            return None
        is_in_card = self._card_around(node) >= 0
        label = slug(self._labels.given(node)) if attributes and role not in WIDGET_ROLES else ""
        if not label and tag == "iframe":
            label = slug(attributes.get("title", ""))
        if not label and tag in _TITLED_BY:
            for child in tree.children(node):
                if tree.tags[child] == _TITLED_BY[tag]:
                    label = slug(self._runs.title(child, limit=MAX_LABEL))
                    break
                if tree.tags[child] != TEXT:
                    break
        if is_in_card and self._count(node + 1, tree.ends[node]) < _LEAST_IN_PART:
            return None
        if not label and not is_in_card and self._is_card(node) and not self._holds_cards(node):
            label = slug(self._item_titles.of(node))
        if not label and not is_in_card and node not in self._cards:
            label = self._branches.get(node, "")
        if not label:
            label = _LANDMARK_ROLES.get(role, "") or (_LANDMARKS.get(tag, "") if not role else "")
        if not label:
            return None
        group = self._group(node, tree.ends[node], label)
        group.is_item = self._is_card(node)
        return group

    def _group(self, start: int, end: int, label: str, title: str = "") -> Group:
        return Group(start, end, label, self._count(start, end), label not in UNSPECIFIC, title)

    def _is_card(self, node: int) -> bool:
        tag, attributes = self._tree.tags[node], self._tree.attributes[node]
        return tag in _CARDS or (bool(attributes) and attributes.get("role", "").lower() in _CARD_ROLES)


UNSPECIFIC = frozenset((*_LANDMARKS.values(), *_LANDMARK_ROLES.values()))
"""Labels that only repeat a landmark's role."""


def outer_path(path: tuple[str, ...], group: Group) -> tuple[str, ...]:
    """The labels before that of a group in names.

    Of a `navigation` between two other groups they say nothing: `header.men.hats` is no other link than
    `header.navigation.men.hats`.
    """
    is_between = len(path) > 1 and group.is_distinct and path[-1] == _LANDMARKS["nav"]
    return path[:-1] if is_between else path
