"""Products of a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Review:
    """A review's stars (1 to 5) and words."""

    stars: int
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class ProductKind:
    """A kind of product, for example `coffee grinder`.

    Attributes:
        name: lower case, as people say it.
        words: other words that people use for it.
        price: a typical price in cents.
        features: words that tell products of the kind apart, in titles and in what people ask for.
        uses: why people want one, to stand after `for`.
        sizes, colours: options; empty where there are none.
    """

    name: str
    department: str
    words: tuple[str, ...]
    price: int
    features: tuple[str, ...]
    uses: tuple[str, ...]
    sizes: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Product:
    """A product. Money is in cents; `rating` has one decimal.

    Attributes:
        title: no two products have the same.
        features: each stands in the title or in a bullet, in any case of letters.
        attributes: facts for a table, in the order to show them.
        list_price: what it is said to have cost before; above `price`, or None.
        popularity: share of all products that are less in demand, above 0 to 1.
        age_days: for how long the shop has had it.
        sizes, colours: options. One value is a fact about the product, more are a choice.
        shape: name of its drawing.
    """

    id: int
    title: str
    slug: str
    brand: str
    kind: ProductKind
    features: tuple[str, ...]
    attributes: Mapping[str, str]
    price: int
    list_price: int | None
    rating: float
    reviews: int
    delivery_days: int
    sponsored: bool
    best_seller: bool
    popularity: float
    description: str
    bullets: tuple[str, ...]
    snippets: tuple[Review, ...]
    sizes: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    age_days: int = 0
    shape: str = ""

    def __hash__(self) -> int:
        return hash(self.id)
