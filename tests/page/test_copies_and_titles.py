"""What saved pages of real shops repeat: menus held twice, sections, options; and what titles a card there."""

from __future__ import annotations

import pytest

from facsim.page import element_at, simplify


def names(html: str) -> list[str]:
    return [element.name for element in simplify(html).elements]


def test_copies_of_a_menu_are_told_apart_by_the_screen_that_they_are_for() -> None:
    menu = '<ul><li><a href="/music">Music</a><ul><li><a href="/pop">Pop</a></li></ul></li></ul>'
    page = (
        f'<nav aria-label="Departments"><div class="menu menu--desktop">{menu}</div></nav>'
        f'<nav aria-label="Departments"><div class="menu menu--mobile">{menu}</div></nav>'
    )
    assert names(page) == [
        "departments_desktop.music.view",
        "departments_desktop.music.pop",
        "departments_mobile.music.view",
        "departments_mobile.music.pop",
    ]


@pytest.mark.parametrize(
    ("word", "screen"),
    [
        ("hidden-phone", "desktop"),
        ("visible-xs", "mobile"),
        ("d-none d-md-block", "desktop"),
        ("d-lg-none", "mobile"),
        ("nav__mobile", "mobile"),
    ],
)
def test_class_names_that_say_for_which_screen_a_part_is(word: str, screen: str) -> None:
    page = f'<div><a href="/sale">Sale</a></div><div class="{word}"><a href="/sale">Sale</a></div>'
    assert names(page) == ["sale", f"sale_{screen}"]


@pytest.mark.parametrize("word", ["automobile", "js-mobile-toggle", "immobile", "hidden"])
def test_class_names_that_say_nothing_of_a_screen(word: str) -> None:
    page = f'<div><a href="/sale">Sale</a></div><div class="{word}"><a href="/sale">Sale</a></div>'
    assert names(page) == ["sale", "sale_2"]


def test_what_tells_groups_apart_is_said_once() -> None:
    shelf = '<h3>Lamps</h3><a href="/lamps/all">All</a>'
    page = "".join(
        f'<section class="shelf-{screen}"><h2>Home</h2><div>{shelf}</div><a href="/home">More</a></section>'
        for screen in ("mobile", "desktop")
    )
    assert names(page) == [
        "home_mobile.lamps.all",
        "home_mobile.more",
        "home_desktop.lamps.all",
        "home_desktop.more",
    ]


def test_two_carousels_with_one_heading_are_one_group() -> None:
    def carousel(*products: str) -> str:
        cards = "".join(
            f'<li><a href="/p/{word}"><img alt="{word} lamp of glass"></a><a href="/p/{word}">{word} lamp</a>'
            "<b>$5</b></li>"
            for word in products
        )
        return f"<section><h2>Sponsored</h2><ul>{cards}</ul></section>"

    found = names(carousel("Red", "Blue", "Green") + carousel("White", "Black", "Pink"))
    assert "sponsored.white_lamp.view_product" in found
    assert not any("_2" in name for name in found)


def test_two_forms_with_one_heading_stay_apart() -> None:
    form = '<section><h2>Address</h2><input aria-label="Name"><input aria-label="City"></section>'
    assert names(form + form) == ["address.name", "address.city", "address_2.name", "address_2.city"]


def test_entries_of_submenus_are_told_apart_by_the_captions_above_them() -> None:
    def menu(*periods: str) -> str:
        columns = "".join(
            f"<div><div>{people}</div><span onclick=go()>Shoes</span><br><span onclick=go()>Bags</span></div>"
            for people in ("Women", "Men")
        )
        return "".join(
            f"<li><span onclick=go()>{period}</span><div>{columns}</div></li>" for period in periods
        )

    assert [name for name in names(f"<ul>{menu('This week', 'This month')}</ul>") if "shoes" in name] == [
        "shoes_women_this_week",
        "shoes_men_this_week",
        "shoes_women_this_month",
        "shoes_men_this_month",
    ]


