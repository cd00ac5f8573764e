"""The simplifier on pages written by hand."""

from __future__ import annotations

import gc
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from facsim.page import read_page, simplify
from facsim.schema import Element, Page
from facsim.util.errors import InputError


def described(element: Element) -> str:
    """One line of a `.names` file: name | role | text | value, states or equivalents."""
    rest = [element.value] if element.value else []
    rest += sorted(element.states)
    rest += [f"= {other.rpartition('.')[2]}" for other in element.equivalents]
    return " | ".join((element.name, element.role, element.text, *rest))


@pytest.mark.parametrize("name", ["results", "forms"])
def test_names_of_golden_pages(golden: Path, name: str) -> None:
    page = simplify((golden / f"{name}.html").read_bytes())
    expected = (golden / f"{name}.names").read_text(encoding="utf-8").splitlines()
    assert [described(element) for element in page.elements] == expected


@pytest.mark.parametrize("name", ["results", "forms"])
def test_locators_find_the_node_in_the_original(golden: Path, name: str) -> None:
    raw = (golden / f"{name}.html").read_text(encoding="utf-8")
    document = LexborHTMLParser(raw)
    for element in simplify(raw).elements:
        (node,) = document.css(element.locator)
        assert node.tag == element.tag
        assert node.attributes.get("href") == element.href
        if element.tag in ("a", "button") and node.text(strip=True):
            assert node.text(strip=True)[:3] in element.text or "aria-label" in node.attributes


@pytest.mark.parametrize("name", ["results", "forms"])
def test_a_stored_page_reads_back_the_same(golden: Path, name: str) -> None:
    page = simplify((golden / f"{name}.html").read_bytes())
    stored = read_page(page.html)
    assert stored.elements == tuple(replace(element, locator="") for element in page.elements)
    # And so does another parser's version of it.
    again = read_page(LexborHTMLParser(page.html).html or "")
    assert [element.name for element in again.elements] == [element.name for element in page.elements]
    assert [element.text for element in again.elements] == [element.text for element in page.elements]


@pytest.mark.parametrize("name", ["results", "forms"])
def test_simplifying_twice_changes_nothing(golden: Path, name: str) -> None:
    page = simplify((golden / f"{name}.html").read_bytes())
    again = simplify(page.html)
    assert again.html == page.html
    document = LexborHTMLParser(page.html)
    for element in again.elements:
        (node,) = document.css(element.locator)
        assert node.attributes["name"] == element.name


def test_what_is_dropped_and_what_is_kept(golden: Path) -> None:
    html = simplify((golden / "results.html").read_bytes()).html
    for gone in (
        "script",
        "color:red",
        "not a link",
        "trap",
        "gone",
        "data-asin",
        "x-9f3a",
        'value="1"',
        "svg",
    ):
        assert gone not in html
    for kept in (
        "<title>pressure washer - Shop</title>",
        "4.5 out of 5",
        "$129 99",
        "<del>$150.00</del>",
        "<h3>",
    ):
        assert kept in html
    assert "secret" not in simplify((golden / "forms.html").read_bytes()).html


def names(html: str) -> list[str]:
    return [element.name for element in simplify(html).elements]


CARD = '<li class="{0}"><a href="/p/{1}">{2}</a> <span>$5</span><button id="{0}">Add</button></li>'


def test_unrelated_parts_do_not_change_a_name() -> None:
    one = CARD.format("r4nd0m", 1, "Blue mug")
    page = f"<main><h2>Results</h2><ul>{one}{CARD.format('x', 2, 'Red mug')}</ul></main>"
    expected = {"results.blue_mug.view_product", "results.blue_mug.add"}
    assert expected < set(names(page))
    other = (
        "<header><a href=/>Shop</a></header><div class=ad><p>Sale!</p><a href=/sale>Go</a></div>"
        f"<main><h2>Results</h2><ul>{CARD.format('y', 9, 'Green mug')}{one.replace('r4nd0m', 'q')}</ul></main>"
    )
    assert expected < set(names(other))


def test_numbers_are_the_last_resort_and_leave_unique_names_alone() -> None:
    assert names("<a href=1>Page</a><a href=2>Page</a><a href=3>Page 2</a>") == ["page", "page_3", "page_2"]


def test_names_without_words_fall_back_to_what_pages_mean_by_an_element() -> None:
    assert names('<a href="/help/returns.html?x=1"></a><input name="coupon"><button></button>') == [
        "returns",
        "coupon",
        "button",
    ]


