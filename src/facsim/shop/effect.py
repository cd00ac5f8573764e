"""The true effect of a change of design on people's behaviour, by simulation, for A/B work.

The same shoppers visit both designs with common random numbers (`facsim.shop.simulation`). A session differs
only where the designs cause it, so a difference has a far smaller error than one between separate groups.
People make several sessions; errors are clustered by person.
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

from facsim.shop.simulation import CommonRandomNumbers, ShopSimulation, design_of
from facsim.util.errors import ConfigError
from facsim.util.executor import map_ordered
from facsim.util.process_pool import gc_paused
from facsim.util.progress import Progress, no_progress

MEASURES: Final[Mapping[str, str]] = {
    "conversion": "share of sessions that end in an order",
    "searches": "typed searches per session",
    "length": "actions per session",
    "revenue": "cents per session, of orders placed",
}
"""The measures of a session."""

LEVEL: Final = 0.95
_CHUNK = 50


@dataclass(frozen=True, slots=True)
class Effect:
    """One measure in two designs.

    Attributes:
        measure: its name (`MEASURES`).
        a: its mean over sessions in the first design.
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
    """The effect of design `b` against design `a`.

    Attributes:
        a: name of the first design.
        b: name of the second.
        seed: of the shop.
        sessions: sessions simulated in each design.
        people: who made them.
        same: share of sessions with the same values in both designs, in all measures.
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
class DesignOutcomes:
    """Measured sessions in one design.

    Attributes:
        design: its name.
        seed: of the shop.
        users: the user id of each session.
        values: sessions x measures, in the order of `MEASURES`.
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
    """Simulate the same sessions in two designs and compare them.

    The shop of this seed is fixed; only its sessions are random. Pages are rendered but not simplified.

    Args:
        a: name of the first design (`facsim.shop.DESIGNS`).
        b: name of the second.
        sessions: sessions in each design. Four times as many halve the errors.
        seed: of the shop, its people and their luck.
        workers: processes. The result does not depend on it.
        progress: called after each session, out of `2 * sessions`.

    Raises:
        ConfigError: if there is no such design or a number is out of range.
    """
    for name in (a, b):
        design_of(name)

    def part(before: int) -> Progress:
        def told(done: int, total: int | None, note: str = "") -> None:
            progress(before + done, 2 * (total or sessions), note)

        return told

    return compare_designs(
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
) -> DesignOutcomes:
    """Simulate sessions in one design: the same people and random numbers as in any other design.

    Args:
        design: its name.
        sessions: how many sessions.
        seed: of the shop, its people and their luck.
        workers: processes. The result does not depend on it.
        progress: called after each session.

    Raises:
        ConfigError: if there is no such design or a number is out of range.
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
    for batch in map_ordered(partial(_chunk, plan), range(0, sessions, _CHUNK), workers):
        for user_id, measured in batch:
            values[len(users)] = measured
            users.append(user_id)
        progress(len(users), sessions)
    _simulation.cache_clear()  # It caches many pages.
    return DesignOutcomes(design, seed, tuple(users), values, time.monotonic() - began)


def compare_designs(a: DesignOutcomes, b: DesignOutcomes) -> DesignEffect:
    """The effect of the second design against the first.

    Raises:
        ConfigError: if the sessions differ.
    """
    if a.seed != b.seed or a.users != b.users:
        raise ConfigError(
            f"{len(a.users)} sessions of seed {a.seed} cannot be compared with {len(b.users)} of seed "
            f"{b.seed}: expected the same sessions in both designs"
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
    """The mean difference of paired sessions, with its standard error clustered by person.

    The error is the cluster-robust one of a mean: the root of G / (G - 1) times the sum over G people of the
    square of their sessions' summed deviations, over the number of sessions.

    >>> import numpy as np
    >>> found = effect_of("length", np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 5.0]), ["u", "v", "w"])
    >>> found.difference, round(found.error, 4)  # differences 1, 0, 2: deviation 1 over the root of 3
    (1.0, 0.5774)

    Raises:
        ConfigError: if all sessions are of one person.
    """
    _, codes = np.unique(np.array(users, dtype=object), return_inverse=True)
    people = int(codes.max()) + 1
    if people < 2:
        raise ConfigError("all sessions are of one person: simulate more of them for an error")
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
    """The user id and the measures of each session of a chunk."""
    simulation = _simulation(plan)
    with gc_paused():
        return [_measured(simulation, number) for number in range(start, min(start + _CHUNK, plan.sessions))]


@lru_cache(maxsize=1)
def _simulation(plan: _Plan) -> ShopSimulation:
    return ShopSimulation(plan.seed, plan.sessions, plan.design)


def _measured(simulation: ShopSimulation, number: int) -> tuple[str, _Measured]:
    """The user id of a session; its conversion, searches, length and revenue."""
    shopper = simulation.shopper(number)
    session = list(simulation.simulate(shopper, CommonRandomNumbers(simulation.seed, number).choose))
    point, last = session[-1]
    bought = last.action_index is not None
    searches = sum(choice.text is not None for _, choice in session)
    revenue = point.view.cart_total if bought else 0
    return shopper.user_id, (float(bought), float(searches), float(len(session)), float(revenue))
