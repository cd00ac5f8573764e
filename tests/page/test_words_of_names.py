"""The words of names: what is said once, by the words that people see."""

from __future__ import annotations

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