def test_options_that_differ_in_dates() -> None:
    options = "".join(f"<option>{day} Nov 2015 11:00 AM" for day in ("Wed 25", "Thu 26", "Fri 27"))
    assert names(f"<select name=date>{options}</select>") == [
        "date",
        "date.wed_25_nov",
        "date.thu_26_nov",
        "date.fri_27_nov",
    ]


def test_options_of_several_groups() -> None:
    groups = "".join(f"<optgroup label={place}><option>Large</optgroup>" for place in ("Front", "Back"))
    assert names(f"<select name=size>{groups}</select>") == ["size", "size.front_large", "size.back_large"]


def test_list_of_the_parts_of_one_card() -> None:
    def card(word: str) -> str:
        return (
            f'<div class=item><ul><li><a href="/p/{word}"><img alt="{word} lamp"></a></li>'
            f'<li><a href="/p/{word}">{word} lamp</a></li>'
            f'<li><b>US$ 149.<sup>99</sup></b> <a href="/cart/add?{word}"><img alt="Add to cart"></a></li>'
            "</ul></div>"
        )

    found = names(card("Red") + card("Blue") + card("Green"))
    assert found[:3] == ["red_lamp.image", "red_lamp.view_product", "red_lamp.add_to_cart"]
    assert len(found) == 9


def test_list_of_one_item_is_no_card() -> None:
    page = (
        '<div><h2>Also bought</h2><ul><li><a href="/p/3">Cup</a><i>$2</i><a href="/buy/3">Add</a></ul></div>'
    )
    assert names(page)[0].startswith("also_bought.")


def test_links_to_the_cart_inside_cards_are_no_cards() -> None:
    def card(number: int) -> str:
        product = f'<a href="/p/{number}">Graphics card model {number}</a>'
        tabs = "".join(
            f'<div class=tab><div><a href="/{place}"><img alt="To the {place}"></a></div><p>{product}</p></div>'
            for place in ("cart", "wishlist")
        )
        return (
            f'<div class=box>{tabs}<div><h4>{product}</h4><a href="/p/{number}"><img></a>'
            f'<p><b>$ {number}.90</b> <a href="/shipping">Shipping</a></p></div></div>'
        )

    page = f"<div>{''.join(map(card, (41, 42, 43, 44)))}</div>"
    groups = {name.partition(".")[0] for name in names(page)}
    assert groups == {f"graphics_card_model_{number}" for number in (41, 42, 43, 44)}


def test_title_of_a_card_is_what_its_picture_shows_and_not_a_badge_or_an_author() -> None:
    def card(title: str, author: str) -> str:
        link = f'<a href="/sspa/click?to={title}">'
        return (
            f'<li>{link}<img alt="{title}, a novel"><div aria-hidden=true>{title}</div></a>{link}{author}</a>'
            f"{link}11,902</a>{link}$4.99 ($2.50/item)</a></li>"
        )

    cards = [
        card("The Last Senator", "Ken Fite"),
        card("The Dark State", "Jack Slater"),
        card("If Angels Fall", "R M"),
    ]
    found = names(f"<ul>{''.join(cards)}</ul>")
    assert found[:2] == ["the_last_senator_a_novel.view_product", "the_last_senator_a_novel.ken_fite"]
    assert {name.partition(".")[0] for name in found} == {
        "the_last_senator_a_novel",
        "the_dark_state_a_novel",
        "if_angels_fall_a_novel",
    }


def test_title_of_a_card_whose_links_say_nothing_of_it() -> None:
    def card(title: str) -> str:
        return (
            f'<div class=product><a href="/p/{len(title)}"></a><div><img alt="{title}"></div>'
            f'<a href="/add/{len(title)}">Add to cart</a><div>{title}</div><div>$7.99</div></div>'
        )

    titles = ("Chocolate", "Pocket mirror", "Bonding doll in lime")
    found = names(f"<div>{''.join(map(card, titles))}</div>")
    assert [name for name in found if "add_to_cart" in name] == [
        "chocolate.add_to_cart",
        "pocket_mirror.add_to_cart",
        "bonding_doll_in_lime.add_to_cart",
    ]


