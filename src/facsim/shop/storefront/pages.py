"""Builds the content of each page, as a view and as HTML, from a route and a visitor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from facsim.shop.catalogue import Catalogue, Product, Query, SearchEngine, SearchResult
from facsim.shop.catalogue.search import SORTS
from facsim.shop.storefront.designs import Design
from facsim.shop.storefront.formatting import counted
from facsim.shop.storefront.fragments import Fragment, Renderer
from facsim.shop.storefront.info import TOPICS
from facsim.shop.storefront.layout import department_action
from facsim.shop.storefront.page_actions import (
    cart_line_actions,
    change_action,
    checkout_address,
    clear_action,
    filter_action,
    option_action,
    pagination_actions,
    reviews_action,
    search_action,
    sort_action,
)
from facsim.shop.storefront.product_cards import CardRenderer
from facsim.shop.storefront.urls import NotFoundError, ResultLinks, Route, address_of, search_address
from facsim.shop.storefront.views import CartLine, PageAction, PageKind, PageView, ProductView, Visitor

POPULAR, DEALS, SNIPPETS = 12, 6, 3
REDUCED = 0.8
"""Highest price of a deal of the week, as a share of its list price."""

ADDRESS = "14 Harbour Lane, Millbrook"
CARD = "Card ending in 4417"


@dataclass(frozen=True, slots=True)
class PageBody:
    """A page's content, its view (with the actions of `main`), and structured data (JSON-LD)."""

    main: Fragment
    view: PageView
    data: Mapping[str, object]


