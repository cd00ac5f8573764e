"""Every step is an exact match or has exactly one error type."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.metrics import cases_table, compute_metrics
from facsim.metrics.error_types import ERROR_TYPES, error_expression


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_matches_and_errors_are_exclusive_and_exhaustive(table, seed):
    cases = table(seed)
    found = compute_metrics(cases, resamples=0)
    shares = [found[f"error_{error}"].value for error in ERROR_TYPES]
    assert sum(shares) + found["accuracy_micro"].value == pytest.approx(1)
    steps = {row["error"]: row["steps"] for row in found.tables["errors"]}
    assert [steps[error] / len(cases) for error in ERROR_TYPES] == pytest.approx(shares)
    assert sum(row["share_of_errors"] or 0 for row in found.tables["errors"]) == pytest.approx(
        1.0 if sum(shares) else 0.0
    )


CLICK = {"true_type": "click", "true_name": "x"}
TYPE = {"true_type": "type_and_submit", "true_name": "box", "true_text": "hat"}
LEAVE = {"true_type": "terminate"}


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        (CLICK | {"pred_type": "click", "pred_name": "x"}, None),
        # Right although the page lists no such name: right it is.
        (CLICK | {"pred_type": "click", "pred_name": "x", "on_page": False}, None),
        (LEAVE | {"pred_type": "terminate"}, None),
        (TYPE | {"failed": True, "parse": "failed"}, "failed"),
        (TYPE | {"parse": "failed"}, "unparseable"),
        # Illegal goes before the wrong type.
        (LEAVE | {"pred_type": "click", "pred_name": "y", "on_page": False}, "illegal"),
        (CLICK | {"pred_type": "click"}, "illegal"),
        (LEAVE | {"pred_type": "type_and_submit", "pred_name": "box", "pred_text": ""}, "no_terminate"),
        (CLICK | {"pred_type": "terminate"}, "no_click"),
        (TYPE | {"pred_type": "click", "pred_name": "box"}, "no_search"),
        (CLICK | {"pred_type": "click", "pred_name": "y"}, "wrong_click"),
        # The right destination is still no exact match.
        (CLICK | {"pred_type": "click", "pred_name": "y", "same_destination": True}, "wrong_click"),
        # A target without a name cannot be matched.
        (CLICK | {"true_name": None, "pred_type": "click", "pred_name": "y"}, "wrong_click"),
        (
            TYPE
            | {"true_name": None, "pred_type": "type_and_submit", "pred_name": "box", "pred_text": "hat"},
            "wrong_field",
        ),
        (TYPE | {"pred_type": "type_and_submit", "pred_name": "other", "pred_text": "cap"}, "wrong_field"),
        (TYPE | {"pred_type": "type_and_submit", "pred_name": "box", "pred_text": "Hat"}, "wrong_text"),
        (TYPE | {"pred_type": "type_and_submit", "pred_name": "box", "pred_text": " hat "}, None),
    ],
)
def test_each_kind_of_step(columns, error):
    cases = cases_table([{"session_id": "a", "step": 1, **columns}])
    assert cases.select(error_expression()).item() == error


def test_no_errors_have_no_shares():
    cases = cases_table([{"session_id": "a", "step": 1, **LEAVE, "pred_type": "terminate"}])
    assert {row["share_of_errors"] for row in compute_metrics(cases).tables["errors"]} == {None}
