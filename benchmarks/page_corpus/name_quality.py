"""What a person would say of names: readable or not, and rows with a price that are a group or not."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from real_pages import PRICE

from facsim.page.locators import Locators
from facsim.page.tree import TEXT, Tree

_GENERIC = frozenset(
    [
        "link",
        "button",
        "element",
        "input",
        "checkbox",
        "radio",
        "image",
        "img",
        "icon",
        "item",
        "div",
        "span",
        "a",
        "label",
        "textbox",
        "combobox",
        "option",
        "switch",
        "tab",
        "menuitem",
        "slider",
        "spinbutton",
        "searchbox",
        "generic",
        "here",
        "click_here",
        "opens_in_a_new_window",
        "opens_in_a_window_or_tab",
    ]
)
_ORDINAL = re.compile(r"^(.+)_([2-9]|[1-9]\d+)$")
_NUMBER = re.compile(r"[\d_]+")
_COUNTED = re.compile(
    r"(?:^|_)\d[\d_]*_(?:reviews?|ratings?|results?|items?|products?|articles?|comments?|answers?|avis|bewertungen"
    r"|valoraciones|resultados|opiniones|отзыв\w*|レーティング|recensioni|beoordelingen|produkte|artikel)(?:_|$)"
)
_DATE = re.compile(
    r"(?:^|_)(?:\d{1,2}_(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*_(?:19|20)\d\d"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*_\d{1,2}_(?:19|20)\d\d"
    r"|(?:19|20)\d\d_\d\d_\d\d)(?:_|$)"
)
_TURN = re.compile(r"[^\W\d_]\d|\d[^\W\d_]")
_TRACKING = re.compile(r"(?:^|_)(?:ref|qid|pd_rd|pf_rd|utm|srs?_\d|sr_\d)(?:_|$)")
_INLINE = frozenset({"span", "a", "b", "p", "strong", "del", "s", "option", "br"})
_LONGEST = 120
_LEAST_IN_ROW = 3
_COVER = 0.8
_LEAST_ALIKE = 0.5


def ordinal_only(names: Sequence[str]) -> set[str]:
    """The names that differ from another one by a number alone, in any of their parts."""
    known: set[str] = set()
    for name in names:
        parts = name.split(".")
        known.update(".".join(parts[: end + 1]) for end in range(len(parts)))
    found = set()
    for name in names:
        parts = name.split(".")
        for end, part in enumerate(parts):
            numbered = _ORDINAL.match(part)
            if numbered and ".".join((*parts[:end], numbered[1])) in known:
                found.add(name)
                break
    return found


def unreadable(names: Sequence[str]) -> dict[str, str]:
    """The names that nobody would call anything by, and why: the first reason that holds."""
    ordinals = ordinal_only(names)
    numbers = Counter(name.rpartition(".")[0] for name in names if _NUMBER.fullmatch(name.rpartition(".")[2]))
    return {name: why for name in names if (why := _why_unreadable(name, ordinals, numbers))}


def _why_unreadable(name: str, ordinals: set[str], numbers: Mapping[str, int]) -> str:
    head, _, last = name.rpartition(".")
    if name in ordinals:
        return "ordinal"
    if last in _GENERIC and not (last == "image" and head):
        return "generic"
    # Pages, sizes and years stand in a row of their kind.
    if _NUMBER.fullmatch(last) and (numbers[head] < 2 or len(last) > 4):
        return "count"
    if _COUNTED.search(last):
        return "count"
    if _DATE.search(last):
        return "date"
    if _TRACKING.search(name) or any(_is_code(word) for word in re.split(r"[._]", name)):
        return "code"
    return "long" if len(name) > _LONGEST else ""


def _is_code(word: str) -> bool:
    digits = sum(map(str.isdigit, word))
    return (len(word) > 8 and digits > 2 and len(_TURN.findall(word)) > 2) or (
        word.isascii() and len(word) > 20 and digits > 0
    )


def priced_rows(tree: Tree, nodes: Mapping[str, int]) -> list[list[str]]:
    """The names in each row: boxes with one tag side by side, two at least, with a price and three elements.

    A paragraph is no row, nor is a list of things of which one shows a price.

    Args:
        tree: the page.
        nodes: the node of each name.
    """
    inside: dict[int, list[str]] = defaultdict(list)
    for name, node in nodes.items():
        above = tree.parents[node]
        while above >= 0:
            inside[above].append(name)
            above = tree.parents[above]
    families: dict[tuple[int, str], list[int]] = defaultdict(list)
    for box, names in inside.items():
        if (
            len(names) >= _LEAST_IN_ROW
            and tree.tags[box] != "p"
            and PRICE.search("".join(tree.texts[box : tree.ends[box]]))
        ):
            families[tree.parents[box], tree.tags[box]].append(box)
    rows = sorted(box for boxes in families.values() if len(boxes) > 1 for box in _alike(tree, boxes))
    priced = {
        (tree.parents[box], tree.tags[box], box)
        for box in inside
        if PRICE.search("".join(tree.texts[box : tree.ends[box]]))
    }
    shelves = Counter((parent, tag) for parent, tag, _ in priced)
    lists = sorted(parent for (parent, tag), count in shelves.items() if count > 1 and tag not in _INLINE)
    rows = [box for box in rows if not any(box <= other < tree.ends[box] for other in lists)]
    whole = sorted(node for node in nodes.values() if _is_priced_link(tree, node))
    rows = [box for box in rows if not _is_shelf(tree, box, whole)]
    rows = [box for box in rows if not _is_list(tree, box, inside, nodes)]
    innermost = [box for place, box in enumerate(rows) if rows[place + 1 : place + 2] == []
                 or rows[place + 1] >= tree.ends[box]]  # fmt: skip
    return [inside[box] for box in _whole_rows(tree, innermost, nodes)]


def _is_priced_link(tree: Tree, node: int) -> bool:
    """Whether a link is a card of its own: it holds its price."""
    return tree.tags[node] == "a" and bool(PRICE.search("".join(tree.texts[node : tree.ends[node]])))


def _is_shelf(tree: Tree, box: int, links: Sequence[int]) -> bool:
    """Whether links with a price each lead from a box to different things: a line of cards, not a row."""
    inside = links[bisect_left(links, box) : bisect_left(links, tree.ends[box])]
    return len({_address(tree, node) for node in inside}) > 1


def _is_list(tree: Tree, row: int, inside: Mapping[int, list[str]], nodes: Mapping[str, int]) -> bool:
    """Whether nearly all elements of a box are in boxes side by side, built alike, to different things."""
    families: dict[tuple[int, str], list[int]] = defaultdict(list)
    for box in inside:
        if row < box < tree.ends[row] and tree.tags[box] not in _INLINE:
            families[tree.parents[box], tree.tags[box]].append(box)
    for boxes in families.values():
        if len(boxes) < _LEAST_IN_ROW or sum(len(inside[box]) for box in boxes) < _COVER * len(inside[row]):
            continue
        led_to = [{href for name in inside[box] if (href := _address(tree, nodes[name]))} for box in boxes]
        each = sum(map(len, led_to))
        if all(led_to) and each == len(set.union(*led_to)) and len(_alike(tree, boxes)) == len(boxes):
            return True
    return False


def _alike(tree: Tree, boxes: Sequence[int]) -> list[int]:
    """The boxes that are built like another one; a header, the main part and a side column are no rows."""
    built = {box: Counter(tree.tags[box : tree.ends[box]]) for box in boxes}
    return [
        box
        for box in boxes
        if any(_likeness(built[box], built[other]) >= _LEAST_ALIKE for other in boxes if other != box)
    ]


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """The share of nodes, by tag, that two boxes have in common."""
    return (one & other).total() / (one | other).total()


def _whole_rows(tree: Tree, rows: Sequence[int], nodes: Mapping[str, int]) -> list[int]:
    """The rows; boxes side by side that all lead to one thing, and nothing outside does, are one row."""
    links = sorted((node, href) for node in nodes.values() if (href := _address(tree, node)))
    by_parent: dict[int, list[int]] = defaultdict(list)
    for box in rows:
        by_parent[tree.parents[box]].append(box)
    found = []
    for parent, boxes in by_parent.items():
        inside = [{href for node, href in links if box <= node < tree.ends[box]} for box in boxes]
        outside = {href for node, href in links if not parent <= node < tree.ends[parent]}
        is_one = len(boxes) > 1 and set.intersection(*inside) - outside
        found += [parent] if is_one else boxes
    return found


def _address(tree: Tree, node: int) -> str:
    href = tree.attributes[node].get("href", "").partition("#")[0]
    return "" if href.lower().startswith("javascript:") else href


def has_group(row: Iterable[str], others: Iterable[str]) -> bool:
    """Whether most names of a row begin with a group that no name of another row begins with."""
    row = set(row)
    outside = [name for name in others if name not in row]
    first = Counter(prefix for name in row for prefix in _prefixes(name))
    for prefix, count in first.most_common():
        if count < _COVER * len(row):
            break
        if not any(name == prefix or name.startswith(f"{prefix}.") for name in outside):
            return True
    return False


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def largest_list(tree: Tree, nodes: Mapping[str, int]) -> int | None:
    """The first entry of the largest list.

    A list is three boxes or more with one tag side by side, with elements, built alike: a page's header, its
    main part and its footer are no list.
    """
    holds: Counter[int] = Counter()
    for node in nodes.values():
        above = node
        while above >= 0:
            holds[above] += 1
            above = tree.parents[above]
    families: dict[tuple[int, str], list[int]] = defaultdict(list)
    for box in holds:
        if tree.tags[box] not in (TEXT, "html", "body", "head", "option"):
            families[tree.parents[box], tree.tags[box]].append(box)
    ranked = sorted(
        (family for family in families.values() if len(family) > 2),
        key=lambda family: sum(holds[box] for box in family) * (len(family) > 4) + len(family),
        reverse=True,
    )
    lists = (boxes for family in ranked if len(boxes := _alike(tree, family)) > 2)
    best = next(lists, None)
    return min(best) if best else None


def nodes_of(tree: Tree, locators: Mapping[str, str]) -> dict[str, int]:
    """The node of each name."""
    of = Locators(tree)
    places = {of.of(node): node for node in range(len(tree)) if tree.tags[node] != TEXT}
    return {name: places[locator] for name, locator in locators.items() if locator in places}
