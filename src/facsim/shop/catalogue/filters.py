"""Filters of a results page: the products that pass each filter value, and its result counts."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import log

from facsim.shop.catalogue.products import Product


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a filter, with the number of results it would leave."""

    value: str
    text: str
    count: int
    selected: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter; `field` is the field of `Query` that it sets."""

    field: str
    title: str
    values: tuple[FacetValue, ...]


# Fields in page order. `price` is `low-high` in dollars: low inclusive, high exclusive, either may be empty.
TITLES = {
    "delivery": "Delivery",
    "rating": "Customer reviews",
    "brand": "Brand",
    "price": "Price",
    "size": "Size",
    "colour": "Color",
}
_DELIVERY = {"1": "Get it tomorrow", "2": "Within 2 days", "4": "Within 4 days"}
_RATINGS = {"4.5": "4.5 stars & up", "4": "4 stars & up", "3": "3 stars & up"}
_PRICE_STEPS = (5, 10, 15, 20, 25, 35, 50, 75, 100, 150, 200, 300, 400, 500, 750)

MOST_BRANDS = 10
MOST_OPTIONS = 12
MOST_DIGITS = 7

Ids = Collection[int]


class Filters:
    """Index of the products that pass each filter value, built once per catalogue."""

    def __init__(self, products: Sequence[Product]) -> None:
        self._price = {product.id: product.price for product in products}
        self._by_price = sorted((product.price, product.id) for product in products)
        self._passing = {
            "delivery": {
                value: frozenset(p.id for p in products if p.delivery_days <= int(value))
                for value in _DELIVERY
            },
            "rating": {
                value: frozenset(p.id for p in products if p.rating >= float(value)) for value in _RATINGS
            },
            "brand": _holders(products, lambda product: (product.brand,)),
            "size": _holders(products, lambda product: product.sizes),
            "colour": _holders(products, lambda product: product.colours),
        }
        self._options: dict[str, dict[int, tuple[str, ...]]] = {
            "brand": {product.id: (product.brand,) for product in products},
            "size": {product.id: product.sizes for product in products},
            "colour": {product.id: product.colours for product in products},
        }
        kinds = dict.fromkeys(
            product.kind for product in sorted(products, key=lambda product: product.kind.name)
        )
        self._rank = {
            "size": _ranks(kind.sizes for kind in kinds),
            "colour": _ranks(kind.colours for kind in kinds),
        }

    def passing(self, field: str, value: str) -> Ids:
        """Return the ids of the products that pass a filter; empty if the value does not exist."""
        if field == "price":
            return self._in_range(value)
        return self._passing[field].get(value, frozenset())

    def apply(
        self, found: frozenset[int], chosen: dict[str, str]
    ) -> tuple[frozenset[int], tuple[Facet, ...]]:
        """Apply the chosen filters; return the remaining product ids and all filters with their counts.

        The counts of a filter's values respect all other chosen filters, but not the filter's own value.
        """
        passing = {field: frozenset(self.passing(field, value)) for field, value in chosen.items()}
        left = found
        for ids in passing.values():
            left &= ids
        facets = []
        for field, title in TITLES.items():
            within = left if field not in chosen else found
            if field in chosen:
                for other, ids in passing.items():
                    if other != field:
                        within &= ids
            values = self._values(field, chosen.get(field, ""), within, found)
            if len(values) > 1 or any(value.selected for value in values):
                facets.append(Facet(field, title, values))
        return left, tuple(facets)

    def _values(
        self, field: str, selected: str, within: frozenset[int], found: frozenset[int]
    ) -> tuple[FacetValue, ...]:
        if field in {"delivery", "rating"}:
            texts = _DELIVERY if field == "delivery" else _RATINGS
            counted = [
                (value, text, len(within & self._passing[field][value])) for value, text in texts.items()
            ]
        elif field == "price":
            counted = self._price_ranges(within, found, selected)
        else:
            counted = self._most_common(field, selected, within)
        return tuple(
            [
                FacetValue(value, text, count, value == selected)
                for value, text, count in counted
                if count or value == selected
            ]
        )

    def _most_common(self, field: str, selected: str, within: frozenset[int]) -> list[tuple[str, str, int]]:
        counts = Counter(chain.from_iterable(map(self._options[field].__getitem__, within)))
        most = MOST_BRANDS if field == "brand" else MOST_OPTIONS
        shown = sorted(counts, key=lambda value: (-counts[value], value))[:most]
        if selected in self._passing[field] and selected not in shown:
            shown.append(selected)
        if field != "brand":
            shown.sort(key=lambda value: self._rank[field][value])
        return [(value, value, counts[value]) for value in shown]

    def _price_ranges(
        self, within: frozenset[int], found: frozenset[int], selected: str
    ) -> list[tuple[str, str, int]]:
        """Up to five price ranges, cut by the unfiltered results so that other filters do not move them."""
        if not found:
            return []
        prices = sorted([self._price[id_] for id_ in found])
        edges = [0]
        for share in (0.2, 0.4, 0.6, 0.8):
            dollars = prices[int(share * (len(prices) - 1))] / 100
            step = _nearest_step(dollars)
            if step > edges[-1]:
                edges.append(step)
        ends: list[int | None] = [*edges[1:], None]
        ranges = [_range_value(low, high) for low, high in zip(edges, ends, strict=True)]
        if selected not in ranges and _bounds(selected) is not None:
            ranges.append(selected)
        if within is not found:
            prices = sorted([self._price[id_] for id_ in within])
        counted: list[tuple[str, str, int]] = []
        for value in ranges:
            low, high = _bounds(value) or (0, None)
            end = len(prices) if high is None else bisect_left(prices, high)
            # A range typed into the URL may end before it begins.
            counted.append((value, _range_text(value), max(0, end - bisect_left(prices, low))))
        return counted

    def _in_range(self, value: str) -> Ids:
        bounds = _bounds(value)
        if bounds is None:
            return frozenset()
        low, high = bounds
        first = bisect_left(self._by_price, (low, 0))
        last = len(self._by_price) if high is None else bisect_left(self._by_price, (high, 0))
        return [id_ for _, id_ in self._by_price[first:last]]


@lru_cache(maxsize=5_000)
def _nearest_step(dollars: float) -> int:
    """The round price with the smallest relative distance."""
    return min(_PRICE_STEPS, key=lambda step: abs(log(step / dollars)))


def _bounds(value: str) -> tuple[int, int | None] | None:
    """Parse a range in dollars; return its bounds in cents, or None if it is malformed."""
    low, dash, high = value.partition("-")
    if (
        not dash
        or not (low or high)
        or any(
            end and not (end.isascii() and end.isdigit() and len(end) <= MOST_DIGITS) for end in (low, high)
        )
    ):
        return None
    return int(low or 0) * 100, int(high) * 100 if high else None


def _range_value(low: int, high: int | None) -> str:
    return f"{low or ''}-{'' if high is None else high}"


def _range_text(value: str) -> str:
    low, _, high = value.partition("-")
    if not low:
        return f"Under ${high}"
    return f"${low} to ${high}" if high else f"${low} & above"


def _ranks(lists: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """Rank values so that each list keeps its own order where lists agree."""
    ranks: dict[str, int] = {}
    for values in lists:
        for value in values:
            ranks.setdefault(value, len(ranks))
    return ranks


def _holders(
    products: Sequence[Product], values: Callable[[Product], tuple[str, ...]]
) -> dict[str, frozenset[int]]:
    holders: dict[str, set[int]] = {}
    for product in products:
        for value in values(product):
            holders.setdefault(value, set()).add(product.id)
    return {value: frozenset(ids) for value, ids in holders.items()}
