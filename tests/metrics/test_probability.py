"""Likelihood, ranking and calibration against scikit-learn and plain computation."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss, top_k_accuracy_score

from facsim.metrics import cases_table, compute_metrics


def with_scores(scores, true):
    """Cases of a predictor that gives `scores[i, j]` to the j-th of the actions on the page."""
    rows = []
    for step, (row, hit) in enumerate(zip(scores, true, strict=True)):
        best = int(row.argmax())
        rows.append(
            {
                "session_id": f"s{step // 4}",
                "step": step,
                "true_type": "click",
                "true_name": f"x{hit}",
                "pred_type": "click",
                "pred_name": f"x{best}",
                "log_probability": float(np.log(row[hit])),
                "rank": int((row > row[hit]).sum()) + 1,
                "confidence": float(row[best]),
            }
        )
    return cases_table(rows)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), cases=st.integers(1, 60))
def test_likelihood_and_ranking_are_those_of_scikit_learn(seed, cases):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(12), cases)
    true = rng.integers(12, size=cases)
    found = compute_metrics(with_scores(scores, true), resamples=0)
    assert found["nll"].value == pytest.approx(log_loss(true, scores, labels=range(12)))
    for k in (1, 3, 5, 10):
        reference = top_k_accuracy_score(true, scores, k=k, labels=range(12))
        assert found[f"top_{k}"].value == pytest.approx(reference)
    assert found["top_1"].value == pytest.approx(found["accuracy_micro"].value)


def test_calibration_bins_of_equal_mass_are_those_of_scikit_learn():
    rng = np.random.default_rng(5)
    scores = rng.dirichlet(np.ones(4), 1000)
    true = rng.integers(4, size=1000)
    found = compute_metrics(with_scores(scores, true), resamples=0)
    rows = found.tables["calibration"]
    assert [row["steps"] for row in rows] == [100] * 10
    right, sure = calibration_curve(scores.argmax(1) == true, scores.max(1), n_bins=10, strategy="quantile")
    # scikit-learn cuts between order statistics, so a case may fall on the other side of a cut.
    assert [row["confidence"] for row in rows] == pytest.approx(sure, abs=0.005)
    assert [row["accuracy"] for row in rows] == pytest.approx(right, abs=0.015)
    gaps = [row["steps"] * abs(row["confidence"] - row["accuracy"]) for row in rows]
    assert found["calibration_error"].value == pytest.approx(sum(gaps) / 1000)


def test_equal_confidences_share_a_bin():
    rows = [
        {
            "session_id": f"s{i}",
            "step": 0,
            "true_type": "terminate",
            "pred_type": "terminate",
            "confidence": c,
        }
        for i, c in enumerate([0.25] * 9 + [0.75])
    ]
    found = compute_metrics(cases_table(rows), resamples=0)
    assert [(row["low"], row["high"], row["steps"]) for row in found.tables["calibration"]] == [
        (0.25, 0.25, 9),
        (0.75, 0.75, 1),
    ]
    assert found["calibration_error"].value == pytest.approx((9 * 0.75 + 0.25) / 10)


def test_a_step_without_a_rank_is_a_miss_and_without_probability_uncovered(one_case):
    cases = pl.concat(
        [one_case(rank=1, log_probability=-0.5), one_case(session_id="b", log_probability=-np.inf)]
    )
    found = compute_metrics(cases, resamples=0)
    assert found["top_10"].value == 0.5
    assert found["nll"].value == 0.5
    assert found["nll"].n == 1
    assert found["probability_coverage"].value == 0.5


def test_without_probabilities_their_metrics_are_absent(table):
    found = compute_metrics(table(1, probabilities=False), resamples=0)
    for name in ("nll", "probability_coverage", "top_1", "top_3", "top_5", "top_10", "calibration_error"):
        assert name not in found
    assert found.tables["calibration"] == ()
