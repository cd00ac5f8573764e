"""Names of the options of a `select`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from facsim.page.accessible_names import AccessibleNames
from facsim.page.disambiguation import differing_words, join_words
from facsim.page.slugs import slug, whole_slug
from facsim.page.tree import Tree


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
        ]
        best = max(ways, key=lambda way: len(set(way)))
        if len(set(best)) > 1:
            words.update(zip(nodes, best, strict=True))
    return words


def _label_of_optgroup(tree: Tree, option: int) -> str:
    parent = tree.parents[option]
    return slug(tree.attributes[parent].get("label", "")) if tree.tags[parent] == "optgroup" else ""
