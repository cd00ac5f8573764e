"""Product cards, as values and as HTML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from facsim.shop.catalogue import Catalogue, Product
from facsim.shop.storefront.designs import Design
from facsim.shop.storefront.formatting import delivery, saving
from facsim.shop.storefront.fragments import Fragment, Renderer
from facsim.shop.storefront.urls import Route, address_of
from facsim.shop.storefront.views import PageAction, ProductCard

_KEPT_CARDS = 8_000
_BIG_SAVING = 0.25


@dataclass(frozen=True, slots=True)
class ProductShelf:
    """A row of cards, and its HTML."""

    cards: tuple[ProductCard, ...]
    fragments: tuple[Fragment, ...]


class CardRenderer:
    """Renders the cards of one design. Cards are cached, since most products are shown many times."""

    def __init__(self, catalogue: Catalogue, design: Design, renderer: Renderer) -> None:
        self._catalogue, self._design, self._renderer = catalogue, design, renderer
        self._made = lru_cache(maxsize=_KEPT_CARDS)(self._make)
        self._placed = lru_cache(maxsize=_KEPT_CARDS * 2)(self._place)

    def shelf(
        self, products: Iterable[int], sponsored: frozenset[int] = frozenset(), first: int = 1
    ) -> ProductShelf:
        """Return the cards of products in order.

        Args:
            products: product ids.
            sponsored: ids of sponsored products.
            first: position of the first card on the page.
        """
        ids = tuple(products)
        lowest = self._lowest(ids)
        made = [self._made(number, number in sponsored, number == lowest) for number in ids]
        return ProductShelf(
            tuple(
                self._placed(number, number in sponsored, number == lowest, first + index)
                for index, number in enumerate(ids)
            ),
            tuple(fragment for _, fragment in made),
        )

    def card(self, product: Product, *, sponsored: bool = False, lowest: bool = False) -> ProductCard:
        """Return the card of a product."""
        badge = ""
        saved = (product.list_price - product.price) / product.list_price if product.list_price else 0.0
        if lowest:
            badge = "Lowest price on this page"
        elif self._design.price_badges and product.list_price and saved > 0:
            badge = saving(product.price, product.list_price)
        elif saved >= _BIG_SAVING:
            badge = "Limited time deal"
        elif product.best_seller:
            badge = "Best seller"
        return ProductCard(
            product=product.id,
            place=0,
            title=product.title,
            brand=product.brand,
            price=product.price,
            list_price=product.list_price,
            rating=product.rating if self._design.ratings else None,
            reviews=product.reviews if self._design.ratings else None,
            delivery=delivery(product.delivery_days),
            delivery_days=product.delivery_days,
            sponsored=sponsored,
            badge=badge,
        )

    def in_full(self, product: Product) -> ProductCard:
        """Return a product's facts as its own page shows them; every design shows ratings there."""
        return replace(self.card(product), rating=product.rating, reviews=product.reviews)

    def in_short(self, product: Product) -> ProductCard:
        """Return a product's facts as the cart shows them."""
        return ProductCard(
            product=product.id,
            place=0,
            title=product.title,
            brand=product.brand,
            price=product.price,
            delivery=delivery(product.delivery_days),
            delivery_days=product.delivery_days,
        )

    def _lowest(self, products: tuple[int, ...]) -> int | None:
        if not self._design.price_badges or len(products) < 2:
            return None
        return min(products, key=lambda number: self._catalogue.product(number).price)

    def _place(self, number: int, sponsored: bool, lowest: bool, place: int) -> ProductCard:
        return self._made(number, sponsored, lowest)[0].at(place)

    def _make(self, number: int, sponsored: bool, lowest: bool) -> tuple[ProductCard, Fragment]:
        card = self.card(self._catalogue.product(number), sponsored=sponsored, lowest=lowest)
        address = address_of(Route("product", product=number))
        picture, title = (
            PageAction("product", card.title, address, product=number, part=part)
            for part in ("picture", "title")
        )
        return card, self._renderer.render("card.html", card=card, picture=picture, title=title)
