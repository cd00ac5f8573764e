"""Elements and groups that are called alike: what around them tells them apart, whatever their order."""

from __future__ import annotations

import pytest

from facsim.page import simplify


def names(html: str) -> list[str]:
    return [element.name for element in simplify(html).elements]


def without_first(before: list[str], after: list[str]) -> bool:
    """Whether what is left has the names that it had."""
    return before[-len(after) :] == after


def test_reviews_with_one_title_are_told_apart_by_their_authors():
    def review(title: str, author: str, date: str) -> str:
        return (
            f"<div><h4>{title}</h4><p>{date}</p><p>by <b>{author}</b></p><p>Boils fast.</p>"
            "<button>Helpful</button><button>Report</button></div>"
        )

    reviews = [
        review("Great kettle", "Ana Silva", "May 3, 2024"),
        review("Great kettle", "Sam Ng", "May 3, 2024"),
        review("Great kettle", "Kim Aydın", "June 1, 2024"),
    ]
    found = names("".join(reviews))
    assert found == [
        f"great_kettle_{author}.{button}"
        for author in ("ana_silva", "sam_ng", "kim_aydın")
        for button in ("helpful", "report")
    ]
    assert without_first(found, names("".join(reviews[1:])))


def test_products_with_one_title_are_told_apart_by_the_numbers_in_their_addresses():
    def card(title: str, number: str) -> str:
        return (
            f'<li><a href="/jeans-loose/{number}/show"><img></a><a href="/jeans-loose/{number}/show">{title}</a>'
            "<b>$59</b><button>Add</button></li>"
        )

    others = [card(word, word) for word in ("boots", "hats", "socks", "belts")]
    cards = [card("Loose jeans", number) for number in ("tj908", "tk2210")]
    found = names(f"<ul>{''.join(cards + others)}</ul>")
    assert found[:4:3] == ["loose_jeans_tj908.image", "loose_jeans_tk2210.image"]
    assert sorted(found) == sorted(names(f"<ul>{''.join(others + cards[::-1])}</ul>"))


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        (("/f/3180519", "/f/3180520"), ["file_3180519", "file_3180520"]),
        (("/f?id=4711&x=1", "/f?id=4712&x=1"), ["file_4711", "file_4712"]),
        # Too short to be more than a position.
        (("/f?page=1", "/f?page=2"), ["file", "file_2"]),
        # Where a shop saw the link is no number of an item.
        (("/f?ref_=sr_1_101", "/f?ref_=sr_1_102"), ["file", "file_2"]),
    ],
)
def test_numbers_in_addresses(addresses: tuple[str, str], found: list[str]):
    assert names(" ".join(f'<a href="{address}">File</a>' for address in addresses)) == found


def test_buttons_with_one_text_are_told_apart_by_the_words_before_them():
    page = (
        "<div><p>This kettle boils a litre in two minutes</p><button>Read more</button></div>"
        "<div><p>Made by a family of smiths in the north</p><button>Read more</button></div><p>12 reviews, $40</p>"
    )
    assert names(page) == ["read_more_this_kettle_boils_a", "read_more_made_by_a_family"]


def test_words_that_pass_or_only_separate_tell_nothing_apart():
    page = (
        "<div><p>May 3, 2024</p><i>›</i><button>Open</button></div>"
        "<div><p>June 1, 2024</p><b>$5</b><button>Open</button></div>"
    )
    assert names(page) == ["open", "open_2"]


def test_links_in_two_columns_are_told_apart_by_the_first_of_each_not_by_their_neighbours():
    first, second = (
        "".join(f'<li><a href="/{word}">{word}</a></li>' for word in words.split())
        for words in ("Dogs Cats Fish Birds Hens Geese Ducks", "Ants Bees Fish Mice Rats Hares Deer")
    )
    found = names(f"<div><ul>{first}</ul></div><div><ul>{second}</ul></div>")
    assert [name for name in found if "fish" in name] == ["fish_dogs", "fish_ants"]


def test_a_picture_beside_its_words_is_an_image():
    page = '<p><a href="/a"><img alt="Ana Silva"></a></p><p><a href="/a">Ana Silva</a></p>'
    assert names(page) == ["ana_silva_image", "ana_silva"]


def test_sections_that_two_rules_together_tell_apart():
    def menu(word: str, screen: str) -> str:
        return f'<li class="{screen}"><h4><a href="/c/{word}">View all</a></h4><a href="/c/{word}/new">New</a></li>'

    page = "".join(
        f"<div><p>{word}</p><div>{menu(word, 'mobile-only')}{menu(word, 'hidden-xs')}</div></div>"
        for word in ("lamps", "desks")
    )
    found = {name.partition(".")[0] for name in names(page)}
    assert found == {
        f"view_all_{word}_{screen}" for word in ("lamps", "desks") for screen in ("mobile", "desktop")
    }


