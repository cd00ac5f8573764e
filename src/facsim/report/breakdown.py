"""Accuracy by the number of the step and by the length of the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from facsim.metrics import Estimate, Metrics, Rule
from facsim.metrics.bootstrap import Statistic, estimate
from facsim.metrics.cases import Cases, ratio
from facsim.report.report_data import Bin, Breakdown

MOST_BINS: Final = 8
IntegerArray = NDArray[np.int64]
_Statistics = Callable[[Cases], list[Statistic]]


def by_step(cases: Mapping[str, Cases], rule: Rule, settings: Metrics) -> Breakdown:
    """Share of correct steps by their number in the session, counted from 1.

    Args:
        cases: the test cases of each run, all of the same steps.
        rule: the matching rule.
        settings: metrics whose interval settings to use.
    """
    first = next(iter(cases.values()))
    numbers = first.table["step"].to_numpy().astype(np.int64) + 1
    sessions = np.cumsum(first.session_start) - 1
    bins = _bins(numbers, sessions, weights=np.ones(len(numbers), dtype=np.int64))

    def statistics(of: Cases) -> list[Statistic]:
        return [of.mean(of.match(rule), _within(numbers, found)) for found in bins]

    return _broken_down(cases, bins, statistics, settings)


def by_length(cases: Mapping[str, Cases], rule: Rule, settings: Metrics) -> Breakdown:
    """Accuracy, averaged over sessions, by the session's length in steps; arguments as for `by_step`."""
    first = next(iter(cases.values()))
    sessions = np.cumsum(first.session_start) - 1
    last = np.zeros(first.sessions, dtype=np.int64)
    np.maximum.at(last, sessions, first.table["step"].to_numpy().astype(np.int64) + 1)
    lengths = last[sessions]
    bins = _bins(lengths, sessions, weights=first.session_start.astype(np.int64))

    def statistics(of: Cases) -> list[Statistic]:
        found = []
        for one in bins:
            scope = _within(lengths, one)
            means = of.match(rule) / of.session_size
            found.append(of.statistic(ratio, means, of.session_start, scope=scope))
        return found

    return _broken_down(cases, bins, statistics, settings)


def _broken_down(
    cases: Mapping[str, Cases],
    bins: tuple[Bin, ...],
    statistics: _Statistics,
    settings: Metrics,
) -> Breakdown:
    """All runs and bins resampled together: each draw of sessions is used for all of them."""
    found = [one for of in cases.values() for one in statistics(of)]
    estimates = estimate(found, resamples=settings.resamples, seed=settings.seed, level=settings.level)
    rows: dict[str, tuple[Estimate | None, ...]] = {}
    for index, name in enumerate(cases):
        rows[name] = tuple(estimates[index * len(bins) : (index + 1) * len(bins)])
    return Breakdown(bins, rows)


def _within(values: IntegerArray, found: Bin) -> NDArray[np.bool_]:
    return (values >= found.low) & (values <= found.high)


def _bins(values: IntegerArray, sessions: IntegerArray, weights: IntegerArray) -> tuple[Bin, ...]:
    """At most `MOST_BINS` ranges of about equal weight; no value is split between two."""
    distinct, codes = np.unique(values, return_inverse=True)
    mass = np.bincount(codes, weights=weights)
    wanted = mass.sum() / MOST_BINS
    edges: list[tuple[int, int]] = []
    start, held = 0, 0.0
    for index, weight in enumerate(mass):
        held += weight
        if held >= wanted:
            edges.append((start, index))
            start, held = index + 1, 0.0
    if start < len(distinct):
        # A thin remainder joins the last range.
        low = edges.pop()[0] if edges and held < wanted / 2 else start
        edges.append((low, len(distinct) - 1))
    return tuple(
        Bin(
            int(distinct[low]),
            int(distinct[high]),
            steps=int(((codes >= low) & (codes <= high)).sum()),
            sessions=int(np.unique(sessions[(codes >= low) & (codes <= high)]).size),
        )
        for low, high in edges
    )
