"""Branches of menus: what stands below an entry is named after it, whatever boxes the menu is made of."""

from __future__ import annotations

import pytest

from facsim.page import simplify

_KINDS = ("Women", "Men", "Children", "Home")
_GOODS = ("Jackets", "Shoes", "Hats")


def names(html: str) -> list[str]:
    return [element.name for element in simplify(html).elements]


def links(of: str) -> str:
    return "".join(f'<div><a href="/{of}/{place}">{one}</a></div>' for place, one in enumerate(_GOODS))


def menu(kinds: tuple[str, ...]) -> str:
    branches = (f"<div><div><a href=#>{kind}</a></div><div>{links(kind)}</div></div>" for kind in kinds)
    return f"<div>{''.join(branches)}</div>"


def test_entries_with_equal_words_are_named_after_their_branch():
    found = names(menu(_KINDS))
    assert found[:4] == ["women", "women.jackets", "women.shoes", "women.hats"]
    assert found[4:8] == ["men", "men.jackets", "men.shoes", "men.hats"]


def test_names_stay_when_the_first_branch_goes():
    before, after = names(menu(_KINDS)), names(menu(_KINDS[1:]))
    assert before[-len(after) :] == after


def test_headed_columns_below_an_entry_do_not_hide_it():
    columns = "".join(
        f"<div><h4>{heading}</h4><a href=/{{0}}/{place}>{word}</a></div>"
        for place, (heading, word) in enumerate(
            [("Clothes", "Jackets"), ("Extras", "Hats"), ("Help", "Sizes")]
        )
    )
    found = names(
        "".join(f"<li><a href=/{kind}>{kind}</a><div>{columns.format(kind)}</div></li>" for kind in _KINDS)
    )
    assert found[:4] == ["women.view", "women.clothes.jackets", "women.extras.hats", "women.help.sizes"]


@pytest.mark.parametrize(
    "entry",
    [
        "<a href=/p>{0}{0}{0}0</a>",
        "<a href=/p>Very {0} and long and longer still</a>",
        "From our shop <a href=/p>Colour {0}</a>",
    ],
)
def test_a_count_a_long_text_or_an_entry_in_a_sentence_names_no_branch(entry: str) -> None:
    branches = (
        f"<div><p>{entry.format(place)}</p><div>{links(f'{place}')}</div></div>" for place in range(1, 4)
    )
    assert not any("." in name for name in names("".join(branches)))


def test_an_entry_above_two_boxes_names_no_branch():
    branches = (
        f"<div><a href=#>{kind}</a><div>{links(kind)}</div><p>{links(kind + '2')}</p></div>"
        for kind in _KINDS
    )
    assert "women.jackets" not in names("".join(branches))


def test_a_navigation_between_two_groups_is_left_out_of_names():
    page = f"<header><a href=/>Shop</a><nav><a href=/new>New</a>{menu(_KINDS)}</nav></header>"
    found = names(page)
    assert found[:4] == ["header.shop", "header.navigation.new", "header.women", "header.women.jackets"]
    assert "navigation.women.jackets" in names(page.replace("header", "section"))


def test_groups_of_two_navigations_in_one_header_are_told_apart():
    one, other = menu(_KINDS), menu(_KINDS).replace("/Women", "/tall")
    found = names(f"<header><nav>{one}</nav><nav>{other}</nav></header>")
    assert len({*found}) == len(found) == 32
    assert all(name.startswith("header.") for name in found)
