"""The simplifier on pages written by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from facsim.page import read_page, simplify
from facsim.schema import Element, Page


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
        "$12999",
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
    assert max(map(len, found)) < 80


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div onclick=x><div onclick=y>Go</div></div>", ["go"]),
        ("<a href=1><span onclick=x>Go</span></a>", ["go"]),
        ("<a href=1><button>Go</button></a>", ["go"]),
        ("<div role=button>Menu <a href=1>Go</a></div>", ["menu_go", "go"]),
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


def test_marked_pages_that_lie_are_simplified_like_any_other() -> None:
    fake = (
        '<html data-simplified="1"><body><a name="x" href="1">A</a><a name="x" href="2">B</a></body></html>'
    )
    assert [element.name for element in simplify(fake).elements] == ["a", "b"]


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
