"""Who visits the shop, and what for."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from facsim.shop.first.catalogue import Catalogue, Kind

_NAMES = (
    "Ana Ben Chloe Daniel Elif Farid Grace Hugo Ines Jonas Kavya Liam Mei Nora Omar Petra Quinn Rosa Sam Tara"
)
_JOBS = (
    "a nurse",
    "a student",
    "a teacher",
    "an accountant",
    "a carpenter",
    "retired",
    "a software tester",
    "a bus driver",
    "a chef",
    "a parent at home",
)


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of shopper weighs things; the weights enter `policy` and are explained there."""

    name: str
    habit: str
    price: float = 1.0
    rating: float = 1.0
    reviews: float = 0.5
    brand: float = 0.3
    speed: float = 0.2
    filters: float = 0.0
    patience: float = 0.0
    eagerness: float = 0.0


STYLES: tuple[Style, ...] = (
    Style("price-driven", "compares prices and hates to overpay", price=2.4, filters=0.5),
    Style(
        "review-driven",
        "reads ratings and trusts what many others bought",
        rating=2.2,
        reviews=1.3,
        filters=0.5,
        patience=0.4,
    ),
    Style("brand-loyal", "stays with brands that have served well", brand=2.2, price=0.6, eagerness=0.2),
    Style("hurried", "wants to be done quickly", speed=1.2, patience=-0.9, eagerness=0.5),
    Style("browsing", "likes to look around without deciding", price=0.7, patience=0.7, eagerness=-0.9),
)


@dataclass(frozen=True, slots=True)
class Person:
    """A shopper: a style and a life around it."""

    user_id: str
    style: Style
    text: str


@dataclass(frozen=True, slots=True)
class Need:
    """What a visit is for. No product is meant: what fits is for the person to judge."""

    kind: Kind
    features: tuple[str, ...]
    use: str
    budget: float
    brand: str | None
    text: str


def draw_person(seed: int, number: int) -> Person:
    """Person `number` of the population of `seed`."""
    rng = Random(f"person:{seed}:{number}")  # noqa: S311
    style = rng.choice(STYLES)
    name, job, age = rng.choice(_NAMES.split()), rng.choice(_JOBS), rng.randrange(19, 75)
    household = rng.choice(("lives alone", "lives with a partner", "has two children", "shares a flat"))
    text = f"{name}, {age}, is {job} and {household}. As a shopper {name} {style.habit}."
    return Person(f"shopper-{number:05d}", style, text)


def draw_need(rng: Random, catalogue: Catalogue, person: Person) -> Need:
    """What brings a person to the shop this time."""
    kind = rng.choice(catalogue.kinds)
    wanted = tuple(rng.sample(kind.features, 1)) if rng.random() < 0.7 else ()
    use = rng.choice(kind.uses)
    budget = max(5, round(kind.price * rng.choice((0.75, 1.0, 1.25, 1.6)) / 5) * 5)
    brands = sorted({product.brand for product in catalogue.products if product.kind is kind})
    brand = rng.choice(brands) if rng.random() < (0.95 if person.style.brand > 1 else 0.1) else None
    text = f"I am looking for a {kind.name} for {use}"
    if wanted:
        text += f", if possible {wanted[0]}"
    text += f". I would like to spend about ${budget:.0f}."
    if brand:
        text += f" I have had good experiences with {brand}."
    return Need(kind, wanted, use, float(budget), brand, text)
