"""Names stay what they are when other parts of the page come, go or move, and no two look the same."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.page import simplify
from facsim.page.confusables import skeleton
from facsim.page.slugs import MAX_PART, slug


def by_address(html: str) -> dict[str, str]:
    """Names by where the links (or `name`d fields) lead; every part below has addresses of its own."""
    return {element.href or "": element.name for element in simplify(html).elements if element.href}


_NOISE = st.sampled_from(["", ' class="css-1x9f3a"', ' id="r4nd0m"', ' data-v-7f="1"'])
_PARTS = [
    '<header{0}><a href="/home">Shop</a><form role=search><input name=q></form><a href="/cart">Cart (3)</a></header>',
    '<nav{0} aria-label="Departments"><ul><li><a href="/d/1">Garden</a><li><a href="/d/2">Tools</a></ul></nav>',
    '<aside{0}><h2>Refine</h2><fieldset><legend>Brand</legend><a href="/b/1">Bosch (12)</a><a href="/b/2">Kärcher</a>'
    "</fieldset></aside>",
    '<section{0}><h2>Results</h2><div><a href="/p/1">Blue mug</a><b>$5</b><a href="/buy/1">Add</a></div>'
    '<div><a href="/p/2">Red mug</a><b>$6</b><a href="/buy/2">Add</a></div></section>',
    '<section{0}><h2>Also bought</h2><ul><li><a href="/p/3">Cup</a><i>$2</i><a href="/buy/3">Add</a></ul></section>',
    '<table{0}><caption>Orders</caption><tr><td><a href="/o/1">Open</a><td>No 17<tr><td><a href="/o/2">Open</a>'
    "<td>No 18</table>",
    '<div{0} class=ad><h3>Advertisement</h3><p>Sale!</p><a href="/sale">Go</a></div>',
    '<footer{0}><a href="/terms">Terms</a> <a href="/help">Help</a></footer>',
    "<p{0}>Some words</p>",
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(_PARTS), _NOISE), unique_by=lambda part: part[0], min_size=1, max_size=9
    ),
    st.lists(
        st.tuples(st.sampled_from(_PARTS), _NOISE), unique_by=lambda part: part[0], min_size=1, max_size=9
    ),
)
def test_parts_may_come_go_and_move(ones: list[tuple[str, str]], others: list[tuple[str, str]]) -> None:
    names = [by_address("".join(part.format(noise) for part, noise in parts)) for parts in (ones, others)]
    for address in names[0].keys() & names[1].keys():
        assert names[0][address] == names[1][address]


_TITLES = st.lists(
    st.text(st.characters(categories=("L", "N", "Zs", "P", "M", "Cf")), min_size=1, max_size=70).filter(slug),
    min_size=2,
    max_size=6,
    unique=True,
)


@settings(max_examples=150, deadline=None)
@given(_TITLES)
def test_order_changes_the_name_of_no_card_with_a_title_of_its_own(titles: list[str]) -> None:
    cards = {
        address: f'<div><a href="/{address}">{title}</a><b>$5</b></div>'
        for address, title in enumerate(titles)
    }
    looks = [skeleton(slug(title)) for title in titles]
    alone = {f"/{at}" for at, seen in enumerate(looks) if looks.count(seen) == 1}
    first = by_address("<main>" + "".join(cards.values()) + "</main>")
    second = by_address("<main>" + "".join(reversed(cards.values())) + "</main>")
    assert {at: first[at] for at in alone} == {at: second[at] for at in alone}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=8))
def test_no_two_names_look_the_same(texts: list[str]) -> None:
    html = "".join(f"<a href=1>{text.replace('<', '')}</a>" for text in texts)
    names = [element.name for element in simplify(html).elements]
    assert len({skeleton(name) for name in names}) == len(names)
    for name in names:
        assert unicodedata.is_normalized("NFKC", name)
        assert name == name.casefold()
        assert not any(
            unicodedata.category(character) in ("Cf", "Cc", "Zs", "Zl", "Zp") for character in name
        )


def names(html: str) -> list[str]:
    return [element.name for element in simplify(html).elements]


def test_letters_of_other_scripts_do_not_pass_for_latin_ones() -> None:
    assert names("<a href=1>cart</a><a href=2>\u0441art</a><a href=3>\u0441\u0430rt 2</a>") == [
        "cart",
        "\u0441art_3",
        "\u0441\u0430rt_2",
    ]


def test_what_is_not_drawn_is_no_difference() -> None:
    same = ["cart", "ca\u3164rt", "ca\ufe0frt", "\u202ecart", "c\u034fart", "ca\u00adrt", "\ufb01ne", "fine"]
    assert names("".join(f"<a href=1>{text}</a>" for text in same)) == [
        *("cart", "cart_2", "cart_3", "cart_4", "cart_5", "cart_6"),
        *("fine", "fine_2"),
    ]


def test_long_titles_that_differ_at_the_end_need_no_numbers() -> None:
    title = "a title of very many words " * 9
    found = names("".join(f"<a href=1>{title}{colour}</a>" for colour in ("dark blue", "red")))
    assert found == [
        "a_title_of_very_many_words_a_title_words_dark_blue",
        "a_title_of_very_many_words_a_title_many_words_red",
    ]
    assert max(map(len, found)) <= MAX_PART


def test_generated_field_names_do_not_count() -> None:
    html = "<input name=field_8f3a21><input name=q1093847><input name=coupon_2>"
    assert names(html) == ["input", "input_2", "coupon_2"]


def test_what_changes_is_no_part_of_a_name() -> None:
    assert names(
        "<button><span>Order summary</span><span>$40.00</span></button><a href=1>Basket total: £208.90</a>"
        "<a href=1>Notifications <b>3</b></a><a href=1><div><span>100/100</span><span>Bread in a day</span></div></a>"
        "<button aria-label='Cart with 2 items'></button><a href=1>1,204 ratings</a><a href=1>Total 12 €</a>"
    ) == [
        "order_summary",
        "basket_total",
        "notifications",
        "bread_in_a_day",
        "cart_with_items",
        "ratings",
        "total",
    ]


def test_digits_that_belong_to_words_stay() -> None:
    html = "<a href=1>4 Stars & Up</a><a href=1>iPhone 15</a><a href=1>A4</a><a href=1>2</a><a href=1>$0 to $50</a>"
    assert names(html + "<a href=1>Under $25</a><a href=1>$50 & above</a><a href=1>Child (under 12)</a>") == [
        *("4_stars_up", "iphone_15", "a4", "2", "0_to_50"),
        *("under_25", "50_above", "child_under_12"),
    ]


def test_where_only_counts_tell_elements_apart_they_count() -> None:
    html = "<button>Donate $5</button><button>Donate $10</button><a href=1>Page <b>1</b></a><a href=2>Page <b>2</b></a>"
    assert names(html) == ["donate_5", "donate_10", "page_1", "page_2"]


def test_a_list_of_links_is_not_called_by_the_first() -> None:
    def menu(*links: str) -> str:
        return "<nav><ul><li><ul>" + "".join(links) + "</ul></li></ul></nav>"

    links = [f'<li><a href="/{word}">{word}</a></li>' for word in ("dashboard", "products", "coupons")]
    assert by_address(menu(*links)) == by_address(menu(*reversed(links)))
    assert names(menu(*links)) == ["navigation.dashboard", "navigation.products", "navigation.coupons"]
    titled = "<ul><li><div><span>Quick links</span></div><ul>" + "".join(links) + "</ul></li></ul>"
    assert names(titled) == ["quick_links.dashboard", "quick_links.products", "quick_links.coupons"]


SELECT = (
    "<label for=c>Category</label><select id=c aria-hidden=true><option>Shop</select><span><span><span role=combobox"
    " tabindex=0 aria-labelledby=x><span id=x role=textbox aria-readonly=true>{0}</span></span></span></span>"
)


def test_a_combobox_in_place_of_a_select_is_called_by_its_label() -> None:
    for value in ("", "Shop"):
        (element,) = simplify(SELECT.format(value)).elements
        assert (element.name, element.role, element.text) == ("category", "combobox", "Category")


def test_ids_that_are_not_unique_mean_what_is_near() -> None:
    item = "<li><a id=menu href=#>{0}</a><div aria-labelledby=menu><a href={1}>{1}</a></div></li>"
    html = f"<nav><ul>{item.format('Catalogue', 'a')}{item.format('Offers', 'b')}</ul></nav>"
    assert names(html)[1::2] == ["navigation.catalogue.a", "navigation.offers.b"]
    form = "<form><label for=mail>{0}</label><input id=mail></form>"
    assert names(form.format("Log in with") + form.format("Register with")) == [
        "log_in_with",
        "register_with",
    ]


def test_what_is_called_the_same_is_told_apart_by_its_address_before_numbers() -> None:
    edit = '<a href="/{0}/edit">Edit</a>'
    assert names(edit.format("mug") + edit.format("cup")) == ["edit_mug", "edit_cup"]
    assert names(edit.format("17") + edit.format("18")) == ["edit", "edit_2"]
    card = '<article><h3><a href="/{0}">Mug</a></h3><b>$5</b><button>Add</button></article>'
    assert names(card.format("mug-blue") + card.format("mug-red"))[1::2] == ["mug_blue.add", "mug_red.add"]
    radio = "<input type=radio value={0} aria-label=Colour>"
    assert names(radio.format("red") + radio.format("blue")) == ["colour_red", "colour_blue"]


def test_a_label_beside_a_widget_in_place_of_its_control_leaves_it_the_name() -> None:
    html = (
        "<span role=checkbox tabindex=0 aria-labelledby=w></span><input id=c type=checkbox aria-hidden=true>"
        "<label id=w for=c>White</label>"
    )
    assert names(html) == ["white", "white_label"]


def test_titles_of_signs_alone_are_titles() -> None:
    card = "<div><a href=/{0}>{1}</a><b>$5</b><button>Add</button></div>"
    html = card.format(1, "\u2615") + card.format(2, "\U0001f381")
    assert names(html)[1::2] == ["hot_beverage.add", "wrapped_present.add"]


def test_a_heading_late_in_a_box_does_not_speak_for_what_is_before() -> None:
    fields = "".join(f"<input aria-label={word}>" for word in ("Name", "Street", "City", "Zip", "Country"))
    html = f"<div>{fields}<div><h2>Order summary</h2><button>Apply</button></div></div>"
    assert names(html) == ["name", "street", "city", "zip", "country", "order_summary.apply"]


def test_options_are_under_the_name_of_their_select() -> None:
    select = "<select aria-label=Size><option>S<option>M</select>"
    assert names(select * 2) == ["size", "size.s", "size.m", "size_2", "size_2.s", "size_2.m"]


def test_the_title_of_a_card_is_not_said_again() -> None:
    card = "<article><h3>{0}</h3><button>{0}: decrease quantity</button><input aria-label={0}></article>"
    assert names(card.format("Mug")) == ["mug.decrease_quantity", "mug"]


def test_what_has_no_words_is_called_by_the_text_before_it() -> None:
    html = "<p>Price <button></button></p><p>Stock <button></button><button></button></p><p>Width <input></p>"
    assert names(html) == ["price_button", "stock_button", "button", "width"]


def test_fields_of_copied_forms_have_no_positions() -> None:
    assert names("<input name=form-0-quantity><input name='items[3][price]'>") == ["quantity", "price"]


def test_a_count_is_called_by_the_part_of_the_page_it_leads_to() -> None:
    assert names(
        "<a href='/mug#reviews'>1,204</a><a href='/list?page=2'>2</a><a href='/mug'><img alt=''></a>"
    ) == [
        "reviews",
        "2",
        "mug",
    ]


def test_the_header_of_a_row_is_no_product() -> None:
    html = "<table><tr><th><a href=/1>#1042</a><td>$5<td><button>\u22ee</button></table>"
    assert names(html) == ["1042", "1042.more"]


def test_what_has_no_words_is_called_by_its_icon_or_its_tooltip() -> None:
    row = "<li><h3>{0}</h3><button><svg class='lucide lucide-minus h-3'></svg></button><a href=#><i class='fa fa-edit fa-fw'></i></a></li>"
    assert names(f"<ul>{row.format('Mug')}{row.format('Cup')}</ul>") == [
        "mug.minus",
        "mug.edit",
        "cup.minus",
        "cup.edit",
    ]
    assert names("<button><svg class=icon><use href='/all.svg#icon-trash'></use></svg></button>") == ["trash"]
    assert names(
        "<a href=#><span class='fas fa-times'></span></a><button class='navbar fa fa-bars'></button>"
    ) == [
        "close",
        "menu",
    ]
    # What only styles a box says nothing.
    assert names("<button class='icon-bar'></button><button><i class='fa fa-fw'></i></button>") == [
        "button",
        "button_2",
    ]
    (element,) = simplify("<a href=#><span class=x1 title='Choose a date'></span></a>").elements
    assert (element.name, element.text) == ("choose_a_date", "Choose a date")


def test_controls_of_a_table_are_called_by_their_column_where_their_cell_says_nothing() -> None:
    head = "<tr><th>Product</th><th colspan=2>Order more</th><th>Gift</th></tr>"
    row = "<tr><td>{0}</td><td><input type=number></td><td>now <input type=range></td><td>{1}</td></tr>"
    gift = "<input type=checkbox> Wrap it"
    found = names(f"<table>{head}{row.format('Mug', gift)}{row.format('Cup', '<button></button>')}</table>")
    assert found == [
        *("mug.order_more", "mug.now", "mug.wrap_it"),
        *("cup.order_more", "cup.now", "cup.gift_button"),
    ]
    # The last header stands just before the first cell, and is of another column.
    first = "<table><tr><th>All<th>Price</th></tr><tr><td><input type=checkbox><td>Mug</tr></table>"
    assert names(first) == ["mug.all"]


def test_a_box_to_tick_without_a_label_is_called_by_what_follows_it() -> None:
    html = "<p>Extras</p><div><input type=checkbox> Gift wrap<br><input type=checkbox> Express</div>"
    assert names(html) == ["gift_wrap", "express"]


def test_rows_are_called_by_the_only_header_in_them_or_by_their_number() -> None:
    html = (
        "<table><tr><th>Name<th></tr><tr><th colspan=2>Tickets <a href=/1 title=Edit></a></th></tr><tr><td>Adult<td>"
        "<a href=/3 title=Edit></a></tr><tr><th colspan=2>Goods <a href=/2 title=Edit></a></tr></table>"
    )
    assert names(html) == ["tickets.edit", "adult.edit", "goods.edit"]
    orders = "<tr><td><a href=/{0}>{0}</a><td>1<td>£5.20<td>23 Nov 2026, 2:17 a.m.{1}</tr>"
    assert names(f"<table>{orders.format(17, '')}{orders.format(18, '')}</table>") == ["17", "18"]
    view = "<td><a href=/v>View</a>"
    assert names(f"<table>{orders.format(17, view)}</table>") == ["17", "17.view"]


def test_what_opens_a_menu_does_not_view_it() -> None:
    menu = "<li><a href='{0}'>Customers</a><ul><li><a href=/users>Customers</a><li><a href=/alerts>Alerts</a></ul></li>"
    for opens in ("#", "javascript:void(0)"):
        assert names(f"<nav><ul>{menu.format(opens)}</ul></nav>") == [
            *("navigation.customers", "navigation.customers.view", "navigation.customers.alerts"),
        ]


def test_what_else_tells_the_same_names_apart() -> None:
    card = "<li><h3>Shirt</h3><span>Size: {0}</span><span>Sold: {1}</span><button>Remove</button></li>"
    assert names(f"<ul>{card.format('Medium', 1)}{card.format('Large', 2)}</ul>") == [
        "shirt_medium.remove",
        "shirt_large.remove",
    ]
    assert names(f"<ul>{card.format('L', 1)}{card.format('L', 2)}</ul>") == ["shirt.remove", "shirt_2.remove"]
    edit = "<a href='/settings#{0}'>Edit</a>"
    assert names(edit.format("dates") + edit.format("prices")) == ["edit_dates", "edit_prices"]
    assert names("<a href=/s>Search</a><input name=z placeholder=Search>") == ["search_link", "search_input"]
    # An option comes and goes with its list.
    assert names("<button>Country</button><div role=option>Country</div>") == ["country", "country_2"]


def test_copies_of_a_form_keep_the_number_that_their_fields_have() -> None:
    row = (
        "<tr><td><input name=parts-{0}-title><input type=hidden name=parts-{0}-id></td><td><button>Today</button></td>"
        "<td><button>Remove</button></td></tr>"
    )

    def table(*numbers: str) -> dict[str, str]:
        page = simplify(f"<table>{''.join(map(row.format, numbers))}</table><button>Save</button>")
        return {element.locator: element.name for element in page.elements}

    assert list(table("0", "1").values()) == [
        *("title_0", "today_0", "remove_0"),
        *("title_1", "today_1", "remove_1"),
        "save",
    ]
    assert set(table("2", "0", "__prefix__").values()) > {"title_2", "remove_0", "today_prefix"}
    box = "<div><h3>Picture</h3><input name='pictures[{0}][file]'><button>Upload</button></div>"
    assert names(f"<section>{box.format(3)}{box.format(5)}</section>") == [
        *("picture_3.file", "picture_3.upload", "picture_5.file", "picture_5.upload"),
    ]
    assert names("<input name=parts-0-title><button>Remove</button>") == ["title", "remove"]
    # By the column first, then by the row.
    day = "<tr><td><input name=d-{0}-x><button>Today</button></td><td><button>Today</button></td></tr>"
    found = names(f"<table><tr><th>From</th><th>To</th></tr>{day.format(0)}{day.format(1)}</table>")
    assert found == ["x_0", "today_from_0", "today_to_0", "x_1", "today_from_1", "today_to_1"]
