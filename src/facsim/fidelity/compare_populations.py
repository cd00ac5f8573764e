"""How close populations are to people: all measures, scores, tests and baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from facsim.data import DataSet
from facsim.fidelity.blocks import Correspondence, SideBlocks, by_person, correspondence
from facsim.fidelity.distributions import distribution_of
from facsim.fidelity.energy_distance import (
    BlockSums,
    TwoSamples,
    permutation_share,
    signed_root,
    split_halves,
)
from facsim.fidelity.fidelity_report import (
    Distribution,
    FidelityReport,
    MeasureFidelity,
    PopulationFidelity,
    PopulationKind,
)
from facsim.fidelity.measures import MEASURES, MeasuredPopulations, measured
from facsim.fidelity.notable_sessions import SessionDistances
from facsim.fidelity.reference_populations import MARKOV_CHAIN, UNIFORM_WALKER, markov_chain, uniform_walker
from facsim.fidelity.session_population import SessionPopulation
from facsim.metrics import Estimate, holm
from facsim.metrics.bootstrap import expanded_z
from facsim.metrics.compute import check_settings
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress

FloatArray = NDArray[np.float64]

REPLAYED: Final = "replayed people"
"""One half of the people, compared with the other half."""

_REAL: Final = "\0real"
_SPLITS: Final = 400
_FLOOR: Final = 0.95
_FEWEST_PEOPLE: Final = 4
_BASELINE_SESSIONS: Final = (2_000, 20_000)


def measure_fidelity(
    real: DataSet | str | Path,
    *rollouts: DataSet | str | Path,
    walker: DataSet | str | Path | None = None,
    resamples: int = 2_000,
    seed: int = 0,
    level: float = 0.95,
    progress: Progress = no_progress,
) -> FidelityReport:
    """Measure how close populations are to people.

    A score of 0 is as different as people from themselves, 1 as a uniform walker.

    Definitions and formulas are in docs/reference/fidelity.md.

    Args:
        real: sessions of people.
        *rollouts: produced sessions, as `facsim.rollout` writes them. Failed and limited sessions count.
        walker: sessions of a uniform walker on the same site, which then have the score 1. By default a
            walker is made from what people did (`facsim.fidelity.uniform_walker`).
        resamples: of the bootstrap and of the permutation tests.
        seed: of both, and of the baselines.
        level: confidence level of the intervals.
        progress: called once per measure.

    Raises:
        ConfigError: if there are too few people, or a setting is out of range.
        InputError: if a data set cannot be read.
    """
    check_settings(resamples, level)
    if resamples < 1:
        raise ConfigError("resamples is 0; a comparison needs at least 1, usually 2000")
    people = _population(real, real=True)
    if people.people < _FEWEST_PEOPLE:
        raise ConfigError(
            f"{people.name} has sessions of {people.people} people: expected at least {_FEWEST_PEOPLE}, "
            "because people are compared with each other"
        )
    names = _names(rollouts)
    given = {name: replace(_population(one), name=name) for name, one in zip(names, rollouts, strict=True)}
    targets, populations = _targets(people, given, walker, seed)
    accumulated = {target.name: _Accumulated() for target in targets}
    distributions: list[Distribution] = []
    for done, measure in enumerate(MEASURES.values()):
        progress(done, len(MEASURES), measure.title)
        found = measured(measure, populations)
        if _REAL not in found.shares:
            continue
        drawn = distribution_of(found, _REAL, [target.key for target in targets])
        if drawn is not None:
            distributions.append(drawn)
        for target in targets:
            one = accumulated[target.name]
            if target.key not in found.shares:
                one.missing.append(measure.name)
                continue
            _Comparer(found, target, resamples, seed, level).add_to(one)
            if target.kind == "rollout" and not measure.timed:
                one.distances.add(found, found.shares[_REAL], found.shares[target.key])
    results = [_result(target, accumulated[target.name], level) for target in targets]
    results = [_with_notable(one, accumulated[one.name], populations) for one in results]
    progress(len(MEASURES), len(MEASURES), "done")
    return FidelityReport(
        real=people.name,
        sessions=len(people),
        people=people.people,
        walker=populations[UNIFORM_WALKER].name,
        populations=_adjusted(results),
        distributions=tuple(distributions),
        resamples=resamples,
        seed=seed,
        level=level,
    )


def _population(data: DataSet | str | Path, *, real: bool = False) -> SessionPopulation:
    return SessionPopulation.of(data if isinstance(data, DataSet) else DataSet.open(data), real=real)


def _names(rollouts: Sequence[DataSet | str | Path]) -> list[str]:
    """Names of folders; with those of the folders above where they would be the same."""
    paths = [one.path if isinstance(one, DataSet) else Path(one) for one in rollouts]
    names = [path.resolve().name for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    taken = {UNIFORM_WALKER, MARKOV_CHAIN, REPLAYED}
    for number, name in enumerate(names):
        if name in taken:
            raise ConfigError(
                f"{paths[number]}: {name!r} occurs twice, or is the name of a baseline. Give each rollout "
                "once, in a folder of another name"
            )
        taken.add(name)
    return names


@dataclass(frozen=True)
class _Target:
    """A population to compare, with the sessions of people that it is compared with."""

    name: str
    key: str
    kind: PopulationKind
    sessions: int
    people: int
    unfinished: int
    blocks: Correspondence
    walker: SideBlocks


def _targets(
    people: SessionPopulation,
    given: Mapping[str, SessionPopulation],
    walker: DataSet | str | Path | None,
    seed: int,
) -> tuple[list[_Target], dict[str, SessionPopulation]]:
    fewest, most = _BASELINE_SESSIONS
    size = min(max(fewest, 2 * len(people)), most)
    scale = (
        uniform_walker(people, sessions=size, seed=seed)
        if walker is None
        else replace(_population(walker), name=UNIFORM_WALKER)
    )
    everyone = by_person(people)
    first, second = _halves(everyone, seed)
    half = people.select(people.sessions["session"].gather(first.rows))
    chain = markov_chain(half, sessions=size, seed=seed)
    populations = {_REAL: people, **given, UNIFORM_WALKER: scale, MARKOV_CHAIN: chain}
    walkers = by_person(scale)

    def target(
        one: SessionPopulation, kind: PopulationKind, blocks: Correspondence, key: str = ""
    ) -> _Target:
        return _Target(one.name, key or one.name, kind, len(one), one.people, one.unfinished, blocks, walkers)

    targets = [target(one, "rollout", correspondence(people, one)) for one in given.values()]
    targets += [
        target(scale, "baseline", Correspondence(everyone, walkers)),
        target(chain, "baseline", Correspondence(second, by_person(chain))),
        target(replace(half, name=REPLAYED), "baseline", Correspondence(second, first), key=_REAL),
    ]
    return targets, populations


def _halves(everyone: SideBlocks, seed: int) -> tuple[SideBlocks, SideBlocks]:
    """Random halves of the people."""
    order = np.random.default_rng(seed).permutation(everyone.number)
    halves = []
    for blocks in (order[: everyone.number // 2], order[everyone.number // 2 :]):
        kept = np.isin(everyone.blocks, blocks)
        _, numbers = np.unique(everyone.blocks[kept], return_inverse=True)
        halves.append(
            SideBlocks(everyone.rows[kept], numbers.astype(np.int64), everyone.weights[kept], len(blocks))
        )
    return halves[0], halves[1]


@dataclass
class _Accumulated:
    """What the measures of a population add up to."""

    measures: list[MeasureFidelity] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)
    replicates: list[FloatArray] = field(default_factory=list)
    permutations: list[FloatArray] = field(default_factory=list)
    observed: list[float] = field(default_factory=list)
    halves: list[FloatArray] = field(default_factory=list)
    distances: SessionDistances = field(default_factory=SessionDistances)


class _Comparer:
    """One measure of one population."""

    def __init__(
        self, found: MeasuredPopulations, target: _Target, resamples: int, seed: int, level: float
    ) -> None:
        self.found, self.target, self.resamples, self.seed = found, target, resamples, seed
        self.real = target.blocks.real.sums(found.shares[_REAL])
        produced = target.blocks.produced.sums(found.shares[target.key])
        self.two = TwoSamples(self.real, produced, bool(target.blocks.paired_by), found.embed)
        self.tail = _tail(level, len(self.real.counts), len(produced.counts))

    def add_to(self, total: _Accumulated) -> None:
        """Compare, and add the results."""
        found, two = self.found, self.two
        real_errors, produced_errors = two.errors(self.resamples, self.seed)
        scale = self._walker_distance()
        halves = self._halves()
        score, floor, scored = None, None, False
        is_rollout = self.target.kind == "rollout"
        permuted = two.permutations(self.resamples, self.seed) if is_rollout else None
        if scale is not None:
            walker, spread = scale, self._walker_replicates(real_errors)
            ratio = two.unbiased / walker
            replicates = two.replicates(produced_errors - real_errors) / spread
            if self.target.key == UNIFORM_WALKER:
                ratio, replicates = 1.0, np.ones(self.resamples)
            score = self._estimate(float(signed_root(np.array(ratio))), signed_root(replicates))
            floor = float(np.quantile(signed_root(halves / walker), _FLOOR))
            scored = not found.measure.timed
            if scored:
                total.squares.append(ratio)
                total.replicates.append(replicates)
                total.halves.append(halves / walker)
                total.observed.append(two.squared / walker)
                if permuted is not None:
                    total.permutations.append(permuted / walker)
        p = permutation_share(two.squared, permuted) if permuted is not None else None
        means = [self._mean(side.mean) for side in (two.real, two.produced)]
        total.measures.append(
            MeasureFidelity(
                measure=found.measure.name,
                real=means[0],
                produced=means[1],
                difference=self._difference(real_errors, produced_errors),
                effect=self._effect(real_errors, produced_errors),
                distance=float(signed_root(np.array(two.unbiased))),
                score=score,
                floor=floor,
                p=p,
                adjusted_p=p,
                scored=scored,
            )
        )

    def _walker(self) -> TwoSamples | None:
        if UNIFORM_WALKER not in self.found.shares:
            return None
        walker = self.target.walker.sums(self.found.shares[UNIFORM_WALKER])
        return TwoSamples(self.real, walker, False, self.found.embed)

    def _walker_distance(self) -> float | None:
        """The walker's unbiased squared distance; None if it cannot be told from people."""
        walker = self._walker()
        if walker is None:
            return None
        halves = split_halves(self.real, self.found.embed, _SPLITS, self.seed)
        return walker.unbiased if walker.unbiased > max(0.0, float(np.quantile(halves, _FLOOR))) else None

    def _walker_replicates(self, real_errors: FloatArray) -> FloatArray:
        """The walker's distance in the same resamples of people; the walkers themselves are given."""
        walker = self._walker()
        assert walker is not None
        given = TwoSamples(
            self.real, BlockSums(walker.produced.mean[None], np.ones(1)), False, self.found.embed
        )
        replicates = given.replicates(-real_errors)
        return np.asarray(np.where(replicates > 0, replicates, np.nan))

    def _halves(self) -> FloatArray:
        """Squared distances of people from people, as large as between samples of the sizes compared."""
        halves = split_halves(self.real, self.found.embed, _SPLITS, self.seed)
        return np.asarray(halves * (1 + self.real.size / self.two.produced.size) / 4)

    def _mean(self, shares: FloatArray) -> float | None:
        return None if self.found.values is None else float(shares @ self.found.values)

    def _difference(self, real_errors: FloatArray, produced_errors: FloatArray) -> Estimate | None:
        values = self.found.values
        if values is None:
            return None
        value = float(self.two.difference @ values)
        return self._estimate(value, value + (produced_errors - real_errors) @ values)

    def _effect(self, real_errors: FloatArray, produced_errors: FloatArray) -> Estimate:
        real, produced = self.two.real.mean, self.two.produced.mean
        if self.found.values is not None:
            value = float(cliffs_delta(real, produced))
            return self._estimate(value, cliffs_delta(real + real_errors, produced + produced_errors))
        weights = self.found.weights / 2
        value = float(np.abs(produced - real) @ weights)
        errors = np.abs(produced - real + produced_errors - real_errors) @ weights
        found = self._estimate(value, errors)
        if found.low is None or found.high is None:
            return found
        # Chance moves it up, and resampling once more: its interval reaches down as far as it reaches up.
        return replace(found, low=max(0.0, min(found.low, 2 * value - found.high)))

    def _estimate(self, value: float, replicates: FloatArray) -> Estimate:
        produced = self.two.produced
        counts = (round(produced.size), len(produced.counts))
        return _estimate(value, replicates, self.tail, counts)


