"""The DOM rebuilt from mutations equals the recorded one; hostile mutations are counted."""

from __future__ import annotations

import random
from typing import Any

import pytest
from cpu_time import cpu_limit
from hypothesis import given, settings
from hypothesis import strategies as st
from rrweb_recordings import adding, document, element, page, text

from facsim.data.sources.rrweb.dom_writer import DomWriter
from facsim.data.sources.rrweb.recorded_dom import (
    CYCLE,
    LONG_ATTRIBUTE,
    NOT_A_NODE,
    UNKNOWN_NODE,
    UNKNOWN_PARENT,
    UNKNOWN_SIBLING,
    RecordedDom,
)
from facsim.page import simplify


def loaded(*in_body: dict[str, Any]) -> tuple[RecordedDom, DomWriter]:
    dom = RecordedDom()
    assert dom.load(page(*in_body))
    return dom, DomWriter(dom, frozenset())


def body(writer: DomWriter) -> str:
    return writer.html().partition("<body>")[2].partition("</body>")[0]


def test_additions_wait_for_what_comes_later_in_the_event() -> None:
    dom, writer = loaded(element(10, "ul"))
    dom.mutate(
        {
            "adds": [
                adding(11, text(12, "first")),  # its parent comes later
                adding(10, element(11, "li"), before=13),  # its sibling comes later
                adding(10, element(13, "li"), before=14),
                adding(13, text(15, "second")),
                adding(10, element(14, "li")),
            ]
        }
    )
    assert body(writer) == "<ul><li>first</li><li>second</li><li></li></ul>"
    assert not dom.problems


def test_many_additions_in_reverse_order_take_linear_time() -> None:
    dom, writer = loaded(element(10, "ul"))
    count = 50_000
    adds = [adding(10, element(100 + number, "li"), before=101 + number) for number in range(count)]
    adds[-1]["nextId"] = None
    with cpu_limit(5):
        dom.mutate({"adds": adds})
        assert writer.html().count("<li>") == count
    assert [node.id for node in _children(dom, 10)] == list(range(100, 100 + count))


def _children(dom: RecordedDom, number: int) -> list[Any]:
    found, child = [], dom.nodes[number].first
    while child is not None:
        found.append(child)
        child = child.next
    return found


def test_a_node_that_is_added_again_moves_with_its_children() -> None:
    dom, writer = loaded(element(10, "div", element(11, "p", text(12, "x"))), element(13, "div"))
    dom.mutate({"adds": [adding(13, element(11, "p", title="new"))]})
    assert body(writer) == '<div></div><div><p title="new">x</p></div>'
    dom.mutate(
        {
            "removes": [{"parentId": 13, "id": 11}],
            "adds": [adding(10, element(11, "p")), adding(11, text(12, "y"))],
        }
    )
    assert body(writer) == "<div><p>y</p></div><div></div>"
    assert not dom.problems


def test_old_recordings_name_the_previous_sibling() -> None:
    dom, writer = loaded(element(10, "i"), element(11, "b"))
    dom.mutate(
        {
            "adds": [
                adding(4, element(12, "u"), previousId=10),
                adding(4, element(13, "s"), previousId=None, before=10),
            ]
        }
    )
    assert body(writer) == "<s></s><i></i><u></u><b></b>"


def test_attributes_styles_texts_and_values() -> None:
    dom, writer = loaded(
        element(10, "p", text(11, "a & b"), style="color: red; background: url('a;b')", hidden=True),
        element(12, "textarea", text(13, "old"), value="new <b>"),
        element(14, "input", value="x", checked=False, data_n=3),
    )
    dom.mutate(
        {
            "texts": [{"id": 11, "value": "c < d"}],
            "attributes": [
                {
                    "id": 10,
                    "attributes": {"style": {"color": False, "top": "1px", "left": ["2px", "important"]}},
                },
                {"id": 10, "attributes": {"hidden": None, "title": '"q"'}},
            ],
        }
    )
    assert body(writer) == (
        '<p style="background: url(&#x27;a;b&#x27;); top: 1px; left: 2px !important" title="&quot;q&quot;">c &lt; d</p>'
        '<textarea>new &lt;b&gt;</textarea><input value="x" data-n="3">'
    )
    dom.mutate({"attributes": [{"id": 10, "attributes": {"style": "color: blue"}}]})
    dom.mutate({"attributes": [{"id": 10, "attributes": {"style": {"top": "3px"}}}]})
    assert 'style="color: blue; top: 3px"' in body(writer)


