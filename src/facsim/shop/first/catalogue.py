"""What the shop sells, drawn from a seed, and its search."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from random import Random

import yaml

PER_KIND = 9
_SMALL = frozenset({"a", "for", "in", "the", "to", "at"})
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of product, for example pressure washers."""

    name: str
    department: str
    price: float
    features: tuple[str, ...]
    uses: tuple[str, ...]
    option_name: str | None
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """One product. Prices are in dollars, ratings from 1 to 5."""

    id: int
    kind: Kind
    brand: str
    features: tuple[str, ...]
    title: str
    price: float
    list_price: float | None
    rating: float
    reviews: int
    sponsored: bool
    delivery_days: int

    @property
    def popularity(self) -> float:
        """What the shop ranks by when a query says nothing more."""
        return self.rating * math.log10(10 + self.reviews)


@dataclass(frozen=True, slots=True)
class Query:
    """What a results page shows; empty fields do not restrict."""

    text: str = ""
    department: str = ""
    brand: str = ""
    price: str = ""
    rating: str = ""
    sort: str = ""
    page: int = 1


PRICE_RANGES: Mapping[str, tuple[float, float]] = {
    "0-25": (0, 25),
    "25-50": (25, 50),
    "50-100": (50, 100),
    "100-": (100, math.inf),
}
SORTS: Mapping[str, tuple[str, Callable[[Product], float]]] = {
    "price_asc": ("Price: low to high", lambda product: product.price),
    "price_desc": ("Price: high to low", lambda product: -product.price),
    "rating": ("Average customer review", lambda product: -product.rating),
}


class Catalogue:
    """All products of one shop.

    Args:
        seed: same seed, same shop.
    """

    def __init__(self, seed: int) -> None:
        rng = Random(f"catalogue:{seed}")  # noqa: S311
        described = yaml.safe_load(Path(__file__).with_name("catalogue.yaml").read_text(encoding="utf-8"))
        self.departments: tuple[str, ...] = tuple(described["departments"])
        self.kinds: tuple[Kind, ...] = tuple(
            _kind(name, department, fields)
            for department, kinds in described["departments"].items()
            for name, fields in kinds.items()
        )
        self.products: list[Product] = []
        for kind in self.kinds:
            brands = described["brands"][kind.department]
            self.products += [self._draw(rng, kind, brands, place) for place in range(PER_KIND)]
        self._words = [_words(_searchable(product)) for product in self.products]
        self.find = cache(self._find)

    def _draw(self, rng: Random, kind: Kind, brands: list[str], place: int) -> Product:
        brand = brands[place % len(brands)]
        features = tuple(rng.sample(kind.features, rng.choice((1, 1, 2))))
        model = f"{rng.choice('ABCDEKLMRSTX')}{rng.randrange(10, 99)}"
        quality = rng.gauss(0, 1)
        price = round(kind.price * math.exp(0.25 * quality + rng.gauss(0, 0.3)), 0) - 0.01
        return Product(
            id=100 + len(self.products) + place,
            kind=kind,
            brand=brand,
            features=features,
            title=f"{brand} {' '.join(features).title()} {kind.name.title()} {model}",
            price=price,
            list_price=round(price * rng.choice((1.15, 1.25, 1.4)), 0) - 0.01 if rng.random() < 0.3 else None,
            rating=round(min(4.9, max(2.6, 4.15 + 0.3 * quality + rng.gauss(0, 0.3))), 1),
            reviews=int(math.exp(rng.gauss(4.5, 1.5))) + 1,
            sponsored=rng.random() < 0.12,
            delivery_days=rng.choice((1, 1, 2, 3, 5)),
        )

    @cached_property
    def by_id(self) -> Mapping[int, Product]:
        """Products by id."""
        return {product.id: product for product in self.products}

    @cached_property
    def vocabulary(self) -> Counter[str]:
        """All words that are spelt as the shop spells them, with how many products have them."""
        words = Counter(word for product in self.products for word in set(_spelt(_searchable(product))))
        return words | Counter(_spelt(" ".join(_SMALL) + " best cheap"))

    def _find(self, query: Query) -> tuple[Product, ...]:
        """The products that a query finds, in the order shown (all pages)."""
        wanted = _words(query.text)
        scored: list[tuple[float, Product]] = []
        for product, words in zip(self.products, self._words, strict=True):
            found = len(wanted & words)
            if (not wanted or found * 2 > len(wanted) or found >= 2) and _fits(product, query):
                scored.append((found * 10 + product.popularity + (3 if product.sponsored else 0), product))
        scored.sort(key=lambda pair: (-pair[0], pair[1].id))
        products = [product for _, product in scored]
        if query.sort in SORTS:
            products.sort(key=SORTS[query.sort][1])
        return tuple(products)

    def did_you_mean(self, text: str) -> str | None:
        """The query with unknown words replaced by like ones; None if all words are known or none is like."""
        typed = _spelt(text)
        better = [
            word
            if word in self.vocabulary
            else next(iter(get_close_matches(word, self.vocabulary, 1, 0.7)), word)
            for word in typed
        ]
        return " ".join(better) if better != typed else None

    def related(self, product: Product) -> tuple[Product, ...]:
        """Other products of the kind, the most popular first."""
        others = [other for other in self.products if other.kind is product.kind and other is not product]
        return tuple(sorted(others, key=lambda other: -other.popularity)[:4])


def _kind(name: str, department: str, fields: dict[str, object]) -> Kind:
    price, features, uses, option = (fields.get(key) for key in ("price", "features", "uses", "option"))
    assert isinstance(price, int | float) and isinstance(features, list) and isinstance(uses, list)
    values = [str(value) for value in option] if isinstance(option, list) else []
    return Kind(
        name,
        department,
        float(price),
        tuple(map(str, features)),
        tuple(uses),
        values[0] if values else None,
        tuple(values[1:]),
    )


def _searchable(product: Product) -> str:
    return f"{product.title} {product.kind.department} {' '.join(product.kind.uses)}"


def _spelt(text: str) -> list[str]:
    words: list[str] = _WORD.findall(text.lower())
    return words


def _words(text: str) -> frozenset[str]:
    return frozenset(word.removesuffix("s") if len(word) > 3 else word for word in _spelt(text)) - _SMALL


def _fits(product: Product, query: Query) -> bool:
    low, high = PRICE_RANGES.get(query.price, (0, math.inf))
    return (
        (not query.department or product.kind.department == query.department)
        and (not query.brand or product.brand == query.brand)
        and low <= product.price < high
        and (not query.rating or product.rating >= float(query.rating))
    )