def cliffs_delta(real: FloatArray, produced: FloatArray) -> FloatArray:
    """Cliff's delta: how much more often a produced number is the larger one of a pair than the smaller one.

    Args:
        real: shares of the values in ascending order, shape (…, values).
        produced: likewise.

    1 against 2 or 3: always larger. 1 or 2 against 1 or 2: a quarter each way.

    >>> float(cliffs_delta(np.array([1.0, 0, 0]), np.array([0, 0.5, 0.5])))
    1.0
    >>> float(cliffs_delta(np.array([0.5, 0.5]), np.array([0.5, 0.5])))
    0.0
    """
    below = np.cumsum(real, axis=-1) - real
    above = real.sum(axis=-1, keepdims=True) - below - real
    return np.asarray((produced * (below - above)).sum(axis=-1))


def _tail(level: float, *blocks: int) -> float:
    """The share of replicates beyond each end of an interval, smaller where there are few blocks."""
    from statistics import NormalDist  # noqa: PLC0415

    fewest = min(blocks)
    return (1 - level) / 2 if fewest < 2 else NormalDist().cdf(-expanded_z(level, fewest))


def _estimate(value: float, replicates: FloatArray, tail: float, counts: tuple[int, int]) -> Estimate:
    known = replicates[np.isfinite(replicates)]
    sessions, blocks = counts
    if blocks < 2 or known.size < 2:
        return Estimate(value, None, None, sessions, blocks, "too few people or resamples: no interval")
    low, high = (float(end) for end in np.quantile(known, [tail, 1 - tail]))
    return Estimate(value, min(low, value), max(high, value), sessions, blocks)


