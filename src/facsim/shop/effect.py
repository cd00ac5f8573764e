"""What a change of design does to what people do: the truth, by simulation, for A/B work.

The same shoppers visit both designs with the same luck (`facsim.shop.world.Luck`), so a visit differs between
them only where the designs make it differ, and the error of a difference is far smaller than that of two
separate groups. People make several visits; errors are of means over people, not over visits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from facsim.schema import ConfigError, Progress, no_progress
from facsim.shop.pool import in_order, no_collection
from facsim.shop.world import MAX_STEPS, Luck, World, design_of

MEASURES: Final[Mapping[str, str]] = {
    "conversion": "share of visits that end in an order",
    "searches": "typed searches a visit",
    "length": "actions a visit",
    "revenue": "cents a visit, of orders placed",
}
"""What is measured of every visit."""

LEVEL: Final = 0.95
_CHUNK = 50


@dataclass(frozen=True, slots=True)
class Effect:
    """One measure in two designs.

    Attributes:
        measure: which one (`MEASURES`).
        a: its mean over visits in the first design.
        b: in the second.
        difference: `b - a`.
        error: standard error of the difference.
        low: low end of its 95% interval.
        high: high end.
    """

    measure: str
    a: float
    b: float
    difference: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class DesignEffect:
    """What design `b` does, against design `a`.

    Attributes:
        a: name of the first design.
        b: name of the second.
        seed: of the shop.
        sessions: visits simulated in each design.
        people: who made them.
        same: share of the visits that went the same in both designs, in all measures.
        effects: by measure.
        seconds: wall time of the simulation.
        level: of the intervals.
    """

    a: str
    b: str
    seed: int
    sessions: int
    people: int
    same: float
    effects: Mapping[str, Effect]
    seconds: float
    level: float = LEVEL

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def design_effect(
    a: str,
    b: str,
    *,
    sessions: int = 5_000,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = no_progress,
) -> DesignEffect:
    """Simulate the same visits in two designs, and compare them.

    The numbers are those of the shop of this seed; only the visits to it are drawn. Pages are rendered and
    not simplified.

    Args:
        a: name of the first design (`facsim.shop.DESIGNS`).
        b: name of the second.
        sessions: visits in each design. Four times as many halve the errors.
        seed: of the shop, its people and their luck.
        workers: processes. The result does not depend on it.
        progress: called after each visit (to both designs).

    Raises:
        ConfigError: if there is no such design, or a number makes no sense.
    """
    if sessions < 2 or workers < 1:
        raise ConfigError(
            f"{sessions} sessions on {workers} workers: expected at least 2 sessions and 1 worker"
        )
    for name in (a, b):
        design_of(name)
    began = time.monotonic()
    users: list[str] = []
    values = np.empty((sessions, 2, len(MEASURES)))
    plan = _Plan(seed, sessions, a, b)
    for visits in in_order(partial(_chunk, plan), range(0, sessions, _CHUNK), workers):
        for user_id, *measured in visits:
            values[len(users)] = measured
            users.append(user_id)
        progress(len(users), sessions)
    _worlds.cache_clear()  # They hold many pages.
    effects = {
        measure: effect_of(measure, values[:, 0, place], values[:, 1, place], users)
        for place, measure in enumerate(MEASURES)
    }
    return DesignEffect(
        a=a,
        b=b,
        seed=seed,
        sessions=sessions,
        people=len(set(users)),
        same=float((values[:, 0] == values[:, 1]).all(axis=1).mean()),
        effects=effects,
        seconds=time.monotonic() - began,
    )


def effect_of(measure: str, a: NDArray[np.float64], b: NDArray[np.float64], users: Sequence[str]) -> Effect:
    """The mean difference of paired visits, with the standard error that people making several visits give.

    The error is the cluster-robust one of a mean: the root of G / (G - 1) times the sum over G people of the
    square of their visits' summed deviations, over the number of visits.

    >>> import numpy as np
    >>> found = effect_of("length", np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 5.0]), ["u", "v", "w"])
    >>> found.difference, round(found.error, 4)  # differences 1, 0, 2: deviation 1 over the root of 3
    (1.0, 0.5774)

    Raises:
        ConfigError: if all visits are of one person.
    """
    _, codes = np.unique(np.array(users, dtype=object), return_inverse=True)
    people = int(codes.max()) + 1
    if people < 2:
        raise ConfigError("all visits are of one person: simulate more of them for an error")
    differences = b - a
    mean = float(differences.mean())
    deviations = np.bincount(codes, weights=differences - mean)
    variance = people / (people - 1) * float(np.square(deviations).sum()) / len(differences) ** 2
    error = math.sqrt(variance)
    margin = NormalDist().inv_cdf((1 + LEVEL) / 2) * error
    return Effect(measure, float(a.mean()), float(b.mean()), mean, error, mean - margin, mean + margin)


@dataclass(frozen=True)
class _Plan:
    seed: int
    sessions: int
    a: str
    b: str


_Measured = tuple[float, float, float, float]
_Visit = tuple[str, _Measured, _Measured]


def _chunk(plan: _Plan, start: int) -> list[_Visit]:
    """Who made each visit of a chunk, and what was measured in either design."""
    worlds = _worlds(plan)
    with no_collection():
        return [_compared(worlds, number) for number in range(start, min(start + _CHUNK, plan.sessions))]


@lru_cache(maxsize=1)
def _worlds(plan: _Plan) -> tuple[World, World]:
    return World(plan.seed, plan.sessions, plan.a), World(plan.seed, plan.sessions, plan.b)


def _compared(worlds: tuple[World, World], number: int) -> _Visit:
    a, b = (_measured(world, number) for world in worlds)
    return worlds[0].shopper(number).user_id, a, b


def _measured(world: World, number: int) -> _Measured:
    """Conversion, searches, length and revenue of a visit."""
    shopper, luck = world.shopper(number), Luck(world.seed, number)
    moment = world.begin(shopper)
    searches = 0
    for length in range(1, MAX_STEPS):
        choice = luck.choose(moment)
        searches += choice.text is not None
        if moment.ends_with(choice):
            bought = choice.act is not None
            return float(bought), float(searches), float(length), float(bought * moment.view.cart_total)
        moment = world.after(moment, choice, shopper)
    raise AssertionError(f"visit {number} does not end")
