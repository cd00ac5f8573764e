"""The text of a page for a prompt: shorter, with every element and every word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_properties import hostile
from selectolax.lexbor import LexborHTMLParser

from facsim.page import condense, names_in, simplify
from facsim.prompt import PromptConfig
from facsim.util.errors import InputError

_GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.html"))


def words(html: str) -> set[str]:
    body = LexborHTMLParser(html).body
    alts = re.findall(r'(?:alt|aria-label|name)="([^"]*)"', html)
    text = " ".join([body.text(separator=" ") if body else "", *alts])
    return set(re.findall(r"[^\W_]+", text.casefold()))


@pytest.mark.parametrize("page", _GOLDEN, ids=lambda page: page.stem)
def test_a_condensed_page_keeps_names_and_words_and_loses_addresses(page):
    simplified = simplify(page.read_bytes()).html
    condensed = condense(simplified)
    assert names_in(condensed) == names_in(simplified)
    assert words(simplified) <= words(condensed)
    assert "href=" not in condensed
    assert len(condensed) < 0.95 * len(simplified)


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_page_keeps_its_names(choices: bytes):
    try:
        simplified = simplify(hostile(b"\x40\x00\x00" + choices).html).html
    except InputError:
        return
    assert names_in(condense(simplified)) == names_in(simplified)


def test_boxes_that_only_hold_others_become_lines():
    page = (
        '<div><section><ul><li><a name="a">One</a></li><li><a name="b">Two</a> $5</li></ul></section></div>'
    )
    assert condense(page) == '<a name="a">One</a>\n<li><a name="b">Two</a> $5</li>'


def test_boxes_with_a_label_or_a_state_stay():
    page = '<section aria-label="Offers"><div aria-busy="true"><a name="a">One</a></div></section>'
    assert condense(page).startswith('<section aria-label="Offers">')


def test_a_picture_beside_its_title_is_not_described_again():
    page = '<div><a name="mug.image" href="/m"><img alt="Blue mug"></a><h3><a name="mug.view">Blue mug</a></h3></div>'
    assert condense(page) == '<a name="mug.image"></a>\n<h3><a name="mug.view">Blue mug</a></h3>'


def test_a_picture_that_says_more_keeps_its_text():
    page = '<a name="mug.image"><img alt="Blue mug on a table"></a> <a name="mug.view">Blue mug</a>'
    assert 'alt="Blue mug on a table"' in condense(page)


def test_a_label_is_written_once():
    page = '<input name="brand.acme" type="checkbox" aria-label="Acme (12)"> Acme (12)'
    assert condense(page) == '<input name="brand.acme" type="checkbox"> Acme (12)'
    page = '<b>Mug</b> <button name="add" aria-label="Add to cart, Mug">Add to cart</button>'
    assert condense(page) == 'Mug <button name="add">Add to cart</button>'
    page = '<a name="four" aria-label="4 stars and up">★★★★</a>'
    assert condense(page) == page


def test_an_option_whose_name_says_its_text_has_no_text():
    page = (
        '<select name="s"><option name="s.red" selected>Red</option><option name="s.x">€ 40</option></select>'
    )
    assert condense(page) == (
        '<select name="s"><option name="s.red" selected></option><option name="s.x">€ 40</option></select>'
    )


def test_states_and_values_stay():
    page = '<input name="q" type="search" value="tea &amp; milk" placeholder="Search"><button name="b" disabled>B</button>'
    assert condense(page) == page


def test_what_was_recorded_before_pages_were_condensed_is_shown_as_it_was():
    assert PromptConfig.recorded({"style": "action"}).page_text == "stored"
    assert PromptConfig.recorded({"page_text": "condensed"}).page_text == "condensed"
    assert PromptConfig().page_text == "condensed"


def test_pictures_of_signs_are_left_out() -> None:
    page = (
        '<p><a name="helpful">Helpful</a> <img alt="|"> <a name="report">Report</a> <img alt="5 stars"></p>'
    )
    found = condense(page)
    assert 'alt="|"' not in found
    assert '<img alt="5 stars">' in found


def test_content_begins_on_the_line_of_its_element():
    page = '<a name="mug"><p>Blue mug</p><p>$5</p></a><table><tr><td><p>One</p></td><td>2</td></tr></table>'
    assert condense(page) == (
        '<a name="mug">Blue mug\n$5</a>\n<table>\n<tr>\n<td>One</td>\n<td>2</td></tr></table>'
    )
    page = '<div name="tab" role="tab"><div><h3>Size</h3></div></div><p>All sizes</p>'
    assert condense(page) == '<div name="tab" role="tab"><h3>Size</h3></div>\nAll sizes'


def test_what_a_heading_says_is_said_once():
    page = '<nav><a name="home">Home</a> <p>Blue enamel mug</p></nav><h1>Blue enamel mug</h1><p>$5</p>'
    assert condense(page) == '<nav><a name="home">Home</a></nav>\n<h1>Blue enamel mug</h1>\n$5'
    page = "<html><head><title>Blue enamel mug</title></head><body><h1>Blue enamel mug</h1></body></html>"
    assert condense(page) == "<h1>Blue enamel mug</h1>"
    # Cards that show the same fact each say it.
    page = (
        '<p>In stock</p><h2><a name="a">A</a></h2><p>$5</p><p>$6</p><h2><a name="b">B</a></h2><p>In stock</p>'
    )
    assert condense(page).count("In stock") == 2


def test_text_before_an_element_with_the_same_text_is_left_out():
    assert condense('<p>My account</p><a name="account">My account</a>') == '<a name="account">My account</a>'
    page = '<table><tr><td>Reports</td><td><a name="reports">Reports</a></td></tr></table>'
    assert condense(page).count("Reports") == 2


def test_a_label_that_the_placeholder_says_is_left_out():
    page = '<input name="email" placeholder="Your e-mail" aria-label="your e-mail">'
    assert condense(page) == '<input name="email" placeholder="Your e-mail">'


def test_names_of_files_describe_pictures_by_their_words():
    page = (
        '<p>Pay <img alt="logo@2x.png"> <img alt="IMG_1234"> <img alt="by_visa-120x80.jpg"> <img alt="Visa">'
    )
    assert condense(page) == 'Pay <img alt="by visa"> <img alt="Visa">'


def test_a_picture_keeps_the_words_that_its_link_has_not():
    page = (
        '<a name="shop.mug_with_lid"><img alt="Mug with lid"></a><a name="shop.mug"><img alt="Mug ($5)"></a>'
    )
    assert condense(page) == '<a name="shop.mug_with_lid"></a><a name="shop.mug"><img alt="Mug ($5)"></a>'


def test_an_option_keeps_what_its_name_leaves_out():
    page = '<select name="s"><option name="s.large">Large (add $2.00)</option><option name="s.small">Small</option></select>'
    assert (
        condense(page)
        == '<select name="s"><option name="s.large">Large (add $2.00)</option><option name="s.small"></option></select>'
    )


def test_in_a_long_menu_what_names_say_is_said_once():
    def menu(entries: int) -> str:
        return "".join(
            f'<a name="header.hats.sun_hat_no_{number}"><p>Sun hat: no {number}</p></a>'
            for number in range(entries)
        )

    assert "Sun hat: no 1<" in condense(menu(50))
    found = condense(
        menu(51)
        + '<a name="header.sale_mobile">Sale</a><a name="header.under_25">Under $25</a>'
        + '<a name="header.shoes_and_more_of_the_boots">Shoes and Sandals and more of the boots</a>'
        + '<a name="header.gloves.view">Gloves</a><a name="header.gloves.from_wool">Gloves from wool</a>'
        + '<a name="header.gloves.red_wool">Wool red</a>'
        + '<a name="header.ties" aria-label="Ties"><img alt="Silk ties"></a><a name="home.ties">Ties</a>'
    )
    assert "Sun hat" not in found
    assert '<a name="header.sale_mobile"></a>' in found
    assert "Under $25" in found
    assert '<a name="header.gloves.view"></a><a name="header.gloves.from_wool"></a>' in found
    assert "Wool red" in found
    assert "Sandals" in found
    assert '<a name="header.ties"><img alt="Silk ties"></a><a name="home.ties">Ties</a>' in found


def test_tables_that_only_place_parts_become_lines():
    page = "<table><tr><td><table><tr><td>Hats</td><td>$5</td></tr></table></td><td>News</td></tr></table>"
    assert condense(page) == "<table>\n<tr>\n<td>Hats</td>\n<td>$5</td></tr></table>\nNews"
    links = "".join(f'<a name="link_{number}">{number} hats</a>' for number in range(9))
    assert condense(f"<table><tr><td>{links}</td><td>News</td></tr></table>") == f"{links}\nNews"
    assert condense("<table><tr><td>One</td></tr><tr><td>Two</td></tr></table>") == "One\nTwo"


def test_tables_of_data_stay():
    few = "".join(f'<a name="link_{number}">{number} hats</a>' for number in range(8))
    for page in (
        f"<table>\n<tr>\n<td>Hats</td>\n<td>{few}</td></tr></table>",
        "<table>\n<tr>\n<th>Hats</th></tr>\n<tr>\n<td>Sun hat</td></tr></table>",
        "<table>\n<caption>Hats</caption>\n<tr>\n<td>Sun hat</td></tr></table>",
    ):
        assert condense(page) == page