def test_invisible_characters_do_not_part_or_distinguish_names() -> None:
    assert names("<a href=1>Ca\u200brt\u202e</a><a href=2>CART</a>") == ["cart", "cart_2"]
    assert names("<a href=1>हिन्दी किताब</a><a href=1>手机</a>") == ["हिन्दी_किताब", "手机"]


def test_long_names_are_cut_between_words_and_stay_unique() -> None:
    title = "very long product title " * 20
    found = names(f"<ul>{CARD.format('a', 1, title + 'one')}{CARD.format('b', 2, title + 'two')}</ul>")
    assert len(set(found)) == 4
    assert {name.rpartition(".")[2] for name in found} == {"view_product", "add"}
    assert max(map(len, found)) < 80


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div onclick=x><div onclick=y>Go</div></div>", ["go"]),
        ("<a href=1><span onclick=x>Go</span></a>", ["go"]),
        ("<a href=1><button>Go</button></a>", ["go"]),
        ("<div role=button>Menu <a href=1>Go</a></div>", ["menu", "go"]),
        ("<body onclick=x><p>text", []),
        ("<input type=hidden name=x>", []),
        ("<dialog><a href=1>x</a></dialog>", []),
        ("<dialog open aria-label='Sign in'><a href=1>x</a></dialog>", ["sign_in.x"]),
        ("<div data-facsim-visible=false><a href=1>x</a></div>", []),
        ("<datalist><option>x</datalist>", []),
        ("<template><a href=1>x</a></template><noscript><a href=1>y</a></noscript>", []),
    ],
)
def test_what_counts_as_reachable(html: str, expected: list[str]) -> None:
    assert names(html) == expected


@pytest.mark.parametrize(
    ("lie", "expected"),
    [
        ('<a name="x" href="1">A</a><a name="x" href="2">B</a>', ["a", "b"]),
        ('<a name="cart" href="1">A</a><a name="\u0441art" href="2">B</a>', ["a", "b"]),
        ('<a name="X y" href="1">A</a>', ["a"]),
        ('<a name="x" href="1">A<a name="y" href="2">B</a></a>', ["a", "b"]),
        ('<a name="x" href="1" onmouseover="alert(1)">A</a>', ["a"]),
        ('<a name="x" href="1"><img alt="A" src="x" onerror="alert(1)"></a>', ["a"]),
        ('<script>alert(1)</script><a name="x" href="1">A</a>', ["a"]),
        ('<style><a name="y" href="2">B</a></style><a name="x" href="1">A</a>', ["a"]),
        ('<!-- --><a name="x" href="1">A</a>', ["a"]),
        ('<input name="x" type="hidden" value="1"><a name="y" href="1">A</a>', ["a"]),
        ('<input name="x" type="password" value="1">', ["x"]),
        ('<select name="x"><select name="y"></select></select>', ["x"]),
    ],
)
def test_marked_pages_that_lie_are_simplified_like_any_other(lie: str, expected: list[str]) -> None:
    page = simplify(f'<html data-simplified="1"><body>{lie}</body></html>')
    assert [element.name for element in page.elements] == expected
    assert not re.search("alert|src|style|hidden|value|<!", page.html)
    assert simplify(page.html).html == page.html


def test_what_any_page_simplifies_to_is_taken_for_one_of_ours() -> None:
    html = """<title>T &amp; "t"</title><h1>It's > "x"</h1><select multiple aria-label='a"b'><option selected>é<option>&lt;
    </select><details open><summary>S</summary><input type=checkbox checked required disabled value="<>"></details>
    <textarea placeholder=p aria-current=page>text &amp; "more"</textarea><svg onclick=x aria-label=s></svg>
    <img alt="A 'quote'"><x-y role=button aria-pressed=mixed>K\u00e4rcher</x-y><optgroup label=l>"""
    once = simplify(html)
    assert simplify(once.html).html == once.html
    assert len(once.elements) == 8


def test_pages_of_other_tools_keep_their_names() -> None:
    page: Page = read_page(
        '<!-- theirs --><meta name="viewport"><div name="search_results"><a name="search_results.k1700.view_product"'
        ' href="/dp/1">K <b>1700</b></a><a name="search_results.k1700.image" href="/dp/1"></a></div>'
        '<input type="checkbox" name="nav.prime" checked><a name="search_results.k1700.image" href="/other"></a>'
    )
    assert [element.name for element in page.elements] == [
        "search_results",
        "search_results.k1700.view_product",
        "search_results.k1700.image",
        "nav.prime",
    ]
    assert page.by_name["search_results.k1700.view_product"].text == "K 1700"
    assert page.by_name["search_results.k1700.image"].equivalents == ("search_results.k1700.view_product",)
    assert page.by_name["nav.prime"].states == {"checked"}


