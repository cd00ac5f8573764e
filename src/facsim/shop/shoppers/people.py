"""Who visits the shop: persons with tastes and a style, and their visits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from random import Random

from facsim.shop.catalogue import Catalogue, Kind, Product
from facsim.shop.shoppers.coefficients import BOUNDS, COEFFICIENTS, Coefficients
from facsim.shop.shoppers.needs import Mission, Need, draw_need, intent
from facsim.shop.shoppers.queries import Wording, wordings
from facsim.shop.shoppers.styles import STYLES, Style
from facsim.shop.storefront.views import Visitor

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
"""Households with the ages from and to which they are usual."""
_PLACES = ("in a big city", "in a small town", "in the suburbs", "in the country")


@dataclass(frozen=True, slots=True)
class Tastes:
    """A person's own values of what `Style` describes; they stay the same from visit to visit.

    `pictures` is the habit of clicking pictures rather than titles, in logits; `typo_rate` the chance of a
    typo in a query of twelve letters.
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
        persona: readable text: life, habits, attitudes. Names neither a product nor what will be bought.
        traits: the same as structured fields.
        brands: trusted ones.
    """

    user_id: str
    name: str
    persona: str
    traits: Mapping[str, str]
    style: Style
    tastes: Tastes
    brands: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shopper:
    """A visit: a person with a need, and what else is decided before it begins.

    Attributes:
        number: of the visit.
        needs: what is looked for, one or several.
        intent: the same in the person's words.
        stamina: steps after which the wish to leave is as strong as the coefficients say.
        threshold: worth of a product that is good enough.
        wordings: every text that may be typed.
        visitor: what the shop knows of them on arrival: a cart, for those who return to it.
        address: where the visit begins.
    """

    number: int
    person: Person
    mission: Mission
    needs: tuple[Need, ...]
    intent: str
    stamina: float
    threshold: float
    wordings: tuple[Wording, ...]
    visitor: Visitor
    address: str = "/"

    @property
    def user_id(self) -> str:
        """Of the person; the same on each of their visits."""
        return self.person.user_id

    @property
    def persona(self) -> str:
        """The person in words."""
        return self.person.persona

    @property
    def fields(self) -> Mapping[str, str]:
        """The person as fields, none of them latent."""
        return self.person.traits


class Population:
    """All shoppers of a catalogue and a seed: the same ones, in any order, on every machine."""

    def __init__(self, catalogue: Catalogue, seed: int, coefficients: Coefficients = COEFFICIENTS) -> None:
        self._seed = seed
        self._coefficients = coefficients
        self._kinds = catalogue.kinds
        self._products: dict[str, list[Product]] = {kind.name: [] for kind in catalogue.kinds}
        for product in catalogue.products:
            self._products[product.kind.name].append(product)
        self._brands = {
            name: sorted({product.brand for product in products}) for name, products in self._products.items()
        }
        self._departments: dict[str, list[Kind]] = {}
        for kind in catalogue.kinds:
            self._departments.setdefault(kind.department, []).append(kind)
        self._all_brands = sorted({brand for brands in self._brands.values() for brand in brands})

    def shopper(self, number: int, sessions: int) -> Shopper:
        """Everything about visit `number` of `sessions`. People come back: about two visits a person."""
        rng = Random(f"visit:{self._seed}:{number}")  # noqa: S311
        person = self.person(rng.randrange(max(1, sessions // 2)))
        people, tastes = self._coefficients.people, person.tastes
        mission = self._mission(rng)
        needs = tuple(
            draw_need(rng, kind, sorted(person.brands & set(self._brands[kind.name])), tastes, people)
            for kind in self._kinds_for(rng, mission)
        )
        stamina = people.stamina_median * math.exp(
            rng.gauss(BOUNDS.staying * tastes.patience, people.stamina_spread)
        )
        threshold = rng.gauss(people.threshold, people.threshold_spread)
        threshold += people.looking_threshold * (mission == "look") + people.return_threshold * (
            mission == "return"
        )
        return Shopper(
            number,
            person,
            mission,
            needs,
            intent(rng, mission, needs, hurry=tastes.speed > BOUNDS.hurry),
            stamina,
            threshold,
            wordings(rng, person, needs, self._coefficients),
            self._visitor(rng, needs[0]) if mission == "return" else Visitor(),
        )

    def person(self, number: int) -> Person:
        """Person `number`: style, tastes and persona."""
        rng = Random(f"person:{self._seed}:{number}")  # noqa: S311
        style = rng.choices(STYLES, [style.share for style in STYLES])[0]
        tastes = self._tastes(rng, style)
        # Trusted brands: a few of those there are, more for those who care.
        share = min(BOUNDS.most_trusted, self._coefficients.people.trusted * tastes.brand)
        brands = frozenset(rng.sample(self._all_brands, round(len(self._all_brands) * share)))
        pronoun, names = rng.choice(_NAMES)
        age = rng.randrange(19, 78)
        jobs = (
            ("retired",)
            if age >= 67
            else (*_JOBS, "a student", "a student", "a trainee")
            if age < 27
            else _JOBS
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
        return Person(f"shopper-{number:06d}", traits["name"], persona, traits, style, tastes, brands)

    def _tastes(self, rng: Random, style: Style) -> Tastes:
        people = self._coefficients.people
        # Weights are positive and vary in proportion; likings are logits and vary by addition.
        drawn: dict[str, float] = {}
        for name in ("price", "deal", "rating", "reviews", "brand", "speed"):
            drawn[name] = getattr(style, name) * math.exp(rng.gauss(0, people.taste_spread))
        for name in ("filters", "patience", "eagerness", "detail"):
            drawn[name] = getattr(style, name) + rng.gauss(0, people.taste_spread)
        drawn["detail"] += rng.gauss(0, people.detail_spread)
        drawn["pictures"] = rng.gauss(0, people.picture_spread)
        drawn["typo_rate"] = people.typo_rate * math.exp(rng.gauss(0, people.typo_spread)) / style.care
        return Tastes(**{item.name: drawn[item.name] for item in fields(Tastes)})

    def _mission(self, rng: Random) -> Mission:
        people = self._coefficients.people
        draw = rng.random()
        for mission, share in (
            ("list", people.list_share),
            ("look", people.looking_share),
            ("return", people.return_share),
        ):
            if draw < share:
                return mission  # type: ignore[return-value]
            draw -= share
        return "buy"

    def _kinds_for(self, rng: Random, mission: Mission) -> list[Kind]:
        if mission == "list":
            return rng.sample(self._kinds, min(len(self._kinds), rng.choice((2, 2, 3))))
        if mission == "look":
            kinds = self._departments[rng.choice(sorted(self._departments))]
            return rng.sample(kinds, min(len(kinds), rng.choice((2, 3, 3))))
        return [rng.choice(self._kinds)]

    def _visitor(self, rng: Random, need: Need) -> Visitor:
        """Somebody who left a thing in the cart: one that was popular and not too dear."""
        products = self._products[need.kind.name]
        fair = [product for product in products if product.price <= BOUNDS.too_dear * need.budget] or products
        left = rng.choices(fair, [BOUNDS.rarely_left + product.popularity for product in fair])[0]
        size = need.size if need.size in left.sizes else rng.choice(left.sizes) if left.sizes else ""
        colour = (
            need.colour if need.colour in left.colours else rng.choice(left.colours) if left.colours else ""
        )
        return Visitor(lines=((left.id, size, colour, 1),), recent=(left.id,))


def _manners(rng: Random, tastes: Tastes, pronoun: str) -> list[str]:
    """What is remarkable about how somebody goes about it, in words: the strongest one or two."""
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
