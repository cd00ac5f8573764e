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

from facsim.page.accessible_names import MAX_LABEL, AccessibleNames
from facsim.page.addresses import destination
from facsim.page.slugs import is_count, is_price, slug
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
_MAX_LINKS_LOOKED_AT = 8
_FEW = 20
_CURRENCY = re.compile(
    r"[$€£¥₹₩₽₺₫₪￥円]|\b(?:dollars?|euros?|pounds?|reais|pesos?|EUR|USD|GBP|CHF|CAD|AUD|INR|Rs|Kč|kr|zł|TL)\b|\u0440\u0443\u0431",
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
        self._pictures = tree.find(lambda tag, _: tag == "img")
        self._landmarks = tree.find(lambda tag, _: tag in _LANDMARKS)

    @cached_property
    def _prices(self) -> list[int]:
        return _price_nodes(self._runs)

    def cards(self, boxes: Sequence[int]) -> dict[int, PageCard]:
        families: dict[_Family, list[int]] = {}
        tree = self._tree
        for box in boxes:
            tag = tree.tags[box]
            if tag in _BOXES or "-" in tag or "role" in tree.attributes[box]:
                parent = tree.parents[box]
                if parent >= 0:
                    families.setdefault((tree.parents[parent], tree.tags[parent], tag), []).append(box)
        found: dict[int, PageCard] = {}
        for family in families.values():
            if len(family) > 1:
                found |= self._cards_of(family)
        return self._outermost_of_one_thing(found)

    def _cards_of(self, family: Sequence[int]) -> dict[int, PageCard]:
        """The cards of a family. Text that many of them share (`View details`) is a control, not a title."""
        common: set[str] = set()
        for _ in range(_MOST_COMMON):
            cards = {box: card for box in family if (card := self._card(box, common))}
            titles = Counter(card.title for card in cards.values())
            often = max(_OFTEN, len(cards) // 10)
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
        kept: dict[int, PageCard] = {}
        end = -1
        for place, box in enumerate(boxes):
            if box < end:
                continue
            inner = boxes[place + 1 : bisect_left(boxes, self._tree.ends[box])]
            things = {
                found[other].thing for other in inner if found[other].has_price or found[other].has_picture
            }
            if len(things) > 1:
                continue
            kept[box] = found[box]
            end = self._tree.ends[box]
        return kept

    def _card(self, box: int, common: set[str]) -> PageCard | None:
        """The card of a box, if the box is about one thing."""
        end = self._tree.ends[box]
        first = bisect_right(self._targets, box)
        last = bisect_left(self._targets, end, first)
        if last - first > _MAX_TARGETS:
            return None
        inside = self._targets[first:last]
        has_price = _holds(self._prices, box, end)
        has_picture = _holds(self._pictures, box, end)
        links = [node for node in inside if self._tree.tags[node] == "a"]
        if not self._may_be_card(box, inside, links, has_price=has_price, has_picture=has_picture):
            return None
        titled = self._title(box, links, common)
        if titled is None:
            return None
        title, main = titled
        return PageCard(title, main, self._address(main) if main >= 0 else "", has_price, has_picture)

    def _may_be_card(
        self, box: int, inside: Sequence[int], links: Sequence[int], *, has_price: bool, has_picture: bool
    ) -> bool:
        """Whether a box shows enough besides its title, and not too much; cheap checks come first."""
        tree, end = self._tree, self._tree.ends[box]
        # Table rows are named by their headers and numbers.
        if (tree.tags[box] == "tr" and not has_picture) or _holds(self._landmarks, box, end):
            return False
        is_pictured = has_picture or _holds(self._headings, box, end)
        if len(inside) == 1 and links and not is_pictured and not self._price_beside(box, inside[0]):
            return False
        if has_price:
            is_one = bool(links) or len(inside) > 1 or tree.tags[inside[0]] == "button"
            return is_one and not self._is_price_of_item(box)
        addresses = {place for node in links if (place := self._address(node))}
        if len(addresses) == 1:
            return len(inside) > 1 or self._shows_more(box, inside[0])
        return 1 < len(addresses) <= _MAX_DESTINATIONS and is_pictured

    def _shows_more(self, box: int, target: int) -> bool:
        """Whether a box shows text outside its only element."""
        ends = self._tree.ends
        before, start = self._runs.span(box, target)
        stop, after = self._runs.span(ends[target], ends[box])
        texts = (*self._runs.texts[before:start][:_FEW], *self._runs.texts[stop:after][:_FEW])
        return any(slug(text[:_FEW]) for text in texts)

    def _is_price_of_item(self, box: int) -> bool:
        """Whether the first price in a box belongs to an item of a nested list, with an element to act on."""
        node = self._tree.parents[self._prices[bisect_left(self._prices, box)]]
        while node > box:
            if self._tree.tags[node] in _ITEMS and _holds(self._targets, node + 1, self._tree.ends[node]):
                return True
            node = self._tree.parents[node]
        return False

    def _price_beside(self, box: int, target: int) -> bool:
        """Whether a box shows a price outside its only element."""
        ends = self._tree.ends
        return _holds(self._prices, box, target) or _holds(self._prices, ends[target], ends[box])

    def _title(self, box: int, links: Sequence[int], common: set[str]) -> tuple[str, int] | None:
        """Title of a box, and its main link or -1; None if it is about several things or nothing."""
        heading = self._heading(box)
        if heading == -1:
            return None
        picture = next((node for node in links if _holds(self._pictures, node, self._tree.ends[node])), None)
        if heading is not None:
            inside = [node for node in links if heading <= node < self._tree.ends[heading]]
            around = [node for node in links if node < heading < self._tree.ends[node]]
            main = next(iter((*inside, *around)), picture)
            title = self._runs.title(heading, limit=MAX_LABEL)
            return title, -1 if main is None else main
        if links:
            return self._title_of_links(links, picture, common)
        start, stop = self._runs.span(box, self._tree.ends[box])
        texts = (text[:200].strip() for text in self._runs.texts[start : min(stop, start + 5)])
        first = next((text for text in texts if slug(text)), "")
        return (first, -1) if first and not is_price(first) and any(map(str.isalpha, first)) else None

    def _title_of_links(
        self, links: Sequence[int], picture: int | None, common: set[str]
    ) -> tuple[str, int] | None:
        address = self._address(picture) if picture is not None else ""
        said = [(node, self._words(node)) for node in links[:_MAX_LINKS_LOOKED_AT]]
        same = [(node, words) for node, words in said if words and address and self._address(node) == address]
        for node, words in (*same, *said):
            if words and words not in common:
                return words, node
        if picture is not None:
            words = self._labels.of(picture)
            if slug(words) and any(map(str.isalpha, words)):
                return words, picture
        return None

    def _words(self, link: int) -> str:
        """Text of a link; empty if it is only a price or a count."""
        words = self._runs.title(link, alt=False, limit=MAX_LABEL)
        return words if slug(words) and not is_count(words) and not is_price(words) else ""

    def _heading(self, box: int) -> int | None:
        """The heading that titles a box: the first of the highest rank; -1 if those differ in text."""
        first = bisect_left(self._headings, box)
        last = bisect_left(self._headings, self._tree.ends[box], first)
        best: list[int] = []
        for heading in self._headings[first:last]:
            words = self._runs.title(heading, limit=MAX_LABEL)
            if not slug(words) or is_count(words) or is_price(words):
                continue
            rank = self._ranks[heading]
            if not best or rank < self._ranks[best[0]]:
                best = [heading]
            elif rank == self._ranks[best[0]]:
                best.append(heading)
        if not best:
            return None
        if len({self._runs.title(heading, limit=MAX_LABEL) for heading in best}) > 1:
            return -1
        return best[0]

    def _address(self, node: int) -> str:
        return destination(self._tree.attributes[node].get("href", ""))


def _alike(cards: dict[int, PageCard]) -> dict[int, PageCard]:
    """The cards of a family that show the same kinds of content; none if they all have one title."""
    kinds = Counter((card.has_price, card.has_picture) for card in cards.values())
    pictures = {has_picture for (_, has_picture), count in kinds.items() if count > 1}
    alike = {box: card for box, card in cards.items() if card.has_picture in pictures}
    titles = Counter(card.title.casefold() for card in alike.values())
    # Products may occur twice, but text shared by half of the cards is not a title.
    return alike if len(titles) > 1 and max(titles.values()) <= max(2, len(alike) // 2) else {}


def _holds(nodes: Sequence[int], start: int, end: int) -> bool:
    place = bisect_left(nodes, start)
    return place < len(nodes) and nodes[place] < end


def _price_nodes(runs: TextRuns) -> list[int]:
    """Text nodes that show a price, or a currency sign next to its digits."""
    texts = runs.texts
    found = []
    for place, text in enumerate(texts):
        # The currency sign may be a separate node: `$` next to `12`.
        is_likely = len(text) < _LONGEST_AROUND_PRICE and (len(text) < _LONGEST_SIGN or _DIGIT.search(text))
        if is_likely and _CURRENCY.search(text):
            near = text + (texts[place + 1][:12] if place + 1 < len(texts) else "")
            if any(map(str.isdigit, near)) or (place and any(map(str.isdigit, texts[place - 1][-12:]))):
                found.append(runs.nodes[place])
    return found
