"""The shop with its shoppers, step by step: shared by sampling, oracle and design effects.

A session is a chain of decision points. At each one the policy assigns a probability to every possible
choice, one choice is made, and the shop and the shopper's memory move on. The caller decides which: random
numbers (`CommonRandomNumbers`), or the recorded session (the oracle).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from threading import Lock
from typing import Final, get_args
from weakref import WeakValueDictionary

from facsim.shop.catalogue import Catalogue
from facsim.shop.shoppers import Choice, Policy, Population, Shopper
from facsim.shop.shoppers.session_simulator import DecisionPoint, SessionSimulator
from facsim.shop.storefront import DESIGNS, ActionKind, Design, PageAction, Storefront
from facsim.util.errors import ConfigError

_CATALOGUES_KEPT = 2
# Only those in use: the pages of one can take hundreds of megabytes.
_STOREFRONTS: WeakValueDictionary[tuple[int, str], Storefront] = WeakValueDictionary()
_OPENING: Final = Lock()
KIND_PLACES: Final = {kind: place for place, kind in enumerate(get_args(ActionKind))}
"""Place of each kind of action in the order in which choices are drawn."""
LEAVE_PLACE: Final = len(KIND_PLACES)
"""Place of leaving in that order."""


DrawKey = tuple[int, str, str, str, str, str, int]
"""Orders the choices of one kind."""


class ShopSimulation(SessionSimulator):
    """The shop of a seed in one design, with its shoppers.

    Args:
        seed: of catalogue and people.
        sessions: number of sessions in all; about half as many people make them.
        variant: name of the design.

    Raises:
        ConfigError: if there is no such design.
    """

    def __init__(self, seed: int, sessions: int, variant: str = "standard") -> None:
        self.seed, self.sessions = seed, sessions
        store = storefront_of(seed, variant)
        self.catalogue = store.catalogue
        super().__init__(store, Policy())
        self._population = Population(self.catalogue, seed)

    def shopper(self, number: int) -> Shopper:
        """The shopper of session `number`, the same in every design."""
        return self._population.shopper(number, self.sessions)


def design_of(variant: str) -> Design:
    """The design of a name.

    Raises:
        ConfigError: if there is none.
    """
    if variant not in DESIGNS:
        raise ConfigError(f"unknown design {variant!r}: expected one of {', '.join(DESIGNS)}")
    return DESIGNS[variant]


@lru_cache(maxsize=_CATALOGUES_KEPT)
def catalogue_of(seed: int) -> Catalogue:
    """The catalogue of a seed; the last few are cached."""
    return Catalogue(seed)


def storefront_of(seed: int, variant: str = "standard") -> Storefront:
    """The shop of a seed in one design: as long as somebody uses it, others get the same one.

    Their pages are then made once. It may be used by several threads.

    Raises:
        ConfigError: if there is no such design.
    """
    design = design_of(variant)
    with _OPENING:
        store = _STOREFRONTS.get((seed, variant))
        if store is None:
            store = _STOREFRONTS[seed, variant] = Storefront(catalogue_of(seed), design)
        return store


class CommonRandomNumbers:
    """The random numbers of one session: two per step, the same in every design.

    The first decides the kind of action, the second the action of that kind. Both go by position in an order
    that does not depend on the layout of the page. So a shopper's sessions in two designs differ only where
    the designs cause it: common random numbers, a standard variance reduction.

    Args:
        seed: of the shop.
        number: of the session.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._random = Random(f"choices:{seed}:{number}")  # noqa: S311

    def choose(self, point: DecisionPoint) -> Choice:
        """Draw one of the choices with its probability."""
        sort, which = self._random.random(), self._random.random()
        actions = point.view.actions
        groups: dict[int, list[Choice]] = {}
        for choice in point.choices:
            kind = (
                LEAVE_PLACE if choice.action_index is None else KIND_PLACES[actions[choice.action_index].kind]
            )
            groups.setdefault(kind, []).append(choice)
        ordered = [groups[kind] for kind in sorted(groups)]
        masses = [sum([choice.probability for choice in group]) for group in ordered]
        chosen = ordered[place_of(sort, masses)]
        if len(chosen) > 1:
            chosen.sort(key=lambda choice: _draw_key(actions, choice))
        return chosen[place_of(which, [choice.probability for choice in chosen])]


def _draw_key(actions: Sequence[PageAction], choice: Choice) -> DrawKey:
    assert choice.action_index is not None, "leaving is the only choice of its kind"
    return draw_key(actions[choice.action_index], choice.text, choice.action_index)


def draw_key(action: PageAction, text: str | None, index: int) -> DrawKey:
    """The sort key of a choice among those of its kind, the same on every page that offers it.

    Args:
        action: what is chosen.
        text: the typed text, if any.
        index: of the action on its page; ties go to the first.
    """
    return (
        action.product or 0,
        text or "",
        action.facet,
        action.value,
        action.label,
        action.part,
        index,
    )


def place_of(number: float, masses: Sequence[float]) -> int:
    """Index of the mass that the given share of the total falls into, with the masses laid end to end."""
    wanted = number * sum(masses)
    for place, mass in enumerate(masses):
        wanted -= mass
        if wanted < 0:
            return place
    # Rounding: a number just below 1 may run past the end; take the last possible one.
    return max(place for place, mass in enumerate(masses) if mass > 0)
