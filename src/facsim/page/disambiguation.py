"""Telling apart what is called the same: by what its address or its field says, in the end by a number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from facsim.page.confusables import skeleton
from facsim.page.slugs import MAX_PART, steady, words_of

_MOST_WORDS = 3
_LONGEST_PART = 30
Qualifier = Callable[[int, str], str]
"""What tells an element (a node and its name so far) from others, or nothing."""


def disambiguate(
    names: dict[int, str],
    given: Mapping[int, str],
    qualifiers: Sequence[Qualifier],
    weak: Sequence[Qualifier],
    full_text: Qualifier,
) -> dict[int, str]:
    """The names, longer where several look the same and some qualifier tells all of these something.

    All of them get it, the first one too: none depends on the others' order.

    Args:
        names: by node.
        given: nodes whose name stays.
        qualifiers: in order of preference.
        weak: those that may say nothing of some of them, where nothing tells all of them apart.
        full_text: what an element says, not cut. Where the texts differ, their differing words come first.
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
        varied = _varied([names[node] for node in nodes], [full_text(node, names[node]) for node in nodes])
        if varied and not any(skeleton(name) in same for name in varied):
            longer.update(zip(nodes, varied, strict=True))
            continue
        plain = {names[node] for node in nodes}
        for all_differ, qualifier in (
            *((True, each) for each in qualifiers),
            *((False, each) for each in weak),
        ):
            if all_differ:
                parts = distinguishing(qualifier(node, names[node]) for node in nodes)
            else:
                parts = [qualifier(node, names[node]) for node in nodes]
            if len(set(parts)) < 2:
                continue
            found = [_with(names[node], part) for node, part in zip(nodes, parts, strict=True)]
            if not any(skeleton(name) in same for name in found if name not in plain):
                longer.update(zip(nodes, found, strict=True))
                break
    return longer


def _varied(names: list[str], texts: list[str]) -> list[str]:
    """Names with the words in which texts differ; none if those do not, or say less than the names."""
    parts = differing_words(texts) if len(set(texts)) == len(texts) and all(texts) else []
    if not parts or not all(parts):
        return []
    varied = []
    for name, part in zip(names, parts, strict=True):
        head, dot, last = name.rpartition(".")
        varied.append(f"{head}{dot}{with_words(last, part)}")
    return varied if len(set(varied)) == len(varied) else []


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
    if not part:
        return label
    return part if part.startswith(label) else f"{label}_{part}"


def _with(name: str, part: str) -> str:
    head, dot, last = name.rpartition(".")
    return f"{head}{dot}{join_words(last, part)}" if part else name


def differing_words(texts: Sequence[str]) -> list[str]:
    """The words in which texts differ, joined by `_`: what stands between their common beginning and end.

    Returns:
        For each text up to three words; nothing for the one that says no more than the others. An empty list
        if the texts do not differ so.

    >>> differing_words(["Cells AAA, 16 pack, long life", "Cells AAA, 24 pack, long life"])
    ['16_pack', '24_pack']
    """
    words = [words_of(steady(text)) for text in texts]
    shortest = min(map(len, words))
    before = next((place for place in range(shortest) if len({each[place] for each in words}) > 1), shortest)
    room = shortest - before
    after = next((place for place in range(room) if len({each[-1 - place] for each in words}) > 1), room)
    parts = []
    for each in words:
        end = len(each) - after
        # A number says little without its unit.
        more = 1 if end < len(each) and any(map(str.isdigit, "".join(each[before:end]))) else 0
        parts.append("_".join(each[before:end][:_MOST_WORDS] + each[end : end + more])[:_LONGEST_PART])
    return parts if len(set(parts)) == len(parts) else []


def with_words(label: str, part: str) -> str:
    """A label with the words that tell it from others: cut where it is long, so that they stand whole."""
    if not part or f"_{part}_" in f"_{label}_":
        return label
    room = MAX_PART - len(part) - 1
    if len(label) > room:
        cut = label.rfind("_", 10, room + 1)
        label = label[: cut if cut > 0 else room]
    return f"{label}_{part}"


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
