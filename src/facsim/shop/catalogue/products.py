"""Products, their kinds and their reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Review:
    """A review: stars (1 to 5), author and text."""

    stars: int
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class ProductKind:
    """A kind of product, for example `coffee grinder`.

    Attributes:
        name: the common name, in lower case.
        words: other names that people use for it.
        price: a typical price in cents.
        features: words that distinguish products of the kind, in titles and in queries.
        uses: what people want one for; follows `for`.
        sizes, colours: options; empty if there are none.
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
        title: unique among all products.
        features: each appears in the title or in a bullet, in any letter case.
        attributes: facts for a table, in display order.
        list_price: the former price as advertised; above `price`, or None.
        popularity: share of all products that are in less demand, in (0, 1].
        age_days: days since the shop first listed it.
        sizes, colours: options. A single value is a fact about the product; several are a choice.
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
