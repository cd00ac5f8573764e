"""What is written around elements, or in groups, that are otherwise named alike: an author, a caption."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from facsim.page.card_titles import is_in_last
from facsim.page.slugs import is_passing, slug
from facsim.page.text_runs import TextRuns
from facsim.page.tree import Tree

_MOST_UP = 30
_MOST_BEFORE = 12
_MOST_AFTER = 6
_MOST_IN_GROUP = 24
_MOST_TARGETS = 6
"""Elements in a box; the texts of the other ones in a larger box say nothing of one of them."""
_MOST_ALIKE = 40
_LONGEST = 30
_WORDS_OF_SENTENCE = 4
_WHOLE = frozenset({"html", "body"})
_COUNTED = re.compile(r":\s*\d[\d.,]*$")
"""`Sold: 12` says how many, not which."""
_WORD = re.compile(r"[^\W\d_]{2}")


class Surroundings:
    """Texts near the elements and in the groups of one page.

    Args:
        tree: the document.
        runs: its visible text.
        targets: the nodes to name, in order.
    """

    def __init__(self, tree: Tree, runs: TextRuns, targets: Sequence[int]) -> None:
        self._tree, self._runs, self._targets = tree, runs, targets

    def of_elements(self, nodes: Sequence[int], names: Sequence[str]) -> list[str]:
        """For each element, the nearest words around it that are not around the others; or nothing."""
        if len(nodes) > _MOST_ALIKE:
            return []
        order = sorted(nodes)
        boxes = [self._own_box(node, order) for node in nodes]
        said = [list(self._near(node, box)) for node, box in zip(nodes, boxes, strict=True)]
        return _own_words(said, names)

    def of_groups(self, spans: Sequence[tuple[int, int]], label: str) -> list[str]:
        """For each span of nodes, the first words in it that are not in the others; or an empty string."""
        if len(spans) > _MOST_ALIKE:
            return []
        return _own_words([list(self._inside(*span)) for span in spans], [label] * len(spans))

    def _own_box(self, node: int, order: Sequence[int]) -> int:
        """The largest box around a node without any of the others."""
        tree, place = self._tree, bisect_left(order, node)
        before = order[place - 1] if place else -1
        after = order[place + 1] if place + 1 < len(order) else len(tree)
        box = node
        for _ in range(_MOST_UP):
            above = tree.parents[box]
            if above <= before or tree.ends[above] > after or tree.tags[above] in _WHOLE:
                break
            box = above
        return box

    def _near(self, node: int, box: int) -> Iterator[str]:
        """Texts in a box around an element, the nearest before it first."""
        tree, runs = self._tree, self._runs
        start, at = runs.span(box, node)
        after, stop = runs.span(tree.ends[node], tree.ends[box])
        first, last = bisect_left(self._targets, box), bisect_left(self._targets, tree.ends[box])
        may_be_in_target = last - first <= _MOST_TARGETS
        order = (
            *range(at - 1, max(start, at - _MOST_BEFORE) - 1, -1),
            *range(after, min(stop, after + _MOST_AFTER)),
        )
        yield from self._texts(order, in_targets=False)
        if may_be_in_target:
            yield from self._texts(order, in_targets=True)
        elif self._targets[first] < node and not is_passing(head := runs.title(self._targets[first])):
            # Of a column of links, the first is often its caption.
            yield from self._words(head)

    def _inside(self, start: int, end: int) -> Iterator[str]:
        """Texts of a group, those outside its elements first."""
        first, last = self._runs.span(start, end)
        order = range(first, min(last, first + _MOST_IN_GROUP))
        yield from self._texts(order, in_targets=False)
        yield from self._texts(order, in_targets=True)

    def _texts(self, order: Iterable[int], *, in_targets: bool) -> Iterator[str]:
        for run in order:
            text = self._runs.texts[run][:200].strip()
            if not _WORD.search(text) or is_passing(text) or _COUNTED.search(text):
                continue
            if is_in_last(self._tree, self._targets, self._runs.nodes[run]) == in_targets:
                yield from self._words(text)

    @staticmethod
    def _words(text: str) -> Iterator[str]:
        """The first words of a text, unless they are long."""
        words = slug(" ".join(text.split()[:_WORDS_OF_SENTENCE]))
        if len(words) <= _LONGEST and _WORD.search(words):
            yield words


def _own_words(said: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    """For each of several lists of words, the first that none of the others has."""
    times = Counter(words for each in said for words in {*each})
    return [
        next((words for words in each if times[words] == 1 and f"_{words}_" not in f"_{name}_"), "")
        for each, name in zip(said, names, strict=True)
    ]
