"""Telling apart what is called the same: by what its address or its field says, in the end by a number."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from facsim.page.confusables import skeleton
from facsim.page.slugs import fold, is_generated, slug

_ENDING = re.compile(r"\.[a-z]{2,5}$")
_HAS_WORD = re.compile(r"[^\W\d_]{3}")
Qualifier = Callable[[int, str], str]
"""What tells an element (a node and its name so far) from others, or nothing."""


def disambiguate(
    names: dict[int, str], given: Mapping[int, str], qualifiers: Sequence[Qualifier]
) -> dict[int, str]:
    """The names, longer where several look the same and some qualifier tells all of these something.

    All of them get it, the first one too: none depends on the others' order.

    Args:
        names: by node.
        given: nodes whose name stays.
        qualifiers: in order of preference. What the first one says replaces the last part of a name.
    """
    same: dict[str, list[int]] = defaultdict(list)
    for node, name in names.items():
        same[skeleton(name)].append(node)
    if len(same) == len(names):
        return names
    longer = dict(names)
    for nodes in same.values():
        if len(nodes) == 1 or any(node in given for node in nodes):
            continue
        for qualifier in qualifiers:
            parts = distinguishing(qualifier(node, names[node]) for node in nodes)
            if not parts:
                continue
            found = [_with(names[node], part) for node, part in zip(nodes, parts, strict=True)]
            if not any(skeleton(name) in same for name in found):
                longer.update(zip(nodes, found, strict=True))
                break
    return longer


def distinguishing(parts: Iterable[str]) -> list[str]:
    """The parts if each is there and they are not all the same, else none. Asks no further than it must."""
    found: list[str] = []
    for part in parts:
        if not part:
            return []
        found.append(part)
    return found if len(set(found)) > 1 else []


def join_words(label: str, part: str) -> str:
    """A label with what tells it from others, without saying anything twice."""
    return part if part.startswith(label) else f"{label}_{part}"


def _with(name: str, part: str) -> str:
    head, dot, last = name.rpartition(".")
    return f"{head}{dot}{join_words(last, part)}"


def address_words(href: str, level: int) -> str:
    """The last readable part of an address, or the one `level` levels above it.

    >>> address_words("/help/returns.html?x=1", 0), address_words("/mug/edit", 1), address_words("/p/17", 0)
    ('returns', 'mug', '')
    """
    path = re.split(r"[?#]", href[:500], maxsplit=1)[0].rstrip("/").rsplit("/", level + 1)
    if len(path) < level + 2:
        return ""
    words = slug(_ENDING.sub("", fold(path[-1 - level])))
    return words if _HAS_WORD.search(words) and not is_generated(words) else ""


def number_duplicates(names: Mapping[int, str], others: Iterable[str] = ()) -> dict[int, str]:
    """Number what looks the same, the first one plain; names that are unique already stay as they are.

    Args:
        names: by node.
        others: names that are taken.
    """
    looks = {node: skeleton(name) for node, name in names.items()}
    last = dict.fromkeys(map(skeleton, others), 1)
    taken = {*last, *looks.values()}
    found: dict[int, str] = {}
    for node, name in names.items():
        seen = looks[node]
        if seen not in last:
            found[node] = name
            last[seen] = 1
            continue
        number = last[seen] + 1
        while f"{seen}_{number}" in taken:
            number += 1
        last[seen] = number
        found[node] = f"{name}_{number}"
        taken.add(f"{seen}_{number}")
    return found
