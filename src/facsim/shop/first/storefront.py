"""The shop's pages, rendered in process. An address and a cart give a page, and always the same one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from facsim.page import simplify
from facsim.schema import Page
from facsim.shop.first.catalogue import PRICE_RANGES, SORTS, Catalogue, Product, Query

SITE = "https://shop.facsim.example"
PER_PAGE = 8
_KEPT_PAGES = 5_000

Cart = tuple[int, ...]
"""Ids of the products in it, in the order they were put there."""


@dataclass(frozen=True)
class Served:
    """A page as served and as a person sees it."""

    raw_html: str
    page: Page


class Storefront:
    """Renders the pages of one catalogue. Pages are kept, since most of them are asked for again."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
        )
        self._serve = lru_cache(maxsize=_KEPT_PAGES)(self._render)

    def serve(self, address: str, cart: Cart = ()) -> Served:
        """The page at an address (path and query) for a visitor with this cart.

        Raises:
            KeyError: if there is no such page.
        """
        # Most pages show only how much is in the cart.
        in_full = address in ("/cart", "/checkout")
        return self._serve(address, cart if in_full else (), len(cart))

    def follow(self, href: str, cart: Cart) -> tuple[str, Cart]:
        """Where a link leads, and the cart after it."""
        path, _, last = href.rpartition("/")
        if path == "/cart/add":
            return "/cart", (*cart, int(last))
        if path == "/cart/remove":
            kept = list(cart)
            kept.remove(int(last))
            return "/cart", tuple(kept)
        return href, cart

    def _render(self, address: str, cart: Cart, cart_count: int) -> Served:
        split = urlsplit(address)
        fields = {name: values[0] for name, values in parse_qs(split.query).items()}
        name, *rest = split.path.strip("/").split("/")
        renderers: dict[str, Callable[[], dict[str, Any]]] = {
            "": self._home,
            "search": lambda: self._results(fields),
            "product": lambda: self._product(int(rest[0]), fields.get("option", "")),
            "cart": lambda: self._cart(cart),
            "checkout": lambda: self._cart(cart),
        }
        context = renderers[name]()
        template = {"": "home", "search": "results", "checkout": "cart"}.get(name, name)
        html = self._templates.get_template(f"{template}.html").render(
            {
                "kind": name or "home",
                "title": "Welcome",
                "query_text": fields.get("q", ""),
                "cart_count": cart_count,
                "departments": self.catalogue.departments,
                **context,
            }
        )
        return Served(html, simplify(html, url=SITE + address))

    def _home(self) -> dict[str, Any]:
        popular = sorted(self.catalogue.products, key=lambda product: -product.popularity)
        return {"products": popular[:PER_PAGE]}

    def _product(self, product_id: int, option: str) -> dict[str, Any]:
        product = self.catalogue.by_id[product_id]
        better = product.rating >= 4.2
        return {
            "title": product.title,
            "product": product,
            "options": [
                (text, f"/product/{product.id}?{urlencode({'option': text})}", text == option)
                for text in product.kind.options
            ],
            "kind_href": address_of(Query(text=product.kind.name)),
            "review": f"{'Just right' if better else 'Only fair'} for {product.kind.uses[product.id % 2]}.",
            "related": self.catalogue.related(product),
        }

    def _cart(self, cart: Cart) -> dict[str, Any]:
        products = [self.catalogue.by_id[product_id] for product_id in cart]
        return {
            "title": "Your cart",
            "products": products,
            "total": sum(product.price for product in products),
        }

    def _results(self, fields: dict[str, str]) -> dict[str, Any]:
        query = query_of(fields)
        found = self.catalogue.find(query)
        suggestion = self.catalogue.did_you_mean(query.text)
        last = max(1, -(-len(found) // PER_PAGE))
        pages = [
            (str(page), address_of(replace(query, page=page)), page == query.page)
            for page in range(1, last + 1)
        ]
        if query.page < last:
            pages.append(("Next", address_of(replace(query, page=query.page + 1)), False))
        plain = replace(query, brand="", price="", rating="", page=1)
        sorts = {"": "Relevance"} | {name: text for name, (text, _) in SORTS.items()}
        return {
            "title": query.text or query.department,
            "heading": f"“{query.text}”" if query.text else query.department or "everything",
            "total": len(found),
            "products": found[(query.page - 1) * PER_PAGE : query.page * PER_PAGE],
            "suggestion": (suggestion, address_of(Query(text=suggestion))) if suggestion else None,
            "refinements": self._refinements(query, found),
            "clear": address_of(plain) if query not in (plain, replace(plain, page=query.page)) else None,
            "sorts": [
                (text, address_of(replace(query, sort=name, page=1)), name == query.sort)
                for name, text in sorts.items()
            ],
            "pages": pages if last > 1 else [],
        }

    def _refinements(
        self, query: Query, found: tuple[Product, ...]
    ) -> list[tuple[str, list[tuple[str, str, int]]]]:
        def links(field: str, values: list[tuple[str, str]]) -> list[tuple[str, str, int]]:
            counted = [(text, replace(query, **{field: value}, page=1)) for text, value in values]
            return [
                (text, address_of(narrowed), len(self.catalogue.find(narrowed))) for text, narrowed in counted
            ]

        brands = [(brand, brand) for brand, _ in Counter(product.brand for product in found).most_common(5)]
        prices = [
            (f"${low:.0f} to ${high:.0f}" if high < 1e6 else f"${low:.0f} and above", name)
            for name, (low, high) in PRICE_RANGES.items()
        ]
        shown = [
            ("Customer reviews", links("rating", [("4 stars & up", "4"), ("3 stars & up", "3")])),
            ("Brand", links("brand", brands)),
            ("Price", links("price", prices)),
        ]
        return [(title, facet) for title, facet in shown if facet and found]


def address_of(query: Query) -> str:
    """The address of a results page."""
    fields = {
        "q": query.text,
        "department": query.department,
        "brand": query.brand,
        "price": query.price,
        "rating": query.rating,
        "sort": query.sort,
        "page": str(query.page) if query.page > 1 else "",
    }
    return f"/search?{urlencode({name: value for name, value in fields.items() if value})}"


def query_of(fields: dict[str, str]) -> Query:
    """The query in the fields of a results page's address."""
    rest = {name: fields.get(name, "") for name in ("department", "brand", "price", "rating", "sort")}
    return Query(text=fields.get("q", ""), page=int(fields.get("page", "1")), **rest)
