"""Addresses: whatever is asked for gives a page or NotFoundError, and the shop's own form is stable."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.shop.catalogue import Query
from facsim.shop.storefront import DESIGNS, NotFoundError, Storefront, Visitor
from facsim.shop.storefront.urls import MAX_TEXT, Route, address_of, route_of, search_address, words

TEXT = st.text(max_size=40)
PATHS = [
    "/search",
    "/product/1005",
    "/checkout",
    "/cart",
    "/order",
    "/results",
    "/help",
    "/",
    "/sea rch",
    "/..",
    "//",
]


@pytest.fixture(scope="module")
def shop(shops) -> Storefront:
    return shops(DESIGNS["standard"])


@settings(deadline=None)
@given(st.builds(Query, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, st.integers(-5, 10**7)))
def test_queries_come_back_from_their_addresses(query):
    place = route_of(search_address(query))
    if place.kind == "results":
        again = place.query
        assert again.text == words(query.text) and again.brand == words(query.brand)
        assert 1 <= again.page <= 1000
        assert route_of(address_of(place)) == place


@settings(deadline=None)
@given(TEXT, TEXT, st.booleans(), st.integers(1, 10**8))
def test_places_of_products_come_back(size, colour, everything, number):
    place = Route("product", product=number, size=words(size), colour=words(colour), all_reviews=everything)
    assert route_of(address_of(place)) == place


@settings(deadline=None)
@given(st.text(max_size=2_000))
def test_words_are_clean_and_bounded(text):
    cleaned = words(text)
    assert len(cleaned) <= MAX_TEXT and words(cleaned) == cleaned
    assert not any(character < " " or character == "\x7f" for character in cleaned)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(PATHS),
    st.dictionaries(
        st.sampled_from(
            [
                "q",
                "page",
                "brand",
                "price",
                "rating",
                "department",
                "size",
                "colour",
                "delivery",
                "sort",
                "step",
            ]
        ),
        st.one_of(
            TEXT,
            st.sampled_from(
                ["-1", "0", "9" * 30, "1e9", "-", "5-", "nan", "4.5", "' OR 1=1 --", '"', "*", "NEAR("]
            ),
        ),
        max_size=4,
    ),
)
def test_whatever_is_asked_for_gives_a_page_or_no_such_page(shop, path, fields):
    address = path + ("?" + "&".join(f"{name}={value}" for name, value in fields.items()) if fields else "")
    try:
        page = shop.open(address, Visitor())
    except NotFoundError:
        return
    assert page.view.actions and shop.open(page.view.address, Visitor()).html == page.html


def test_pages_past_the_last_show_the_last(shop):
    last = shop.open("/search?q=grinder&page=999").view
    assert last.query.page == last.last_page and last.cards
    assert shop.open("/search?q=grinder&page=-1").view.query.page == 1


def test_long_addresses_are_refused():
    with pytest.raises(NotFoundError):
        route_of("/search?q=" + "a" * 5_000)
