"""Catalogue, storefront and policy."""

from __future__ import annotations

from random import Random

import pytest

from facsim.shop.first.catalogue import PER_KIND, Catalogue, Query
from facsim.shop.first.people import STYLES, Need, Person, draw_need, draw_person
from facsim.shop.first.policy import Chooser, Visit
from facsim.shop.first.storefront import Storefront, address_of


@pytest.fixture(scope="module")
def store() -> Storefront:
    return Storefront(Catalogue(1))


def test_the_catalogue_follows_from_the_seed(store: Storefront) -> None:
    products = store.catalogue.products
    assert len(products) == len(store.catalogue.by_id) == 40 * PER_KIND
    assert products == Catalogue(1).products != Catalogue(2).products
    assert all(1 <= product.rating <= 5 and product.price > 0 for product in products)
    assert all(product.list_price is None or product.list_price > product.price for product in products)


def test_search_finds_filters_and_sorts(store: Storefront) -> None:
    find = store.catalogue.find
    found = find(Query(text="pressure washers"))
    assert len(found) == PER_KIND and {product.kind.name for product in found} == {"pressure washer"}
    prices = [product.price for product in find(Query(text="pressure washer", sort="price_asc"))]
    assert prices == sorted(prices)
    brand = found[0].brand
    assert {product.brand for product in find(Query(text="pressure washer", brand=brand))} == {brand}
    assert all(product.rating >= 4 for product in find(Query(department="Pets", rating="4")))
    assert find(Query(text="xyzzy")) == ()


def test_misspelt_queries_find_less_and_get_a_suggestion(store: Storefront) -> None:
    find, mean = store.catalogue.find, store.catalogue.did_you_mean
    assert len(find(Query(text="presure wahser"))) == 0
    assert mean("presure wahser") == "pressure washer"
    assert mean("best wool socks for hiking boots") is None


@pytest.mark.parametrize("address", ["/", "/cart", "/product/100", "/search?q=frying+pan", "/search?q=xyzzy"])
def test_pages_are_the_same_each_time(store: Storefront, address: str) -> None:
    again = Storefront(Catalogue(1))
    assert store.serve(address).raw_html == again.serve(address).raw_html
    assert "header.search.search_input" in store.serve(address).page


def test_names_on_the_results_page(store: Storefront) -> None:
    page = store.serve(address_of(Query(text="frying pan"))).page
    assert "refinements.customer_reviews.4_stars_up" in page
    assert "sort_by.price_low_to_high" in page
    assert "pagination.next" in page
    views = [name for name in page.by_name if name.endswith(".view_product")]
    assert len(views) == 8 and all(name.startswith("search_results.") for name in views)
    assert all(page.by_name[name].equivalents for name in views)


def test_the_cart_is_what_was_put_in(store: Storefront) -> None:
    address, cart = store.follow("/cart/add/100", (101,))
    assert (address, cart) == ("/cart", (101, 100))
    assert store.catalogue.by_id[100].title in store.serve(address, cart).raw_html
    assert "Cart (2)" in store.serve("/", cart).raw_html
    assert store.follow("/cart/remove/101", cart) == ("/cart", (100,))
    assert "proceed_to_checkout" not in store.serve("/cart", ()).page


def visit(store: Storefront, style: int, **need: object) -> Visit:
    kind = store.catalogue.by_id[100].kind
    fields: dict[str, object] = {
        "features": (),
        "use": kind.uses[0],
        "budget": kind.price,
        "brand": None,
        "text": "",
    }
    person = Person("p", STYLES[style], "text")
    return Visit(person, Need(kind=kind, **(fields | need)))  # type: ignore[arg-type]


def test_probabilities_are_a_distribution_over_what_the_page_offers(store: Storefront) -> None:
    chooser = Chooser(store.catalogue)
    for address in ("/", "/product/100", "/search?q=chef+knife", "/cart"):
        one = visit(store, 0)
        one.address = address
        page = store.serve(address).page
        choices = chooser.probabilities(page, one)
        assert sum(share for _, share in choices) == pytest.approx(1)
        actions = [option.action for option, _ in choices]
        assert len(set(actions)) == len(actions)
        assert all(action.name in page for action in actions if action.type != "terminate")


def test_styles_weigh_what_they_say(store: Storefront) -> None:
    chooser = Chooser(store.catalogue)
    products = [product for product in store.catalogue.products if product.kind.name == "chef knife"]
    cheap, dear = min(products, key=lambda p: p.price), max(products, key=lambda p: p.price)
    price_driven, browsing = visit(store, 0), visit(store, 4)
    gap = [
        chooser.appeal(cheap, one)["price"] - chooser.appeal(dear, one)["price"]
        for one in (price_driven, browsing)
    ]
    assert gap[0] > gap[1] > 0
    loyal = visit(store, 2, brand=products[0].brand)
    assert chooser.appeal(products[0], loyal)["brand"] > 1


def test_people_and_needs_follow_from_seed_and_number(store: Storefront) -> None:
    assert draw_person(1, 2) == draw_person(1, 2) != draw_person(1, 3)
    need = draw_need(Random(5), store.catalogue, draw_person(1, 2))
    assert need.kind.name in need.text and f"${need.budget:.0f}" in need.text
