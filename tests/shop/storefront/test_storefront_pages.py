"""Every page: its elements are its view's actions, and what the view says is to be read on it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import get_args
from urllib.parse import quote_plus

import markupsafe
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from facsim.page import simplify
from facsim.shop.storefront import DESIGNS, PageKind, ProductCard, RenderedPage, Visitor, fast_simplify
from facsim.shop.storefront.formatting import money
from facsim.shop.storefront.fragments import escaped

KINDS = get_args(PageKind)
WALKS, STEPS = 2, 12


@pytest.fixture(scope="module")
def seen(shops, simulate_session, purchase) -> dict[str, list[RenderedPage]]:
    """By design, pages as somebody meets them who clicks about, and those of a purchase."""
    found = {}
    for number, design in enumerate(DESIGNS.values()):
        shop = shops(design)
        pages = [shop.open("/search?q=zzzz"), shop.open("/departments"), *purchase(shop)]
        for seed in range(WALKS):
            pages += [page for page, _, _ in simulate_session(shop, 100 * number + seed).pages(STEPS)]
        found[design.name] = list({page.html: page for page in pages}.values())
    return found


@pytest.fixture(params=sorted(DESIGNS))
def pages(request, seen, shops):
    """Of one design: (page, named page) pairs."""
    shop = shops(DESIGNS[request.param])
    return [(page, shop.named(page)) for page in seen[request.param]]


def test_walks_reach_every_kind_of_page(pages):
    assert {page.view.kind for page, _ in pages} == set(KINDS)


def test_the_elements_are_the_acts(pages):
    for page, named in pages:
        whole = simplify(page.html)
        assert whole.html == named.page.html
        actions, elements = page.view.actions, whole.elements
        assert named.names == tuple(element.name for element in elements)
        assert len(set(named.names)) == len(actions) == len(elements)
        document = LexborHTMLParser(page.html)
        for action, element in zip(actions, elements, strict=True):
            (node,) = document.css(element.locator)
            assert element.text == action.label, page.view.address
            if action.method == "post":
                form = node.parent
                sent = [(one.attributes["name"], one.attributes["value"] or "") for one in form.css("input")]
                assert (form.attributes["action"], form.attributes["method"]) == (action.address, "post")
                assert tuple(sent) == action.fields
            elif action.kind == "search":
                assert element.role == ("button" if action.part == "button" else "searchbox")
            else:
                written = "#content" if action.label == "Skip to content" else action.address
                assert node.attributes["href"] == written
                assert ("aria-current" in node.attributes) == action.selected


def text_of(html: str) -> str:
    body = re.sub(r"<head>.*?</head>", "", html, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def said_by(card: ProductCard) -> list[str]:
    said = [card.title, card.brand, money(card.price), card.delivery, card.badge]
    if card.list_price is not None:
        said.append(money(card.list_price))
    if card.rating is not None and card.reviews is not None:
        said += [f"{card.rating} out of 5 stars", f"{card.reviews:,}"]
    return [*said, "Sponsored"] if card.sponsored else said


def test_what_a_view_says_is_on_its_page(pages):
    for page, named in pages:
        view, text = page.view, text_of(named.page.html)
        said = [
            view.title,
            view.did_you_mean,
            view.checkout_step,
            *map(str, (view.cart_count, view.last_page)),
        ]
        said += [words for card in view.cards for words in said_by(card)]
        for facet in view.facets:
            said += [facet.title, *(f"{one.text} ({one.count:,})" for one in facet.values)]
        if view.query:
            said += [view.query.text or view.query.department, f"{view.total:,} result"]
        if view.product:
            said += [*said_by(view.product.card), view.product.department, *view.product.features]
            said += [*view.product.sizes, *view.product.colours]
            for stars, words in view.product.snippets:
                said += [f"{stars} stars", words]
        for line in view.lines:
            said += [*said_by(line.card), line.size, line.colour, f"Quantity: {line.quantity}"]
            assert line.card.rating is None
        if view.lines:
            said.append(money(view.cart_total))
        lower = text.lower()
        # That there is one page, or one step, is not said.
        missing = [words for words in said if words.lower() not in lower and words not in ("1", "review")]
        assert not missing, (view.address, missing)


def test_a_card_elsewhere_is_the_same_card(seen):
    card = next(page.view.cards[0] for page in seen["price_badges"] if page.view.cards)
    assert card.at(7) == replace(card, place=7) != card


def test_places_of_cards_are_their_order_on_the_page(pages):
    for page, _ in pages:
        assert [card.place for card in page.view.cards] == list(range(1, len(page.view.cards) + 1))
        titles = [
            action.product
            for action in page.view.actions
            if action.part == "title" and page.view.kind != "cart"
        ]
        assert titles == [card.product for card in page.view.cards]


def test_pages_are_sound_documents(pages):
    for page, _ in pages:
        document = LexborHTMLParser(page.html)
        assert len(document.css("h1")) == len(document.css("main")) == len(document.css("body > footer")) == 1
        assert document.css_first("html").attributes["lang"] == "en"
        assert all("alt" in image.attributes for image in document.css("img"))
        ids = [node.attributes["id"] for node in document.css("[id]")]
        assert len(ids) == len(set(ids))
        for box in document.css("input:not([type=hidden])"):
            assert document.css_first(f"label[for={box.attributes['id']}]")
        ranks = [int(node.tag[1]) for node in document.css("main h1, main h2, main h3")]
        assert ranks[0] == 1 and all(after - before <= 1 for before, after in pairwise(ranks))
        assert 4_000 < len(page.html) < 60_000
        assert not re.search(r"\sstyle=|\son\w+=|javascript:", page.html)


def test_a_page_whose_acts_are_not_its_elements_is_refused(shops):
    shop = shops(DESIGNS["standard"])
    page = shop.open("/cart")
    for actions in (page.view.actions[:-1], page.view.actions[::-1]):
        with pytest.raises(AssertionError, match="/cart"):
            shop.named(replace(page, html=page.html + " ", view=replace(page.view, actions=actions)))


def test_class_names_are_those_of_a_bundler_and_never_enter_names(shops, catalogue):
    address = f"/product/{catalogue.products[10].id}"
    one, other = (shops(DESIGNS[name]) for name in ("standard", "few_filters"))
    first, second = one.open(address), other.open(address)
    assert first.html != second.html
    assert one.named(first).names == other.named(second).names
    assert set(re.findall(r'class="([^"]+)"', first.html)).isdisjoint(
        re.findall(r'class="([^"]+)"', second.html)
    )
    used = set(" ".join(re.findall(r'class="([^"]+)"', first.html)).split())
    styled = set(re.findall(r"\.([a-z-]+_[0-9a-f]{5})", one.renderer.style()))
    assert {name for name in used if name.startswith("card_")} <= styled


def results(shop, text="grinder", **fields):
    return shop.open(
        f"/search?q={text}" + "".join(f"&{name}={quote_plus(value)}" for name, value in fields.items())
    )


def test_few_filters_has_few(shops):
    fields = {facet.field for facet in results(shops(DESIGNS["few_filters"])).view.facets}
    everything = {facet.field for facet in results(shops(DESIGNS["standard"])).view.facets}
    assert fields <= {"department", "price"} and fields < everything


def test_popular_first_ranks_by_popularity(shops, catalogue):
    view = results(shops(DESIGNS["popular_first"])).view
    ranks = [catalogue.product(card.product).popularity for card in view.cards if not card.sponsored]
    assert ranks == sorted(ranks, reverse=True)
    view = results(shops(DESIGNS["standard"])).view
    ranks = [catalogue.product(card.product).popularity for card in view.cards if not card.sponsored]
    assert ranks != sorted(ranks, reverse=True)


def test_no_ratings_shows_none_on_cards(seen):
    for page in seen["no_ratings"]:
        view = page.view
        if view.kind in ("home", "results"):
            assert "out of 5 stars" not in page.html
            assert all(card.rating is None and card.reviews is None for card in view.cards)
            assert "rating" not in {facet.field for facet in view.facets}
            assert not [
                action for action in view.actions if action.kind == "sort" and action.value == "rating"
            ]
        if view.kind == "product":
            assert view.product.card.rating is not None


def test_price_badges_name_what_costs_least(shops):
    cards = results(shops(DESIGNS["price_badges"])).view.cards
    (lowest,) = [card for card in cards if card.badge == "Lowest price on this page"]
    assert lowest.price == min(card.price for card in cards)
    assert any(card.badge.startswith("Save ") for card in cards)


def test_big_pictures_leave_room_for_ten(shops):
    view = results(shops(DESIGNS["big_pictures"])).view
    assert view.pictures == "big" and len(view.cards) <= 10
    assert results(shops(DESIGNS["standard"])).view.pictures == "normal"


@pytest.mark.parametrize(
    ("design", "steps"),
    [("long_checkout", ["address", "delivery", "payment", "review"]), ("standard", ["review"])],
)
def test_the_checkout_takes_as_many_pages_as_the_design_says(shops, purchase, design, steps):
    pages = {page.html: page.view for page in purchase(shops(DESIGNS[design]))}
    assert [view.checkout_step for view in pages.values() if view.kind == "checkout"] == steps
    for view in pages.values():
        places = [action for action in view.actions if action.kind == "place_order"]
        assert len(places) == (view.checkout_step == "review")


def test_no_related_and_long_pages(shops, catalogue):
    address = f"/product/{catalogue.products[0].id}"
    assert not shops(DESIGNS["no_related"]).open(address).view.cards
    assert len(shops(DESIGNS["standard"]).open(address).view.cards) == 6
    assert len(results(shops(DESIGNS["long_pages"]), "shoes").view.cards) > 16


def test_every_design_says_what_it_is():
    assert all(name == design.name and design.about.endswith(".") for name, design in DESIGNS.items())
    table = (Path(__file__).resolve().parents[3] / "docs" / "internals" / "storefront.md").read_text(
        encoding="utf-8"
    )
    assert all(f"| `{design.name}` | {design.about} |" in table for design in DESIGNS.values())
    assert len(DESIGNS) >= 7 and len({design.about for design in DESIGNS.values()}) == len(DESIGNS)


def test_a_page_is_the_same_for_all_whose_difference_it_does_not_show(shops, catalogue):
    shop = shops(DESIGNS["standard"])
    address = f"/product/{catalogue.products[0].id}"
    assert shop.open(address) is shop.open(address, Visitor(recent=(catalogue.products[1].id,)))


@given(st.text() | st.integers() | st.floats() | st.text().map(markupsafe.Markup) | st.none())
def test_values_are_escaped_as_markupsafe_does(value):
    assert escaped(value) == markupsafe.escape(value)


@pytest.mark.parametrize("typed", ['"a" & <b>', "café 'x'", "count (0)", "#typed", "\x00count"])
def test_what_was_typed_stands_in_the_search_box(shops, typed):
    shop = shops(DESIGNS["standard"])
    page = shop.open(f"/search?q={quote_plus(typed)}", Visitor(lines=((1, "", "", 3),)))
    document = LexborHTMLParser(page.html)
    said = typed.replace("\x00", " ").strip()
    assert document.css_first("#q").attributes["value"] == said
    assert [action.address for action in page.view.actions if action.part == "button"] == [page.view.address]
    assert [action.label for action in page.view.actions if action.kind == "cart"] == ["Cart (3)"]
    assert shop.named(page).page.html == simplify(page.html).html


def test_things_called_the_same_are_simplified_one_by_one():
    context, items = '<section class="facet"><h2>Brand</h2>\n<ul>', ["Ash", "Birch", "ash!"]
    links = [f'<li><a href="/0000000">{item}</a></li>' for item in items]
    alone = [fast_simplify.simplify_items(context, link, "section") for link in links]
    assert fast_simplify.simplify_each(context, links, "section") == alone
    assert fast_simplify.simplify_each(context, links[:2], "section") == alone[:2]
    assert fast_simplify.simplify_items(context, "".join(links), "section") != "\n".join(alone)
