"""All metrics of one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from facsim.metrics.bootstrap import Statistic, estimate
from facsim.metrics.cases import Cases
from facsim.metrics.classification import KINDS, Kind, class_labels
from facsim.metrics.error_types import ERROR_TYPES, case_error_types
from facsim.metrics.estimate import Cluster, Estimate, Metrics, TableRow
from facsim.metrics.probability import calibration_bins
from facsim.metrics.registry import METRICS
from facsim.util.errors import ConfigError

_Key = str | tuple[Kind, str, str]
_PLURAL: Final[Mapping[Kind, str]] = {"type": "types", "category": "categories"}

NO_ANSWER = "(no answer)"
"""The column of a confusion table for steps without a prediction."""


def compute_metrics(
    cases: pl.DataFrame,
    *,
    resamples: int = 2000,
    seed: int = 0,
    cluster: Cluster = "session",
    level: float = 0.95,
) -> Metrics:
    """Every metric of `METRICS` that is defined for these test cases, with intervals, and the tables.

    The result depends only on cases and settings, not on the order of rows or the number of threads.

    Args:
        cases: a table of test cases (`CASES_SCHEMA`).
        resamples: bootstrap resamples; 0 for no intervals.
        seed: seed of the resampling.
        cluster: the unit of resampling: `session`, or `user` (all sessions of one person), the right choice
            if people have several sessions. Accuracy remains a mean over sessions.
        level: confidence level of the intervals.

    Raises:
        InputError: if the table is not a table of test cases.
        ConfigError: if a setting is out of range.

    >>> from facsim.metrics.cases import case, example
    >>> right, wrong = case("click x", "click x"), case("click x", "click y")
    >>> metrics = compute_metrics(example(right, wrong, case("click x", session="b")).table)
    >>> metrics["accuracy"].value, metrics["accuracy"].n, metrics.steps  # (1/2 + 0/1) / 2, over 2 sessions
    (0.25, 2, 3)
    >>> "outcome_f1" in metrics  # these sessions have no known outcome
    False
    """
    check_settings(resamples, level)
    prepared = Cases(cases, cluster)
    statistics: dict[_Key, Statistic] = {}
    if len(prepared):
        statistics |= {name: definition.compute(prepared) for name, definition in METRICS.items()}
        for kind in KINDS:
            statistics |= _class_statistics(prepared, kind)
    resampled = [key for key in statistics if not isinstance(key, str) or METRICS[key].interval]
    estimates = {key: _without_interval(statistic) for key, statistic in statistics.items()}
    estimates |= zip(
        resampled,
        estimate([statistics[key] for key in resampled], resamples=resamples, seed=seed, level=level),
        strict=True,
    )
    tables = {"errors": _error_table(prepared), "calibration": _calibration_table(prepared)}
    for kind in KINDS:
        tables[_PLURAL[kind]] = _class_table(prepared, kind, estimates)
        tables[f"{kind}_confusion"] = _confusion_table(prepared, kind)
    return Metrics(
        estimates={name: found for name in METRICS if (found := estimates.get(name)) is not None},
        tables=tables,
        steps=len(prepared),
        sessions=prepared.sessions,
        users=prepared.users,
        cluster=cluster,
        resamples=resamples,
        seed=seed,
        level=level,
    )


def check_settings(resamples: int, level: float) -> None:
    """Check the settings of intervals.

    Raises:
        ConfigError: if `resamples` is below 0 or `level` is not between 0 and 1.
    """
    if resamples < 0:
        raise ConfigError(f"resamples is {resamples}; expected 0 (no intervals) or more, usually 2000")
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}; expected a number between 0 and 1, usually 0.95")


def _without_interval(statistic: Statistic) -> Estimate | None:
    value = statistic.value()
    return Estimate(value, None, None, statistic.n, statistic.clusters) if np.isfinite(value) else None


def _class_statistics(cases: Cases, kind: Kind) -> dict[_Key, Statistic]:
    """Per class: its share among true and among predicted actions, and its exact accuracy."""
    of, exact = cases.once(class_labels, kind), cases.match("exact")
    predicted = (of.predicted >= 0) & of.known
    found: dict[_Key, Statistic] = {}
    for index, name in enumerate(of.names):
        true = of.true == index
        found[kind, name, "share"] = cases.mean(true, of.known)
        found[kind, name, "predicted_share"] = cases.mean(of.predicted == index, predicted)
        found[kind, name, "exact"] = cases.mean(exact, true)
    return found


def _class_table(cases: Cases, kind: Kind, estimates: Mapping[_Key, Estimate | None]) -> tuple[TableRow, ...]:
    """One row per class: counts, precision, recall and F1, shares and exact accuracy with intervals."""
    of = cases.once(class_labels, kind)
    rows = []
    for index, name in enumerate(of.names):
        true, predicted = of.true == index, (of.predicted == index) & of.known
        hits, n_true, n_predicted = int((true & predicted).sum()), int(true.sum()), int(predicted.sum())
        row: dict[str, str | int | float | None] = {
            kind: name,
            "true": n_true,
            "predicted": n_predicted,
            "precision": hits / n_predicted if n_predicted else None,
            "recall": hits / n_true if n_true else None,
            "f1": 2 * hits / (n_true + n_predicted),
        }
        for what in ("share", "predicted_share", "exact"):
            found = estimates[kind, name, what]
            row[what] = found.value if found else None
            row[f"{what}_low"] = found.low if found else None
            row[f"{what}_high"] = found.high if found else None
        rows.append(row)
    return tuple(rows)


def _confusion_table(cases: Cases, kind: Kind) -> tuple[TableRow, ...]:
    """One row per true class; one column per predicted class, and one for steps without an answer."""
    of = cases.once(class_labels, kind)
    size = len(of.names)
    known = of.known
    # A missing answer has index -1: the last column.
    counts = np.zeros((size, size + 1), dtype=np.int64)
    np.add.at(counts, (of.true[known], of.predicted[known]), 1)
    columns = (*of.names, NO_ANSWER)
    return tuple(
        {f"true_{kind}": name, **dict(zip(columns, map(int, counts[index]), strict=True))}
        for index, name in enumerate(of.names)
    )


def _error_table(cases: Cases) -> tuple[TableRow, ...]:
    """One row per error type: count and share of the errors. Shares of all steps are metrics."""
    counts = Counter(cases.once(case_error_types).drop_nulls())
    total = counts.total()
    return tuple(
        {
            "error": error,
            "title": METRICS[f"error_{error}"].title,
            "steps": counts[error],
            "share_of_errors": counts[error] / total if total else None,
        }
        for error in ERROR_TYPES
    )


def _calibration_table(cases: Cases) -> tuple[TableRow, ...]:
    """One row per confidence bin: mean confidence and exact accuracy."""
    bins, count = calibration_bins(cases)
    confidence, exact = cases.column("confidence"), cases.match("exact")
    rows = []
    for index in range(count):
        inside = bins == index
        rows.append(
            {
                "low": float(confidence[inside].min()),
                "high": float(confidence[inside].max()),
                "steps": int(inside.sum()),
                "confidence": float(confidence[inside].mean()),
                "accuracy": float(exact[inside].mean()),
            }
        )
    return tuple(rows)
