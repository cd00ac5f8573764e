"""Tokens, cost and time of the answers, and the length of sessions."""

from __future__ import annotations

from typing import Literal

import numpy as np

from facsim.metrics.bootstrap import FloatArray, Statistic
from facsim.metrics.cases import Cases

Effort = Literal["input_tokens", "cached_tokens", "output_tokens", "cost", "seconds"]


def _first(sums: FloatArray) -> FloatArray:
    return sums[:, 0]


def effort_total(cases: Cases, effort: Effort) -> Statistic:
    """Sum of tokens, dollars or seconds over the steps where they are known. Has no interval.

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(case("click x", cost=0.5), case("click x", cost=0.25), case("click x"))
    >>> effort_total(cases, "cost").value(), effort_total(cases, "cost").n
    (0.75, 2)
    """
    values = cases.column(effort)
    known = np.isfinite(values)
    return cases.statistic(_first, np.nan_to_num(values), scope=known, bounds=None)


def effort_mean(cases: Cases, effort: Effort) -> Statistic:
    """Mean tokens, dollars or seconds per step, over the steps where they are known.

    >>> from facsim.metrics.cases import case, example
    >>> effort_mean(example(case("click x", seconds=1.0), case("click x", seconds=2.0)), "seconds").value()
    1.5
    """
    values = cases.column(effort)
    return cases.mean(np.nan_to_num(values), np.isfinite(values), bounds=None)


def session_length(cases: Cases) -> Statistic:
    """Test cases per session.

    >>> from facsim.metrics.cases import case, example
    >>> session_length(example(*[case("click x", session=s) for s in "aaab"])).value()
    2.0
    """
    return cases.mean(cases.session_size, cases.session_start, bounds=None)
