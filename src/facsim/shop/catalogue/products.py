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
class Kind:
    """A kind of product, for example `coffee grinder`.

    Attributes:
        name: lower case, singular, as people say it.
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


@dataclass(frozen=True, slots=True)
class Product:
    """A product. Money is in cents; `rating` has one decimal."""

    id: int
    title: str
    slug: str
    brand: str
    kind: Kind
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


class Catalogue:
    """All products of a seed, the same on every machine."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.products: tuple[Product, ...] = ()
        self.kinds: tuple[Kind, ...] = ()
        self.departments: tuple[str, ...] = ()

    def product(self, product_id: int) -> Product:
        """The product with an id.

        Raises:
            KeyError: if there is none.
        """
        raise KeyError(product_id)
