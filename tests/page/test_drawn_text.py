"""What people see of a page is in its text, once: no more and no less."""

from __future__ import annotations

import pytest

from facsim.page import condense, read_page, simplify
from facsim.page.characters import drawn


def body(html: str) -> str:
    return simplify(html).html.partition("<body>")[2].removesuffix("</body></html>")


def test_text_that_only_screen_readers_skip_is_kept_if_nothing_else_says_it():
    assert body("<p>Sold <span aria-hidden=true>in 54.6K copies</span></p>") == "<p>Sold in 54.6K copies</p>"
    assert body("<div aria-hidden=true>3 January 2019</div><p>News</p>") == "3 January 2019\n<p>News</p>"
    page = simplify("<button><span aria-hidden=true>Menü</span></button>")
    assert [(element.name, element.text) for element in page.elements] == [("menü", "Menü")]
    page = simplify("<a href=/lyrics aria-hidden=true tabindex=-1>Lyrics quiz</a>")
    assert [element.name for element in page.elements] == ["lyrics_quiz"]


@pytest.mark.parametrize(
    "hidden",
    [
        # A copy for screen readers says it, whole or longer.
        "<b>Price $12.50</b> <span aria-hidden=true>$12.50</span>",
        "<a href=1 aria-label='Blue mug with a lid'><img alt=''></a> <div aria-hidden=true>Blue mug with…</div>",
        "<a href=1>Read more about mugs <span aria-hidden=true>Go on</span></a>",
        # Icons of a font, signs.
        "<span aria-hidden=true>arrow_forward</span><i aria-hidden=true>Star</i><b aria-hidden=true>×</b>",
        # What scripts find to show: messages, menus, dialogs.
        "<p id=failed aria-hidden=true>Sorry, that went wrong</p>",
        "<div role=dialog aria-hidden=true>Sign in first</div>",
        "<ul aria-hidden=true><li><a href=2>Hats</a></ul>",
        "<p hidden aria-hidden=true>Gone</p><p aria-hidden=true style='opacity: 0'>Faded</p>",
    ],
)
def test_what_is_aria_hidden_is_left_out_otherwise(hidden: str):
    assert body(hidden) == body(hidden.replace("aria-hidden=true", "hidden"))


def test_a_snapshot_knows_what_was_visible():
    page = "<p data-facsim-visible=true hidden>Two left</p><p aria-hidden=true>Three left</p>"
    assert "Two left" in body(page)
    assert "Three left" not in body(page)


def test_what_draws_nothing_is_left_out():
    page = simplify(
        "<p>Ka&shy;me&#8203;ra &rlm;:&lrm; Nor&#xfeff;wood</p><p>&#xe8b6;</p>"
        "<a href=1 aria-label='&#x200e;Cart'>&#xe001; 2</a>"
    )
    assert "<p>Kamera : Norwood</p>" in page.html
    assert page.html.count("<p>") == 1
    assert 'aria-label="Cart">2</a>' in page.html
    assert simplify(page.html).html == page.html


def test_joiners_of_scripts_and_emoji_stay():
    assert drawn("می\u200cخواهم 👩\u200d🚀 a\u200db") == "می\u200cخواهم 👩\u200d🚀 ab"


def test_a_button_with_an_icon_of_a_font_stays():
    page = simplify("<button class=btn-cart>&#xf07a;</button>")
    assert [element.name for element in page.elements] == ["cart"]
    assert page.html.endswith('<button name="cart"></button></body></html>')


def test_pages_stored_before_are_shown_without_what_draws_nothing():
    stored = '<html data-simplified="1"><body><p>\ue001</p><p>Ka\u00adme\u00adra</p><a name="cart" aria-label="\u200eCart">\ue002</a></body></html>'
    assert condense(stored) == 'Kamera\n<a name="cart" aria-label="Cart"></a>'
    assert read_page(stored).elements[0].name == "cart"
