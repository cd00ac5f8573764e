"""What a shopper wants from a session: needs and the stated intent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from facsim.shop.catalogue import ProductKind
from facsim.shop.shoppers.coefficients import BOUNDS, PopulationCoefficients
from facsim.shop.shoppers.persons import Tastes
from facsim.shop.shoppers.term_matching import a, last_word, money, words

Mission = Literal["buy", "list", "look", "return"]
"""Buy one thing; work through a list; look around; return for what is in the cart."""

_BUY = (
    "I am looking for {thing} for {use}{wish}. I would like to spend about {budget}.{more}",
    "I need {thing} for {use}{wish}; about {budget} would be fine.{more}",
    "My old one is beyond repair, so I want {thing} for {use}{wish}. My budget is {budget}.{more}",
    "I want to buy {thing} today, for {use}{wish}, and not spend much more than {budget}.{more}",
    "It is time for {thing}: it is for {use}{wish}. I have {budget} in mind.{more}",
)
_LIST = (
    "I have several things on my list: {things}.{more}",
    "Today I want to get a few things: {things}.{more}",
    "We need some things: {things}. I would like to be done in one go.{more}",
)
_LOOK = (
    "Nothing particular, I just want to see what there is; perhaps {things}.",
    "I am only looking around for ideas: {things}, that kind of thing.",
    "I have a little time and feel like looking at {things}. I may not buy anything.",
)
_RETURN = (
    "I put {thing} into my cart the other day and want to decide now. I had {budget} in mind.{more}",
    "There is still {thing} in my cart from last time; I wonder whether to take it for {budget}.{more}",
)


@dataclass(frozen=True, slots=True)
class Need:
    """Something the person wants. It names no product: the person judges what fits from what pages show.

    Attributes:
        kind: the kind of product.
        features: wanted features; not every product of the kind has them.
        budget: in cents.
        brand: a trusted brand that makes them; None if the person has none in mind.
        colour, size: wanted; empty if they do not matter.
        names: the words of each name of the kind, for judging titles.
        heads: the last words of these names.
    """

    kind: ProductKind
    features: tuple[str, ...]
    use: str
    budget: int
    brand: str | None
    colour: str
    size: str
    names: tuple[frozenset[str], ...]
    heads: tuple[str, ...]


def draw_need(
    rng: Random, kind: ProductKind, brands: Sequence[str], tastes: Tastes, people: PopulationCoefficients
) -> Need:
    """Sample a person's need for a kind of product.

    Args:
        rng: source of randomness.
        kind: the kind of product.
        brands: trusted brands that make it.
        tastes: brand lovers have a brand in mind; detail lovers want more features.
        people: how needs are distributed.
    """
    weights = (
        BOUNDS.no_feature,
        people.one_feature,
        max(BOUNDS.two_least, people.two_features + BOUNDS.two_detailed * tastes.detail),
    )
    count = min(len(kind.features), rng.choices((0, 1, 2), weights)[0])
    features = tuple(rng.sample(kind.features, count))
    budget = max(500, round(kind.price * rng.lognormvariate(people.budget, people.budget_spread) / 500) * 500)
    has_brand = bool(brands) and rng.random() < min(BOUNDS.most_in_mind, people.in_mind * tastes.brand)
    calls = (kind.name, *kind.words)
    return Need(
        kind,
        features,
        rng.choice(kind.uses) if kind.uses else "everyday use",
        budget,
        rng.choice(brands) if has_brand else None,
        rng.choice(kind.colours) if kind.colours and rng.random() < people.colour_share else "",
        rng.choice(kind.sizes) if kind.sizes and rng.random() < people.size_share else "",
        tuple(words(call) for call in calls),
        tuple(last_word(call) for call in calls),
    )


def wish(need: Need) -> str:
    """Phrase colour and features as the end of a sentence."""
    parts = []
    if need.features:
        parts.append("if possible " + " and ".join(need.features))
    if need.colour:
        parts.append(f"in {need.colour.lower()}")
    if need.size:
        parts.append(f"size {need.size}")
    return ", " + ", ".join(parts) if parts else ""


def intent(rng: Random, mission: Mission, needs: Sequence[Need], hurry: bool) -> str:
    """State the goal of a session in the person's words."""
    first = needs[0]
    brands = list(dict.fromkeys(need.brand for need in needs if need.brand))
    more = f" I have had good experiences with {' and '.join(brands)}." if brands else ""
    if hurry:
        more += rng.choice((" I need it soon.", " It should be here in a day or two."))
    if mission == "list":
        items = [f"{a(need.kind.name)}{wish(need)} (about {money(need.budget)})" for need in needs]
        return rng.choice(_LIST).format(
            things="; ".join(items),
            more=more.replace("need it", "need them").replace("It should", "They should"),
        )
    if mission == "look":
        named = [a(need.kind.name) for need in needs]
        things = " or ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else named[0]
        return rng.choice(_LOOK).format(things=things)
    return rng.choice(_BUY if mission == "buy" else _RETURN).format(
        thing=a(first.kind.name), use=first.use, wish=wish(first), budget=money(first.budget), more=more
    )
