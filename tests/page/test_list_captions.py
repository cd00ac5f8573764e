"""The text above a list, such as a column of a footer or a filter's values, is the group of what is in it."""

from __future__ import annotations

import pytest

from facsim.page import simplify

_LIST = '<ul><li><a href="/black">Black</a></li><li><a href="/blue">Blue</a></li></ul>'


def _names(body: str) -> list[str]:
    return [element.name for element in simplify(f"<body>{body}</body>").elements]


@pytest.mark.parametrize(
    "above",
    [
        "<p>Colour</p>",
        "<div><b>Colour</b></div>",
        "Colour",
        '<p>Colour</p><div class="rule"></div>',
        "<p>Colour (12)</p>",
    ],
)
def test_a_short_text_captions_the_list_below_it(above: str) -> None:
    assert _names(f"<div>{above}{_LIST}</div>") == ["colour.black", "colour.blue"]


def test_a_text_captions_a_list_in_boxes_of_its_own() -> None:
    assert _names(f"<p>Colour</p><div><div>{_LIST}</div></div>") == ["colour.black", "colour.blue"]


def test_an_entry_of_a_menu_captions_its_submenu() -> None:
    body = f'<nav><div><a href="/c">Colours</a>{_LIST}</div><a href="/s">Sizes</a></nav>'
    expected = ["colours", "colours.black", "colours.blue", "sizes"]
    assert _names(body) == [f"navigation.{name}" for name in expected]


@pytest.mark.parametrize(
    "above",
    [
        "<p>We dye all our cloth ourselves, by hand, with plants.</p>",
        "<p>$40.00</p>",
        "<p>Colour</p><button>Clear</button>",
        '<label>Sort by <select name="s"><option>Price</option></select></label>',
        '<a href="#top">Back to top</a>',
        '<p><a href="/a">Red</a> or <a href="/b">green</a></p>',
    ],
)
def test_sentences_prices_and_controls_caption_no_list(above: str) -> None:
    assert _names(f"<div>{above}{_LIST}</div>")[-2:] == ["black", "blue"]


def test_a_heading_still_titles_all_that_follows_it() -> None:
    body = f'<div><h3>Colour</h3>{_LIST}<a href="/all">All</a></div>'
    assert _names(body) == ["colour.black", "colour.blue", "colour.all"]
