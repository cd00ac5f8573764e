"""The words of names: what is said once, by the words that people see."""

from __future__ import annotations

import pytest

from facsim.page import simplify


def _names(body: str) -> list[str]:
    return [element.name for element in simplify(f"<body>{body}</body>").elements]


def test_a_picture_and_the_same_text_are_named_once() -> None:
    body = '<a href="/h"><img src="h.png" alt="Halogen Bulbs."><p>Halogen bulbs</p></a><a href="/x">More</a>'
    assert _names(body) == ["halogen_bulbs", "more"]


def test_a_picture_that_shows_more_than_the_text_keeps_its_words() -> None:
    body = '<a href="/s"><img src="s.png" alt="Snow boots">Shop now</a><a href="/x">More</a>'
    assert _names(body) == ["snow_boots_shop_now", "more"]


def test_a_number_in_an_address_says_less_than_the_caption_of_a_column() -> None:
    body = "".join(
        f"<div><b>{caption}</b><a href='/{number}-banjo'>Banjo</a><a href='/{number}-x'>{caption} kit</a></div>"
        for caption, number in (("Strings", 1084), ("Pickups", 1173))
    )
    assert [name for name in _names(body) if "banjo" in name] == ["banjo_strings", "banjo_pickups"]


def test_words_that_tell_names_apart_are_not_repeated() -> None:
    body = (
        '<a href="/womens-boots/boots-women">Hiking boots</a><a href="/mens-boots/boots-men">Hiking boots</a>'
    )
    assert _names(body) == ["hiking_boots_women", "hiking_boots_men"]


def test_fields_without_a_label_are_called_by_the_text_before_them() -> None:
    body = """<p>Vehicle brand <select name="ma"><option>Audi</option></select></p>
    <p><span><b>*</b>Engine type</span> <input name="mot_2x"></p>
    <table><tr><td>Customer number:</td><td><input name="kdnr"></td></tr>
    <tr><td>Send me</td><td>the news at <input name="freq"></td></tr></table>"""
    assert _names(body) == [
        "vehicle_brand",
        "vehicle_brand.audi",
        "engine_type",
        "customer_number",
        "send_me.freq",
    ]


def test_names_in_the_form_that_are_words_for_people_stay() -> None:
    assert _names('<p>Weekly news for you: <input name="email"></p>') == ["email"]


def test_prices_sentences_and_other_controls_label_no_field() -> None:
    body = """<p>$40.00 <input name="ticket_code"></p>
    <p>We never pass on what you write to us here, to anyone: <input name="note_text"></p>
    <p>Brand <a href="/b">Audi</a> <input name="model_text"></p>"""
    assert _names(body) == ["ticket_code", "note_text", "audi", "model_text"]


def test_a_picture_with_the_start_of_the_title_is_the_image_of_its_card() -> None:
    cards = "".join(
        f'<td><a href="/p?{number}&a=1"><img src="p.png" alt="Peeling foam for dry {kind} skin a..."></a>'
        f'<a href="/p?{number}&b=2">Peeling foam for dry {kind} skin and hair</a> $5 <a href="/b?{number}">Buy</a></td>'
        for number, kind in enumerate(("young", "old", "very old"))
    )
    names = _names(f"<table><tr>{cards}</tr></table>")
    assert [name.rpartition(".")[2] for name in names] == ["image", "view_product", "buy"] * 3


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("5.0 out of 5 stars A good book", "a_good_book"),
        ("4.4 4.4 out of 5 stars", "rating"),
        ("Average customer rating is 4.5 out of 5 stars. (6 Reviews)", "reviews"),
        ("4,5 von 5 Sternen", "rating"),
        ("4 out of 5 stars & up", "4_out_of_5_stars_up"),
    ],
)
def test_ratings_do_not_stand_in_names(text: str, name: str) -> None:
    assert _names(f'<a href="/r">{text}</a>') == [name]


def test_a_magnifying_glass_searches() -> None:
    body = '<form><input name="q"><button><i class="fi-magnifying-glass"></i></button></form>'
    assert _names(body) == ["search_input", "search"]


def test_a_link_without_words_is_called_by_the_site_that_it_leads_to() -> None:
    assert _names('<a href="https://www.energystar.gov/"><svg></svg></a>') == ["energystar"]


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ('<a href="/mug#customerReviews">1,204</a>', "reviews"),
        ('<a href="/mug#questions">39</a>', "questions"),
        ('<a href="/mug/reviews?stars=5">64%</a>', "percentage"),
        ('<a href="/sale">−20 %</a>', "discount"),
    ],
)
def test_a_link_that_shows_only_a_number_is_called_by_what_it_counts(link: str, name: str) -> None:
    assert _names(link) == [name]