@pytest.mark.parametrize(
    ("words", "screen"),
    [
        ("show-for-small", "mobile"),
        ("hide-for-small-only", "desktop"),
        ("hide-for-large-up", "mobile"),
        ("uk-visible-small", "mobile"),
        ("hidden-md-up", "mobile"),
        ("hidden-sm-down", "desktop"),
    ],
)
def test_class_names_of_more_frameworks_say_for_which_screen_a_part_is(words: str, screen: str):
    page = f'<div><a href="/sale">Sale</a></div><div class="{words}"><a href="/sale">Sale</a></div>'
    assert names(page) == ["sale", f"sale_{screen}"]


def test_options_with_one_text():
    ages = '<option value="00">&lt; 1<option value="01">1'
    assert names(f"<select name=age>{ages}</select>") == ["age", "age.under_1", "age.1"]
    shops = '<option value="search=baby">Baby<option value="search=fashion-baby">Baby'
    assert names(f"<select name=shop>{shops}</select>") == ["shop", "shop.baby", "shop.baby_fashion"]
    codes = '<option value="8f3a21">Baby<option value="9c1b77">Baby'
    assert names(f"<select name=shop>{codes}</select>") == ["shop", "shop.baby", "shop.baby_2"]


def test_copies_of_a_form_are_told_apart_by_the_numbers_in_their_fields():
    def form(number: str) -> str:
        return (
            f'<section><h3>Ticket</h3><select name="price_{number}"></select><button>Book</button></section>'
        )

    forms = [form("4381134"), form("4381135"), form("4381136")]
    found = names("".join(forms))
    assert found[:2] == ["ticket_4381134.price", "ticket_4381134.book"]
    assert without_first(found, names("".join(forms[1:])))


def test_links_that_run_scripts_are_called_by_what_their_class_names_say():
    page = '<a href="#" class="qty-minus"><img></a><input aria-label="Pieces"><a href="#" class="qty-plus"><img></a>'
    assert names(page) == ["minus", "pieces", "plus"]
    assert names('<a href="/cart" class="cart-link"><img></a>') == ["cart"]
    assert names('<a href="/p/17" class="zoom"><img></a>') == ["image"]


def test_a_heading_below_what_comes_first_does_not_title_it():
    entry = '<div><a href="/h">Home</a> <a href="/s">Shops</a> <a href="/c">Cart</a> <a href="/a">Account</a></div>'
    page = (
        f'<div>{entry}<h2>News</h2><a href="/1">Kettles</a> <a href="/2">Pots</a> <a href="/3">Pans</a></div>'
    )
    assert names(page)[-3:] == ["news.kettles", "news.pots", "news.pans"]
    assert names(page)[:4] == ["home", "shops", "cart", "account"]


def test_a_section_ends_where_the_box_with_the_next_section_starts():
    def shelf(word: str, *, last: bool = False) -> str:
        return (
            f'<div><a href="/{word}/left">left</a><h2>{word}</h2><a href="/{word}/1">{word} one</a>'
            f'<a href="/{word}/2">{word} two</a>{"" if last else "<hr>"}</div>'
        )

    top = '<h2>All for the kitchen</h2><a href="/h">Help</a> <a href="/c">Cart</a>'
    found = names(f"<div>{top}<div>{shelf('Pots')}{shelf('Pans', last=True)}</div></div>")
    assert found[:2] == ["all_for_the_kitchen.help", "all_for_the_kitchen.cart"]
    assert not any(name.startswith("all_for_the_kitchen.") for name in found[2:])
    # Without elements of its own, the content of a section is the box after its heading.
    page = (
        "<div><h2>Kinds</h2><div><h3>Tea</h3><a href=1>Green</a><h2>Other</h2><a href=2>Cups</a></div></div>"
    )
    assert names(page) == ["kinds.tea.green", "other.cups"]


def test_the_first_entry_of_a_list_is_no_caption_of_the_others():
    menu = '<ul><li><a href="/q/{0}">Anklets</a></li><li><a href="/r/{0}">Rings</a><a href="/s/{0}">Offers</a></li></ul>'
    found = names(f"<div>{menu.format(1)}</div><div>{menu.format(2)}</div>")
    assert not any("offers_anklets" in name for name in found)


def test_a_row_of_links_is_not_called_by_the_first():
    links = "".join(f'<a href="/{word}">{word}</a> ' for word in ("Home", "Soap", "Oil", "Care"))
    assert names(f"<table><tr><td>{links}</td></tr></table>") == ["home", "soap", "oil", "care"]


def test_what_tells_links_apart_does_not_repeat_their_words() -> None:
    page = "".join(f'<p><a href="/{part}-boots">Boots</a></p>' for part in ("women", "children"))
    assert names(page) == ["boots_women", "boots_children"]


def test_what_tells_cards_apart_does_not_repeat_their_title() -> None:
    products = (
        ("steel-mug-white", "Steel mug 30 cl"),
        ("steel-mug-green", "Steel mug 30 cl"),
        ("jug", "Jug"),
    )
    page = "".join(
        f'<div><a href="/{path}"><img src="{path}.png"></a><a href="/{path}">{title}</a><span>$12</span></div>'
        for path, title in products
    )
    assert names(f"<main>{page}</main>")[1::2] == [
        "steel_mug_30_cl_white.view_product",
        "steel_mug_30_cl_green.view_product",
        "jug.view_product",
    ]
