"""The shop with its shoppers, step by step: what sampling, the oracle and the effect of a design share.

A visit is a chain of moments. At each one the policy gives a probability to everything that can be done, one
choice is made, and the shop and the shopper's memory go on from there. Who chooses is up to the caller: luck
(`Luck`), or what is known to have happened (the oracle).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Final, get_args

from facsim.shop.catalogue import Catalogue
from facsim.shop.shoppers import Choice, Policy, Population, Shopper
from facsim.shop.shoppers.walk import Moment, Paths
from facsim.shop.storefront import DESIGNS, Act, ActKind, Design, Storefront
from facsim.util.errors import ConfigError

_CATALOGUES_KEPT = 2
_GROUPS: Final = {kind: place for place, kind in enumerate(get_args(ActKind))}
_LEAVE: Final = len(_GROUPS)


class World(Paths):
    """A shop of a seed in a design, and the people who visit it.

    Args:
        seed: of catalogue and people.
        sessions: how many visits there are in all; about half as many people make them.
        variant: name of the design.

    Raises:
        ConfigError: if there is no such design.
    """

    def __init__(self, seed: int, sessions: int, variant: str = "standard") -> None:
        self.seed, self.sessions = seed, sessions
        self.catalogue = catalogue_of(seed)
        super().__init__(Storefront(self.catalogue, design_of(variant)), Policy())
        self._population = Population(self.catalogue, seed)

    def shopper(self, number: int) -> Shopper:
        """Who makes the visit of this number, and what for. The same in every design."""
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
    """What the shop of a seed sells; made once for the last few seeds."""
    return Catalogue(seed)


class Luck:
    """What is random in the choices of one visit: two numbers a step, whatever the design.

    The first number decides what sort of thing is done, the second which of that sort; both by position in an
    order that does not depend on where things stand on the page. So a shopper who visits two designs has the
    same luck in both, and their visits differ only where the designs make them differ.

    Args:
        seed: of the shop.
        number: of the visit.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._random = Random(f"choices:{seed}:{number}")  # noqa: S311

    def choose(self, moment: Moment) -> Choice:
        """Draw one of a moment's choices with its probability."""
        sort, which = self._random.random(), self._random.random()
        acts = moment.view.acts
        groups: dict[int, list[Choice]] = {}
        for choice in moment.choices:
            kind = _LEAVE if choice.act is None else _GROUPS[acts[choice.act].kind]
            groups.setdefault(kind, []).append(choice)
        ordered = [groups[kind] for kind in sorted(groups)]
        masses = [sum([choice.probability for choice in group]) for group in ordered]
        chosen = ordered[_place(sort, masses)]
        if len(chosen) > 1:
            chosen.sort(key=lambda choice: _order(acts, choice))
        return chosen[_place(which, [choice.probability for choice in chosen])]


def _order(acts: Sequence[Act], choice: Choice) -> tuple[int, str, str, str, str, str, int]:
    """The place of a choice among those of its sort, the same on any page that offers it."""
    assert choice.act is not None, "leaving is alone in its group"
    act = acts[choice.act]
    return (
        act.product or 0,
        choice.text or "",
        act.facet,
        act.value,
        act.label,
        act.part,
        choice.act,  # of two that are alike in all of this, the one that comes first
    )


def _place(number: float, masses: Sequence[float]) -> int:
    """Which of the masses, laid end to end, the given share of all of them falls into."""
    wanted = number * sum(masses)
    for place, mass in enumerate(masses):
        wanted -= mass
        if wanted < 0:
            return place
    # Rounding: a number just below 1 may reach past the end, where the last one that can happen stands.
    return max(place for place, mass in enumerate(masses) if mass > 0)