class PageBuilder:
    """Builds the content of every kind of page."""

    def __init__(
        self,
        catalogue: Catalogue,
        search: SearchEngine,
        design: Design,
        renderer: Renderer,
        cards: CardRenderer,
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

    def body(self, route: Route, visitor: Visitor) -> PageBody:
        """Return the content of the page at a route.

        Raises:
            NotFoundError: if the page does not exist.
        """
        by_kind: dict[PageKind, Callable[[], PageBody]] = {
            "home": lambda: self._home(visitor),
            "results": lambda: self._results(route.query or Query()),
            "product": lambda: self._product(route),
            "cart": lambda: self._cart(visitor),
            "checkout": lambda: self._checkout(route, visitor),
            "order": lambda: self._order(visitor),
            "info": lambda: self._info(route),
        }
        return by_kind[route.kind]()

    def _home(self, visitor: Visitor) -> PageBody:
        shelves = {"Popular today": self._popular, "Deals of the week": self._deals}
        if visitor.recent:
            shelves = {"Recently viewed": visitor.recent} | shelves
        made, first = [], 1
        for heading, products in shelves.items():
            shelf = self._cards.shelf(products, first=first)
            first += len(shelf.cards)
            made.append((heading, shelf))
        view = PageView("home", "/", (), title="Welcome to Facsim Shop")
        main = self._renderer.render(
            "home.html",
            title=view.title,
            shelves=[(heading, shelf.fragments) for heading, shelf in made],
            departments=[department_action(name, "home") for name in self._catalogue.departments],
        )
        cards = tuple(card for _, shelf in made for card in shelf.cards)
        return PageBody(main, replace(view, cards=cards), {"@type": "WebSite", "name": "Facsim Shop"})

    def _results(self, query: Query) -> PageBody:
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
        links = ResultLinks(query)
        view = PageView(
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
            did_you_mean=search_action(found.did_you_mean, "", "did_you_mean")
            if found.did_you_mean
            else None,
            clear=clear_action(query)
            if any(value.selected for facet in facets for value in facet.values)
            else None,
            facets=[
                (facet.title, [(filter_action(links, facet, value), value.count) for value in facet.values])
                for facet in facets
            ],
            sorts=[sort_action(query, links, value, text) for value, text in self._sorts().items()],
            cards=shelf.fragments,
            pages=pagination_actions(query.page, found.last_page, links),
            related=[search_action(text, "related") for text in found.related],
        )
        listed = [fragment.actions[0].address for fragment in shelf.fragments]
        return PageBody(main, view, {"@type": "ItemList", "itemListElement": listed})

    def _find(self, query: Query) -> SearchResult:
        return self._search.find(query, ranking=self._design.ranking, per_page=self._design.per_page)

    def _shows(self, facet: str) -> bool:
        if facet == "rating" and not self._design.ratings:
            return False
        return not self._design.facets or facet in self._design.facets

    def _sorts(self) -> dict[str, str]:
        return {value: text for value, text in SORTS.items() if value != "rating" or self._design.ratings}

    def _product(self, route: Route) -> PageBody:
        product = self.product(route.product)
        shown = product.snippets if route.all_reviews else product.snippets[:SNIPPETS]
        others = [number for number in self._by_kind[product.kind.name] if number != product.id]
        shelf = self._cards.shelf(others[: self._design.related])
        card = self._cards.in_full(product)
        everything = address_of(replace(route, all_reviews=True))
        number = product.id
        chosen = (("product", str(number)), ("size", route.size), ("colour", route.colour))
        options = [
            (title, [option_action(route, field, value) for value in values])
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
                PageAction("back", "Back to results", "/results", part="breadcrumb"),
                department_action(kind.department, "breadcrumb"),
                search_action(kind.name, "breadcrumb"),
            ],
            brand=search_action(product.brand, "brand"),
            ratings=reviews_action(counted(product.reviews, "rating"), everything, number, "rating"),
            bullets=product.bullets,
            attributes=list(product.attributes.items()),
            options=options,
            add=PageAction("add_to_cart", "Add to cart", "/cart/add", "post", chosen, number),
            buy=PageAction("buy_now", "Buy now", "/buy", "post", chosen, number),
            wish=PageAction("other", "Add to list", "/wishlist", product=number),
            description=product.description,
            reviews=shown,
            more=reviews_action("See more reviews", everything, number, "reviews")
            if len(shown) < len(product.snippets)
            else None,
            cards=shelf.fragments,
        )
        view = PageView(
            "product",
            address_of(route),
            (),
            title=product.title,
            cards=shelf.cards,
            product=ProductView(
                card=card,
                department=kind.department,
                features=product.features,
                sizes=product.sizes,
                colours=product.colours,
                size=route.size,
                colour=route.colour,
                snippets=tuple((review.stars, review.text) for review in shown),
            ),
        )
        offer = {"@type": "Offer", "price": product.price / 100, "priceCurrency": "USD"}
        return PageBody(main, view, {"@type": "Product", "name": product.title, "offers": offer})

    def _cart(self, visitor: Visitor) -> PageBody:
        lines = self.lines(visitor.lines)
        view = _with_lines(PageView("cart", "/cart", (), title="Your cart"), lines)
        main = self._renderer.render(
            "cart.html",
            title=view.title,
            lines=[(line, cart_line_actions(line)) for line in lines],
            count=counted(sum(line.quantity for line in lines), "item"),
            total=view.cart_total,
            checkout=PageAction("checkout", "Proceed to checkout", "/checkout"),
            back=PageAction("back", "Continue shopping", "/results"),
        )
        return PageBody(main, view, {"@type": "WebPage", "name": view.title})

    def _checkout(self, route: Route, visitor: Visitor) -> PageBody:
        steps = self._design.checkout_steps
        at = steps.index(route.step) if route.step in steps else 0
        step, is_last = steps[at], at == len(steps) - 1
        lines = self.lines(visitor.lines)
        latest = max((line.card.delivery_days or 0 for line in lines), default=0)
        details = {
            "address": ("Delivery address", f"Alex Morgan, {ADDRESS}"),
            "delivery": ("Delivery", f"Everything arrives within {latest} days, free of charge."),
            "payment": ("Payment", CARD),
        }
        shown = details.values() if is_last else [details[step]]
        view = PageView("checkout", checkout_address(steps, at), (), title="Checkout", checkout_step=step)
        view = _with_lines(view, lines)
        count = counted(sum(line.quantity for line in lines), "item")
        main = self._renderer.render(
            "checkout.html",
            title=view.title,
            steps=steps,
            step=step,
            details=[(heading, text, change_action(heading)) for heading, text in shown],
            lines=lines,
            count=count,
            total=view.cart_total,
            order=PageAction("place_order", "Place order", "/order", "post") if is_last else None,
            forward=PageAction("continue", "Continue", checkout_address(steps, at + 1), value=step),
            back=PageAction("back", "Back", checkout_address(steps, at - 1))
            if at
            else PageAction("back", "Back to cart", "/cart"),
        )
        return PageBody(main, view, {"@type": "CheckoutPage"})

    def _order(self, visitor: Visitor) -> PageBody:
        lines = self.lines(visitor.bought)
        view = _with_lines(PageView("order", "/order", (), title="Thank you, your order is placed"), lines)
        main = self._renderer.render(
            "order.html",
            title=view.title,
            number=f"{visitor.order:07}",
            lines=lines,
            total=view.cart_total,
            home=PageAction("home", "Continue shopping", "/"),
        )
        return PageBody(main, view, {"@type": "Order"})

    def _info(self, route: Route) -> PageBody:
        topic = TOPICS[route.topic]
        is_list = route.topic == "departments"
        main = self._renderer.render(
            "info.html",
            title=topic.title,
            paragraphs=topic.paragraphs,
            departments=[department_action(name, "main") for name in self._catalogue.departments]
            if is_list
            else [],
            back=PageAction("back", "Back to shopping", "/results"),
        )
        return PageBody(
            main, PageView("info", address_of(route), (), title=topic.title), {"@type": "WebPage"}
        )

    def notice(self, title: str, text: str) -> PageBody:
        """A page with a single message."""
        main = self._renderer.render(
            "info.html",
            title=title,
            paragraphs=[text],
            departments=[],
            back=PageAction("back", "Back to shopping", "/results"),
        )
        return PageBody(main, PageView("info", "/", (), title=title), {"@type": "WebPage"})

    def lines(self, lines: Iterable[tuple[int, str, str, int]]) -> tuple[CartLine, ...]:
        """Resolve the products in the lines of a cart."""
        return tuple(
            CartLine(self._cards.in_short(self.product(number)), size, colour, quantity)
            for number, size, colour, quantity in lines
        )

    def product(self, number: int) -> Product:
        """Return a product by its id.

        Raises:
            NotFoundError: if it does not exist.
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


def _with_lines(view: PageView, lines: tuple[CartLine, ...]) -> PageView:
    return replace(view, lines=lines, cart_total=sum(line.quantity * line.card.price for line in lines))
