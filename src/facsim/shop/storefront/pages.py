"""The pages: from what is asked for to what is shown, as a view and as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from facsim.shop.catalogue import Catalogue, Found, Product, Query, Search
from facsim.shop.catalogue.search import SORTS
from facsim.shop.storefront.designs import Design
from facsim.shop.storefront.formatting import counted
from facsim.shop.storefront.fragments import Fragment, Renderer
from facsim.shop.storefront.info import TOPICS
from facsim.shop.storefront.layout import department_act
from facsim.shop.storefront.page_actions import (
    change_act,
    checkout_address,
    clear_act,
    filter_act,
    line_acts,
    option_act,
    page_acts,
    reviews_act,
    search_act,
    sort_act,
)
from facsim.shop.storefront.product_cards import Cards
from facsim.shop.storefront.urls import Around, NotFoundError, Place, address_of, search_address
from facsim.shop.storefront.views import Act, Line, PageKind, ProductView, View, Visitor

POPULAR, DEALS, SNIPPETS = 12, 6, 3
REDUCED = 0.8
"""Share of the list price that a deal of the week costs at most."""

ADDRESS = "14 Harbour Lane, Millbrook"
CARD = "Card ending in 4417"


@dataclass(frozen=True, slots=True)
class Body:
    """The content of a page, what it shows (acts are those of `main`), and structured data for machines."""

    main: Fragment
    view: View
    data: Mapping[str, object]


class Pages:
    """Makes the content of every kind of page."""

    def __init__(
        self, catalogue: Catalogue, search: Search, design: Design, renderer: Renderer, cards: Cards
    ) -> None:
        self._catalogue, self._search, self._design = catalogue, search, design
        self._renderer, self._cards = renderer, cards
        ranked = sorted(catalogue.products, key=lambda product: (-product.popularity, product.id))
        self._by_kind: dict[str, list[int]] = {}
        for product in ranked:
            self._by_kind.setdefault(product.kind.name, []).append(product.id)
        self._popular = _one_of_each_kind(ranked, POPULAR)
        shown = {self._catalogue.product(number).kind.name for number in self._popular}
        reduced = (one for one in ranked if (one.list_price or 0) * REDUCED >= one.price)
        self._deals = _one_of_each_kind((one for one in reduced if one.kind.name not in shown), DEALS)

    def body(self, place: Place, visitor: Visitor) -> Body:
        """The content of the page at a place.

        Raises:
            NotFoundError: if there is no such page.
        """
        by_kind: dict[PageKind, Callable[[], Body]] = {
            "home": lambda: self._home(visitor),
            "results": lambda: self._results(place.query or Query()),
            "product": lambda: self._product(place),
            "cart": lambda: self._cart(visitor),
            "checkout": lambda: self._checkout(place, visitor),
            "order": lambda: self._order(visitor),
            "info": lambda: self._info(place),
        }
        return by_kind[place.kind]()

    def _home(self, visitor: Visitor) -> Body:
        shelves = {"Popular today": self._popular, "Deals of the week": self._deals}
        if visitor.recent:
            shelves = {"Recently viewed": visitor.recent} | shelves
        made, first = [], 1
        for heading, products in shelves.items():
            shelf = self._cards.shelf(products, first=first)
            first += len(shelf.cards)
            made.append((heading, shelf))
        view = View("home", "/", (), title="Welcome to Facsim Shop")
        main = self._renderer.render(
            "home.html",
            title=view.title,
            shelves=[(heading, shelf.fragments) for heading, shelf in made],
            departments=[department_act(name, "home") for name in self._catalogue.departments],
        )
        cards = tuple(card for _, shelf in made for card in shelf.cards)
        return Body(main, replace(view, cards=cards), {"@type": "WebSite", "name": "Facsim Shop"})

    def _results(self, query: Query) -> Body:
        design = self._design
        if query.sort not in self._sorts():
            query = replace(query, sort="")
        found = self._find(query)
        if query.page > found.last_page:
            query = replace(query, page=found.last_page)
            found = self._find(query)
        facets = tuple(facet for facet in found.facets if self._shows(facet.field))
        shelf = self._cards.shelf(found.products, found.sponsored)
        first = (query.page - 1) * design.per_page + 1
        around = Around(query)
        view = View(
            "results",
            search_address(query),
            (),
            title=f"Results for “{query.text}”" if query.text else query.department or "All products",
            pictures=design.pictures,
            query=query,
            total=found.total,
            last_page=found.last_page,
            cards=shelf.cards,
            facets=facets,
            did_you_mean=found.did_you_mean,
        )
        main = self._renderer.render(
            "results.html",
            title=view.title,
            total=found.total,
            first=first,
            last=min(first + design.per_page - 1, found.total),
            page=query.page,
            last_page=found.last_page,
            big=design.pictures == "big",
            did_you_mean=search_act(found.did_you_mean, "", "did_you_mean") if found.did_you_mean else None,
            clear=clear_act(query)
            if any(value.selected for facet in facets for value in facet.values)
            else None,
            facets=[
                (facet.title, [(filter_act(around, facet, value), value.count) for value in facet.values])
                for facet in facets
            ],
            sorts=[sort_act(query, around, value, text) for value, text in self._sorts().items()],
            cards=shelf.fragments,
            pages=page_acts(query.page, found.last_page, around),
            related=[search_act(text, "related") for text in found.related],
        )
        listed = [fragment.acts[0].address for fragment in shelf.fragments]
        return Body(main, view, {"@type": "ItemList", "itemListElement": listed})

    def _find(self, query: Query) -> Found:
        return self._search.find(query, ranking=self._design.ranking, per_page=self._design.per_page)

    def _shows(self, facet: str) -> bool:
        if facet == "rating" and not self._design.ratings:
            return False
        return not self._design.facets or facet in self._design.facets

    def _sorts(self) -> dict[str, str]:
        return {value: text for value, text in SORTS.items() if value != "rating" or self._design.ratings}

    def _product(self, place: Place) -> Body:
        product = self.product(place.product)
        shown = product.snippets if place.all_reviews else product.snippets[:SNIPPETS]
        others = [number for number in self._by_kind[product.kind.name] if number != product.id]
        shelf = self._cards.shelf(others[: self._design.related])
        card = self._cards.in_full(product)
        everything = address_of(replace(place, all_reviews=True))
        number = product.id
        chosen = (("product", str(number)), ("size", place.size), ("colour", place.colour))
        options = [
            (title, [option_act(place, field, value) for value in values])
            for title, field, values in (
                ("Color", "colour", product.colours),
                ("Size", "size", product.sizes),
            )
            if len(values) > 1
        ]
        kind = product.kind
        main = self._renderer.render(
            "product.html",
            card=card,
            crumbs=[
                Act("back", "Back to results", "/results", part="breadcrumb"),
                department_act(kind.department, "breadcrumb"),
                search_act(kind.name, "breadcrumb"),
            ],
            brand=search_act(product.brand, "brand"),
            ratings=reviews_act(counted(product.reviews, "rating"), everything, number, "rating"),
            bullets=product.bullets,
            attributes=list(product.attributes.items()),
            options=options,
            add=Act("add_to_cart", "Add to cart", "/cart/add", "post", chosen, number),
            buy=Act("buy_now", "Buy now", "/buy", "post", chosen, number),
            wish=Act("other", "Add to list", "/wishlist", product=number),
            description=product.description,
            reviews=shown,
            more=reviews_act("See more reviews", everything, number, "reviews")
            if len(shown) < len(product.snippets)
            else None,
            cards=shelf.fragments,
        )
        view = View(
            "product",
            address_of(place),
            (),
            title=product.title,
            cards=shelf.cards,
            product=ProductView(
                card=card,
                department=kind.department,
                features=product.features,
                sizes=product.sizes,
                colours=product.colours,
                size=place.size,
                colour=place.colour,
                snippets=tuple((review.stars, review.text) for review in shown),
            ),
        )
        offer = {"@type": "Offer", "price": product.price / 100, "priceCurrency": "USD"}
        return Body(main, view, {"@type": "Product", "name": product.title, "offers": offer})

    def _cart(self, visitor: Visitor) -> Body:
        lines = self.lines(visitor.lines)
        view = _with_lines(View("cart", "/cart", (), title="Your cart"), lines)
        main = self._renderer.render(
            "cart.html",
            title=view.title,
            lines=[(line, line_acts(line)) for line in lines],
            count=counted(sum(line.quantity for line in lines), "item"),
            total=view.cart_total,
            checkout=Act("checkout", "Proceed to checkout", "/checkout"),
            back=Act("back", "Continue shopping", "/results"),
        )
        return Body(main, view, {"@type": "WebPage", "name": view.title})

    def _checkout(self, place: Place, visitor: Visitor) -> Body:
        steps = self._design.checkout_steps
        at = steps.index(place.step) if place.step in steps else 0
        step, is_last = steps[at], at == len(steps) - 1
        lines = self.lines(visitor.lines)
        latest = max((line.card.delivery_days or 0 for line in lines), default=0)
        details = {
            "address": ("Delivery address", f"Alex Morgan, {ADDRESS}"),
            "delivery": ("Delivery", f"Everything arrives within {latest} days, free of charge."),
            "payment": ("Payment", CARD),
        }
        shown = details.values() if is_last else [details[step]]
        view = View("checkout", checkout_address(steps, at), (), title="Checkout", checkout_step=step)
        view = _with_lines(view, lines)
        count = counted(sum(line.quantity for line in lines), "item")
        main = self._renderer.render(
            "checkout.html",
            title=view.title,
            steps=steps,
            step=step,
            details=[(heading, text, change_act(heading)) for heading, text in shown],
            lines=lines,
            count=count,
            total=view.cart_total,
            order=Act("place_order", "Place order", "/order", "post") if is_last else None,
            forward=Act("continue", "Continue", checkout_address(steps, at + 1), value=step),
            back=Act("back", "Back", checkout_address(steps, at - 1))
            if at
            else Act("back", "Back to cart", "/cart"),
        )
        return Body(main, view, {"@type": "CheckoutPage"})

    def _order(self, visitor: Visitor) -> Body:
        lines = self.lines(visitor.bought)
        view = _with_lines(View("order", "/order", (), title="Thank you, your order is placed"), lines)
        main = self._renderer.render(
            "order.html",
            title=view.title,
            number=f"{visitor.order:07}",
            lines=lines,
            total=view.cart_total,
            home=Act("home", "Continue shopping", "/"),
        )
        return Body(main, view, {"@type": "Order"})

    def _info(self, place: Place) -> Body:
        topic = TOPICS[place.topic]
        is_list = place.topic == "departments"
        main = self._renderer.render(
            "info.html",
            title=topic.title,
            paragraphs=topic.paragraphs,
            departments=[department_act(name, "main") for name in self._catalogue.departments]
            if is_list
            else [],
            back=Act("back", "Back to shopping", "/results"),
        )
        return Body(main, View("info", address_of(place), (), title=topic.title), {"@type": "WebPage"})

    def notice(self, title: str, text: str) -> Body:
        """A page that says one thing."""
        main = self._renderer.render(
            "info.html",
            title=title,
            paragraphs=[text],
            departments=[],
            back=Act("back", "Back to shopping", "/results"),
        )
        return Body(main, View("info", "/", (), title=title), {"@type": "WebPage"})

    def lines(self, lines: Iterable[tuple[int, str, str, int]]) -> tuple[Line, ...]:
        """Lines of a cart with what is said of their products."""
        return tuple(
            Line(self._cards.in_short(self.product(number)), size, colour, quantity)
            for number, size, colour, quantity in lines
        )

    def product(self, number: int) -> Product:
        """A product.

        Raises:
            NotFoundError: if there is none.
        """
        try:
            return self._catalogue.product(number)
        except KeyError:
            raise NotFoundError(f"product {number}") from None


def _one_of_each_kind(products: Iterable[Product], count: int) -> tuple[int, ...]:
    found: dict[str, int] = {}
    for product in products:
        if len(found) == count:
            break
        found.setdefault(product.kind.name, product.id)
    return tuple(found.values())


def _with_lines(view: View, lines: tuple[Line, ...]) -> View:
    return replace(view, lines=lines, cart_total=sum(line.quantity * line.card.price for line in lines))
