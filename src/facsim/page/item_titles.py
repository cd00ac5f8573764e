"""Titles of list items, rows and articles without a label: what a person would call the item."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from facsim.page.accessible_names import MAX_LABEL, AccessibleNames
from facsim.page.card_titles import is_in_last
from facsim.page.slugs import SYMBOLS, is_count, is_price, slug
from facsim.page.text_runs import TextRuns
from facsim.page.tree import TEXT, Tree

_LISTS = frozenset({"ul", "ol", "menu"})
_WORDS_OF_SENTENCE = 5
_LEAST_LINKS = 4
_LEAST_CELLS = 3
_LINK_TO_ALL = re.compile(
    r"\s*\b(?:(?:view|see|show|shop|browse|discover|explore) (?:all|more)|learn more"
    r"|alles? (?:anzeigen|ansehen)"
    r"|mehr (?:anzeigen|ansehen|erfahren)|(?:tout )?voir (?:tout|plus)|ver (?:todos?|todas?|más|mais|tudo)"
    r"|mostra tutto|vedi tutto|zobacz wszystkie)\b(?: \d+)?(?: [^\W\d_]+)?\W*$",
    re.IGNORECASE,
)
# `1-48 of over 2,000 results for "kettle"`: only the counted noun is stable.
_RESULT_COUNT = re.compile(
    r"^\W*\d[\d.,]*\s*(?:(?:[-–]|to|bis|à|a)\s*\d[\d.,]*\s*)?"  # noqa: RUF001
    r"(?:(?:of|out of|from|von|de|sur|su|di|van|av|z|из)\b[^\d]*\d[\d.,\s]*)?\s*"
    r"((?:results?|items?|products?|ergebnisse|produkte|artikel|résultats?|produits?|resultados?|productos?|produtos?"
    r"|risultati|prodotti|resultaten|результат\w*|товар\w*)\b)",
    re.IGNORECASE,
)


class ItemTitles:
    """Titles of the items of one page.

    Args:
        tree: the document.
        runs: its visible text.
        labels: its accessible names.
        targets: the nodes that will be named, in order.
        headings: its headings, in order; may be filled later.
        ranks: their ranks.
    """

    def __init__(
        self,
        tree: Tree,
        runs: TextRuns,
        labels: AccessibleNames,
        targets: Sequence[int],
        *,
        headings: Sequence[int],
        ranks: Sequence[int],
    ) -> None:
        self._tree, self._runs, self._labels, self._targets = tree, runs, labels, targets
        self._headings, self._ranks = headings, ranks
        self._heads: dict[int, bool] = {}

    def of(self, card: int) -> str:  # noqa: PLR0911 (the first that is there)
        """Title of an item: heading, row header, first link with text, or preceding text."""
        tree, runs = self._tree, self._runs
        end = tree.ends[card]
        if tree.tags[card] == "tr" and "table" in tree.tags[card:end]:
            return ""  # It lays out the page.
        by_header = self._row_title(card) if tree.tags[card] == "tr" else None
        if by_header is not None:
            return by_header
        heading = bisect_left(self._headings, card)
        if heading < len(self._headings) and self._headings[heading] < end:
            return self._heading_of(card)
        first = bisect_right(self._targets, card)
        before = self._text_before(card, self._targets[first])
        if self._begins_with_list(card, self._targets[first]):
            # Each link is about a different thing; none of them is the topic of the list.
            return before
        # Text before the first link describes it: `Report of the year … PDF`.
        if before and tree.tags[card] == "tr":
            return before
        if sentence := self._text_before(card, self._targets[first], least_words=_WORDS_OF_SENTENCE):
            return sentence
        for target in self._targets[first : min(first + 3, bisect_left(self._targets, end))]:
            if tree.tags[target] != "a":
                # Rows may begin with a checkbox.
                if tree.tags[card] == "tr":
                    continue
                break
            title = runs.title(target, alt=False, limit=MAX_LABEL) or self._labels.of(target)
            if is_price(title) or _LINK_TO_ALL.fullmatch(title):
                continue
            # An order's row is named by the order number, not by the text next to it.
            has_several = bisect_left(self._targets, end) - first > 1
            if title and (has_several or (tree.tags[card] == "tr" and is_count(title))):
                return title
        if before:
            return before
        inside = self._targets[first : bisect_left(self._targets, end)]
        # Stars to press above the title of a review.
        is_wordless = len(inside) > 1 and not any(map(self._labels.of, inside))
        return self._text_beside(card) if is_wordless or tree.tags[card] == "tr" else ""

    def _heading_of(self, item: int) -> str:
        """Heading of a list item or similar; empty if it contains several sections."""
        first = bisect_left(self._headings, item)
        last = bisect_left(self._headings, self._tree.ends[item], first)
        rank = min(self._ranks[first:last])
        best = [place for place in range(first, last) if self._ranks[place] == rank]
        titles = [self._runs.title(self._headings[place], limit=MAX_LABEL) for place in best]
        titles = [title for title in titles if slug(title) and not is_count(title)]
        return titles[0] if len(set(titles)) == 1 else ""

    def _row_title(self, row: int) -> str | None:
        """Title of a row from its header cells; None if there are none."""
        tree = self._tree
        cells = [child for child in tree.children(row) if tree.tags[child] != TEXT]
        header = next((cell for cell in cells if tree.tags[cell] == "th"), None)
        if header is None:
            return None
        if any(tree.tags[cell] == "td" for cell in cells):
            return self._runs.text(header, limit=MAX_LABEL)
        # A row of only header cells is the table head; a single header cell titles the rows below.
        first = self._targets[bisect_right(self._targets, row)]
        return self._text_before(row, first) if len(cells) == 1 else ""

    def _begins_with_list(self, card: int, target: int) -> bool:
        """Whether the first target in an item is in a nested list, or in a row a link beside links."""
        tree, node = self._tree, self._tree.parents[target]
        if tree.tags[card] == "tr" and (self._is_link_among_links(target) or self._lists_links(card)):
            return True
        while node > card:
            if tree.tags[node] in _LISTS:
                return True
            node = tree.parents[node]
        return False

    def _is_link_among_links(self, target: int) -> bool:
        """Whether a link is one of several to different addresses, with only text between them."""
        tree, box = self._tree, self._tree.parents[target]
        children = [child for child in tree.children(box) if tree.tags[child] not in (TEXT, "br")]
        addresses = {tree.attributes[child].get("href", "") for child in children if tree.tags[child] == "a"}
        return len(children) == len(addresses) >= _LEAST_LINKS and "" not in addresses

    def _lists_links(self, row: int) -> bool:
        """Whether a row is a line of links: one in each cell and no other text.

        Rows of data have a head, or links that other rows have, too (`Invoice`, `Track`).
        """
        tree, runs, end = self._tree, self._runs, self._tree.ends[row]
        links = self._targets[bisect_right(self._targets, row) : bisect_left(self._targets, end)]
        if len(links) < _LEAST_CELLS or any(tree.tags[link] != "a" for link in links):
            return False
        cells = [child for child in tree.children(row) if runs.has_text(child)]
        if len(cells) != len(links) or not all(
            cell < link < tree.ends[cell] for cell, link in zip(cells, links, strict=True)
        ):
            return False
        said = [runs.text(link, alt=False) for link in links]
        return " ".join(said) == runs.text(row, alt=False) and not (
            self._has_head(row) or any(self._times[text] > 1 for text in said)
        )

    def _has_head(self, row: int) -> bool:
        """Whether the table around a row has header cells."""
        tree, table = self._tree, row
        while table >= 0 and tree.tags[table] != "table":
            table = tree.parents[table]
        if table >= 0 and table not in self._heads:
            self._heads[table] = "th" in tree.tags[table : tree.ends[table]]
        return table >= 0 and self._heads[table]

    @cached_property
    def _times(self) -> Counter[str]:
        """How often links of the page have each text."""
        return Counter(
            [self._runs.text(node, alt=False) for node in self._targets if self._tree.tags[node] == "a"]
        )

    def _text_beside(self, row: int) -> str:
        """The first words of a row outside any target."""
        runs = self._runs
        start, stop = runs.span(row, self._tree.ends[row])
        for run in range(start, min(stop, start + 10)):
            text = runs.texts[run][:400].strip()
            if (
                text not in SYMBOLS
                and slug(text)
                and not is_in_last(self._tree, self._targets, runs.nodes[run])
            ):
                return text
        return ""

    def _text_before(self, card: int, target: int, *, least_words: int = 1) -> str:
        """The first words before the first target; text after it is a count, a unit or a remark.

        Args:
            card: the item.
            target: its first target.
            least_words: how many words the text must have.
        """
        start, stop = self._runs.span(card, target)
        for run in range(start, min(stop, start + 10)):
            text = self._runs.texts[run][:400].strip()
            is_long_enough = least_words == 1 or len(text.split()) >= least_words
            if is_long_enough and text not in SYMBOLS and slug(text) and not is_price(text):
                return text
        return ""


def without_link_to_all(title: str) -> str:
    """Text of a heading without a "see all" link and without the number of results."""
    counted = _RESULT_COUNT.match(title)
    if counted:
        return counted[1]
    return _LINK_TO_ALL.sub("", title).strip() or title
