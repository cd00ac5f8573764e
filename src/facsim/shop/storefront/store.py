"""The shop in process: pages by address and visitor, where actions lead, and the names of elements."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from html import unescape
from threading import Lock
from zlib import crc32

from facsim.page import read_page, simplify
from facsim.schema import Page
from facsim.shop.catalogue import Catalogue, Query, search_of
from facsim.shop.storefront import visitor_updates
from facsim.shop.storefront.designs import DESIGNS, Design
from facsim.shop.storefront.fast_simplify import FastSimplifier
from facsim.shop.storefront.fragments import Renderer
from facsim.shop.storefront.layout import PageLayout
from facsim.shop.storefront.pages import PageBody, PageBuilder
from facsim.shop.storefront.product_cards import CardRenderer
from facsim.shop.storefront.urls import (
    RESULTS,
    NotFoundError,
    Route,
    address_of,
    route_of,
    search_address,
    words,
)
from facsim.shop.storefront.views import PageAction, RenderedPage, Visitor

SITE = "https://shop.facsim.example"
_KEPT_PAGES = 3_000
_CHECKED = 512
"""One page in this many is also simplified as a whole, to check that the fast path gives the same result."""


@dataclass(frozen=True, slots=True)
class NamedPage:
    """A simplified page, and the element name of each action of its view."""

    page: Page
    names: tuple[str, ...]


class Storefront:
    """The pages of one catalogue in one design.

    Pages depend only on their address and the visitor's state. Nothing is random, and the only state is
    caches of bounded size. It may be used by several threads.

    Args:
        catalogue: the products for sale.
        design: how they are presented.
    """

    def __init__(self, catalogue: Catalogue, design: Design = DESIGNS["standard"]) -> None:
        self.catalogue, self.design = catalogue, design
        self.search = search_of(catalogue)
        self.renderer = Renderer(design.name)
        self._pages = PageBuilder(
            catalogue, self.search, design, self.renderer, CardRenderer(catalogue, design, self.renderer)
        )
        self._layout = PageLayout(catalogue, self.renderer)
        self._opened = lru_cache(maxsize=_KEPT_PAGES)(self._open)
        self._simplifier = FastSimplifier()
        self._named: OrderedDict[str, NamedPage] = OrderedDict()
        self._naming, self._rendering = Lock(), Lock()

    def open(self, address: str, visitor: Visitor = Visitor()) -> RenderedPage:  # noqa: B008 (frozen)
        """Return the page at an address for a visitor, following redirects.

        Args:
            address: path and query.
            visitor: the visitor who opens it.

        Raises:
            NotFoundError: if the page does not exist.
        """
        place = self._place(address, visitor)
        with self._rendering:
            return self._opened(place, _relevant(place, visitor), sum(line[3] for line in visitor.lines))

    def follow(self, action: PageAction, visitor: Visitor, text: str | None = None) -> tuple[str, Visitor]:
        """Return the address that an action leads to, and the visitor's state on arrival.

        Args:
            action: one of a page's actions.
            visitor: the visitor who takes it.
            text: the typed text, for the search box.

        Raises:
            NotFoundError: if the page it leads to does not exist.
        """
        address = action.address
        if action.method == "post":
            address, visitor = self.post(address, dict(action.fields), visitor)
        elif text is not None:
            address = search_address(Query(text=words(text)))
        return self.arrive(address, visitor)

    def arrive(self, address: str, visitor: Visitor) -> tuple[str, Visitor]:
        """Return the canonical address that an address leads to, and the visitor's state on arrival.

        Raises:
            NotFoundError: if the page does not exist.
        """
        place = self._place(address, visitor)
        if place.kind == "results":
            visitor = replace(visitor, results=address_of(place))
        elif place.kind == "product":
            visitor = visitor_updates.after_viewing(visitor, place.product)
        return address_of(place), visitor

    def post(self, address: str, fields: Mapping[str, str], visitor: Visitor) -> tuple[str, Visitor]:
        """Submit a form; return the address of the redirect and the visitor's new state.

        Raises:
            NotFoundError: if the form or the product does not exist.
        """
        match address:
            case "/cart/add" | "/buy":
                product = self._pages.product(_number(fields.get("product", "")))
                return "/cart" if address == "/cart/add" else "/checkout", visitor_updates.after_adding(
                    visitor, product, fields
                )
            case "/cart/quantity":
                return "/cart", visitor_updates.after_changing(
                    visitor, fields, _number(fields.get("quantity", ""))
                )
            case "/cart/remove":
                return "/cart", visitor_updates.after_changing(visitor, fields, 0)
            case "/order":
                return "/order", visitor_updates.after_ordering(visitor)
        raise NotFoundError(address)

    def admit(self, visitor: Visitor) -> Visitor:
        """Remove what this shop does not know from a visitor of another shop (for example, another seed)."""

        def known(product: int) -> bool:
            try:
                return bool(self.catalogue.product(product))
            except KeyError:
                return False

        try:
            results = address_of(self._place(visitor.results, Visitor()))
        except NotFoundError:
            results = "/"
        return Visitor(
            lines=tuple(line for line in visitor.lines if known(line[0])),
            recent=tuple(filter(known, visitor.recent)),
            order=visitor.order,
            results=results,
            bought=tuple(line for line in visitor.bought if known(line[0])),
        )

    def notice(self, title: str, text: str, visitor: Visitor) -> RenderedPage:
        """Return an error page in the look of the shop."""
        with self._rendering:
            body = self._pages.notice(title, text)
            return self._framed(body, sum(line[3] for line in visitor.lines))

    def named(self, rendered: RenderedPage) -> NamedPage:
        """Simplify a page and return it with the element name of each action.

        Raises:
            AssertionError: if the page's elements do not match the view's actions in order (template bug).
        """
        html = rendered.html
        with self._naming:
            if html in self._named:
                self._named.move_to_end(html)
                return self._named[html]
            named = self._named[html] = self._name(rendered)
            if len(self._named) > _KEPT_PAGES:
                self._named.popitem(last=False)
            return named

    def _name(self, rendered: RenderedPage) -> NamedPage:
        view = rendered.view
        html, elements = self._simplifier.simplify(rendered.html)
        if crc32(rendered.html.encode()) % _CHECKED == 0 and html != simplify(rendered.html).html:
            raise AssertionError(f"{view.address}: the parts of the page do not make the whole")
        if len(elements) != len(view.actions):
            raise AssertionError(f"{view.address}: {len(elements)} elements, {len(view.actions)} actions")
        for place, ((tag, name, href), action) in enumerate(zip(elements, view.actions, strict=True)):
            if tag != _tag_of(action) or (tag == "a" and href != action.address and not _leads(href, action)):
                raise AssertionError(
                    f"{view.address}: element {place} is {tag} {name} {href}, the action is {action}"
                )
        names = [unescape(name) if "&" in name else name for _, name, _ in elements]
        return NamedPage(read_page(html), tuple(names))

    def _place(self, address: str, visitor: Visitor) -> Route:
        place = route_of(address)
        if place.kind == "info" and place.topic == RESULTS:
            place = route_of(visitor.results)
        if place.kind == "checkout" and not visitor.lines:
            return Route("cart")
        if place.kind == "order" and not visitor.order:
            return Route("cart")
        if place.kind == "product":
            return self._chosen(place)
        return place

    def _chosen(self, place: Route) -> Route:
        """Return a product's route with the default options filled in."""
        product = self._pages.product(place.product)
        size, colour = place.size, place.colour
        return replace(
            place,
            size=size if size in product.sizes else next(iter(product.sizes), ""),
            colour=colour if colour in product.colours else next(iter(product.colours), ""),
        )

    def _open(self, place: Route, visitor: Visitor, cart_count: int) -> RenderedPage:
        return self._framed(self._pages.body(place, visitor), cart_count)

    def _framed(self, body: PageBody, cart_count: int) -> RenderedPage:
        view = replace(body.view, cart_count=cart_count)
        document = self._layout.document(body.main, view, body.data)
        return RenderedPage(document.html, replace(view, actions=document.actions))


def _relevant(place: Route, visitor: Visitor) -> Visitor:
    """Reduce a visitor to what the page shows, so that identical pages share one cache entry."""
    match place.kind:
        case "home":
            return Visitor(recent=visitor.recent)
        case "cart" | "checkout":
            return Visitor(lines=visitor.lines)
        case "order":
            return Visitor(order=visitor.order, bought=visitor.bought)
    return Visitor()


def _number(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return int(text)
    raise NotFoundError(text[:100])


def _tag_of(action: PageAction) -> str:
    if action.kind == "search":
        return "button" if action.part == "button" else "input"
    return "a" if action.method == "get" else "button"


def _leads(href: str, action: PageAction) -> bool:
    """Whether a link belongs to an action: the same address, or only its fragment for links within a page."""
    return action.address.endswith(unescape(href))
