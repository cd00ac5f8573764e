"""Cards that are controls themselves, cards titled by plain text, and what stands beside titles."""

from __future__ import annotations

import pytest

from facsim.page import simplify
from facsim.page.slugs import is_price, slug


def names(html: str) -> list[str]:
    return [element.name for element in simplify(html).elements]


def test_a_card_that_opens_is_called_by_its_title_whatever_its_controls_say() -> None:
    card = (
        '<li><article role=link tabindex=0><a href="/p/{0}"><figure>−26 %<img alt="{1} boots"></figure></a>'
        '<button><img alt="Save to list or remove"></button>'
        '<a href="/p/{0}"><header>Norwood <h3>{1} boots</h3></header>€25.50 €34.40</a></article></li>'
    )
    found = names(f"<ul>{card.format('a', 'Red')}{card.format('b', 'Blue')}</ul>")
    assert found[:3] == ["red_boots", "red_boots.view_product", "red_boots.save_to_list_or_remove"]
    assert found[4:7] == ["blue_boots", "blue_boots.view_product", "blue_boots.save_to_list_or_remove"]


def test_boxes_that_open_are_told_apart_by_the_address_of_their_first_link() -> None:
    box = (
        '<li><article role=link tabindex=0><a href="/outfits/{0}"><img alt="Outfit"></a>'
        "<button>Save</button></article></li>"
    )
    found = names(f"<ul>{''.join(box.format(word) for word in ('city', 'beach', 'lake'))}</ul>")
    assert found[::3] == ["outfit_city", "outfit_beach", "outfit_lake"]


def test_the_text_before_the_price_titles_a_card_without_a_link_or_heading_even_in_copies() -> None:
    box = (
        '<div><div><a href="/p/{0}"><img src=x></a>{2}<button>Collect</button><a href="/cart">View cart</a>'
        "<div><i>095B</i> <i>100C</i> <i>100D</i> <i>105C</i> <i>105D</i> <i>110C</i> <i>110D</i></div></div>"
        "<div>{1}<div><b>28</b><i>,</i><sup>00</sup><b> €</b></div></div></div>"
    )
    rows = [("a", "Sport bra", "Web only"), ("b", "Cotton bra", ""), ("c", "Lace bra", "Web only")]
    found = names(f"<div>{''.join(box.format(*row) for row in 3 * rows)}</div>")
    assert found[:6] == [
        "sport_bra.image", "sport_bra.collect", "sport_bra.view_cart",
        "cotton_bra.image", "cotton_bra.collect", "cotton_bra.view_cart",
    ]  # fmt: skip
    assert {name.partition(".")[0].rstrip("_0123456789") for name in found} == {
        "sport_bra", "cotton_bra", "lace_bra",
    }  # fmt: skip


def test_controls_in_a_table_of_products_have_the_product_of_their_column() -> None:
    head = "<td></td><th>This desk</th><th><a href=/t/2>Oak desk</a></th><th><a href=/t/3>Pine desk</a></th>"
    cells = "<td></td>" + 3 * "<td><form><button>Add to cart</button></form></td>"
    found = names(f"<table><tr>{head}</tr><tr>{cells}</tr></table>")
    assert found[-3:] == ["add_to_cart_this_desk", "add_to_cart_oak_desk", "add_to_cart_pine_desk"]


def test_links_that_only_show_numbers_are_called_by_what_these_are() -> None:
    box = (
        '<li><a href="/p/{0}"><img alt="Relay, {0} pack"></a> <a href="/p/{0}">$25.99 ($5.20/Item)</a>'
        '<a href="/product-reviews/A{0}">4,991</a> <a href="/sale/{0}">-50%</a></li>'
    )
    found = names(f"<ul>{box.format(5)}{box.format(6)}</ul>")
    assert [name.partition(".")[2] for name in found] == 2 * ["view_product", "price", "reviews", "discount"]


@pytest.mark.parametrize(
    "price",
    [
        "1.299,-", "1 299:-", "kr. 1 299,00", "S/ 45.90", "Rp 120.000", "AED 120", "1 200 ₸", "฿1,200", "NT$ 1,200",
        "12 990 Kč", "R$ 10", "US $12.99", "₴ 900", "$5.20/Item", "€ 2,99 / 100 g", "$25.99 ($5.20/Item)",
    ],
)  # fmt: skip
def test_prices_are_no_part_of_names(price: str) -> None:
    assert is_price(price)
    assert slug(f"Red mug {price}") == "red_mug"


@pytest.mark.parametrize(
    "text", ["Size 12-14", "Ratio 4:5", "Model RM 500", "Roll-on pen 2", "A 5 pack", "iOS 14"]
)
def test_other_numbers_are_no_prices(text: str) -> None:
    assert not is_price(text)
    assert any(map(str.isdigit, slug(text)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Add to list or remove, boots €25.50 €34.40", "add_to_list_or_remove_boots"),
        ("Desks and chairs, $12", "desks_and_chairs"),
        ("Less than $30", "less_than_30"),
        ("$25 or more", "25_or_more"),
        ("entre 30 € et 50 €", "entre_30_et_50"),
    ],
)
def test_a_range_of_prices_has_its_words_beside_an_amount(text: str, words: str) -> None:
    assert slug(text) == words


def test_an_item_without_a_word_on_its_controls_is_called_by_the_words_below_them() -> None:
    review = (
        "<li><div><button></button><button></button></div>{}<p>Long text of a review. Not helpful.</p></li>"
    )
    found = names(f"<ul>{review.format('Does its job')}{review.format('Broke soon')}</ul>")
    assert [name.partition(".")[0] for name in found] == 2 * ["does_its_job"] + 2 * ["broke_soon"]


def test_a_list_to_choose_from_without_a_label_is_called_by_its_first_option() -> None:
    page = "<select><option>Top reviews</option><option{}>Newest</option></select>"
    expected = ["top_reviews", "top_reviews.top_reviews", "top_reviews.newest"]
    assert names(page.format("")) == names(page.format(" selected")) == expected


def test_formats_and_offers_with_prices_are_parts_of_the_product_with_the_picture() -> None:
    item = (
        '<div role=listitem><div><a href="/p/{0}"><img alt="{1}"></a></div><h2><a href="/p/{0}">{1}</a></h2>'
        '<a href="/by/{0}">Ana Silva</a> <a href="/p/{0}#reviews" aria-label="{2} ratings"></a>'
        '<div><div><a href="/hard/{0}">Hardcover</a></div><div><a href="/p/{0}">$17.50 List: $20.00</a></div></div>'
        '<div><div>More options $12.10</div><div><a href="/offers/{0}">(3 new offers)</a></div></div></div>'
    )
    items = "".join(
        item.format(key, title, count)
        for key, title, count in (("a", "Red tides", 27), ("b", "Blue hills", 8))
    )
    found = names(f"<div>{items}</div>")
    assert {name.partition(".")[0] for name in found} == {"red_tides", "blue_hills"}
    assert [name.partition(".")[2] for name in found][: len(found) // 2] == [
        "image", "view_product", "ana_silva", "ratings", "hardcover", "price", "new_offers",
    ]  # fmt: skip


def test_an_empty_link_over_a_card_is_not_called_by_its_address() -> None:
    box = (
        '<li><a href="/item_info/id/{0}"><img alt="Relay {0}"></a> <a href="/item_info/id/{0}">Relay {0}</a>'
        '<a href="/item_info/id/{0}"><video></video></a> <span>$5</span></li>'
    )
    found = names(f"<ul>{box.format('red')}{box.format('blue')}</ul>")
    assert [name.partition(".")[2] for name in found] == 2 * ["image", "view_product", "title"]
