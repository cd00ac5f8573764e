"""The population of shoppers: who makes which session, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from facsim.shop.catalogue import Catalogue, Product, ProductKind
from facsim.shop.shoppers.coefficients import BOUNDS, COEFFICIENTS, Coefficients
from facsim.shop.shoppers.needs import Mission, Need, draw_need, intent
from facsim.shop.shoppers.persons import Person, draw_person
from facsim.shop.shoppers.queries import QueryText, query_texts
from facsim.shop.storefront.views import Visitor


@dataclass(frozen=True, slots=True)
class Shopper:
    """The shopper of one session: a person, their needs, and everything fixed before the session starts.

    Attributes:
        number: number of the session.
        needs: one or more needs to shop for.
        intent: the needs in the person's words.
        stamina: steps after which the wish to leave reaches the strength given by the coefficients.
        threshold: worth at which a product is good enough.
        wordings: every text that may be typed.
        visitor: what the shop knows about them on arrival: a cart, for those who return to one.
        address: where the session starts.
    """

    number: int
    person: Person
    mission: Mission
    needs: tuple[Need, ...]
    intent: str
    stamina: float
    threshold: float
    query_texts: tuple[QueryText, ...]
    visitor: Visitor
    address: str = "/"

    @property
    def user_id(self) -> str:
        """Id of the person; the same in all their sessions."""
        return self.person.user_id

    @property
    def persona(self) -> str:
        """Description of the person in prose."""
        return self.person.persona

    @property
    def fields(self) -> Mapping[str, str]:
        """Observable traits of the person as fields; latent values are not included."""
        return self.person.traits


class Population:
    """All shoppers for a catalogue and a seed. Deterministic: independent of access order and machine."""

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
        self._departments: dict[str, list[ProductKind]] = {}
        for kind in catalogue.kinds:
            self._departments.setdefault(kind.department, []).append(kind)
        self._all_brands = sorted({brand for brands in self._brands.values() for brand in brands})

    def shopper(self, number: int, sessions: int) -> Shopper:
        """Return the shopper of session `number` of `sessions`. Each person has about two sessions."""
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
            query_texts(rng, person, needs, self._coefficients),
            self._visitor(rng, needs[0]) if mission == "return" else Visitor(),
        )

    def person(self, number: int) -> Person:
        """Return person `number`: style, tastes and persona."""
        rng = Random(f"person:{self._seed}:{number}")  # noqa: S311
        return draw_person(rng, f"shopper-{number:06d}", self._all_brands, self._coefficients.people)

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

    def _kinds_for(self, rng: Random, mission: Mission) -> list[ProductKind]:
        if mission == "list":
            return rng.sample(self._kinds, min(len(self._kinds), rng.choice((2, 2, 3))))
        if mission == "look":
            kinds = self._departments[rng.choice(sorted(self._departments))]
            return rng.sample(kinds, min(len(kinds), rng.choice((2, 3, 3))))
        return [rng.choice(self._kinds)]

    def _visitor(self, rng: Random, need: Need) -> Visitor:
        """A visitor who left a product in the cart: a popular one that was not too expensive."""
        products = self._products[need.kind.name]
        fair = [product for product in products if product.price <= BOUNDS.too_dear * need.budget] or products
        left = rng.choices(fair, [BOUNDS.rarely_left + product.popularity for product in fair])[0]
        size = need.size if need.size in left.sizes else rng.choice(left.sizes) if left.sizes else ""
        colour = (
            need.colour if need.colour in left.colours else rng.choice(left.colours) if left.colours else ""
        )
        return Visitor(lines=((left.id, size, colour, 1),), recent=(left.id,))
