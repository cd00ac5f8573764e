"""F1 scores are scikit-learn's, divergences scipy's; on random tables and at the edges."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from facsim.metrics import cases_table, compute_metrics

SEEDS = st.integers(0, 10_000)
NONE = "(no answer)"


def values_of(cases):
    return {name: estimate.value for name, estimate in compute_metrics(cases, resamples=0).items()}


def sides(cases, kind, keep=True):
    kept = cases.filter(pl.col(f"true_{kind}").is_not_null() & keep)
    return kept[f"true_{kind}"].to_list(), kept[f"pred_{kind}"].fill_null(NONE).to_list()


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS, sessions=st.integers(1, 15))
@pytest.mark.parametrize("kind", ["type", "category"])
def test_f1_scores_are_those_of_scikit_learn(table, seed, sessions, kind):
    cases = table(seed, sessions)
    true, predicted = sides(cases, kind)
    ours = values_of(cases)
    if not true:
        assert f"{kind}_f1_macro" not in ours
        return
    classes = sorted({*true, *predicted} - {NONE})
    for average in ("macro", "weighted"):
        reference = f1_score(true, predicted, labels=classes, average=average, zero_division=0)
        assert ours[f"{kind}_f1_{average}"] == pytest.approx(reference)


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS)
def test_per_class_tables_are_those_of_scikit_learn(table, seed):
    cases = table(seed)
    true, predicted = sides(cases, "type")
    found = compute_metrics(cases, resamples=0)
    classes = sorted({*true, *predicted} - {NONE})
    reference = precision_recall_fscore_support(true, predicted, labels=classes, zero_division=np.nan)
    assert [row["type"] for row in found.tables["types"]] == classes
    for row, precision, recall, f1, support in zip(found.tables["types"], *reference, strict=True):
        assert (row["precision"] or 0) == pytest.approx(np.nan_to_num(precision))
        assert (row["recall"] or 0) == pytest.approx(np.nan_to_num(recall))
        assert row["f1"] == pytest.approx(np.nan_to_num(f1))
        assert row["true"] == support
    matrix = confusion_matrix(true, predicted, labels=[*classes, NONE])
    for row, counts in zip(found.tables["type_confusion"], matrix, strict=False):
        assert [row[name] for name in (*classes, NONE)] == counts.tolist()
    assert found["type_accuracy"].value == pytest.approx(accuracy_score(true, predicted))


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS)
def test_outcome_f1_is_that_of_scikit_learn(table, seed):
    cases = table(seed)
    last = cases.filter(pl.col("is_last") & pl.col("outcome").is_not_null())
    true = last["outcome"].to_list()
    predicted = [
        "terminate" if kind == "terminate" else "purchase" if category == "purchase" else NONE
        for kind, category in last.select("pred_type", "pred_category").rows()
    ]
    ours = values_of(cases)
    if not true:
        assert "outcome_f1" not in ours
        assert "outcome_f1_weighted" not in ours
        return
    weighted = f1_score(true, predicted, average="weighted", zero_division=0)
    assert ours["outcome_f1_weighted"] == pytest.approx(weighted)
    if "purchase" in {*true, *predicted}:
        binary = f1_score(true, predicted, labels=["purchase"], average="macro", zero_division=0)
        assert ours["outcome_f1"] == pytest.approx(binary)
    else:
        assert "outcome_f1" not in ours


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS)
@pytest.mark.parametrize("kind", ["type", "category"])
def test_divergence_is_the_square_of_scipys_distance(table, seed, kind):
    cases = table(seed)
    true, predicted = sides(cases, kind)
    classes = sorted({*true, *predicted})
    people = [true.count(name) for name in classes if name != NONE]
    model = [predicted.count(name) for name in classes if name != NONE]
    ours = values_of(cases).get(f"{kind}_divergence")
    if not sum(model):
        assert ours is None
    else:
        assert ours == pytest.approx(jensenshannon(people, model, base=2) ** 2, abs=1e-9)


def test_without_categories_or_outcomes_their_metrics_are_absent(table):
    found = compute_metrics(table(3, categories=(None,)).with_columns(outcome=pl.lit(None, dtype=pl.String)))
    for name in (
        "category_f1_macro",
        "category_f1_weighted",
        "category_divergence",
        "outcome_f1",
        "outcome_f1_weighted",
    ):
        assert name not in found
        assert found.get(name) is None
    assert found.tables["categories"] == ()
    with pytest.raises(KeyError, match="outcome_f1: no such metric, or undefined for this run"):
        found["outcome_f1"]


def test_a_predictor_that_says_nothing_scores_zero_and_has_no_divergence():
    rows = [
        {"session_id": s, "step": 1, "true_type": "click", "true_name": "x", "parse": "failed"} for s in "ab"
    ]
    ours = values_of(cases_table(rows))
    assert ours["type_f1_macro"] == ours["type_f1_weighted"] == ours["type_accuracy"] == 0
    assert "type_divergence" not in ours


def test_terminating_with_category_purchase_is_no_purchase():
    row = {
        "session_id": "a",
        "step": 1,
        "is_last": True,
        "outcome": "purchase",
        "true_type": "click",
        "true_name": "buy",
    }
    found = values_of(cases_table([{**row, "pred_type": "terminate", "pred_category": "purchase"}]))
    assert found["outcome_f1"] == 0


def test_predictions_for_steps_without_a_true_category_make_no_class():
    rows = [
        {"session_id": "a", "step": 1, "true_type": "click", "true_name": "x", "true_category": "filter"},
        {"session_id": "a", "step": 2, "true_type": "click", "true_name": "x"},
    ]
    rows = [{**row, "pred_type": "click", "pred_name": "x"} for row in rows]
    rows[0]["pred_category"], rows[1]["pred_category"] = "filter", "search"
    found = compute_metrics(cases_table(rows))
    assert found["category_f1_macro"].value == 1
    assert [row["category"] for row in found.tables["categories"]] == ["filter"]
