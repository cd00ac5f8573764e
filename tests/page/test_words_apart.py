"""What is one word to a person and what are two, in text, in names and in the simplified page."""

from __future__ import annotations

import pytest

from facsim.page import read_page, simplify


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<span>11</span><span>Active products</span>", "11 Active products"),
        ("<span>Order summary<svg></svg></span><span>$40.00</span>", "Order summary $40.00"),
        ("<i><b>Setting</b></i><i>Configure</i>", "Setting Configure"),
        ("<span>$5</span><del>$6</del>", "$5 $6"),
        ("<span>129</span><sup>99</sup>", "129 99"),
        # Text beside an element is one word with it.
        ("<b>4</b>th", "4th"),
        ("H<sub>2</sub>O", "H2O"),
        ("<b>4</b><sup>th</sup>", "4th"),
        ("11<!-- --> items", "11 items"),
        # So are letters, and parts of a number or a price, that are only styled apart.
        ("<span>H</span><span>e</span><span>y</span>", "Hey"),
        ("<span>$</span><span>12</span><span>.</span><span>99</span>", "$12.99"),
        ("<span>$</span><span>12<span>.</span></span><span>99</span>", "$12.99"),
        ("<span>Really</span><span>?</span>", "Really?"),
        ("<span>(</span><span>3</span><span>)</span>", "(3)"),
        ("<span>20</span><span>% off</span>", "20% off"),
        ("<span>Sold.</span><span>5 left</span>", "Sold. 5 left"),
    ],
)
def test_inline_elements_side_by_side_are_words_apart(inside: str, text: str) -> None:
    page = simplify(f"<main><a href=1>{inside}</a></main>")
    assert page.elements[0].text == text
    assert [element.text for element in read_page(page.html).elements] == [text]
    assert simplify(page.html).html == page.html


def test_comments_do_not_cut_texts() -> None:
    """React writes a comment beside every value; in the page of the next browser it is gone."""
    written = "<p>From <!-- -->$5<!-- -->.<!-- --> <b>Free</b><!-- --> <i>returns</i></p>"
    page = simplify(f"{written}<a href=1>See all <!-- -->121<!-- --> stories</a>")
    whole = simplify("<p>From $5. <b>Free</b> <i>returns</i></p><a href=1>See all 121 stories</a>")
    assert page.html == whole.html
    assert [(element.name, element.text) for element in page.elements] == [
        ("see_all_stories", "See all 121 stories")
    ]


def test_a_link_that_skips_the_header_is_not_its_caption() -> None:
    about = "<a href=/about>About</a>"
    menu = f"<header><ul><li>{about}</li><li><a href=/pay>Pay</a></li></ul><div><p>More</p>{about}</div></header>"
    page = simplify(f"<div><a>Skip the menu</a>{menu}</div><main>Text</main>")
    assert [element.name for element in page.elements] == [
        "header.about",
        "header.pay",
        "header.about_more",
    ]


def test_text_outside_of_elements_to_act_on_is_parted_too() -> None:
    html = simplify("<div><span>Admin</span><span>23/11/2026</span></div><p><a>Foo</a><a>Bar</a>.</p>").html
    assert "Admin 23/11/2026" in html
    assert "Foo Bar." in html


def test_the_page_behind_an_open_dialog_is_seen_but_out_of_reach() -> None:
    page = simplify(
        "<header aria-hidden=true>Shop <a href=1>Cart</a></header><div aria-hidden=true><main>Mug <a href=2>Buy</a>"
        "</main></div><div aria-hidden=true>decoration</div><div role=dialog><button>Close</button></div>"
    )
    assert [element.name for element in page.elements] == ["dialog.close"]
    assert "Cart" in page.html
    assert "Mug Buy" in page.html
    assert "decoration" not in page.html
    shut = simplify("<main aria-hidden=true hidden>Mug</main>")
    assert "Mug" not in shut.html


def test_a_wrapper_that_a_browser_saw_keeps_its_text() -> None:
    html = "<div id=app aria-hidden=true data-facsim-visible=true><p>Still there</p></div>"
    assert "Still there" in simplify(html).html


def test_what_is_inert_shows_but_cannot_be_reached() -> None:
    page = simplify("<div inert><p>Two mugs</p><a href=1>Edit</a><p hidden>secret</p></div><a href=2>Pay</a>")
    assert [element.name for element in page.elements] == ["pay"]
    assert "Two mugs" in page.html
    assert "Edit" in page.html
    assert "secret" not in page.html
    assert "Two mugs" not in simplify("<div inert aria-hidden=true>Two mugs</div>").html
    assert "Two mugs" in simplify("<div inert aria-hidden=true data-facsim-visible=true>Two mugs</div>").html
