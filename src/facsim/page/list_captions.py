"""Captions of lists: the plain text above a menu, a column of a footer, or a filter's values."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from facsim.page.addresses import leads_nowhere
from facsim.page.slugs import is_passing
from facsim.page.text_runs import HIDDEN, TextRuns
from facsim.page.tree import TEXT, Tree

_LISTS = ("ul", "ol")
_WHOLE = frozenset({"html", "body", "main", "nav", "header", "footer", "aside", "form", "li", "td", "th"})
_LEAST_ENTRIES = 2
_MOST_UP = 3
_MOST_SIBLINGS = 6
_MOST_TEXT = 40
_WORD = re.compile(r"[^\W\d_]{2}")
_SENTENCE_ENDS = (".", "!", ",", ";")


def captions_of_lists(
    tree: Tree, runs: TextRuns, targets: Sequence[int], headings: Sequence[int]
) -> Iterator[tuple[int, str]]:
    """Yield each list with several targets that stands below a short text, and the text.

    The text stands directly before the list, or before the box that holds nothing else. It may be a link,
    such as the entry of a menu above its submenu. Headings title what is below them anyway.

    Args:
        tree: the document.
        runs: its visible text.
        targets: the nodes that will be named, in order.
        headings: the headings of the page, in order.
    """
    for node in tree.with_tags(_LISTS):
        first = bisect_left(targets, node)
        if bisect_left(targets, tree.ends[node], first) - first < _LEAST_ENTRIES:
            continue
        before = _before(tree, runs, targets, node)
        if before < 0 or _within(headings, before, tree):
            continue
        if tree.tags[before] == TEXT:
            text = tree.texts[before].strip()
        else:
            text = runs.title(before, alt=False, limit=200)
            held = _within(targets, before, tree)
            if len(held) > 1 or (held and not _is_link_alone(tree, runs, held[0], before)):
                continue
        if (
            len(text) <= _MOST_TEXT
            and _WORD.search(text)
            and not text.endswith(_SENTENCE_ENDS)
            and not is_passing(text)
        ):
            yield node, text


def _before(tree: Tree, runs: TextRuns, targets: Sequence[int], node: int) -> int:
    """The node with text or an element to act on just before a list, or before the boxes that begin with it.

    -1 if there is none.
    """
    for _ in range(_MOST_UP):
        parent = tree.parents[node]
        before = node - 1
        for _ in range(_MOST_SIBLINGS):
            while before > parent and tree.parents[before] != parent:
                before = tree.parents[before]
            if before <= parent:
                break
            if runs.hidden[before] != HIDDEN and (
                _shows_text(tree, runs, before) or _within(targets, before, tree)
            ):
                return before
            before -= 1
        if parent < 0 or before > parent or tree.tags[parent] in _WHOLE:
            break
        node = parent
    return -1


def _shows_text(tree: Tree, runs: TextRuns, node: int) -> bool:
    return not tree.texts[node].isspace() if tree.tags[node] == TEXT else runs.has_text(node)


def _is_link_alone(tree: Tree, runs: TextRuns, link: int, box: int) -> bool:
    """Whether a link leads to another page and is all the text of a box."""
    is_link = tree.tags[link] == "a" and not leads_nowhere(
        tree.attributes[link].get("href", "").partition("#")[0]
    )
    return is_link and runs.text(link, alt=False) == runs.text(box, alt=False)


def _within(nodes: Sequence[int], box: int, tree: Tree) -> Sequence[int]:
    """Those of several nodes, in order, that are in a box or are the box."""
    first = bisect_left(nodes, box)
    return nodes[first : bisect_left(nodes, tree.ends[box], first)]
