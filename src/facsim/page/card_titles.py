"""Titles of cards: of the headings, links, pictures and texts in a box, what it is about."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facsim.page.accessible_names import MAX_LABEL, AccessibleNames
from facsim.page.addresses import destination
from facsim.page.slugs import PRICE, is_count, is_passing, is_price, slug, words_of
from facsim.page.text_runs import TextRuns
from facsim.page.tree import Tree

_MAX_LINKS_LOOKED_AT = 8
_MAX_TEXTS_LOOKED_AT = 12
_MAX_TEXTS_BEFORE_PRICE = 100
_WORDS_OF_TITLE = 3


@dataclass(frozen=True, slots=True)
class PossibleTitles:
    """What may title a box.

    Attributes:
        box: the box.
        titled: title and main link, if they do not depend on similar boxes.
        picture: the first link around a picture, or -1.
        words: the first links and their texts.
    """

    box: int
    titled: tuple[str, int] | None
    picture: int = -1
    words: Sequence[tuple[int, str]] = ()


class CardTitles:
    """Titles of the boxes of one page.

    Args:
        tree: the document.
        runs: its visible text.
        labels: its accessible names.
        targets: the nodes that will be named, in order.
        headings: the rank of each heading, in order.
    """

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
        self._links = [node for node in targets if tree.tags[node] == "a"]
        # Boxes nest, and each box around a link or a heading reads it.
        self._links_read: dict[int, str] = {}
        self._headings_read: dict[int, str] = {}

    def possible(self, box: int, *, has_picture: bool) -> PossibleTitles | None:
        """What may be the title of a box; None if its headings differ."""
        end, heading = self._tree.ends[box], self._heading(box)
        if heading == -1:
            return None
        links = self._links[bisect_right(self._links, box) : bisect_left(self._links, end)]
        around_pictures = (node for node in links if holds(self._pictures, node, self._tree.ends[node]))
        picture = next(around_pictures, -1) if has_picture else -1
        if heading is not None:
            inside = [node for node in links if heading <= node < self._tree.ends[heading]]
            around = [node for node in links if node < heading < self._tree.ends[node]]
            main = next(iter((*inside, *around)), picture)
            title = self._runs.title(heading, limit=MAX_LABEL)
            return PossibleTitles(box, (title, main))
        words = self._words_of_links(links, picture)
        return PossibleTitles(box, None, picture, words)

    def choose(self, possible: PossibleTitles, common: set[str], shared: set[str]) -> tuple[str, int] | None:
        """The title and main link (or -1) of a box; None if it has none besides what others have, too.

        Args:
            possible: what may title the box.
            common: texts that many similar boxes have.
            shared: texts that all of them have.
        """
        if possible.titled is not None:
            return possible.titled
        words = ((text, node) for node, text in possible.words if text not in common)
        return (
            next(words, None)
            or self._title_of_picture(possible.picture, shared)
            or self._title_of_text(possible, common)
        )

    def _title_of_text(self, possible: PossibleTitles, common: set[str]) -> tuple[str, int] | None:
        """Title of a box without links or headings: its first words; with links, those beside them.

        Where sizes come first, the words before the price.
        """
        tree, runs, box = self._tree, self._runs, possible.box
        start, stop = runs.span(box, tree.ends[box])
        for run in range(start, min(stop, start + _MAX_TEXTS_LOOKED_AT)):
            text = runs.texts[run][:200].strip()
            if not slug(text) or text in common:
                continue
            if possible.words and (
                is_price(text) or is_in_last(tree, self._targets, runs.nodes[run]) or is_passing(text)
            ):
                continue
            return (text, -1) if not is_price(text) and any(map(str.isalpha, text)) else None
        return self._words_before_price(start, stop, common) if possible.words else None

    def _words_before_price(self, start: int, stop: int, common: set[str]) -> tuple[str, int] | None:
        """The last words before the first price in a range of runs, outside any control."""
        last, texts = "", self._runs.texts
        for run in range(start, min(stop, start + _MAX_TEXTS_BEFORE_PRICE)):
            text = texts[run][:200].strip()
            # A price may be in parts: `28`, `,`, `00`, `€`.
            if PRICE.search(text) or (last and PRICE.match("".join(texts[run : run + 4])[:40].strip())):
                return (last, -1) if last else None
            if text in common or is_passing(text):
                continue
            if not is_in_last(self._tree, self._targets, self._runs.nodes[run]):
                last = text
        return None

    def _words_of_links(self, links: Sequence[int], picture: int) -> list[tuple[int, str]]:
        """The first links of a box with their words, the likeliest titles first.

        These are links that lead where the picture leads, or say what the picture is called. Pictures may be
        called by a title that no link says, while links say other things (a brand, an author, a badge).
        """
        said = [(node, words) for node in links[:_MAX_LINKS_LOOKED_AT] if (words := self._words(node))]
        if picture < 0:
            return said
        address = self._address(picture)
        same = [one for one in said if address and self._address(one[0]) == address]
        called = self._labels.of(picture)
        if len(called.split()) < _WORDS_OF_TITLE or is_count(called):
            return [*same, *said]
        alike = [one for one in said if _is_alike(one[1], called)]
        described = {*words_of(called)}
        related = [one for one in same if not described.isdisjoint(words_of(one[1]))]
        return [*related, *alike, (picture, called), *said]

    def _title_of_picture(self, picture: int, shared: set[str]) -> tuple[str, int] | None:
        words = self._labels.of(picture) if picture >= 0 else ""
        is_title = words not in shared and slug(words) and any(map(str.isalpha, words))
        return (words, picture) if is_title else None

    def _words(self, link: int) -> str:
        """Text of a link; empty if it is a count or begins with a price."""
        words = self._links_read.get(link)
        if words is None:
            words = self._runs.title(link, alt=False, limit=MAX_LABEL)
            # `$5 ($2/Item)`: its title is without the prices.
            whole = self._runs.text(link, alt=False, limit=MAX_LABEL)
            if words and (not slug(words) or is_count(words) or PRICE.match(whole)):
                words = ""
            self._links_read[link] = words
        return words

    def _words_of_heading(self, heading: int) -> str:
        """Text of a heading; empty if it is a count or a price."""
        words = self._headings_read.get(heading)
        if words is None:
            words = self._runs.title(heading, limit=MAX_LABEL)
            if not slug(words) or is_count(words) or is_price(words):
                words = ""
            self._headings_read[heading] = words
        return words

    def _heading(self, box: int) -> int | None:
        """The heading that titles a box: the first of the highest rank; -1 if those differ in text."""
        first = bisect_left(self._headings, box)
        last = bisect_left(self._headings, self._tree.ends[box], first)
        best: list[int] = []
        for heading in self._headings[first:last]:
            if not self._words_of_heading(heading):
                continue
            rank = self._ranks[heading]
            if not best or rank < self._ranks[best[0]]:
                best = [heading]
            elif rank == self._ranks[best[0]]:
                best.append(heading)
        if not best:
            return None
        if len({self._words_of_heading(heading) for heading in best}) > 1:
            return -1
        return best[0]

    def _address(self, node: int) -> str:
        return destination(self._tree.attributes[node].get("href", ""))


def _is_alike(one: str, other: str) -> bool:
    """Whether one of two texts begins with the other, which may be cut."""
    one, other = (text.casefold().rstrip(".… ") for text in (one, other))
    return one.startswith(other) or other.startswith(one)


def is_in_last(tree: Tree, nodes: Sequence[int], node: int) -> bool:
    """Whether a node is, or is in, the last of the nodes (in order) that begins no later."""
    place = bisect_right(nodes, node) - 1
    return place >= 0 and node < tree.ends[nodes[place]]


def holds(nodes: Sequence[int], start: int, end: int) -> bool:
    """Whether any of the nodes, which are in order, is one of `start` to `end` (exclusive)."""
    place = bisect_left(nodes, start)
    return place < len(nodes) and nodes[place] < end
