"""Persons: tastes, style, persona and trusted brands. They stay the same in every session of a person."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from random import Random

from facsim.shop.shoppers.coefficients import BOUNDS, PopulationCoefficients
from facsim.shop.shoppers.styles import STYLES, Style

_NAMES = (
    (
        "she",
        "Ana Chloe Elif Grace Ines Kavya Mei Nora Petra Rosa Tara Wanda Amara Bianca Dora Hana Julia Lena",
    ),
    ("he", "Ben Daniel Farid Hugo Jonas Liam Omar Quinn Sam Tom Andre Boris Carl Diego Emil Felix Ivan Kofi"),
)
_JOBS = (
    "a nurse", "a teacher", "an accountant", "a carpenter", "a software tester", "a bus driver", "a chef",
    "a gardener", "an electrician", "a librarian", "a sales assistant", "a physiotherapist", "an engineer",
    "a translator", "a warehouse worker", "a self-employed designer", "between jobs", "a police officer",
    "a lab technician",
)  # fmt: skip
_HOMES: tuple[tuple[int, int, str], ...] = (
    (19, 99, "lives alone"),
    (22, 99, "lives with a partner"),
    (28, 55, "has two children"),
    (19, 40, "shares a flat"),
    (24, 45, "has a small child and a dog"),
    (32, 64, "lives with elderly parents"),
    (38, 60, "has three teenagers"),
    (19, 99, "lives alone with two cats"),
    (55, 99, "often has grandchildren around"),
)
"""Households with the age range in which they are usual."""
_PLACES = ("in a big city", "in a small town", "in the suburbs", "in the country")


@dataclass(frozen=True, slots=True)
class Tastes:
    """A person's own values for the fields of `Style`; they are the same in every session.

    `pictures` is the habit of clicking pictures rather than titles, in logits; `typo_rate` is the probability
    of a typo in a query of twelve letters.
    """

    price: float
    deal: float
    rating: float
    reviews: float
    brand: float
    speed: float
    filters: float
    patience: float
    eagerness: float
    detail: float
    pictures: float
    typo_rate: float


@dataclass(frozen=True, slots=True)
class Person:
    """A shopper as a person.

    Attributes:
        persona: prose about life, habits and attitudes. It never names a product or what will be bought.
        traits: the same as structured fields.
        brands: trusted brands.
    """

    user_id: str
    name: str
    persona: str
    traits: Mapping[str, str]
    style: Style
    tastes: Tastes
    brands: frozenset[str]


def draw_person(
    rng: Random, user_id: str, brands: Sequence[str], population: PopulationCoefficients
) -> Person:
    """Sample a person with style, tastes and persona.

    Args:
        rng: source of randomness.
        user_id: id of the person.
        brands: all brands in the shop.
        population: how persons are distributed.
    """
    style = rng.choices(STYLES, [style.share for style in STYLES])[0]
    tastes = _tastes(rng, style, population)
    # Trusted brands: a small share of all brands, larger for people who care about brands.
    share = min(BOUNDS.most_trusted, population.trusted * tastes.brand)
    trusted = frozenset(rng.sample(brands, round(len(brands) * share)))
    pronoun, names = rng.choice(_NAMES)
    age = rng.randrange(19, 78)
    jobs = (
        ("retired",) if age >= 67 else (*_JOBS, "a student", "a student", "a trainee") if age < 27 else _JOBS
    )
    traits = {
        "name": rng.choice(names.split()),
        "age": str(age),
        "occupation": rng.choice(jobs),
        "household": rng.choice([home for low, high, home in _HOMES if low <= age <= high]),
        "place": rng.choice(_PLACES),
    }
    habits = [
        f"As a shopper {traits['name']} {rng.choice(style.habits)}.",
        *_manners(rng, tastes, pronoun),
    ]
    persona = (
        f"{traits['name']}, {traits['age']}, is {traits['occupation']} {traits['place']} and "
        f"{traits['household']}. {' '.join(habits)}"
    )
    return Person(user_id, traits["name"], persona, traits, style, tastes, trusted)


def _tastes(rng: Random, style: Style, population: PopulationCoefficients) -> Tastes:
    # Weights are positive and vary multiplicatively; preferences are logits and vary additively.
    drawn: dict[str, float] = {}
    for name in ("price", "deal", "rating", "reviews", "brand", "speed"):
        drawn[name] = getattr(style, name) * math.exp(rng.gauss(0, population.taste_spread))
    for name in ("filters", "patience", "eagerness", "detail"):
        drawn[name] = getattr(style, name) + rng.gauss(0, population.taste_spread)
    drawn["detail"] += rng.gauss(0, population.detail_spread)
    drawn["pictures"] = rng.gauss(0, population.picture_spread)
    drawn["typo_rate"] = population.typo_rate * math.exp(rng.gauss(0, population.typo_spread)) / style.care
    return Tastes(**{item.name: drawn[item.name] for item in fields(Tastes)})


def _manners(rng: Random, tastes: Tastes, pronoun: str) -> list[str]:
    """Describe how a person shops: the one or two most distinctive traits, in words."""
    their = {"she": "her", "he": "his"}[pronoun]
    remarks = [
        (tastes.detail / 0.6, f"{pronoun} describes in {their} searches exactly what it should be"),
        (-tastes.detail / 0.6, f"{pronoun} types as few words as possible"),
        (tastes.typo_rate / 0.06 - 1, f"{pronoun} types fast and often misspells words"),
        (tastes.pictures / 1.5, f"{pronoun} goes by the pictures and clicks on them"),
        (-tastes.pictures / 1.5, f"{pronoun} reads titles and clicks on them rather than on pictures"),
        (tastes.filters / 0.5, f"{pronoun} likes to set filters"),
        (tastes.patience / 0.5, f"{pronoun} takes {their} time"),
        (-tastes.patience / 0.5, f"{pronoun} gives up soon when nothing suits"),
        (tastes.eagerness / 0.5, f"{pronoun} decides quickly"),
        (-tastes.eagerness / 0.5, f"{pronoun} finds it hard to decide"),
    ]
    strongest = sorted(remarks, key=lambda remark: (-remark[0], remark[1]))[: rng.choice((1, 2, 2, 3))]
    return [f"{text[0].upper()}{text[1:]}." for strength, text in strongest if strength > 0.7]
