"""Card and row detection: similar adjacent boxes, each about one thing (a product, an order, a review).

Markup rarely identifies cards, but repetition does: similar boxes under one ancestor, each with its own title
next to a price, a picture, a heading or controls. Of nested boxes, the outermost about a single thing is the
card; a box around several cards is a list.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from facsim.page.accessible_names import AccessibleNames
from facsim.page.addresses import destination
from facsim.page.card_titles import CardTitles, PossibleTitles, holds
from facsim.page.slugs import CURRENCY_SIGNS, slug
from facsim.page.text_runs import TextRuns
from facsim.page.tree import Tree

_BOXES = frozenset({"div", "section", "span", "form", "li", "article", "tr", "td", "dd", "tbody"})
_LANDMARKS = frozenset({"header", "nav", "main", "footer", "aside"})
"""A box that contains one of these is a part of the page, not a card."""
_ITEMS = frozenset({"li", "article", "tr"})
_MAX_TARGETS = 60
_MAX_DESTINATIONS = 3
_MOST_COMMON = 4
_OFTEN = 3
_MOST_PARTS = 2
_MOST_OFFERS = 4
_FEW = 20
_CURRENCY = re.compile(
    rf"[$円{CURRENCY_SIGNS}]|\b(?:dollars?|euros?|pounds?|reais|pesos?|EUR|USD|GBP|CHF|CAD|AUD|INR|Rs|Rp|Kč|kr|zł|TL)\b"
    r"|\u0440\u0443\u0431|\d[,:][-–]",  # noqa: RUF001
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_LONGEST_AROUND_PRICE = 200
_LONGEST_SIGN = 9
_Family = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class PageCard:
    """The thing that a box is about.

    Attributes:
        title: the full title.
        main: node of its main link; -1 if it has none.
        address: destination of the main link, or empty.
        has_price: whether it shows a price.
        has_picture: whether it shows a picture.
    """

    title: str
    main: int
    address: str
    has_price: bool
    has_picture: bool

    @property
    def thing(self) -> str:
        """Key that distinguishes it from a card about something else."""
        return self.address or self.title.casefold()


def find_cards(
    tree: Tree,
    runs: TextRuns,
    labels: AccessibleNames,
    *,
    boxes: Sequence[int],
    targets: Sequence[int],
    headings: Mapping[int, int],
) -> dict[int, PageCard]:
    """Find the cards of a page, by their box.

    Args:
        tree: the document.
        runs: its visible text.
        labels: its accessible names.
        boxes: elements that contain targets but are not targets, in order.
        targets: the nodes that will be named, in order.
        headings: the rank of each heading, in order.
    """
    return _Detector(tree, runs, labels, targets, headings).cards(boxes)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A box that shows enough to be a card."""

    box: int
    has_price: bool
    has_picture: bool
    titles: PossibleTitles


