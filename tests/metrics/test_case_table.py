"""What is a table of test cases, and what is refused, saying where and why."""

import polars as pl
import pytest

from facsim.metrics import CASES_SCHEMA, cases_table, check_cases
from facsim.util.errors import InputError


def test_columns_come_in_the_documented_order_and_type(table, shuffled):
    cases = table(1)
    jumbled = shuffled(cases).select(*reversed(cases.columns), pl.lit(1).alias("extra"))
    checked = check_cases(jumbled)
    assert dict(checked.schema) == dict(CASES_SCHEMA)
    assert checked.equals(cases)


def test_rows_are_sorted_by_session_and_step():
    rows = [
        {"session_id": s, "step": i, "true_type": "terminate"} for s, i in (("b", 2), ("a", 10), ("a", 9))
    ]
    assert cases_table(rows).select("session_id", "step").rows() == [("a", 9), ("a", 10), ("b", 2)]


def test_types_that_lose_nothing_are_cast(one_case):
    cases = one_case().with_columns(
        pl.col("step").cast(pl.Int64),
        pl.col("cost").cast(pl.Null),
        pl.col("seconds").cast(pl.Float32),
        pl.col("true_type").cast(pl.Categorical),
    )
    assert dict(check_cases(cases).schema) == dict(CASES_SCHEMA)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("step", pl.lit("1")),
        ("step", pl.lit(1.0)),
        ("failed", pl.lit(0)),
        ("seconds", pl.lit("fast")),
        ("step", pl.lit(2**40)),
        ("true_name", pl.lit(3)),
    ],
)
def test_other_types_are_refused(one_case, column, value):
    with pytest.raises(InputError, match=f"column {column}: type .*; expected type"):
        check_cases(one_case().with_columns(value.alias(column)))


def test_missing_columns_are_named(one_case):
    with pytest.raises(InputError, match="missing columns true_type, parse"):
        check_cases(one_case().drop("true_type", "parse"))


@pytest.mark.parametrize(
    "column", sorted(name for name in CASES_SCHEMA if name.endswith(("_id", "step", "parse")))
)
def test_null_is_refused_where_a_value_is_needed(one_case, column):
    with pytest.raises(InputError, match=f"{column} is None; expected a value"):
        check_cases(one_case().with_columns(pl.lit(None).alias(column)))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"true_type": "scroll"}, "true_type is 'scroll'; expected click or type_and_submit or terminate"),
        ({"pred_type": "input"}, "pred_type is 'input'"),
        ({"parse": "loose"}, "parse is 'loose'; expected strict or lenient or failed"),
        ({"outcome": "bought"}, "outcome is 'bought'"),
        ({"step": -1}, "step is -1"),
        ({"true_type": "type_and_submit", "true_name": "x"}, "true_text is None; expected a text"),
        ({"true_name": "x"}, "true_name is 'x'; expected null, since terminate has no name"),
        ({"pred_type": "terminate", "failed": True}, "expected null, since the call failed"),
        ({"pred_type": "terminate", "parse": "failed"}, "expected null, since no action could be read"),
        ({"pred_type": "click", "pred_name": "x", "on_page": None}, "on_page is None"),
        ({"log_probability": 0.5}, "log_probability is 0.5"),
        ({"log_probability": float("nan")}, "log_probability is nan"),
        ({"rank": 0}, "rank is 0; expected a rank from 1"),
        ({"confidence": 1.5}, "confidence is 1.5"),
        ({"confidence": float("nan")}, "confidence is nan"),
        ({"output_tokens": -3}, "output_tokens is -3"),
        ({"cost": float("inf")}, "cost is inf"),
        ({"seconds": float("nan")}, "seconds is nan"),
    ],
)
def test_values_out_of_range_are_refused_with_their_place(columns, message):
    fine = {"session_id": "a", "step": 1, "true_type": "terminate"}
    with pytest.raises(InputError, match="row 1, session 'b', step") as caught:
        cases_table([fine, {**fine, "session_id": "b", **columns}])
    assert message in str(caught.value)


def test_a_step_may_come_once(one_case):
    with pytest.raises(InputError, match="each step of a session once"):
        check_cases(pl.concat([one_case(), one_case()]))


def test_rows_with_unknown_columns_are_refused():
    with pytest.raises(InputError, match="unknown column 'typo'"):
        cases_table([{"session_id": "a", "step": 1, "true_type": "terminate", "typo": 1}])


def test_values_of_another_type_are_refused():
    with pytest.raises(InputError, match="test cases"):
        cases_table([{"session_id": "a", "step": "one", "true_type": "terminate"}])


def test_no_rows_make_an_empty_table():
    assert cases_table([]).shape == (0, len(CASES_SCHEMA))
