"""Names of the options of a `select`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from facsim.page.accessible_names import AccessibleNames
from facsim.page.disambiguation import differing_words, join_words, with_words
from facsim.page.slugs import is_generated, slug, whole_slug
from facsim.page.tree import Tree

_LIMIT = re.compile(r"\s*([<>≤≥])\s*=?\s*\d")
_HAS_WORD = re.compile(r"[^\W\d_]{2}")


def selects_of_options(tree: Tree, targets: list[int]) -> dict[int, int]:
    """For each option of a named `select`, the select."""
    found: dict[int, int] = {}
    select, end = -1, -1
    for node in targets:
        if tree.tags[node] == "select":
            select, end = node, tree.ends[node]
        elif node < end and tree.tags[node] == "option":
            found[node] = select
    return found


def words_of_options(tree: Tree, labels: AccessibleNames, selects: Mapping[int, int]) -> dict[int, str]:
    """Words for each option; equal ones keep dates, prices and counts, or get the label of their group."""
    words = {node: slug(labels.of(node)) or "option" for node in selects}
    same: dict[tuple[int, str], list[int]] = defaultdict(list)
    for node, select in selects.items():
        same[select, words[node]].append(node)
    for nodes in same.values():
        if len(nodes) == 1:
            continue
        words_in_full = [whole_slug(labels.of(node)) for node in nodes]
        ways = [
            differing_words([labels.of(node) for node in nodes], whole=True) or words_in_full,
            [join_words(_label_of_optgroup(tree, node), words[node]) for node in nodes],
            [_of_limit(labels.of(node)) or words[node] for node in nodes],
            _with_values(tree, nodes, words),
        ]
        best = max(ways, key=lambda way: len(set(way)))
        if len(set(best)) > 1:
            words.update(zip(nodes, best, strict=True))
    return words


def _of_limit(text: str) -> str:
    """Words of a limit (`< 1`: `under_1`), which names leave out with other signs; else an empty string."""
    limit = _LIMIT.match(text)
    return f"{'under' if limit[1] in '<≤' else 'over'}_{slug(text)}" if limit else ""


def _with_values(tree: Tree, nodes: Sequence[int], words: Mapping[int, str]) -> list[str]:
    """The words of options with the words in which their values differ, if they do and are no codes."""
    values = [tree.attributes[node].get("value", "") for node in nodes]
    parts = differing_words(values) if all(values) else []
    if any(map(is_generated, parts)) or not any(map(_HAS_WORD.search, parts)):
        parts = []
    return [with_words(words[node], part) for node, part in zip(nodes, parts, strict=bool(parts))]


def _label_of_optgroup(tree: Tree, option: int) -> str:
    parent = tree.parents[option]
    return slug(tree.attributes[parent].get("label", "")) if tree.tags[parent] == "optgroup" else ""
