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

from facsim.shop.world import Luck, World, design_of
from facsim.util.errors import ConfigError
from facsim.util.process_pool import gc_paused, map_ordered
from facsim.util.progress import Progress, no_progress

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


@dataclass(frozen=True)
class Visits:
    """What was measured of visits to one design.

    Attributes:
        design: its name.
        seed: of the shop.
        users: who made each visit.
        values: visits x measures, in the order of `MEASURES`.
        seconds: wall time of the simulation.
    """

    design: str
    seed: int
    users: tuple[str, ...]
    values: NDArray[np.float64]
    seconds: float


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
        progress: called as visits to either design are over, of `2 * sessions`.

    Raises:
        ConfigError: if there is no such design, or a number makes no sense.
    """
    for name in (a, b):
        design_of(name)

    def part(before: int) -> Progress:
        def told(done: int, total: int | None, note: str = "") -> None:
            progress(before + done, 2 * (total or sessions), note)

        return told

    return compared(
        simulate(a, sessions=sessions, seed=seed, workers=workers, progress=part(0)),
        simulate(b, sessions=sessions, seed=seed, workers=workers, progress=part(sessions)),
    )


def simulate(
    design: str,
    *,
    sessions: int = 5_000,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Visits:
    """Simulate visits to one design: the same people with the same luck as in any other.

    Args:
        design: its name.
        sessions: how many visits.
        seed: of the shop, its people and their luck.
        workers: processes. The result does not depend on it.
        progress: called as visits are over.

    Raises:
        ConfigError: if there is no such design, or a number makes no sense.
    """
    if sessions < 2 or workers < 1:
        raise ConfigError(
            f"{sessions} sessions on {workers} workers: expected at least 2 sessions and 1 worker"
        )
    design_of(design)
    began = time.monotonic()
    users: list[str] = []
    values = np.empty((sessions, len(MEASURES)))
    plan = _Plan(seed, sessions, design)
    for visits in map_ordered(partial(_chunk, plan), range(0, sessions, _CHUNK), workers):
        for user_id, measured in visits:
            values[len(users)] = measured
            users.append(user_id)
        progress(len(users), sessions)
    _world.cache_clear()  # It holds many pages.
    return Visits(design, seed, tuple(users), values, time.monotonic() - began)


def compared(a: Visits, b: Visits) -> DesignEffect:
    """What the second design does, against the first.

    Raises:
        ConfigError: if they are not the same visits.
    """
    if a.seed != b.seed or a.users != b.users:
        raise ConfigError(
            f"{len(a.users)} visits of seed {a.seed} cannot be compared with {len(b.users)} of seed "
            f"{b.seed}: expected the same visits to both designs"
        )
    return DesignEffect(
        a=a.design,
        b=b.design,
        seed=a.seed,
        sessions=len(a.users),
        people=len(set(a.users)),
        same=float((a.values == b.values).all(axis=1).mean()),
        effects={
            measure: effect_of(measure, a.values[:, place], b.values[:, place], a.users)
            for place, measure in enumerate(MEASURES)
        },
        seconds=a.seconds + b.seconds,
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
    design: str


_Measured = tuple[float, float, float, float]


def _chunk(plan: _Plan, start: int) -> list[tuple[str, _Measured]]:
    """Who made each visit of a chunk, and what was measured of it."""
    world = _world(plan)
    with gc_paused():
        return [_measured(world, number) for number in range(start, min(start + _CHUNK, plan.sessions))]


@lru_cache(maxsize=1)
def _world(plan: _Plan) -> World:
    return World(plan.seed, plan.sessions, plan.design)


def _measured(world: World, number: int) -> tuple[str, _Measured]:
    """Who made a visit; its conversion, searches, length and revenue."""
    shopper = world.shopper(number)
    visit = list(world.visit(shopper, Luck(world.seed, number).choose))
    moment, last = visit[-1]
    bought = last.act is not None
    searches = sum(choice.text is not None for _, choice in visit)
    revenue = moment.view.cart_total if bought else 0
    return shopper.user_id, (float(bought), float(searches), float(len(visit)), float(revenue))
