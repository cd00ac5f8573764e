"""Labels of groups: what distinguishes groups with the same label in one place."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence

from facsim.page.accessible_names import AccessibleNames
from facsim.page.addresses import address_words, item_numbers, path_text
from facsim.page.disambiguation import differing_words, distinguishing, join_words, with_words
from facsim.page.groups import Group, outer_path
from facsim.page.qualifiers import Qualifiers
from facsim.page.slugs import is_count, slug
from facsim.page.text_runs import TextRuns
from facsim.page.tree import Tree

_FACT = re.compile(r"^\s*([^\W\d][^:]{1,20}):\s*(\S[^:]{0,30})$")
_Path = tuple[str, ...]


class GroupLabels:
    """Labels of the groups of one page.

    Args:
        tree: the document.
        runs: its visible text.
        labels: its accessible names.
        qualifiers: what distinguishes elements.
        groups: the groups, outer before inner.
    """

    def __init__(
        self,
        tree: Tree,
        runs: TextRuns,
        labels: AccessibleNames,
        qualifiers: Qualifiers,
        groups: Sequence[Group],
    ) -> None:
        self._tree, self._runs, self._labels, self._targets = tree, runs, labels, qualifiers.targets
        self._qualifiers = qualifiers
        self._ways = (
            self._addresses,
            self._paths,
            self._distinguishing_fact,
            self._indices_of_forms,
            self._captions,
            self._screens,
            self._places,
            self._numbers_of_cards,
        )
        """How to tell groups apart that have one label, in order of preference."""
        self.longer: dict[int, str] = {}
        """Labels of the groups (by index) that need more than their own."""
        self.merged: set[int] = set()
        """Groups (by index) that are one with others of the same label."""
        self._distinguish(groups)

    def _distinguish(self, groups: Sequence[Group]) -> None:
        """Find groups in one place with the same label, and what else distinguishes each of them.

        Outer groups come first: what distinguishes a menu from its copy distinguishes all that is in them.
        """
        parents, levels = _nested(groups)
        paths: list[_Path] = [()] * len(groups)
        for level in levels:
            same: dict[_Path, list[int]] = defaultdict(list)
            for place in level:
                group, parent = groups[place], parents[place]
                above = paths[parent] if parent >= 0 else ()
                if parent >= 0 and groups[parent].label == group.label:
                    paths[place] = above
                    continue
                paths[place] = (*outer_path(above, group), group.label)
                if group.is_distinct:
                    same[paths[place]].append(place)
            for places in same.values():
                if len(places) > 1:
                    labels = self._longer_labels([groups[place] for place in places])
                    self._merge_or_tell_apart(places, labels, groups)
                    for place, label in zip(places, labels, strict=True):
                        self.longer[place] = label
                        paths[place] = (*paths[place][:-1], label)

    def _merge_or_tell_apart(self, places: list[int], labels: list[str], groups: Sequence[Group]) -> None:
        """Merge groups that still have one label, or extend their labels by words that only one contains."""
        same: dict[str, list[int]] = defaultdict(list)
        for index, label in enumerate(labels):
            same[label].append(index)
        for label, indices in same.items():
            alike = [places[index] for index in indices]
            if len(alike) == 1:
                continue
            if self._share_little(alike, groups):
                self.merged.update(alike)
                continue
            spans = [(groups[place].start, groups[place].end) for place in alike]
            parts = self._qualifiers.surroundings.of_groups(spans, label)
            if not any(parts):
                parts = self._numbers([groups[place] for place in alike])
            for index, part in zip(indices, parts, strict=False):
                labels[index] = join_words(label, part)

    def _share_little(self, places: list[int], groups: Sequence[Group]) -> bool:
        """Whether sections with the same label hardly have names in common: two carousels of one kind.

        They are then one group. Two address forms stay apart, and so do cards.
        """
        labels: list[str] = []
        for place in places:
            group, node = groups[place], bisect_left(self._targets, groups[place].start)
            if group.card is not None or group.is_item:
                return False
            inner, own = place + 1, set()
            while node < len(self._targets) and self._targets[node] < group.end:
                while inner < len(groups) and groups[inner].end <= self._targets[node]:
                    inner += 1
                if inner < len(groups) and groups[inner].start <= self._targets[node]:
                    own.add(groups[inner].label)
                    node = bisect_left(self._targets, groups[inner].end)
                else:
                    own.add(slug(self._labels.title(self._targets[node])))
                    node += 1
            labels += own
        return len(set(labels)) * 3 > len(labels) * 2

    def _longer_labels(self, groups: Sequence[Group]) -> list[str]:
        """Labels of groups with the same label, extended by what distinguishes them if anything does."""
        label = groups[0].label
        if all(group.title for group in groups):
            varied = differing_words([group.title for group in groups])
            if varied:
                return [with_words(label, part) for part in varied]
        return self._with_parts([label] * len(groups), groups, self._ways)

    def _with_parts(
        self,
        labels: list[str],
        groups: Sequence[Group],
        ways: Sequence[Callable[[Sequence[Group]], list[str]]],
    ) -> list[str]:
        """Labels extended by the first way that tells them apart; then equal ones by the ways after it."""
        for place, way in enumerate(ways):
            parts = way(groups)
            if not parts:
                continue
            labels = [join_words(label, part) for label, part in zip(labels, parts, strict=True)]
            same: dict[str, list[int]] = defaultdict(list)
            for index, label in enumerate(labels):
                same[label].append(index)
            for indices in same.values():
                if len(indices) > 1:
                    alike = [groups[index] for index in indices]
                    longer = self._with_parts([labels[index] for index in indices], alike, ways[place + 1 :])
                    for index, label in zip(indices, longer, strict=True):
                        labels[index] = label
            break
        return labels

    def _addresses(self, groups: Sequence[Group]) -> list[str]:
        return distinguishing(self._first_address(group) for group in groups)

    def _indices_of_forms(self, groups: Sequence[Group]) -> list[str]:
        return distinguishing(self._qualifiers.formsets.within(group.start, group.end) for group in groups)

    def _screens(self, groups: Sequence[Group]) -> list[str]:
        return self._qualifiers.screens([self._box_of_targets(group) for group in groups])

    def _places(self, groups: Sequence[Group]) -> list[str]:
        return self._qualifiers.places([self._box_of_targets(group) for group in groups], [])

    def _paths(self, groups: Sequence[Group]) -> list[str]:
        """The words in which the paths of the addresses of cards differ."""
        texts = [path_text(group.card.address) if group.card else "" for group in groups]
        return differing_words(texts) if all(texts) and len({*texts}) > 1 else []

    def _numbers_of_cards(self, groups: Sequence[Group]) -> list[str]:
        return self._numbers(groups) if all(group.card for group in groups) else []

    def _numbers(self, groups: Sequence[Group]) -> list[str]:
        """The numbers of the items of cards or items, by their addresses."""
        addresses = [
            group.card.address if group.card else self._href_of_first_link(group) if group.is_item else ""
            for group in groups
        ]
        return item_numbers(addresses) if all(addresses) else []

    def _captions(self, groups: Sequence[Group]) -> list[str]:
        """The caption above each group, if not all are the same."""
        parts = [self._qualifiers.caption(group.start, group.label) for group in groups]
        return parts if len(set(parts)) > 1 else []

    def _box_of_targets(self, group: Group) -> int:
        """The innermost box with all the targets of a group; its first node if none is in the group."""
        first, after = bisect_left(self._targets, group.start), bisect_left(self._targets, group.end)
        node = self._tree.parents[self._targets[first]]
        while node > group.start and self._tree.ends[node] <= self._targets[after - 1]:
            node = self._tree.parents[node]
        return max(node, group.start)

    def _first_address(self, group: Group) -> str:
        """Words of the address of a card or item; sections have none, whatever their first link."""
        if group.card is not None:
            return address_words(group.card.address, 0)
        return address_words(self._href_of_first_link(group), 0) if group.is_item else ""

    def _href_of_first_link(self, group: Group) -> str:
        first = bisect_left(self._targets, group.start)
        for node in self._targets[first : first + 5]:
            if node < group.end and self._tree.tags[node] == "a":
                return self._tree.attributes[node].get("href", "")
        return ""

    def _distinguishing_fact(self, groups: Sequence[Group]) -> list[str]:
        """The value of one fact on each card (`Size: M`), if all values differ."""
        said: list[dict[str, str]] = []
        for group in groups:
            start, stop = self._runs.span(group.start, group.end)
            found = [_FACT.match(text[:60]) for text in self._runs.texts[start : min(stop, start + 20)]]
            said.append({one[1]: slug(one[2]) for one in found if one and not is_count(one[2])})
        for key in said[0]:
            values = [values.get(key, "") for values in said]
            if all(values) and len(set(values)) == len(values):
                return values
        return []


def _nested(groups: Sequence[Group]) -> tuple[list[int], list[list[int]]]:
    """For each group the place of the group around it, or -1; and the places of the groups at each depth.

    A group with the label of the one around it is at the same depth.
    """
    parents: list[int] = []
    depths: list[int] = []
    levels: list[list[int]] = []
    around: list[int] = []
    for place, group in enumerate(groups):
        while around and groups[around[-1]].end <= group.start:
            around.pop()
        parent = around[-1] if around else -1
        is_same = parent >= 0 and groups[parent].label == group.label
        depth = depths[parent] + (not is_same) if parent >= 0 else 0
        parents.append(parent)
        depths.append(depth)
        if depth == len(levels):
            levels.append([])
        levels[depth].append(place)
        around.append(place)
    return parents, levels