class _Detector:
    def __init__(
        self,
        tree: Tree,
        runs: TextRuns,
        labels: AccessibleNames,
        targets: Sequence[int],
        headings: Mapping[int, int],
    ) -> None:
        self._tree, self._runs, self._labels, self._targets = tree, runs, labels, targets
        self._ranks, self._headings = headings, list(headings)
        self._pictures = tree.with_tags(("img",))
        self._landmarks = tree.with_tags(_LANDMARKS)
        self._links = [node for node in targets if tree.tags[node] == "a"]
        self._addresses = [destination(tree.attributes[node].get("href", "")) for node in self._links]
        self._titles = CardTitles(tree, runs, labels, targets, headings)

    @cached_property
    def _times(self) -> Counter[str]:
        """How many links of the page lead to each address, whatever its query."""
        return Counter([address.partition("?")[0] for address in self._addresses])

    @cached_property
    def _prices(self) -> list[int]:
        return _price_nodes(self._runs)

    def cards(self, boxes: Sequence[int]) -> dict[int, PageCard]:
        families: dict[_Family, list[int]] = {}
        tags, parents, attributes = self._tree.tags, self._tree.parents, self._tree.attributes
        for box in boxes:
            tag = tags[box]
            if tag in _BOXES or "-" in tag or "role" in attributes[box]:
                parent = parents[box]
                if parent >= 0:
                    families.setdefault((parents[parent], tags[parent], tag), []).append(box)
        found: dict[int, PageCard] = {}
        for family in families.values():
            if len(family) > 1:
                candidates = list(filter(None, map(self._candidate, family)))
                if len(candidates) > 1:
                    found |= self._cards_of(candidates)
        return self._outermost_of_one_thing(found)

    def _cards_of(self, candidates: Sequence[_Candidate]) -> dict[int, PageCard]:
        """The cards of a family. Text that many of them share (`View details`) is a control, not a title."""
        common: set[str] = set()
        shared: set[str] = set()
        pictured = {
            each.box: destination(self._tree.attributes[each.titles.picture].get("href", ""))
            for each in candidates
            if each.titles.picture >= 0
        }
        for _ in range(_MOST_COMMON):
            cards = {each.box: card for each in candidates if (card := self._card(each, common, shared))}
            # Copies of a card that its text titles, as in an endless carousel, count once.
            things = {
                (card.title, (card.main < 0 and pictured.get(box, "")) or str(box))
                for box, card in cards.items()
            }
            titles = Counter([title for title, _ in things])
            if len(titles) == 1:
                shared |= titles.keys()
            often = max(_OFTEN, len(things) // 10)
            more = {title for title, count in titles.items() if count >= often} - common
            if not more:
                more = {title for title, count in titles.items() if count > 1} - common
                alike = _alike(cards)
                if alike or not more:
                    return alike
            common |= more
        return {}

    def _outermost_of_one_thing(self, found: dict[int, PageCard]) -> dict[int, PageCard]:
        """Remove boxes around several cards, and boxes inside cards."""
        boxes = sorted(found)
        recurring = self._recurring(boxes, found)
        kept: dict[int, PageCard] = {}
        end = -1
        for place, box in enumerate(boxes):
            if box < end:
                continue
            inner = boxes[place + 1 : bisect_left(boxes, self._tree.ends[box])]
            things = {
                found[other].thing for other in inner if found[other].has_price or found[other].has_picture
            }
            if found[box].thing not in recurring:
                things -= recurring
            if len(things) > 1 and not self._are_parts(found[box], [found[other] for other in inner]):
                continue
            kept[box] = found[box]
            end = self._tree.ends[box]
        return kept

    @staticmethod
    def _are_parts(outer: PageCard, inner: Sequence[PageCard]) -> bool:
        """Whether boxes are parts of one thing: its picture and swatches, or its formats and offers.

        Of picture and swatches, only the box around them has the price. Formats and offers have a price, but
        only the box around them has a picture, and a main link.
        """
        things = {card.thing for card in inner}
        if outer.has_picture and outer.main >= 0 and not any(card.has_picture for card in inner):
            return len(things) <= _MOST_OFFERS
        is_one = outer.thing in things and len(things) <= _MOST_PARTS
        return is_one and outer.has_price and not any(card.has_price for card in inner)

    def _recurring(self, boxes: Sequence[int], found: Mapping[int, PageCard]) -> set[str]:
        """Things that boxes apart from each other are about, such as the cart of a link in every card."""
        ends: dict[str, int] = {}
        times: Counter[str] = Counter()
        for box in boxes:
            thing = found[box].thing
            if ends.get(thing, -1) <= box:
                times[thing] += 1
                ends[thing] = self._tree.ends[box]
        return {thing for thing, count in times.items() if count >= _OFTEN}

    def _candidate(self, box: int) -> _Candidate | None:
        """A box that may be a card; cheap checks come first."""
        end = self._tree.ends[box]
        first = bisect_right(self._targets, box)
        if bisect_left(self._targets, end, first) - first > _MAX_TARGETS:
            return None
        has_picture = holds(self._pictures, box, end)
        # Table rows are named by their headers and numbers.
        if (self._tree.tags[box] == "tr" and not has_picture) or holds(self._landmarks, box, end):
            return None
        has_price = holds(self._prices, box, end)
        if not self._shows_enough(box, first, has_price=has_price, has_picture=has_picture):
            return None
        titles = self._titles.possible(box, has_picture=has_picture)
        return None if titles is None else _Candidate(box, has_price, has_picture, titles)

    def _card(self, candidate: _Candidate, common: set[str], shared: set[str]) -> PageCard | None:
        """The card of a box; None if it has no title besides what it has in common with others."""
        chosen = self._titles.choose(candidate.titles, common, shared)
        if chosen is None:
            return None
        title, main = chosen
        address = destination(self._tree.attributes[main].get("href", "")) if main >= 0 else ""
        return PageCard(title, main, address, candidate.has_price, candidate.has_picture)

    def _shows_enough(self, box: int, first: int, *, has_price: bool, has_picture: bool) -> bool:
        """Whether a box shows enough besides its title, and not too much.

        Args:
            box: the box.
            first: place of its first target among the targets.
            has_price: whether it shows a price.
            has_picture: whether it shows a picture.
        """
        tree, end = self._tree, self._tree.ends[box]
        addresses = self._addresses_in(box + 1, end)
        target = self._targets[first]
        is_alone = first + 1 == len(self._targets) or self._targets[first + 1] >= end
        is_pictured = has_picture or holds(self._headings, box, end)
        if is_alone and addresses and not is_pictured and not self._price_beside(box, target):
            return False
        if has_price:
            is_one = bool(addresses) or not is_alone or tree.tags[target] == "button"
            return is_one and not self._is_price_of_item(box)
        several = {*addresses} - {""}
        if len(several) > _MAX_DESTINATIONS and is_pictured:
            # Links that are in other boxes, too, are controls: help, a sign-in page.
            paths = [address.partition("?")[0] for address in addresses]
            several = {path for path in paths if path and self._times[path] - paths.count(path) < _OFTEN}
        if len(several) == 1:
            return not is_alone or self._shows_more(box, target)
        return 1 < len(several) <= _MAX_DESTINATIONS and is_pictured

    def _shows_more(self, box: int, target: int) -> bool:
        """Whether a box shows text outside its only element."""
        ends = self._tree.ends
        before, start = self._runs.span(box, target)
        stop, after = self._runs.span(ends[target], ends[box])
        texts = (*self._runs.texts[before:start][:_FEW], *self._runs.texts[stop:after][:_FEW])
        return any(slug(text[:_FEW]) for text in texts)

    def _is_price_of_item(self, box: int) -> bool:
        """Whether the first price in a box belongs to an item of a nested list, with an element to act on."""
        tree = self._tree
        node = tree.parents[self._prices[bisect_left(self._prices, box)]]
        while node > box:
            if tree.tags[node] in _ITEMS and holds(self._targets, node + 1, tree.ends[node]):
                return not self._is_part_of_card(node)
            node = tree.parents[node]
        return False

    def _is_part_of_card(self, item: int) -> bool:
        """Whether an item with a price is one of the parts of a card: the others all lead to one thing."""
        start, end = self._tree.parents[item] + 1, self._tree.ends[self._tree.parents[item]]
        if holds(self._prices, start, item) or holds(self._prices, self._tree.ends[item], end):
            return False
        others = (*self._addresses_in(start, item), *self._addresses_in(self._tree.ends[item], end))
        return len(set(others)) == 1 and "" not in others

    def _addresses_in(self, start: int, end: int) -> Sequence[str]:
        """Destinations of the links in nodes `start` to `end` (exclusive)."""
        return self._addresses[bisect_left(self._links, start) : bisect_left(self._links, end)]

    def _price_beside(self, box: int, target: int) -> bool:
        """Whether a box shows a price outside its only element."""
        ends = self._tree.ends
        return holds(self._prices, box, target) or holds(self._prices, ends[target], ends[box])


def _alike(cards: dict[int, PageCard]) -> dict[int, PageCard]:
    """The cards of a family that show the same kinds of content; none if they all have one title."""
    kinds = Counter([(card.has_price, card.has_picture) for card in cards.values()])
    pictures = {has_picture for (_, has_picture), count in kinds.items() if count > 1}
    alike = {box: card for box, card in cards.items() if card.has_picture in pictures}
    titles = Counter([card.title.casefold() for card in alike.values()])
    # Products may occur twice, but text shared by half of the cards is not a title.
    return alike if len(titles) > 1 and max(titles.values()) <= max(2, len(alike) // 2) else {}


def _price_nodes(runs: TextRuns) -> list[int]:
    """Text nodes that show a price, or a currency sign next to its digits."""
    texts = runs.texts
    found = []
    # The currency sign may be a separate node: `$` next to `12`.
    likely = {
        text
        for text in {*texts}
        if len(text) < _LONGEST_AROUND_PRICE
        and (len(text) < _LONGEST_SIGN or _DIGIT.search(text))
        and _CURRENCY.search(text)
    }
    for place, text in enumerate(texts) if likely else ():
        if text in likely:
            near = text + (texts[place + 1][:12] if place + 1 < len(texts) else "")
            if any(map(str.isdigit, near)) or (place and any(map(str.isdigit, texts[place - 1][-12:]))):
                found.append(runs.nodes[place])
    return found
