"""Types, categories and outcomes as classes: F1 scores and divergence of shares.

F1 scores follow scikit-learn. The classes are those that occur in the truth or among the predictions. A step
without an answer has no predicted class: it is a miss for its true class. Resamples use the same definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl

from facsim.metrics.bootstrap import FloatArray, Statistic
from facsim.metrics.cases import BoolArray, Cases, IntArray

Kind = Literal["type", "category"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class ClassLabels:
    """True and predicted class of each case.

    Attributes:
        names: the classes that occur, sorted.
        true: index into `names`, shape (cases,); -1 if the truth is unknown.
        predicted: index into `names`, shape (cases,); -1 without an answer.
    """

    names: tuple[str, ...]
    true: IntArray
    predicted: IntArray

    @property
    def known(self) -> BoolArray:
        """Which cases have a true class, shape (cases,)."""
        return self.true >= 0


def class_labels(cases: Cases, kind: Kind) -> ClassLabels:
    """The types or categories of the cases."""
    return _labels(cases.table[f"true_{kind}"], cases.table[f"pred_{kind}"])


def _labels(true: pl.Series, predicted: pl.Series) -> ClassLabels:
    # Predictions for steps without a true class are not scored and add no class.
    predicted = pl.select(pl.when(true.is_not_null()).then(predicted)).to_series()
    names = sorted(set(true.drop_nulls().unique()) | set(predicted.drop_nulls().unique()))
    index = {name: i for i, name in enumerate(names)}

    def codes(series: pl.Series) -> IntArray:
        found = series.replace_strict(index, default=-1, return_dtype=pl.Int64) if index else None
        return (np.full(len(series), -1) if found is None else found.fill_null(-1).to_numpy()).astype(np.intp)

    return ClassLabels(tuple(names), codes(true), codes(predicted))


def _counts(of: ClassLabels) -> list[BoolArray]:
    """Indicators per class, shape (cases,) each: all hits, then all true, then all predicted."""
    classes = range(len(of.names))
    return [
        *[(of.true == i) & (of.predicted == i) for i in classes],
        *[of.true == i for i in classes],
        *[(of.predicted == i) & of.known for i in classes],
    ]


def _class_f1(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """F1 (0 without a hit), number of true and of predicted cases; shape (rows, classes) each."""
    hits, true, predicted = np.split(sums, 3, axis=1)
    return np.where(hits > 0, 2 * hits / (true + predicted), 0.0), true, predicted


def _macro(sums: FloatArray) -> FloatArray:
    f1, true, predicted = _class_f1(sums)
    occurs = true + predicted > 0
    return np.asarray(np.where(occurs, f1, 0.0).sum(axis=1) / occurs.sum(axis=1))


def _weighted(sums: FloatArray) -> FloatArray:
    f1, true, _ = _class_f1(sums)
    return np.asarray((f1 * true).sum(axis=1) / true.sum(axis=1))


def type_accuracy(cases: Cases) -> Statistic:
    """Share of steps whose action type is predicted correctly, whatever the target.

    >>> from facsim.metrics.cases import case, example
    >>> type_accuracy(example(case("click x", "click y"), case("click x", "terminate"))).value()
    0.5
    """
    return cases.mean(cases.where(pl.col("true_type") == pl.col("pred_type")))


def f1_macro(cases: Cases, kind: Kind) -> Statistic:
    """Unweighted mean of the F1 scores of the types or categories.

    Two clicks and a terminate; one click was predicted as terminate. Click: precision 1, recall 1/2,
    F1 = 2/3. Terminate: precision 1/2, recall 1, F1 = 2/3:

    >>> from facsim.metrics.cases import case, example
    >>> clicks = [case("click x", "click y"), case("click x", "terminate")]
    >>> f1_macro(example(*clicks, case("terminate", "terminate")), "type").value()
    0.666...

    A type that is predicted but never true counts, with F1 = 0, as in scikit-learn. Click 2/3, terminate 0:

    >>> f1_macro(example(*clicks), "type").value()
    0.333...
    """
    of = cases.once(class_labels, kind)
    return cases.statistic(_macro, *_counts(of), scope=of.known)


def f1_weighted(cases: Cases, kind: Kind) -> Statistic:
    """Mean of the F1 scores of the types or categories, weighted by how often each is true.

    Filter: 1 hit, 2 true, 1 predicted, F1 = 2/3. Search: 1 hit, 1 true, 1 predicted, F1 = 1. The missing
    answer is a miss for filter. (2 · 2/3 + 1 · 1) / 3:

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(
    ...     case("click x", "click x", true_category="filter", pred_category="filter"),
    ...     case("click x", true_category="filter"),
    ...     case("type box hat", "type box cap", true_category="search", pred_category="search"),
    ... )
    >>> f1_weighted(cases, "category").value()
    0.777...
    """
    of = cases.once(class_labels, kind)
    return cases.statistic(_weighted, *_counts(of), scope=of.known)


def _outcomes(cases: Cases) -> ClassLabels:
    """True and predicted outcome on last steps: purchase, terminate, or neither (no class)."""
    table = cases.table
    last = table["is_last"]
    true, predicted = table.select(
        pl.when(last).then("outcome").alias("true"),
        pl.when(pl.col("pred_type") == "terminate")
        .then(pl.lit("terminate"))
        .when(pl.col("pred_category") == "purchase")
        .then(pl.lit("purchase"))
        .alias("predicted"),
    ).get_columns()
    return _labels(true, predicted)


def _binary(sums: FloatArray) -> FloatArray:
    return np.asarray(2 * sums[:, 0] / (sums[:, 1] + sums[:, 2]))


def outcome_f1(cases: Cases) -> Statistic:
    """F1 of `purchase` on the last step of each session with a known outcome.

    A purchase is predicted if the category of the predicted action is `purchase`. Three sessions: a purchase
    predicted, a purchase missed, a termination predicted as a purchase. Precision 1/2, recall 1/2:

    >>> from facsim.metrics.cases import case, example
    >>> last, buys = {"is_last": True, "outcome": "purchase"}, {"pred_category": "purchase"}
    >>> cases = example(
    ...     case("click buy", "click buy", session="a", **last, **buys),
    ...     case("click buy", "click back", session="b", **last, pred_category="other"),
    ...     case("terminate", "click buy", session="c", is_last=True, outcome="terminate", **buys),
    ... )
    >>> outcome_f1(cases).value()
    0.5
    """
    of = cases.once(_outcomes)
    purchase = of.names.index("purchase") if "purchase" in of.names else -2
    true, predicted = of.true == purchase, (of.predicted == purchase) & of.known
    # Only sessions with a true or predicted purchase contribute to F1.
    statistic = cases.statistic(_binary, true & predicted, true, predicted, scope=true | predicted)
    return Statistic(statistic.sums, statistic.function, n=int(of.known.sum()), clusters=statistic.clusters)


def outcome_f1_weighted(cases: Cases) -> Statistic:
    """Weighted F1 of purchase and terminate on the last step of each session.

    Terminate is predicted by the action `terminate`; any other action predicts neither. One purchase that was
    predicted (F1 = 1); two terminations, of which one was (F1 = 2/3). (1 · 1 + 2 · 2/3) / 3:

    >>> from facsim.metrics.cases import case, example
    >>> bought, left = ({"is_last": True, "outcome": outcome} for outcome in ("purchase", "terminate"))
    >>> cases = example(
    ...     case("click buy", "click buy", session="a", **bought, pred_category="purchase"),
    ...     case("terminate", "terminate", session="b", **left, pred_category="terminate"),
    ...     case("terminate", "click x", session="c", **left, pred_category="other"),
    ... )
    >>> outcome_f1_weighted(cases).value()
    0.777...
    """
    of = cases.once(_outcomes)
    return cases.statistic(_weighted, *_counts(of), scope=of.known)


def _entropy(shares: FloatArray) -> FloatArray:
    """Shannon entropy of each row in bits, shape (rows,)."""
    logs = np.log2(shares, where=shares > 0, out=np.zeros_like(shares))
    return np.asarray(-(shares * logs).sum(axis=1))


def _jensen_shannon(sums: FloatArray) -> FloatArray:
    true, predicted = (half / half.sum(axis=1, keepdims=True) for half in np.split(sums, 2, axis=1))
    divergence = _entropy((true + predicted) / 2) - (_entropy(true) + _entropy(predicted)) / 2
    return np.asarray(np.clip(divergence, 0.0, 1.0))


def divergence(cases: Cases, kind: Kind) -> Statistic:
    """Jensen-Shannon divergence, base 2, between people's and predicted shares of types or categories.

    0 means the same shares, 1 disjoint ones. Predicted shares are of the steps with an answer. People: 1/2
    click, 1/2 terminate; predicted: all click. With M = (3/4, 1/4): H(M) - (H(1/2, 1/2) + H(1, 0)) / 2
    = 0.8113 - 0.5:

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(case("click x", "click y"), case("terminate", "click x"))
    >>> divergence(cases, "type").value()
    0.3112...
    """
    of = cases.once(class_labels, kind)
    size = len(of.names)
    return cases.statistic(_jensen_shannon, *_counts(of)[size:], scope=of.known, inflated=True)