def test_a_document_that_is_replaced() -> None:
    dom, writer = loaded(element(10, "p"))
    dom.mutate(
        {
            "adds": [
                adding(1, element(50, "html")),
                adding(50, element(51, "body")),
                adding(51, text(52, "new")),
            ]
        }
    )
    assert writer.html() == "<html><body>new</body></html>"
    assert 2 not in dom.nodes


def test_a_frame_that_shows_another_document() -> None:
    dom, writer = loaded(element(10, "iframe"))
    for number, words in ((20, "one"), (30, "two")):
        inner = document(
            number, element(number + 1, "html", element(number + 2, "body", text(number + 3, words)))
        )
        dom.mutate({"adds": [{"parentId": 10, "nextId": None, "node": inner}], "isAttachIframe": True})
        assert words in writer.html()
    assert "one" not in writer.html()
    assert 23 not in dom.nodes
    dom.mutate({"texts": [{"id": 33, "value": "three"}]})
    assert "three" in writer.html()


def test_removed_nodes_are_forgotten_with_all_in_them() -> None:
    dom, _ = loaded(element(10, "div", element(11, "p", text(12, "x")), element(13, "iframe")))
    dom.mutate({"adds": [{"parentId": 13, "nextId": None, "node": document(20, element(21, "html"))}]})
    dom.mutate(
        {
            "removes": [{"parentId": 4, "id": 10}, {"parentId": 10, "id": 11}],
            "texts": [{"id": 12, "value": "y"}],
        }
    )
    assert sorted(dom.nodes) == [1, 2, 3, 4]
    assert not dom.problems