def test_reviews_are_cards_although_each_has_links_to_help_and_to_sign_in() -> None:
    def review(person: str) -> str:
        return (
            f'<div class=review><a href="/people/{person}"><img>{person}</a><a href="/reviews/{person}">Nice</a>'
            f'<a href="/help?topic=verified">Verified purchase</a><a href="/sign-in?back={person}">Helpful</a>'
            f'<a href="/report?token={person}">Report</a></div>'
        )

    people = ("Ana", "Ben", "Cem", "Dia")
    found = names(f"<div>{''.join(map(review, people))}</div>")
    assert [name for name in found if "helpful" in name] == [f"{person.lower()}.helpful" for person in people]


def test_sentence_before_the_links_of_an_item_titles_it() -> None:
    items = "".join(
        f"<li><span>{number}.</span><p>{text}</p><a href='/a/{number}'>Article</a><a href='/b/{number}'>PubMed</a>"
        for number, text in enumerate(("A very short history of tea", "How to boil water in cold places"), 1)
    )
    assert names(f"<ol>{items}</ol>") == [
        "a_very_short_history_of_tea.article",
        "a_very_short_history_of_tea.pubmed",
        "how_to_boil_water_in_cold_places.article",
        "how_to_boil_water_in_cold_places.pubmed",
    ]


def test_second_link_with_the_title_of_a_card() -> None:
    def card(word: str) -> str:
        link = f'<a href="/p/{word}">{word} lamp</a>'
        return f'<li><a href="/p/{word}"><img></a>{link}<b>$5</b><p>{link}</p></li>'

    assert names(f"<ul>{card('Red')}{card('Blue')}</ul>")[:3] == [
        "red_lamp.image",
        "red_lamp.view_product",
        "red_lamp.title",
    ]


@pytest.mark.parametrize(
    ("html", "name"),
    [
        ('<footer><a href="tel:+18666403800">1-866-640-3800</a></footer>', "footer.phone"),
        ("<label><input type=checkbox>£10 - £25</label>", "10_to_25"),
        ('<a href="/17"><svg><use href="#icon-cart"></use></svg></a>', "cart"),
        ('<a href="#" class="arrow"><span class="fa arrow"></span></a>', "arrow"),
        ('<a href="#" class="arrow"><span class="fa arrow x7f3"></span></a>', "arrow"),
        ('<button class="btn btn-cart" onclick="buy()"></button>', "cart"),
        ('<button class="header__menu-toggle"></button>', "menu"),
        ('<button class="btn-primary"></button>', "button"),
    ],
)
def test_names_of_elements_that_show_no_words(html: str, name: str) -> None:
    assert names(html) == [name]


def test_long_names_lose_a_group_in_the_middle() -> None:
    page = (
        f"<section><h2>{'Outer words ' * 6}</h2><div><section><h3>{'Middle words ' * 6}</h3><div><section>"
        f"<h4>{'Inner words ' * 6}</h4><a href=/a>One</a><a href=/b>Two</a></section></div></section></div></section>"
    )
    found = names(page)
    assert all(len(name) <= 120 for name in found)
    assert all(name.startswith("outer_words") and ".inner_words" in name for name in found)


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("footer", "footer"),
        ("site-footer__links", "footer"),
        ("toolbar toolbar-bottom", "bottom"),
        ("sidebar-left", "sidebar"),
        ("page_header", "header"),
    ],
)
def test_class_names_that_say_where_a_part_of_the_page_is(word: str, place: str) -> None:
    page = f'<div><a href="/sale">Sale</a></div><div class="{word}"><a href="/sale">Sale</a></div>'
    assert names(page) == ["sale", f"sale_{place}"]
    by_id = f'<div><a href="/sale">Sale</a></div><div id="{place}"><a href="/sale">Sale</a></div>'
    assert names(by_id) == ["sale", f"sale_{place}"]


@pytest.mark.parametrize(
    "word", ["margin-bottom", "back-to-top", "stop", "topic", "bottomless", "subheaders"]
)
def test_class_names_that_say_nothing_of_a_place(word: str) -> None:
    page = f'<div><a href="/sale">Sale</a></div><div class="{word}"><a href="/sale">Sale</a></div>'
    assert names(page) == ["sale", "sale_2"]


