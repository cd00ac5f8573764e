"""Metrics of predicted probabilities: likelihood, ranking, calibration."""

from __future__ import annotations

import numpy as np

from facsim.metrics.bootstrap import FloatArray, Statistic
from facsim.metrics.cases import BoolArray, Cases, IntArray

CALIBRATION_BINS = 10


def _likely(cases: Cases) -> BoolArray:
    return np.isfinite(cases.column("log_probability"))


def negative_log_likelihood(cases: Cases) -> Statistic:
    """Mean negative natural log of the probability of the true action, in nats.

    Over the steps where that probability is known and not zero; `probability_coverage` is their share.
    Probabilities 1/2 and 1/8: (ln 2 + 3 ln 2) / 2 = 2 ln 2:

    >>> from math import log
    >>> from facsim.metrics.cases import case, example
    >>> cases = example(*[case("click x", log_probability=log(p)) for p in (1 / 2, 1 / 8)])
    >>> negative_log_likelihood(cases).value() == 2 * log(2)
    True
    """
    return cases.mean(-cases.column("log_probability"), _likely(cases), bounds=None)


def probability_coverage(cases: Cases) -> Statistic:
    """Share of steps whose true action has a probability above zero.

    >>> from facsim.metrics.cases import case, example
    >>> probability_coverage(example(case("click x", log_probability=-1.0), case("click x"))).value()
    0.5
    """
    likely = _likely(cases)
    return cases.mean(likely, cases.everything if likely.any() else likely)


def top_k(cases: Cases, k: int) -> Statistic:
    """Share of steps whose true action is among the k most probable ones.

    A step without a rank counts as a miss, so that the value is comparable with accuracy.

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(*[case("click x", rank=rank) for rank in (1, 3, 7, None)])
    >>> [top_k(cases, k).value() for k in (1, 3, 5, 10)]
    [0.25, 0.5, 0.5, 0.75]
    """
    rank = cases.column("rank")
    ranked = cases.everything if np.isfinite(rank).any() else ~cases.everything
    return cases.mean(rank <= k, ranked)


def calibration_bins(cases: Cases) -> tuple[IntArray, int]:
    """The confidence bin of each case, shape (cases,), and the number of bins: ten of equal mass.

    The bin is -1 without a confidence. Equal confidences share a bin, so repeated ones give fewer bins.
    """
    confidence = cases.column("confidence")
    known = confidence[np.isfinite(confidence)]
    if not known.size:
        return np.full(len(cases), -1, dtype=np.intp), 0
    inner = np.quantile(known, np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS, method="inverted_cdf")
    raw = np.searchsorted(inner, known, side="left")
    used, codes = np.unique(raw, return_inverse=True)
    bins = np.full(len(cases), -1, dtype=np.intp)
    bins[np.isfinite(confidence)] = codes
    return bins, used.size


def _calibration_error(sums: FloatArray) -> FloatArray:
    gaps, count = sums[:, :-1], sums[:, -1]
    return np.asarray(np.abs(gaps).sum(axis=1) / count)


def calibration_error(cases: Cases) -> Statistic:
    """Expected calibration error: mean gap of confidence and exact accuracy over ten bins of equal mass.

    Each step has the same weight. Bins are computed once, from all cases. Here the bins are: confidence
    0.5 (two steps, one right, gap 0) and 0.9 (two steps, one right, gap 0.4). (2 · 0 + 2 · 0.4) / 4:

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(
    ...     case("click x", "click x", confidence=0.5),
    ...     case("click x", "click y", confidence=0.5),
    ...     case("click x", "click x", confidence=0.9),
    ...     case("click x", "click y", confidence=0.9),
    ... )
    >>> calibration_error(cases).value()
    0.2
    """
    bins, count = calibration_bins(cases)
    scope = bins >= 0
    gap = np.nan_to_num(cases.column("confidence")) - cases.match("exact")
    terms = [np.where(bins == i, gap, 0.0) for i in range(count)]
    return cases.statistic(_calibration_error, *terms, scope, scope=scope, inflated=True)
