"""How far a run gets from the best trivial baseline (0) to the best possible predictor (1).

If the people's own probabilities are known, a predictor that answers with them is the ceiling: none can be
better on average. The share of a run is

    (run - floor) / (ceiling - floor)

with the best trivial baseline as floor. The interval is that of the share: each resample measures run, floor
and ceiling on the same clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from facsim.metrics.bootstrap import FloatArray, Statistic, estimate
from facsim.metrics.cases import Cases
from facsim.metrics.compute import check_settings
from facsim.metrics.estimate import Cluster, Estimate
from facsim.metrics.match import Rule, check_rule
from facsim.util.errors import ConfigError

MEASURES: Final = ("accuracy", "log_likelihood")


@dataclass(frozen=True)
class CeilingShares:
    """How far each run gets from the floor to the ceiling.

    Attributes:
        ceiling: name of the run that is the ceiling.
        floors: by measure, the best trivial run. A measure is missing if no trivial run has it, or none is
            below the ceiling.
        shares: by measure, the share of each other run that has it; `accuracy` is the macro accuracy, and
            `log_likelihood` the mean natural log of the probability given to what the person did.
    """

    ceiling: str
    floors: Mapping[str, str]
    shares: Mapping[str, Mapping[str, Estimate]]


def ceiling_shares(
    runs: Mapping[str, pl.DataFrame | Cases],
    *,
    ceiling: str,
    trivial: Sequence[str],
    rule: Rule = "exact",
    resamples: int = 2000,
    seed: int = 0,
    cluster: Cluster = "session",
    level: float = 0.95,
) -> CeilingShares:
    """How far each run gets from floor to ceiling, by accuracy and by log-likelihood.

    The floor is chosen once, on all steps, not in every resample.

    Args:
        runs: test cases by name of the run, all of the same steps; as tables, or prepared.
        ceiling: the run that answers with the true probabilities.
        trivial: the runs that may be the floor.
        rule: the matching rule.
        resamples: bootstrap resamples; 0 for no intervals.
        seed: seed of the resampling.
        cluster: the unit of resampling: `session` or `user`.
        level: confidence level of the intervals.

    Raises:
        ConfigError: if a name is not among the runs, they are about different steps, or a setting is out of
            range.

    Four sessions of one step. The ceiling is right in all, the floor in one, the run in two of them:

    >>> from facsim.metrics.cases import case, example
    >>> def right_in(count):
    ...     answers = ["click x"] * count + ["click y"] * (4 - count)
    ...     rows = [case("click x", answer, session=str(i)) for i, answer in enumerate(answers)]
    ...     return example(*rows).table
    >>> tables = {"oracle": right_in(4), "base": right_in(1), "run": right_in(2)}
    >>> found = ceiling_shares(tables, ceiling="oracle", trivial=["base"])
    >>> round(found.shares["accuracy"]["run"].value, 4), found.floors  # (2/4 - 1/4) / (4/4 - 1/4)
    (0.3333, {'accuracy': 'base'})
    """
    check_rule(rule)
    check_settings(resamples, level)
    for name in (ceiling, *trivial):
        if name not in runs:
            raise ConfigError(f"no run {name!r} among {', '.join(runs)}")
    cases = {name: Cases.of(table, cluster) for name, table in runs.items()}
    lengths = {len(found) for found in cases.values()}
    if len(lengths) > 1:
        raise ConfigError("the runs are about different steps; measure the ceiling on the same ones")
    floors: dict[str, str] = {}
    shares: dict[str, Mapping[str, Estimate]] = {}
    for measure in MEASURES:
        found = {
            name: statistic
            for name, of in cases.items()
            if (statistic := _statistic(of, measure, rule)) is not None
        }
        values = {name: statistic.value() for name, statistic in found.items()}
        low = max((name for name in trivial if name in values), key=lambda name: values[name], default=None)
        if ceiling not in values or low is None or not values[ceiling] > values[low]:
            continue
        others = [name for name in values if name != ceiling]
        statistics = [_share(found[name], found[low], found[ceiling]) for name in others]
        estimates = estimate(statistics, resamples=resamples, seed=seed, level=level)
        floors[measure] = low
        shares[measure] = {
            name: share for name, share in zip(others, estimates, strict=True) if share is not None
        }
    return CeilingShares(ceiling, floors, shares)


def _statistic(cases: Cases, measure: str, rule: Rule) -> Statistic | None:
    """A measure of one run; None unless it is defined at every step."""
    if measure == "accuracy":
        return cases.session_mean(cases.match(rule))
    likely = cases.column("log_probability")
    return cases.mean(likely, bounds=None) if np.isfinite(likely).all() else None


def _share(run: Statistic, floor: Statistic, ceiling: Statistic) -> Statistic:
    """The share of a run. All three are means over the same units, so the counts cancel out."""
    sums = np.stack([run.sums[:, 0], floor.sums[:, 0], ceiling.sums[:, 0]], axis=1)
    return Statistic(sums, _of_the_way, run.n, run.clusters, bounds=None)


def _of_the_way(sums: FloatArray) -> FloatArray:
    run, floor, ceiling = sums.T
    return np.asarray((run - floor) / (ceiling - floor))