def test_groups_are_told_apart_by_the_place_of_the_parts_that_they_are_in() -> None:
    section = '<h3>Help</h3><a href="/returns">Returns</a><a href="/contact">Contact</a>'
    page = f"<div class=top-bar><div>{section}</div></div><div class=footer><div>{section}</div></div>"
    assert names(page) == ["help.returns", "help.contact", "help_footer.returns", "help_footer.contact"]


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        (
            ("https://www.twitter.com/acme", "//facebook.com/acme"),
            ["follow_us_twitter", "follow_us_facebook"],
        ),
        (("https://shop.acme.co.uk/x/1", "https://acme.de/x/1"), ["follow_us", "follow_us_2"]),
        (("/view?of=Store+Tour", "/view?of=gallery"), ["follow_us_store_tour", "follow_us_gallery"]),
        (("/view?p=1&of=tour", "/view?p=2&of=shop"), ["follow_us_tour", "follow_us_shop"]),
        (("/view?utm_source=mail", "/view?utm_source=web"), ["follow_us", "follow_us_2"]),
        (("/Boots-men-10617-0.php", "/Boots-women-10618-0.php"), ["follow_us_men", "follow_us_women"]),
        (("/9a/71.php", "/9a/72.php"), ["follow_us", "follow_us_2"]),
    ],
)
def test_links_with_one_text_are_told_apart_by_their_addresses(
    addresses: list[str], found: list[str]
) -> None:
    assert names("".join(f'<p><a href="{address}">Follow us</a></p>' for address in addresses)) == found


def test_the_number_of_a_category_is_no_word_of_its_address() -> None:
    page = "".join(f'<p><a href="/categories/{word}">View all</a></p>' for word in ("pet-food_45", "toys_7b"))
    assert names(page) == ["view_all_pet_food", "view_all_toys_7b"]


def test_a_field_in_a_label_without_text_is_called_by_its_placeholder() -> None:
    assert names('<label><input placeholder="Card number"></label>') == ["card_number"]


def test_a_picture_that_submits_a_form_is_called_by_that() -> None:
    assert names("<form><input type=image src=a.gif></form>") == ["submit"]
    assert names("<form><input type=image name=search src=a.gif></form>") == ["search"]


def test_a_picture_that_all_cards_show_is_a_control() -> None:
    def card(word: str) -> str:
        return (
            f'<li><a href="/p/{word}"><img alt="{word} lamp of glass"></a> <a href="/p/{word}">{word} lamp</a>'
            f' <b>$5</b> <a href="/p/{word}"><img alt="Add to cart"></a></li>'
        )

    found = names(f"<ul>{card('Red')}{card('Blue')}{card('Green')}</ul>")
    assert found[:3] == ["red_lamp.image", "red_lamp.view_product", "red_lamp.add_to_cart"]
    assert not any("image_2" in name for name in found)


@pytest.mark.parametrize("wrapper", ["tabindex=0", "onclick=x", "tabindex=0 role=group aria-label=Go"])
@pytest.mark.parametrize("tag", ["div", "span", "label", "li"])
@pytest.mark.parametrize(
    "control",
    [
        "<button {}>Go</button>",
        "<a {} href=/x>Go</a>",
        "<a {} href=/x><img alt=Go></a>",
        "<input {} aria-label=Go>",
        "<input {} type=checkbox aria-label=Go>",
        "<select {} aria-label=Go><option>1</select>",
        "<span {} role=button>Go</span>",
        "<div {} contenteditable aria-label=Go></div>",
    ],
)
@pytest.mark.parametrize("before", ["", "<b>Go</b>", "<p>Other words</p>"])
def test_a_control_is_reached_through_a_wrapper_that_takes_the_focus(
    wrapper: str, tag: str, control: str, before: str
) -> None:
    html = f"<{tag} {wrapper}>{before}{control.format('data-control')}</{tag}>"
    element = element_at(html, "[data-control]")
    assert element is not None
    assert element.locator.rpartition(" > ")[2].startswith(control[1 : control.index(" ")])
