"""The whole of a run's metrics: edges, JSON, and plain re-computation of the simple ones."""

import json
from collections import defaultdict
from dataclasses import FrozenInstanceError
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.metrics import METRICS, RULES, Metrics, cases_table, compute_metrics, matches
from facsim.schema import Action


def plain_matches(cases, rule):
    """(session, true type, whether right) of each case, by the scalar rule."""
    for row in cases.to_dicts():
        true, predicted = (
            Action(*(row[f"{side}_{field}"] for field in ("type", "name", "text")))
            if row[f"{side}_type"]
            else None
            for side in ("true", "pred")
        )
        yield (
            row["session_id"],
            row["true_type"],
            matches(true, predicted, rule, same_destination=row["same_destination"]),
        )


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_accuracies_are_plain_means(table, seed):
    cases = table(seed)
    found = compute_metrics(cases, resamples=0)
    for rule in RULES:
        suffix = "" if rule == "exact" else f"_{rule}"
        by_session, by_type = defaultdict(list), defaultdict(list)
        for session, kind, right in plain_matches(cases, rule):
            by_session[session].append(right)
            by_type[kind].append(right)
        macro = mean(mean(map(float, rights)) for rights in by_session.values())
        micro = mean(float(right) for rights in by_session.values() for right in rights)
        assert found[f"accuracy{suffix}"].value == pytest.approx(macro)
        assert found[f"accuracy{suffix}"].n == len(by_session)
        assert found[f"accuracy{suffix}_micro"].value == pytest.approx(micro)
        if rule == "exact":
            for kind, rights in by_type.items():
                assert found[f"exact_{kind}"].value == pytest.approx(mean(map(float, rights)))
                assert found[f"exact_{kind}"].n == len(rights)


def test_shares_totals_and_means_are_those_of_the_columns(table):
    cases = table(7, 30)
    found = compute_metrics(cases, resamples=0)
    for name in ("reachable", "shown"):
        assert found["reachability" if name == "reachable" else name].value == pytest.approx(
            cases[name].mean()
        )
    for level in ("strict", "lenient", "failed"):
        assert found[f"parse_{level}"].value == pytest.approx((cases["parse"] == level).mean())
    for name in ("input_tokens", "cached_tokens", "output_tokens", "cost", "seconds"):
        assert found[f"{name}_total"].value == pytest.approx(cases[name].sum())
        assert found[f"{name}_mean"].value == pytest.approx(cases[name].mean())
    assert found["cost_total"].n == cases["cost"].count() < len(cases)
    assert found["cost_total"].low is None
    assert found["session_length"].value == len(cases) / 30
    assert (found.steps, found.sessions, found.users) == (len(cases), 30, 10)


def test_unknown_cost_is_absent_not_zero(one_case):
    found = compute_metrics(one_case())
    assert "cost_total" not in found
    assert "cost_mean" not in found
    assert found["input_tokens_total"].value == 0


def test_shares_in_tables_add_up_and_have_intervals(table):
    rows = compute_metrics(table(2, 30), resamples=300).tables["types"]
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert sum(row["predicted_share"] for row in rows) == pytest.approx(1)
    for row in rows:
        assert row["predicted_share_low"] < row["predicted_share"] < row["predicted_share_high"]
        assert row["exact_low"] < row["exact"] < row["exact_high"]


def test_no_cases_give_no_numbers():
    found = compute_metrics(cases_table([]))
    assert (found.steps, found.sessions, found.users, len(found)) == (0, 0, 0, 0)
    assert Metrics.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize("seed", range(3))
def test_json_and_back(table, seed):
    found = compute_metrics(table(seed), resamples=100)
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert Metrics.from_dict(json.loads(text)) == found
    assert json.dumps(compute_metrics(table(seed), resamples=100).to_dict()) == text


def test_metrics_come_in_the_order_of_the_registry(table):
    names = list(compute_metrics(table(0), resamples=0))
    assert names == [name for name in METRICS if name in names]


def test_a_full_table_has_every_metric(table):
    found = compute_metrics(table(0, 60), resamples=50)
    assert set(found) == set(METRICS)
    for name, estimate in found.items():
        assert (estimate.low is not None) == METRICS[name].interval
        if METRICS[name].unit in ("share", "bits"):
            assert 0 <= estimate.low <= estimate.high <= 1


def test_a_perfect_predictor():
    rows = [
        {
            "session_id": s,
            "step": i,
            "true_type": "click",
            "true_name": "x",
            "pred_type": "click",
            "pred_name": "x",
        }
        for s in "abc"
        for i in range(3)
    ]
    found = compute_metrics(cases_table(rows))
    for name in ("accuracy", "accuracy_equivalent", "accuracy_target", "type_f1_macro", "exact_click"):
        assert found[name].value == found[name].high == 1
        assert 0 < found[name].low < 1
    assert found["type_divergence"].value == found["type_divergence"].low == 0
    assert found["type_divergence"].high > 0


def test_metrics_are_frozen(table):
    found = compute_metrics(table(0), resamples=0)
    with pytest.raises(FrozenInstanceError):
        found.seed = 1
    with pytest.raises(FrozenInstanceError):
        found["accuracy"].value = 1.0


def test_estimates_print_with_their_interval(table):
    found = compute_metrics(table(0), resamples=100)
    assert str(found["accuracy"]).count("[") == 1
    assert "[" not in str(found["seconds_total"])