MUG = (
    '<div class="c{0}"><div><a href=/p/{0}><img alt="{1}"></a></div><div><a href=/p/{0}>{1}</a></div>'
    "<span>$5</span><button>Add</button></div>"
)


def test_boxes_of_one_form_are_cards_without_headings() -> None:
    rows = (
        f"<div>{MUG.format(1, 'Blue mug')}{MUG.format(2, 'Red mug')}</div><div>{MUG.format(3, 'Cup')}</div>"
    )
    assert names(f"<main>{rows}</main>") == [
        f"{card}.{what}"
        for card in ("blue_mug", "red_mug", "cup")
        for what in ("image", "view_product", "add")
    ]
    line = "<div>{0} <b>$4</b><button>Remove</button></div>"
    assert names(line.format("Mug") + line.format("Cup")) == ["mug.remove", "cup.remove"]


def test_columns_of_links_are_no_cards() -> None:
    assert names(
        "<p><div><a href=1>A</a><a href=2>B</a></div><div><a href=3>C</a><a href=4>D</a></div>"
    ) == list("abcd")


def test_rows_are_called_by_their_header_or_by_what_stands_in_them() -> None:
    row = "<tr><td><button>Edit</button><td>{0}"
    assert names(
        f"<table>{row.format('Mug')}{row.format('Cup')}<tr><th>Pot<td><button>Edit</button></table>"
    ) == [
        "mug.edit",
        "cup.edit",
        "pot.edit",
    ]


def test_a_link_around_a_button_keeps_its_address() -> None:
    page = simplify(
        "<a href=1><button>Go</button></a><a href=2><button>Buy</button><button>Later</button></a>"
    )
    assert [(element.name, element.href) for element in page.elements] == [
        ("go", "1"),
        ("buy_later", "2"),
        ("buy", None),
        ("later", None),
    ]


def test_visibility_that_a_browser_computed_is_obeyed() -> None:
    html = (
        "<p data-facsim-visible=true aria-hidden=true><a href=1>A</a></p><dialog data-facsim-visible=true><a href=2>"
        "B</a></dialog><p data-facsim-visible=false>gone<a href=3>C</a></p>"
    )
    assert names(html) == ["a", "b"]
    assert "gone" not in simplify(html).html


def test_a_link_around_a_whole_card_is_not_called_by_its_price() -> None:
    html = "<ul><li><a href=1><h3>Mug</h3><p>$5.00</p></a><button>Add</button></ul>"
    assert names(html) == ["mug.view_product", "mug.add"]


def test_the_head_of_a_table_is_no_card() -> None:
    html = "<table><tr><th><a href=1>Id</a><th><a href=2>Price</a><tr><th><a href=3>Mug</a><td><a href=4>Edit</a></table>"
    assert names(html) == ["id", "price", "mug.view", "mug.edit"]


def test_rows_that_begin_with_a_box_to_tick_are_called_by_their_link() -> None:
    row = "<tr><td><input type=checkbox name=pick><td><a href={0}>{1}</a><td><button>Actions</button>"
    assert names(f"<table>{row.format(1, 'Hose')}{row.format(2, 'Pot')}</table>") == [
        f"{title}.{what}" for title in ("hose", "pot") for what in ("pick", "view", "actions")
    ]


@pytest.mark.parametrize("value", [" /x ", "/x", " ", "a > b < c", '"q" ', "x=' y'", " =", "\n/x"])
def test_attributes_come_through_as_they_are(value):
    page = simplify(f'<input class=" a" placeholder="{value.replace(chr(34), "&quot;")}" checked title=" t">')
    (element,) = page.elements
    shown = re.search(r'placeholder="([^"]*)"', page.html)
    assert unescape(shown[1]) == value
    assert element.locator.endswith("input:nth-of-type(1)")


def test_a_link_whose_address_begins_with_a_space_is_a_link():
    (link,) = simplify("<a rel=x href=' /x ' data-a>y</a>").elements
    assert (link.name, link.href.strip()) == ("y", "/x")


@pytest.mark.parametrize("is_on", [True, False])
def test_the_garbage_collector_is_left_as_it_was(is_on: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if is_on else gc.disable)()
        assert len(simplify("<p><a href=1>x</a>" + "<i>word</i> " * 60_000).elements) == 1
        assert gc.isenabled() is is_on
        with pytest.raises(InputError):
            simplify("<div>" * 200_000)
        assert gc.isenabled() is is_on
    finally:
        gc.enable() if was else gc.disable()