def _result(target: _Target, found: _Accumulated, level: float) -> PopulationFidelity:
    score = floor = p = None
    if found.squares:
        blocks = target.blocks.produced.number
        value = float(signed_root(np.array(np.mean(found.squares))))
        replicates = signed_root(np.mean(found.replicates, axis=0))
        tail = _tail(level, target.blocks.real.number, blocks)
        score = _estimate(value, replicates, tail, (target.sessions, blocks))
        floor = float(np.quantile(signed_root(np.mean(found.halves, axis=0)), _FLOOR))
        if found.permutations:
            p = permutation_share(float(np.mean(found.observed)), np.mean(found.permutations, axis=0))
    return PopulationFidelity(
        name=target.name,
        kind=target.kind,
        sessions=target.sessions,
        people=target.people,
        unfinished=target.unfinished,
        real_sessions=len(target.blocks.real.rows),
        paired_by=target.blocks.paired_by,
        score=score,
        floor=floor,
        p=p,
        adjusted_p=p,
        measures=tuple(found.measures),
        missing=tuple(found.missing),
    )


def _with_notable(
    result: PopulationFidelity, found: _Accumulated, populations: Mapping[str, SessionPopulation]
) -> PopulationFidelity:
    """A result with the sessions of a rollout that are worth a look."""
    if result.kind != "rollout":
        return result
    typical, strangest = found.distances.notable(populations[result.name])
    return replace(result, typical=typical, strangest=strangest)


def _adjusted(results: Sequence[PopulationFidelity]) -> tuple[PopulationFidelity, ...]:
    """The results with p-values corrected: measures over all rollouts, scores over all rollouts."""
    single = iter(holm([one.p for found in results for one in found.measures if one.p is not None]))
    whole = iter(holm([found.p for found in results if found.p is not None]))
    adjusted = []
    for found in results:
        measures = tuple(
            one if one.p is None else replace(one, adjusted_p=next(single)) for one in found.measures
        )
        total = None if found.p is None else next(whole)
        adjusted.append(replace(found, measures=measures, adjusted_p=total))
    return tuple(adjusted)
