"""Cards that the markup does not tell: boxes of one form side by side, each about one thing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from facsim.page.accessible_names import MAX_LABEL
from facsim.page.slugs import PRICE, slug
from facsim.page.text_runs import TextRuns
from facsim.page.tree import Tree

_BOXES = frozenset({"div", "section", "span", "form"})
# A card is about one thing; a column of links is about none.
_MAX_TARGETS = 30
_MAX_DESTINATIONS = 3
_MAX_DEPTH = 16
_Family = tuple[int, tuple[str, ...]]


def find_cards(tree: Tree, runs: TextRuns, boxes: Iterable[int], targets: Sequence[int]) -> dict[int, str]:
    """The title of each card.

    Boxes are of one form if they have the same grandparent and the same tags down to their first target.
    They are cards if at least two of them, with different titles, link to one thing beside other content, or
    show a price. Rows of cards are none.

    Args:
        tree: the document.
        runs: its visible text.
        boxes: elements with targets in them that nothing else gives a label, in order.
        targets: the nodes that will be named, in order.
    """
    families: dict[_Family, dict[int, str]] = {}
    for box in boxes:
        if tree.tags[box] in _BOXES or "-" in tree.tags[box]:
            first = bisect_right(targets, box)
            last = bisect_left(targets, tree.ends[box], first)
            form = _form(tree, box, targets[first])
            if form is None or last - first > _MAX_TARGETS:
                continue
            title = _title(tree, runs, box, targets[first:last])
            if title:
                families.setdefault(form, {})[box] = title
    found = {
        box: title
        for family in families.values()
        if len(set(map(slug, family.values()))) > 1
        for box, title in family.items()
    }
    nodes = sorted(found)
    return {
        box: found[box] for place, box in enumerate(nodes) if bisect_left(nodes, tree.ends[box]) - place <= 2
    }


def _form(tree: Tree, box: int, target: int) -> _Family | None:
    """What boxes of one family have in common; None if the first target is too far down."""
    path: list[str] = []
    node = target
    while node != box:
        path.append(tree.tags[node])
        node = tree.parents[node]
        if len(path) > _MAX_DEPTH:
            return None
    parent = tree.parents[box]
    if parent < 0:
        return None
    return tree.parents[parent], (*path, tree.tags[box], tree.tags[parent])


def _title(tree: Tree, runs: TextRuns, box: int, inside: Sequence[int]) -> str:
    """What a box is about, if it is a card by itself; or nothing."""
    links = [node for node in inside if tree.tags[node] == "a"]
    addresses = {tree.attributes[node].get("href", "").partition("#")[0] for node in links} - {""}
    if len(addresses) > _MAX_DESTINATIONS:
        return ""
    text = runs.text(box, alt=False)
    title = next((words for node in links[:3] if (words := runs.title(node, alt=False, limit=MAX_LABEL))), "")
    title = title or (runs.text(links[0], limit=MAX_LABEL) if links else "")
    if not links:
        start, stop = runs.span(box, tree.ends[box])
        first = next((words for words in runs.texts[start : min(stop, start + 5)] if slug(words[:200])), "")
        title = first[:200] if not PRICE.search(first[:200]) else ""
    if not slug(title):
        return ""
    if PRICE.search(text) and (links or len(inside) > 1 or tree.tags[inside[0]] == "button"):
        return title
    beside = text.replace(title, "", 1) if title in text else ""
    return title if len(addresses) == 1 and (len(inside) > 1 or slug(beside)) else ""
