"""What distinguishes elements with equal names: words of their address, field, column, caption and others."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from facsim.page.accessible_names import AccessibleNames
from facsim.page.addresses import (
    address_words,
    fragment_words,
    host_words,
    item_numbers,
    parameter_words,
    path_text,
)
from facsim.page.class_words import SCREENS, VARIANT, variant_of
from facsim.page.disambiguation import differing_words, disambiguate, distinguishing, for_all, for_some
from facsim.page.fallback_names import FallbackNames
from facsim.page.formsets import COPY_INDEX, NUMBER_AT_END, Formsets
from facsim.page.roles import role_of
from facsim.page.slugs import is_generated, is_passing, slug, whole_slug
from facsim.page.surroundings import Surroundings
from facsim.page.text_runs import TextRuns
from facsim.page.tree import TEXT, Tree

_VALUED = frozenset({"radio", "checkbox", "submit", "button"})
_COMING = frozenset({"option", "menuitem", "menuitemcheckbox", "menuitemradio", "treeitem"})
_WORD_OF_ROLE = {"generic": "", "textbox": "input"}
_TITLES = frozenset({"view", "view_product", "image", "title"})
_LEAST_TEXT = 200
_MOST_UP = 8
_MOST_UP_TO_VARIANT = 30
_MOST_BEFORE = 6
_LONGEST_CAPTION = 30
_LEAST_NODES_OF_BOX = 3
_ENTRIES = frozenset({"li", "tr", "td", "dd"})
"""The first entry of a list is no caption of the others."""
_WHOLE = frozenset({"html", "body", "main"})
_PAGE_PARTS = _WHOLE | {"header", "footer"}
"""What is before one of these, such as a link that skips it, is no caption of it."""
_WORD = re.compile(r"[^\W\d_]{2}")


class Qualifiers:
    """Words that distinguish the elements of one page.

    Most methods take a node and its name so far, and return an empty string if there is nothing to say.

    Args:
        tree: the document.
        runs: its visible text.
        labels: its accessible names.
        targets: the nodes to name, in order.
        fallbacks: words near elements.
    """

    def __init__(
        self,
        tree: Tree,
        runs: TextRuns,
        labels: AccessibleNames,
        targets: list[int],
        fallbacks: FallbackNames,
    ) -> None:
        self._tree, self._runs, self._labels, self.targets = tree, runs, labels, targets
        self._fallbacks = fallbacks
        self.formsets = Formsets(tree)
        self.surroundings = Surroundings(tree, runs, targets)
        self.group_starts: dict[int, int] = {}
        """Start of the innermost group around each target."""
        self._first_words: dict[int, int] = {}

    def disambiguate(self, names: dict[int, str], given: Mapping[int, str]) -> dict[int, str]:
        """Extend names that look the same by what distinguishes their elements."""
        kinds = (
            self.address,
            self.page_above,
            self.fragment,
            self.field_name,
            self.value,
            self.column,
            self.copy_index,
            self.caption,
            self.unabridged,
            self.role,
            self.host,
        )
        weak = (self.address, self.page_above, self.caption, self.screen)
        ways = (
            *map(for_all, kinds),
            self.queries,
            self.paths,
            *map(for_some, weak),
            self.places,
            for_some(self.kind_of_link),
            self.unsaid_screens,
            self.numbers,
            self.surroundings.of_elements,
        )
        return disambiguate(names, given, ways, self.text_of_name)

    def text_of_name(self, node: int, name: str) -> str:
        """Full text of an element if the last part of its name was cut from it."""
        text = self._labels.title(node)
        return text if name.rpartition(".")[2] == slug(text) else ""

    def unabridged(self, node: int, name: str) -> str:
        """Text of an element, including counts and prices."""
        said = self._labels.of(node)
        words = whole_slug(said)
        return words if name.rpartition(".")[2] == slug(self._labels.title(node)) != words else ""

    def address(self, node: int, name: str = "") -> str:
        """Words of the address that a link leads to, unless they add only a number to its name."""
        words = address_words(self._address_of(node), 0)
        return (
            "" if words[:1].isdecimal() and words.lstrip("0123456789_") == name.rpartition(".")[2] else words
        )

    def page_above(self, node: int, name: str) -> str:  # noqa: ARG002
        """Words of the part of the address before those."""
        return address_words(self._address_of(node), 1)

    def fragment(self, node: int, name: str) -> str:  # noqa: ARG002
        """Words of the fragment of the address."""
        return fragment_words(self._tree.attributes[node].get("href", ""))

    def column(self, node: int, name: str) -> str:
        """Header of the column of a table that an element is in."""
        # Not for the title of a row.
        return "" if name.rpartition(".")[2] in _TITLES else self._fallbacks.column(node)

    def caption(self, node: int, name: str) -> str:
        """Caption of the box that contains an element, such as the menu entry above a submenu."""
        tree, inner = self._tree, node
        for _ in range(_MOST_UP):
            box = tree.parents[inner]
            if box < 0 or tree.tags[box] in _WHOLE or tree.tags[inner] in _PAGE_PARTS:
                break
            first = self._first_child_with_words(box, inner)
            if first >= 0:
                held = self._targets_in(first, tree.ends[first])
                is_text = tree.tags[first] == TEXT
                said = tree.texts[first] if is_text else self._runs.title(first, limit=_LEAST_TEXT)
                words = slug(said)
                # A link above sibling links is not their caption; above a box of links it is.
                is_entry = tree.tags[first] == tree.tags[inner] and tree.tags[first] in _ENTRIES
                is_caption = not held or (
                    held == 1
                    and inner != node
                    and not is_entry
                    and self._targets_in(inner, tree.ends[inner]) > 1
                )
                is_short = 0 < len(words) <= _LONGEST_CAPTION and _WORD.search(words)
                if (
                    is_caption
                    and is_short
                    and not is_passing(said)
                    and f"_{words}_" not in f"_{name.rpartition('.')[2]}_"
                ):
                    return words
            inner = box
        return ""

    def _first_child_with_words(self, box: int, before: int) -> int:
        """The first child of a box that shows text, if it ends before the node `before`; otherwise -1."""
        child = self._first_words.get(box)
        if child is None:
            children = islice(self._tree.children(box), _MOST_BEFORE)
            child = self._first_words[box] = next(filter(self._has_words, children), -1)
        return child if child < before else -1

    def _has_words(self, node: int) -> bool:
        first, last = self._runs.span(node, self._tree.ends[node])
        return any(map(_WORD.search, self._runs.texts[first : min(last, first + 3)]))

    def _targets_in(self, start: int, end: int) -> int:
        return bisect_left(self.targets, end) - bisect_left(self.targets, start)

    def copy_index(self, node: int, name: str) -> str:  # noqa: ARG002
        """Number of the form, among several copies, that an element is in."""
        return self.formsets.of(node)

    def role(self, node: int, name: str) -> str:  # noqa: ARG002
        """The role of an element."""
        role = role_of(self._tree.tags[node], self._tree.attributes[node])
        # A popup list appears and disappears, but the control that opens it keeps its name.
        return "" if role in _COMING else _WORD_OF_ROLE.get(role, slug(role))

    def field_name(self, node: int, name: str = "") -> str:
        """Words of the name of a form field."""
        name = NUMBER_AT_END.sub("", self._tree.attributes[node].get("name", "")[:200])
        # In a repeated form (`form-0-quantity`, `items[3][quantity]`), the part that the copies share.
        parts = [part for part in map(slug, COPY_INDEX.split(name)[::2]) if part]
        return parts[-1] if parts and not is_generated(parts[-1]) else ""

    def value(self, node: int, name: str) -> str:  # noqa: ARG002
        """Words of the value that a button or an option to tick stands for."""
        attributes = self._tree.attributes[node]
        # Not for values that people fill in.
        is_fixed = self._tree.tags[node] == "button" or attributes.get("type", "").lower() in _VALUED
        return slug(attributes.get("value", "")) if is_fixed else ""

    def host(self, node: int, name: str) -> str:  # noqa: ARG002
        """The site that a link leads to."""
        return host_words(self._tree.attributes[node].get("href", ""))

    def queries(self, nodes: Sequence[int], names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Words of the first parameter of their addresses in which links differ, if all of them have it."""
        addresses = self._addresses(nodes)
        parameters = [parameter_words(address) for address in addresses] or [{}]
        found = (distinguishing(each.get(key, "") for each in parameters) for key in parameters[0])
        return next(filter(None, found), [])

    def paths(self, nodes: Sequence[int], names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """The words in which the paths of their addresses differ, if all of them have some."""
        texts = [path_text(address) for address in self._addresses(nodes)]
        return distinguishing(differing_words(texts)) if texts and all(texts) else []

    def numbers(self, nodes: Sequence[int], names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """The numbers of items in which their addresses differ, if all of them have one."""
        addresses = self._addresses(nodes)
        return item_numbers(addresses) if addresses else []

    def kind_of_link(self, node: int, name: str) -> str:
        """`image` for a link that shows only a picture, beside one with text."""
        tree = self._tree
        if tree.tags[node] != "a" or name.rpartition(".")[2] in _TITLES or self._runs.text(node, alt=False):
            return ""
        return "image" if "img" in tree.tags[node : tree.ends[node]] else ""

    def _address_of(self, node: int) -> str:
        """The address of a link, or of the first link in a box to click on."""
        address = self._tree.attributes[node].get("href", "")
        if address or self._tree.ends[node] - node < _LEAST_NODES_OF_BOX:
            return address
        first = bisect_right(self.targets, node)
        last = bisect_left(self.targets, self._tree.ends[node], first)
        inside = (self._tree.attributes[inner].get("href", "") for inner in self.targets[first:last])
        return next(filter(None, inside), "")

    def _addresses(self, nodes: Sequence[int]) -> list[str]:
        """The addresses that elements lead to; none if they are all one, or one leads nowhere."""
        addresses = list(map(self._address_of, nodes))
        return addresses if len({*addresses}) > 1 and all(addresses) else []

    def screen(self, node: int, name: str) -> str:  # noqa: ARG002
        """The kind of screen that the part of its group with an element is for."""
        variants = self._variants(node, self.group_starts.get(node, 0))
        return next((word for word in variants if word in SCREENS), "")

    def places(self, nodes: Sequence[int], names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Where on the page the parts are that elements are in, or the boxes of groups: header, footer."""
        return self._first_difference(nodes, lambda word: word not in SCREENS)

    def unsaid_screens(self, nodes: Sequence[int], names: Sequence[str]) -> list[str]:
        """The kinds of screen that the parts with the elements are for, if their names do not say them."""
        parts = self.screens(nodes)
        return [] if any(part and part in name for part, name in zip(parts, names, strict=False)) else parts

    def screens(self, nodes: Sequence[int]) -> list[str]:
        """The kinds of screen that the parts with the elements are for."""
        return self._first_difference(nodes, lambda word: word in SCREENS)

    def _first_difference(self, nodes: Sequence[int], is_wanted: Callable[[str], bool]) -> list[str]:
        """For each element, the outermost wanted word of the parts around it in which they differ."""
        chains = [[word for word in self._variants(node) if is_wanted(word)] for node in nodes]
        steps = enumerate(zip(*chains, strict=False))
        shared = next((place for place, step in steps if len(set(step)) > 1), min(map(len, chains)))
        parts = [chain[shared] if len(chain) > shared else "" for chain in chains]
        return parts if len(set(parts)) > 1 else []

    def _variants(self, node: int, start: int = 0) -> list[str]:
        """What the class names and ids of the parts around an element, from `start` on, say, outer first."""
        tree, found = self._tree, []
        for _ in range(_MOST_UP_TO_VARIANT):
            if node < start or tree.tags[node] in _WHOLE:
                break
            attributes = tree.attributes[node]
            if attributes and (said := attributes.get(VARIANT) or variant_of(attributes.get("id", ""))):
                found += said.split()[::-1]
            node = tree.parents[node]
        return found[::-1]
