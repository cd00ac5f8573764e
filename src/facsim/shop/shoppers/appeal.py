"""How appealing a product is to a person, judged only by what the page shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from facsim.shop.shoppers.coefficients import BOUNDS, AppealCoefficients, Coefficients
from facsim.shop.shoppers.needs import Need
from facsim.shop.shoppers.persons import Tastes
from facsim.shop.shoppers.population import Shopper
from facsim.shop.shoppers.term_matching import words
from facsim.shop.storefront.views import ProductCard


class Judgement(NamedTuple):
    """The appeal of a product. `worth` is the sum of the terms; 0 is a plain product of the right kind."""

    worth: float
    terms: dict[str, float]
    need: int


def judge(
    card: ProductCard,
    features: Sequence[str] | None,
    shopper: Shopper,
    current: int,
    coefficients: Coefficients,
) -> Judgement:
    """Judge a product by the need it serves best.

    Args:
        card: the product as shown on its card.
        features: features listed on the product's page; None if only the card has been seen.
        shopper: the shopper who judges.
        current: index of the need searched for last.
        coefficients: weights of the terms.
    """
    appeal, person = coefficients.appeal, shopper.person
    best: dict[str, float] = {}
    worth, served = -math.inf, 0
    for index, need in enumerate(shopper.needs):
        terms = _fit(card, features, need, appeal)
        if index != current:
            terms["elsewhere"] = coefficients.look.elsewhere
        terms["price"] = person.tastes.price * price_term(card.price, need.budget, appeal)
        total = sum(terms.values())
        if total > worth:
            best, worth, served = terms, total, index
    assert best, "a shopper has a need"
    common = _common(card, person.tastes, person.brands, appeal)
    return Judgement(worth + sum(common.values()), best | common, served)


class JudgementCache:
    """Caches one shopper's judgements: many products on a page were on an earlier page of the session.

    Args:
        shopper: the shopper who judges.
        coefficients: weights of the terms.
    """

    def __init__(self, shopper: Shopper, coefficients: Coefficients) -> None:
        self.shopper = shopper
        self._coefficients = coefficients
        # Keyed by id(): comparing cards costs as much as judging them. Storing the card keeps its id valid.
        self._made: dict[tuple[int, bool, int], tuple[ProductCard, Judgement]] = {}

    def of(self, card: ProductCard, features: Sequence[str] | None, current: int) -> Judgement:
        """Cached `judge` for this shopper. `features` must come from the same page as the card."""
        key = (id(card), features is None, current)
        made = self._made.get(key)
        if made is None:
            judged = judge(card, features, self.shopper, current, self._coefficients)
            made = self._made[key] = (card, judged)
        return made[1]


@lru_cache(maxsize=60_000)
def match(title: frozenset[str], names: tuple[frozenset[str], ...], heads: tuple[str, ...]) -> float:
    """How well a title matches the wanted kind: 0 to 1.

    The share of the words of the best-matching name that the title contains. It is scaled down if the title
    lacks the name's last word, its head noun.
    """
    best = 0.0
    for name, head in zip(names, heads, strict=True):
        share = len(name & title) / len(name)
        best = max(best, share if head in title else BOUNDS.headless * share)
    return best


def price_term(price: int, budget: int, appeal: AppealCoefficients) -> float:
    """Utility of a price given a budget: rises slowly below the budget, falls ever faster above it."""
    over = min(price / budget, BOUNDS.dearest) - 1.0
    if over <= 0:
        return -appeal.saving * over
    return -appeal.over * over - appeal.over_square * over * over


def _fit(
    card: ProductCard, features: Sequence[str] | None, need: Need, appeal: AppealCoefficients
) -> dict[str, float]:
    title = words(card.title)
    terms = {"kind": appeal.kind * (match(title, need.names, need.heads) - 1.0)}
    if need.features:
        told = title if features is None else title.union(*(words(feature) for feature in features))
        absent = appeal.feature_unknown if features is None else appeal.feature_missing
        terms["feature"] = sum(
            appeal.feature if words(feature) <= told else absent for feature in need.features
        )
    if need.colour and words(need.colour) <= title:
        terms["colour"] = appeal.colour
    return terms


def _common(
    card: ProductCard, tastes: Tastes, brands: frozenset[str], appeal: AppealCoefficients
) -> dict[str, float]:
    """Terms that do not depend on the need; fields that the design does not show contribute nothing."""
    terms: dict[str, float] = {}
    if card.list_price is not None and card.list_price > card.price:
        terms["deal"] = tastes.deal * appeal.deal * (1 - card.price / card.list_price)
    if card.rating is not None:
        terms["rating"] = tastes.rating * appeal.rating * (card.rating - BOUNDS.usual_rating)
    if card.reviews is not None:
        terms["reviews"] = (
            tastes.reviews * appeal.reviews * math.log10((card.reviews + 1) / BOUNDS.usual_reviews)
        )
    if card.brand in brands:
        terms["brand"] = tastes.brand * appeal.brand
    if card.delivery_days is not None:
        terms["speed"] = (
            tastes.speed * appeal.speed * (BOUNDS.usual_days - min(BOUNDS.slowest, card.delivery_days))
        )
    if card.badge:
        terms["badge"] = appeal.badge
    if card.sponsored:
        terms["sponsored"] = appeal.sponsored
    return terms
