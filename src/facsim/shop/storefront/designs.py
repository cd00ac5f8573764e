"""Designs of the shop, for A/B comparisons. All differences are visible on the pages and in the views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Design:
    """How the shop presents its products.

    Attributes:
        name: as in `facsim shop sample --variant NAME`.
        about: what is different, in one sentence.
        per_page: results per page.
        ranking: default order of results: `relevance` or `popular`.
        facets: fields of the filters to show; empty for all.
        ratings: whether cards show ratings. Product pages always do.
        price_badges: whether cards show savings and mark the cheapest result.
        pictures: size of the pictures on cards.
        related: number of related products on a product page.
        checkout_steps: the pages of the checkout; the last one is `review`.
    """

    name: str
    about: str
    per_page: int = 16
    ranking: Literal["relevance", "popular"] = "relevance"
    facets: frozenset[str] = frozenset()
    ratings: bool = True
    price_badges: bool = False
    pictures: Literal["normal", "big"] = "normal"
    related: int = 6
    checkout_steps: tuple[str, ...] = ("review",)


_ALL = (
    Design("standard", "The shop as it is: sixteen results a page, all filters, checkout on one page."),
    Design(
        "few_filters",
        "Results can be narrowed by department and price only.",
        facets=frozenset({"department", "price"}),
    ),
    Design(
        "popular_first",
        "Results come in the order of what sells, not of what fits the words best.",
        ranking="popular",
    ),
    Design(
        "no_ratings",
        "Cards show neither stars nor numbers of ratings, and nothing sorts or filters by them.",
        ratings=False,
    ),
    Design(
        "price_badges",
        "Cards say what is saved, and which product on the page costs least.",
        price_badges=True,
    ),
    Design(
        "big_pictures",
        "Results show big pictures, and therefore ten products a page.",
        per_page=10,
        pictures="big",
    ),
    Design(
        "long_checkout",
        "Address, delivery and payment are confirmed on a page each before the order can be placed.",
        checkout_steps=("address", "delivery", "payment", "review"),
    ),
    Design(
        "long_pages",
        "Forty results a page.",
        per_page=40,
    ),
    Design(
        "no_related",
        "Products' pages show no other products.",
        related=0,
    ),
)

DESIGNS: dict[str, Design] = {design.name: design for design in _ALL}
"""Designs by name."""
