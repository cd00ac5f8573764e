"""What actions lead to, and what the shop knows of a visitor afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from facsim.shop.storefront import DESIGNS, NotFoundError, PageAction, Storefront, Visitor
from facsim.shop.storefront.visitor_store import json_of, visitor_of
from facsim.shop.storefront.visitor_updates import MAX_LINES, MAX_QUANTITY


@pytest.fixture(scope="module")
def shop(shops) -> Storefront:
    return shops(DESIGNS["standard"])


@pytest.fixture(scope="module")
def shirt(catalogue):
    return next(one for one in catalogue.products if len(one.sizes) > 1 and len(one.colours) > 1)


@pytest.fixture(scope="module")
def plain(catalogue):
    return next(one for one in catalogue.products if not one.sizes and not one.colours)


def act_of(shop, address, visitor, kind, value="", part=""):
    actions = shop.open(address, visitor).view.actions
    return next(
        action
        for action in actions
        if action.kind == kind and value in ("", action.value) and part in ("", action.part)
    )


def test_typing_searches_and_results_are_remembered(shop):
    box = act_of(shop, "/", Visitor(), "search", part="header")
    address, visitor = shop.follow(box, Visitor(), "  garlic   press & more ")
    assert address == "/search?q=garlic+press+%26+more" == visitor.results
    assert shop.open(address, visitor).view.query.text == "garlic press & more"
    assert shop.follow(box, visitor, "   ")[0] == "/"


def test_a_search_forgets_filters_and_the_button_repeats_the_text(shop):
    view = shop.open("/search?q=grinder").view
    narrow = next(action for action in view.actions if action.kind == "filter")
    address, visitor = shop.follow(narrow, Visitor())
    assert shop.open(address, visitor).view.total == next(iter(view.facets)).values[0].count
    button = act_of(shop, address, visitor, "search", part="button")
    assert shop.follow(button, visitor)[0] == "/search?q=grinder"


def test_a_filter_is_taken_back_by_the_same_element(shop):
    narrow = act_of(shop, "/search?q=grinder", Visitor(), "filter")
    address, visitor = shop.follow(narrow, Visitor())
    selected = [
        action
        for action in shop.open(address, visitor).view.actions
        if action.kind == "filter" and action.selected
    ]
    assert [action.value for action in selected] == [narrow.value]
    assert shop.follow(selected[0], visitor)[0] == "/search?q=grinder"
    assert shop.follow(act_of(shop, address, visitor, "clear"), visitor)[0] == "/search?q=grinder"


def test_from_a_product_people_go_back_to_their_results(shop, plain):
    _, visitor = shop.arrive("/search?q=grinder&page=2", Visitor())
    address, visitor = shop.arrive(f"/product/{plain.id}", visitor)
    assert visitor.recent == (plain.id,)
    back = act_of(shop, address, visitor, "back")
    assert shop.follow(back, visitor)[0] == "/search?q=grinder&page=2"
    assert shop.follow(back, Visitor())[0] == "/"


def test_options_are_what_goes_into_the_cart(shop, shirt):
    address, visitor = shop.arrive(f"/product/{shirt.id}", Visitor())
    chosen = shop.open(address, visitor).view.product
    assert (chosen.size, chosen.colour) == (shirt.sizes[0], shirt.colours[0])
    for facet, value in (("size", shirt.sizes[-1]), ("colour", shirt.colours[-1])):
        options = [action for action in shop.open(address, visitor).view.actions if action.facet == facet]
        address, visitor = shop.follow(next(action for action in options if action.value == value), visitor)
    address, visitor = shop.follow(act_of(shop, address, visitor, "add_to_cart"), visitor)
    assert (address, visitor.lines) == ("/cart", ((shirt.id, shirt.sizes[-1], shirt.colours[-1], 1),))


def test_the_cart(shop, shirt, plain):
    visitor = Visitor()
    for product in (shirt, plain, shirt):
        address, visitor = shop.follow(
            act_of(shop, f"/product/{product.id}", visitor, "add_to_cart"), visitor
        )
    assert [(line[0], line[3]) for line in visitor.lines] == [(shirt.id, 2), (plain.id, 1)]
    view = shop.open(address, visitor).view
    assert view.cart_total == 2 * shirt.price + plain.price and view.cart_count == 3
    _, visitor = shop.follow(act_of(shop, "/cart", visitor, "quantity", "1"), visitor)
    assert [line[3] for line in visitor.lines] == [1, 1]
    _, visitor = shop.follow(act_of(shop, "/cart", visitor, "remove"), visitor)
    assert [line[0] for line in visitor.lines] == [plain.id]
    _, visitor = shop.follow(act_of(shop, "/cart", visitor, "remove"), visitor)
    assert visitor.lines == () and shop.open("/cart", visitor).view.lines == ()


def test_an_order_empties_the_cart_and_is_shown(shop, shirt):
    address, visitor = shop.follow(act_of(shop, f"/product/{shirt.id}", Visitor(), "buy_now"), Visitor())
    assert address == "/checkout"
    address, after = shop.follow(act_of(shop, address, visitor, "place_order"), visitor)
    assert (address, after.lines, after.bought) == ("/order", (), visitor.lines)
    view = shop.open(address, after).view
    assert view.kind == "order" and [line.card.product for line in view.lines] == [shirt.id]
    assert shop.follow(PageAction("place_order", "", "/order", "post"), Visitor())[0] == "/cart"


def test_what_cannot_be_shown_leads_elsewhere(shop):
    assert shop.arrive("/checkout", Visitor())[0] == "/cart"
    assert shop.arrive("/order", Visitor())[0] == "/cart"
    assert shop.arrive("/search", Visitor())[0] == "/"
    for address in (
        "/product/1",
        "/product/x",
        "/nothing",
        "/a/b",
        "//elsewhere/",
        "http://elsewhere/",
        "x",
        "",
    ):
        with pytest.raises(NotFoundError):
            shop.open(address)


def test_forms_that_the_shop_did_not_make_do_no_harm(shop, plain):
    visitor = Visitor(lines=((plain.id, "", "", 1),))
    assert shop.post("/cart/remove", {"product": "7"}, visitor) == ("/cart", visitor)
    assert shop.post("/cart/remove", {}, visitor) == ("/cart", visitor)
    _, many = shop.post("/cart/quantity", {"product": str(plain.id), "quantity": "99999999"}, visitor)
    assert many.lines[0][3] == MAX_QUANTITY
    _, odd = shop.post("/cart/add", {"product": str(plain.id), "size": "<b>"}, Visitor())
    assert odd.lines == visitor.lines
    for address, fields in (
        ("/cart/add", {}),
        ("/buy", {"product": "-1"}),
        ("/cart/quantity", {"quantity": "x"}),
        ("/x", {}),
    ):
        with pytest.raises(NotFoundError):
            shop.post(address, fields, visitor)


def test_the_cart_is_bounded(shop, catalogue):
    visitor = Visitor()
    for product in catalogue.products[: MAX_LINES + 5]:
        _, visitor = shop.post("/cart/add", {"product": str(product.id)}, visitor)
    assert len(visitor.lines) == MAX_LINES
    for _ in range(MAX_QUANTITY + 3):
        _, visitor = shop.post("/cart/add", {"product": str(catalogue.products[0].id)}, visitor)
    assert visitor.lines[0][3] == MAX_QUANTITY


def test_visitors_are_kept_as_json(shop, shirt):
    visitor = Visitor(((shirt.id, "M", "Ünï", 2),), (shirt.id,), 5, "/search?q=x", ((shirt.id, "", "", 1),))
    assert visitor_of(json_of(visitor)) == visitor
    for text in ("", "[]", "{}", '{"lines": 3}', "null", json_of(visitor).replace("Ünï", 'x"')):
        assert visitor_of(text) is None


def test_visitors_of_another_catalogue_lose_what_this_one_does_not_know(shop, plain):
    known = (plain.id, "", "", 1)
    visitor = Visitor((known, (9, "", "", 1)), (9, plain.id), 7, "/search?q=x", ((9, "", "", 1),))
    assert shop.admit(visitor) == Visitor((known,), (plain.id,), 7, "/search?q=x", ())
    assert shop.admit(replace(visitor, results="//evil")).results == "/"


def test_a_random_walk_never_leaves_the_shop(shop, simulate_session):
    for seed in range(6):
        for page, _, _ in simulate_session(shop, 1000 + seed).pages(25):
            assert page.view.actions