HOSTILE = {
    CYCLE: {"adds": [adding(12, element(10, "div"))]},
    UNKNOWN_PARENT: {"adds": [adding(99, element(50, "p"))]},
    UNKNOWN_SIBLING: {"adds": [adding(10, element(50, "p"), before=99)]},
    UNKNOWN_NODE: {"removes": [{"parentId": 10, "id": 99}]},
    NOT_A_NODE: {"adds": [{"parentId": 10, "nextId": None, "node": {"type": "x"}}]},
    LONG_ATTRIBUTE: {"attributes": [{"id": 10, "attributes": {"title": "x" * 10_000_000}}]},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_mutations_are_counted(kind: str) -> None:
    dom, writer = loaded(element(10, "div", element(11, "p", element(12, "b", text(13, "x")))))
    dom.mutate(HOSTILE[kind])
    assert dom.problems == {kind: 1}
    assert "<p><b>x</b></p>" in writer.html()
    assert len(writer.html()) < 1_000


@pytest.mark.parametrize(
    "odd", [None, 17, "x", [], {"type": 0}, {"type": 2, "id": 1}, {"type": 0, "id": True}]
)
def test_a_snapshot_that_is_none_changes_nothing(odd: object) -> None:
    dom, writer = loaded(element(10, "p", text(11, "x")))
    assert not dom.load(odd) or dom.root is not None
    if not isinstance(odd, dict) or odd.get("type") != 0:
        assert "x" in writer.html()


def test_names_that_are_no_names_are_not_written() -> None:
    bad = element(10, "a onmouseover=x", **{"x": "1"})
    bad["attributes"] = {
        "x y": "1",
        "a>b": "1",
        "data-facsim-name": "buy",
        "data-rr-id": "7",
        "rr_src": "x",
        "ok": "<",
    }
    _, writer = loaded(bad)
    assert body(writer) == '<div ok="&lt;"></div>'


def test_ids_that_repeat_and_cycles_in_a_snapshot() -> None:
    twice = element(10, "p", element(10, "b", text(11, "x")))
    dom, writer = loaded(twice, element(11, "i"))
    assert writer.html()
    assert len(dom.nodes) < 12


def test_very_deep_and_very_wide_pages_take_linear_time() -> None:
    dom, writer = loaded(element(10, "div"))
    with cpu_limit(5):
        dom.mutate({"adds": [adding(10 + number, element(11 + number, "b")) for number in range(30_000)]})
        dom.mutate({"adds": [adding(4, element(100_000 + number, "i")) for number in range(30_000)]})
        assert writer.html().count("<b>") == 30_000
        dom.mutate({"texts": [], "attributes": [{"id": 30_000, "attributes": {"title": "x"}}]})
        assert 'title="x"' in writer.html()


class Tree:
    """A page in plain lists, changed at random, that records its mutations as rrweb does."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.children: dict[int, list[int]] = {4: []}
        self.nodes: dict[int, dict[str, Any]] = {}
        self.last = 10

    def parent_of(self, number: int) -> int:
        return next(parent for parent, children in self.children.items() if number in children)

    def below(self, number: int) -> list[int]:
        return [number, *(inner for child in self.children[number] for inner in self.below(child))]

    def serialized(self, number: int) -> dict[str, Any]:
        node = self.nodes[number]
        if node["type"] == 3:
            return dict(node)
        inner = [self.serialized(child) for child in self.children[number]]
        return node | {"childNodes": inner, "attributes": dict(node["attributes"])}

    def page(self) -> dict[str, Any]:
        return page(*(self.serialized(child) for child in self.children[4]))

    def alone(self, number: int) -> dict[str, Any]:
        return self.serialized(number) | ({"childNodes": []} if self.nodes[number]["type"] == 2 else {})

    def event(self) -> dict[str, Any]:
        """Change a few things; the mutation event that a recorder would write."""
        before = set(self.nodes)
        changed: set[int] = set()
        moved: set[int] = set()
        removed: list[dict[str, int]] = []
        for _ in range(self.random.randint(1, 5)):
            parents = [4, *(number for number, node in self.nodes.items() if node["type"] == 2)]
            choice = self.random.random()
            if choice < 0.5 or not self.nodes:
                self.last += 1
                parent = self.random.choice(parents)
                is_text = self.random.random() < 0.4
                self.nodes[self.last] = (
                    text(self.last, f"t{self.last}") if is_text else element(self.last, "b")
                )
                self.children[self.last] = []
                self.insert(parent, self.last)
            elif choice < 0.65:
                number = self.random.choice(list(self.nodes))
                parent = self.parent_of(number)
                gone = self.below(number)
                self.children[parent].remove(number)
                removed += [{"parentId": parent, "id": one} for one in gone if one in before]
                for one in gone:
                    del self.nodes[one], self.children[one]
                moved -= set(gone)
            elif choice < 0.85:
                number = self.random.choice(list(self.nodes))
                targets = [one for one in parents if one not in self.below(number)]
                parent = self.parent_of(number)
                if number in before and self.random.random() < 0.7:  # recorders nearly always say so
                    removed.append({"parentId": parent, "id": number})
                self.children[parent].remove(number)
                self.insert(self.random.choice(targets), number)
                moved.update(self.below(number))  # recorders add again what is in it
            else:
                number = self.random.choice(list(self.nodes))
                changed.add(number)
                if self.nodes[number]["type"] == 3:
                    self.nodes[number]["textContent"] += "!"
                else:
                    self.nodes[number]["attributes"]["title"] = str(self.random.random())
        placed = [number for number in self.nodes if number not in before or number in moved]
        self.random.shuffle(placed)
        adds = []
        for number in placed:
            parent = self.parent_of(number)
            siblings = self.children[parent]
            place = siblings.index(number) + 1
            following = siblings[place] if place < len(siblings) else None
            adds.append(adding(parent, self.alone(number), before=following))
        kept = [number for number in changed if number in self.nodes]
        return {
            "removes": removed,
            "adds": adds,
            "texts": [
                {"id": one, "value": self.nodes[one]["textContent"]}
                for one in kept
                if self.nodes[one]["type"] == 3
            ],
            "attributes": [
                {"id": one, "attributes": dict(self.nodes[one]["attributes"])}
                for one in kept
                if self.nodes[one]["type"] == 2
            ],
        }

    def insert(self, parent: int, number: int) -> None:
        siblings = self.children[parent]
        siblings.insert(self.random.randint(0, len(siblings)), number)


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_any_mutations_give_the_page_that_was_there(seed: int) -> None:
    """Also checks that no part of the HTML is kept although it changed."""
    tree = Tree(seed)
    dom, writer = loaded()
    for _ in range(12):
        dom.mutate(tree.event())
        fresh = RecordedDom()
        fresh.load(tree.page())
        assert writer.html() == DomWriter(fresh, frozenset()).html()
        assert dom.nodes.keys() == fresh.nodes.keys()
    assert not dom.problems


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.integers(-2, 15) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "id",
                        "tagName",
                        "attributes",
                        "childNodes",
                        "textContent",
                        "parentId",
                        "nextId",
                        "node",
                        "adds",
                        "removes",
                        "texts",
                        "value",
                        "style",
                        "isShadow",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=30,
    )
)
def test_no_content_of_a_mutation_breaks_the_dom(data: Any) -> None:
    dom, writer = loaded(element(10, "div", element(11, "p")))
    dom.mutate(
        data if isinstance(data, dict) else {"adds": data, "removes": data, "texts": data, "attributes": data}
    )
    dom.load(data)
    if writer.html():
        simplify(writer.html())
