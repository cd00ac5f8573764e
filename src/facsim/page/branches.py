"""Branches of menus: an entry above a box of further entries, as in `Women` above `Jackets` and `Trousers`.

List items are titled by their first link anyway (`facsim.page.item_titles`), unless there are headed columns
below it; many menus are made of other boxes. Only repetition tells them from other boxes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from facsim.page.slugs import is_count, is_price, slug
from facsim.page.text_runs import TextRuns
from facsim.page.tree import Tree

_LEAST_IN_BRANCH = 3
_LEAST_BRANCHES = 3
_LONGEST = 30
_LEAST_TEXT = 60
_TAGS = frozenset({"li", "div"})


def find_branches(tree: Tree, runs: TextRuns, targets: Sequence[int]) -> dict[int, str]:
    """Find the branches of the menus of a page and their labels, by their box.

    A branch is one of at least three boxes side by side that begin with a short text, an element of its own,
    above a single box with three elements or more.

    Args:
        tree: the document.
        runs: its visible text.
        targets: the nodes that will be named, in order.
    """
    parents, ends, tags = tree.parents, tree.ends, tree.tags
    families: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    last = len(targets) - _LEAST_IN_BRANCH
    for place, target in enumerate(targets[: max(last, 0)]):
        previous = targets[place - 1] if place else -1
        following = targets[place + 1]
        # The largest box with this element alone, and the box around it.
        entry = target
        box = parents[entry]
        while box > previous and ends[box] <= following:
            entry, box = box, parents[box]
        if box <= previous or tags[box] not in _TAGS or following < ends[target]:
            continue
        end = ends[box]
        # All other elements are in one box below the entry.
        below = following
        while parents[below] != box:
            below = parents[below]
        after = place + 1 + _LEAST_IN_BRANCH
        if below == following or targets[after - 1] >= ends[below]:
            continue
        if after < len(targets) and targets[bisect_left(targets, end) - 1] >= ends[below]:
            continue
        families[parents[box], tags[box]].append((box, target))
    found: dict[int, str] = {}
    for family in families.values():
        if len(family) >= _LEAST_BRANCHES:
            for box, target in family:
                if label := _label(runs, box, target):
                    found[box] = label
    return found


def _label(runs: TextRuns, box: int, target: int) -> str:
    """Words of the entry, if it comes first; a count or a price is no label."""
    title = runs.title(target, alt=False, limit=_LEAST_TEXT)
    label = slug(title)
    if not 0 < len(label) <= _LONGEST or is_count(title) or is_price(title):
        return ""
    start, stop = runs.span(box, target)
    return "" if any(map(slug, runs.texts[start:stop])) else label
