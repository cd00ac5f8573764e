"""Makes equal names unique: by differing words, address or field, and as a last resort by number."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from facsim.page.confusables import skeleton
from facsim.page.slugs import MAX_PART, steady, words_of

_ROUNDS = 3
_MOST_WORDS = 3
_LONGEST_PART = 30
_LEAST_SAME = 2
_HAS_WORD = re.compile(r"[^\W\d_]{2}")
Qualifier = Callable[[int, str], str]
"""Words that distinguish an element (a node and its name so far) from others, or an empty string."""
Comparison = Callable[[Sequence[int], Sequence[str]], Sequence[str]]
"""Words that distinguish elements with equal names from each other; empty if there are none."""


def disambiguate(
    names: Mapping[int, str],
    given: Mapping[int, str],
    ways: Sequence[Comparison],
    full_text: Qualifier,
) -> dict[int, str]:
    """Return the names, extended where several look the same and something distinguishes their elements.

    All of them get the words, including the first: no name depends on the order of the others. Names that
    are still equal are tried again: `today` in two columns of three rows gets the column, then the row.

    Args:
        names: names by node.
        given: nodes whose names must not change.
        ways: how to distinguish elements, in order of preference.
        full_text: returns an element's full text. If the texts differ, their differing words come first.
    """
    same: dict[str, list[int]] = defaultdict(list)
    for node, name in names.items():
        same[skeleton(name)].append(node)
    longer = dict(names)
    taken = set(same)
    pending = [
        nodes for nodes in same.values() if len(nodes) > 1 and not any(node in given for node in nodes)
    ]
    for _ in range(_ROUNDS):
        renamed: dict[str, list[int]] = defaultdict(list)
        for nodes in pending:
            found = _longer_names([longer[node] for node in nodes], nodes, ways, full_text, taken)
            for node, name in zip(nodes, found, strict=False):
                longer[node] = name
                renamed[skeleton(name)].append(node)
        taken.update(renamed)
        pending = [nodes for nodes in renamed.values() if len(nodes) > 1]
        if not pending:
            break
    return longer


def _longer_names(
    names: list[str],
    nodes: list[int],
    ways: Iterable[Comparison],
    full_text: Qualifier,
    taken: Collection[str],
) -> list[str]:
    """Extended names for elements with equal names; empty if nothing distinguishes them."""
    varied = _varied(names, [full_text(node, name) for node, name in zip(nodes, names, strict=True)])
    if varied and not any(skeleton(name) in taken for name in varied):
        return varied
    plain = set(names)
    for compare in ways:
        parts = compare(nodes, names)
        if len(set(parts)) > 1:
            found = [_with(name, part) for name, part in zip(names, parts, strict=True)]
            if not any(name not in plain and skeleton(name) in taken for name in found):
                return found
    return []


def _varied(names: list[str], texts: list[str]) -> list[str]:
    """Names extended by the words in which texts differ; empty if there are none or they say less."""
    parts = differing_words(texts) if len(set(texts)) == len(texts) and all(texts) else []
    if not parts or not all(parts):
        return []
    varied = []
    for name, part in zip(names, parts, strict=True):
        head, dot, last = name.rpartition(".")
        varied.append(f"{head}{dot}{with_words(last, part)}")
    return varied if len(set(varied)) == len(varied) else []


def for_all(qualifier: Qualifier) -> Comparison:
    """Compare by words that each of the elements must have."""
    return lambda nodes, names: distinguishing(map(qualifier, nodes, names))


def for_some(qualifier: Qualifier) -> Comparison:
    """Compare by words that some of the elements have."""
    return lambda nodes, names: list(map(qualifier, nodes, names))


def distinguishing(parts: Iterable[str]) -> list[str]:
    """The parts if none is empty and not all are the same, else an empty list. Stops at an empty one."""
    found: list[str] = []
    for part in parts:
        if not part:
            return []
        found.append(part)
    return found if len(set(found)) > 1 else []


def join_words(label: str, part: str) -> str:
    """Append a distinguishing part to a label, without repetition.

    >>> join_words("boots", "boots_women"), join_words("hiking_boots", "boots_women"), join_words("a", "b")
    ('boots_women', 'hiking_boots_women', 'a_b')
    >>> join_words("boots", "sale_boots"), join_words("steel_mug_30_cl", "steel_mug_white")
    ('boots_sale', 'steel_mug_30_cl_white')
    """
    if not part:
        return label
    if part.startswith(label):
        return part
    words, more = label.split("_"), part.split("_")
    if more[-len(words) :] == words and _HAS_WORD.search("_".join(more[: -len(words)])):
        more = more[: -len(words)]
    more = _after_same_beginning(more, words)
    shared = next((size for size in range(len(more), 0, -1) if words[-size:] == more[:size]), 0)
    return "_".join(words + more[shared:])


def _after_same_beginning(words: list[str], others: list[str]) -> list[str]:
    """The words after two or more that others begin with, too; all if only numbers are left."""
    pairs = enumerate(zip(words, others, strict=False))
    same = next((place for place, (one, other) in pairs if one != other), min(len(words), len(others)))
    rest = words[same:] if same >= _LEAST_SAME else []
    return rest if _HAS_WORD.search("_".join(rest)) else words


def _with(name: str, part: str) -> str:
    head, dot, last = name.rpartition(".")
    return f"{head}{dot}{join_words(last, part)}" if part else name


def differing_words(texts: Sequence[str], *, whole: bool = False) -> list[str]:
    """Return the words in which texts differ, joined by `_`: those between the common prefix and suffix.

    Args:
        texts: the texts.
        whole: whether their counts, prices and dates matter, too.

    Returns:
        Up to three words for each text; empty for a text that adds nothing to the others. An empty list if
        the texts do not differ this way.

    >>> differing_words(["Cells AAA, 16 pack, long life", "Cells AAA, 24 pack, long life"])
    ['16_pack', '24_pack']
    """
    words = [words_of(text if whole else steady(text)) for text in texts]
    shortest = min(map(len, words))
    before = next((place for place in range(shortest) if len({each[place] for each in words}) > 1), shortest)
    room = shortest - before
    after = next((place for place in range(room) if len({each[-1 - place] for each in words}) > 1), room)
    parts = []
    for each in words:
        end = len(each) - after
        # A number means little without its unit.
        more = 1 if end < len(each) and any(map(str.isdigit, "".join(each[before:end]))) else 0
        parts.append("_".join(each[before:end][:_MOST_WORDS] + each[end : end + more])[:_LONGEST_PART])
    return parts if len(set(parts)) == len(parts) else []


def with_words(label: str, part: str) -> str:
    """Append distinguishing words to a label; a long label is cut so that they stay whole."""
    if not part or f"_{part}_" in f"_{label}_":
        return label
    room = MAX_PART - len(part) - 1
    if len(label) > room:
        cut = label.rfind("_", 10, room + 1)
        label = label[: cut if cut > 0 else room]
    return f"{label}_{part}"


def number_duplicates(names: Mapping[int, str], others: Iterable[str] = ()) -> dict[int, str]:
    """Number equal names, leaving the first plain; unique names are unchanged.

    Args:
        names: names by node.
        others: names already taken.
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
