"""Effects of a change from paired sessions: intervals, tests, power, and the check against A/A.

A session is paired with the one of the same person in the other design. Sessions of one person are a cluster;
the error of the mean difference is cluster-robust, as in `facsim.shop.effect`.

Few pairs differ in whether they end in a purchase, often none. The interval of conversion therefore has two
more pairs, half of one with +1, half of one with -1, and one without a difference (Agresti & Min 2005). Other
measures have no interval where no pair differs: nothing is known of how large a rare difference would be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from facsim.fidelity.session_measures import SessionMeasures, aligned
from facsim.metrics import Estimate, holm
from facsim.metrics.bootstrap import expanded_z
from facsim.metrics.compare import permutation_p
from facsim.util.errors import ConfigError

FloatArray = NDArray[np.float64]

POWER: Final = 0.8
"""Power of the detectable effect and of the sessions needed."""


@dataclass(frozen=True, slots=True)
class ChangeEffect:
    """The effect of a change on one measure.

    Attributes:
        measure: its name.
        a: its mean in the first arm.
        b: in the second.
        difference: `b - a` with its interval.
        error: standard error of the difference.
        p: two-sided p-value of the sign-flip permutation test by person.
        adjusted_p: after Holm's correction over the measures.
        detectable: the smallest effect that so many sessions find with 80% power.
    """

    measure: str
    a: float
    b: float
    difference: Estimate
    error: float
    p: float
    adjusted_p: float
    detectable: float


def paired_effects(
    a: SessionMeasures, b: SessionMeasures, *, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[ChangeEffect, ...]:
    """The effect of the second arm against the first, for every measure that both have.

    Args:
        a: sessions of the first arm.
        b: sessions of the same people in the second.
        level: confidence level of the intervals.
        resamples: of the permutation test.
        seed: of the permutation test.

    Raises:
        ConfigError: if the arms have different sessions, or these are all of one person.
    """
    a, b = aligned(a, b)
    clusters = _Clusters(a.user_ids)
    effects = []
    for name, values in a.values.items():
        sums = clusters.sums(b.values[name] - values)
        error = clusters.error(sums)
        p = permutation_p(sums, resamples=resamples, seed=seed)
        difference = _interval(name, clusters, sums, level)
        effects.append(
            ChangeEffect(
                name, float(values.mean()), float(b.values[name].mean()), difference, error, p, p,
                detectable_effect(error, level=level),
            )
        )  # fmt: skip
    adjusted = holm([one.p for one in effects])
    return tuple(replace(one, adjusted_p=p) for one, p in zip(effects, adjusted, strict=True))


def _interval(name: str, clusters: _Clusters, sums: FloatArray, level: float) -> Estimate:
    mean, error = clusters.mean(sums), clusters.error(sums)
    size, z = round(clusters.counts.sum()), expanded_z(level, clusters.number)
    middle = mean
    if name == "conversion":
        more = clusters.with_two_pairs()
        added = np.append(sums, _TWO_PAIRS)
        middle, error = more.mean(added), more.error(added)
        z = expanded_z(level, more.number)
    elif error == 0:
        return Estimate(mean, None, None, size, clusters.number, "no pair differs: no interval")
    low, high = min(mean, middle - z * error), max(mean, middle + z * error)
    return Estimate(mean, low, high, size, clusters.number)


def false_positive_rates(
    a: SessionMeasures,
    again: SessionMeasures,
    *,
    level: float = 0.95,
    experiments: int = 2_000,
    seed: int = 0,
) -> Mapping[str, float]:
    """How often an experiment without an effect would find one, by measure.

    An experiment is an A/A run in which it is drawn for each person which of the two runs is the first. The
    intervals should miss 0 as often as stated: 5% for 95% intervals.

    Args:
        a: sessions of a design.
        again: sessions of the same people in the same design, with other random numbers.
        level: confidence level of the intervals.
        experiments: how many to draw.
        seed: of the draws.
    """
    a, again = aligned(a, again)
    clusters = _Clusters(a.user_ids)
    rates = {}
    for name, values in a.values.items():
        sums = clusters.sums(again.values[name] - values)
        signs = np.random.default_rng(seed).integers(2, size=(experiments, clusters.number)) * 2.0 - 1.0
        means = signs @ sums / len(a)
        # The sum over people of (± their sum - mean x their sessions)².
        squares = np.square(sums).sum() - 2 * means * (signs @ (sums * clusters.counts))
        squares += np.square(means) * np.square(clusters.counts).sum()
        factor = clusters.number / (clusters.number - 1)
        errors = np.sqrt(np.maximum(factor * squares, 0)) / len(a)
        rates[name] = float((np.abs(means) > expanded_z(level, clusters.number) * errors).mean())
    return rates


def detectable_effect(error: float, *, level: float = 0.95, power: float = POWER) -> float:
    """The smallest effect that is found with this power, from the standard error of the difference.

    >>> round(detectable_effect(1.0), 3)  # 1.960 + 0.842
    2.802
    """
    normal = NormalDist()
    return (normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)) * error


def sessions_needed(
    deviation: float, effect: float, *, level: float = 0.95, power: float = POWER
) -> int | None:
    """Sessions in each design to find an effect of this size; None for no effect.

    Args:
        deviation: standard deviation of the difference of a pair: the error times the root of the sessions.
        effect: the difference to be found.
        level: confidence level.
        power: probability of finding it.

    Differences with a deviation of 1 and an effect of 0.1: (2.802 / 0.1)²:

    >>> sessions_needed(1.0, 0.1)
    785
    """
    if effect == 0:
        return None
    return math.ceil((detectable_effect(deviation, level=level, power=power) / effect) ** 2)


# Weight and value of the pairs that are added for conversion.
_TWO_PAIRS: Final = np.array([0.5, -0.5, 0.0])
_TWO_PAIRS_SIZES: Final = np.array([0.5, 0.5, 1.0])


class _Clusters:
    """The sessions of each person."""

    def __init__(self, users: Sequence[str]) -> None:
        _, self._codes = np.unique(np.array(users, dtype=object), return_inverse=True)
        self.counts = np.bincount(self._codes).astype(np.float64)
        if self.number < 2:
            raise ConfigError(
                f"sessions of {self.number} person: an effect needs those of at least 2 for its error"
            )

    @property
    def number(self) -> int:
        """How many people there are."""
        return len(self.counts)

    def with_two_pairs(self) -> _Clusters:
        """With the pairs of Agresti and Min as people of their own; for `mean` and `error` only."""
        more = copy(self)
        more.counts = np.append(self.counts, _TWO_PAIRS_SIZES)
        return more

    def mean(self, sums: FloatArray) -> float:
        """The mean over sessions."""
        return float(sums.sum() / self.counts.sum())

    def sums(self, values: FloatArray) -> FloatArray:
        """The sum of a session's value for each person."""
        return np.asarray(np.bincount(self._codes, weights=values, minlength=self.number))

    def error(self, sums: FloatArray) -> float:
        """The cluster-robust standard error of the mean over sessions."""
        size = self.counts.sum()
        deviations = sums - self.counts * (sums.sum() / size)
        return float(math.sqrt(self.number / (self.number - 1) * np.square(deviations).sum()) / size)
