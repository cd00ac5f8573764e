"""The table of test cases: the input of every metric.

One row per test case, that is, per predicted step. Anyone who has predictions (a run, results of another
tool) brings them into this form; metrics know no files, pages or models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

import polars as pl

from facsim.schema import ACTION_TYPES, ParseLevel
from facsim.util.errors import InputError

CASES_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    # The step.
    "session_id": pl.String(),
    "user_id": pl.String(),
    "step": pl.Int32(),  # index in the session, from 0
    "is_last": pl.Boolean(),  # the session's last step
    "outcome": pl.String(),  # how the session ended: purchase or terminate; null if unknown
    # What the person did.
    "true_type": pl.String(),
    "true_name": pl.String(),  # null for terminate and for a target without a name
    "true_text": pl.String(),
    "true_category": pl.String(),
    # The prediction; all null if there is no answer.
    "pred_type": pl.String(),
    "pred_name": pl.String(),
    "pred_text": pl.String(),
    "pred_category": pl.String(),
    # How the answer was read.
    "parse": pl.String(),  # strict, lenient or failed
    "failed": pl.Boolean(),  # the call failed for good
    # Facts about the page and the prompt.
    "on_page": pl.Boolean(),  # the predicted name is on the page; null for terminate or no answer
    "same_destination": pl.Boolean(),  # the predicted element is listed as equivalent to the true one
    "reachable": pl.Boolean(),  # the true target has a name and is on the page; terminate: true
    "shown": pl.Boolean(),  # the true target was in the prompt; terminate: true
    # Probabilities, if the predictor gives them.
    "log_probability": pl.Float64(),  # natural log of the probability given to the true action
    "rank": pl.Int32(),  # of the true action among the listed ones, from 1
    "confidence": pl.Float64(),  # probability of the predicted action
    # Usage; null if unknown.
    "input_tokens": pl.Int64(),
    "cached_tokens": pl.Int64(),
    "output_tokens": pl.Int64(),
    "cost": pl.Float64(),  # US dollars
    "seconds": pl.Float64(),
}
"""Columns and types of a table of test cases, in order."""

NULLABLE: Final = frozenset(
    {
        *("outcome", "true_name", "true_text", "true_category"),
        *("pred_type", "pred_name", "pred_text", "pred_category"),
        *("on_page", "log_probability", "rank", "confidence"),
        *("input_tokens", "cached_tokens", "output_tokens", "cost", "seconds"),
    }
)
"""The columns that may be null: unknown, or not applicable."""

_DEFAULTS: Final[Mapping[str, Any]] = {
    "is_last": False,
    "parse": "strict",
    "failed": False,
    "same_destination": False,
    "reachable": True,
    "shown": True,
    "input_tokens": 0,
    "cached_tokens": 0,
    "output_tokens": 0,
    "seconds": 0.0,
}
_PARSE_LEVELS = get_args(ParseLevel)
_KEY = ("session_id", "step")


def cases_table(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Create a checked table of test cases from rows.

    A row needs `session_id`, `step`, `true_type` and the fields of its actions. Missing columns get defaults:
    the user is the session, the answer was read strictly, the target was reachable and shown, a predicted
    name is on the page, usage is zero, and there are no probabilities.

    Args:
        rows: one mapping per test case, column name to value.

    Returns:
        The table, with the columns of `CASES_SCHEMA` in their order.

    Raises:
        InputError: if a row has an unknown column, or the table breaks a rule of `check_cases`.

    >>> left = {"true_type": "terminate", "pred_type": "terminate"}
    >>> table = cases_table([{"session_id": "a", "step": 1, **left}])
    >>> table.select("user_id", "parse", "reachable").row(0)
    ('a', 'strict', True)
    """
    filled = []
    for index, row in enumerate(rows):
        unknown = sorted(row.keys() - CASES_SCHEMA.keys())
        if unknown:
            raise InputError(
                f"unknown column {unknown[0]!r}",
                where=f"test case {index}",
                expected=f"columns among {', '.join(CASES_SCHEMA)}",
            )
        full = {**_DEFAULTS, "user_id": row.get("session_id"), **row}
        if "on_page" not in row and full.get("pred_type") in ("click", "type_and_submit"):
            full["on_page"] = full.get("pred_name") is not None
        filled.append({name: full.get(name) for name in CASES_SCHEMA})
    try:
        table = pl.DataFrame(filled, schema=dict(CASES_SCHEMA))
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise InputError(
            str(error).splitlines()[0], where="test cases", expected="values of the types of CASES_SCHEMA"
        ) from error
    return check_cases(table)


def check_cases(cases: pl.DataFrame, *, file: Path | None = None, remedy: str | None = None) -> pl.DataFrame:
    """Check a table of test cases, and sort it.

    Args:
        cases: a table with at least the columns of `CASES_SCHEMA`; further columns are dropped.
        file: the file that the rows come from, one per line in this order. Errors then name file and line.
        remedy: what to do about a wrong line.

    Returns:
        The columns of `CASES_SCHEMA` in that order and type, rows sorted by session and step.

    Raises:
        InputError: at the first broken rule, with column, row (as given, from 0) and expectation.
    """
    missing = [name for name in CASES_SCHEMA if name not in cases.columns]
    if missing:
        raise InputError(
            f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            where="test cases",
            expected="every column of facsim.metrics.CASES_SCHEMA",
        )
    table = cases.select(_cast(cases, name) for name in CASES_SCHEMA)
    refuse = partial(_refuse, table, file=file, remedy=remedy)
    for name in CASES_SCHEMA.keys() - NULLABLE:
        refuse(pl.col(name).is_null(), name, "a value")
    for broken, column, expected in _rules():
        refuse(broken, column, expected)
    refuse(pl.struct(_KEY).is_duplicated(), "step", "each step of a session once")
    return table.sort(_KEY)


def _cast(cases: pl.DataFrame, name: str) -> pl.Series:
    """The column in its type. Only lossless casts, such as Int64 to Int32, are made."""
    column, wanted = cases[name], CASES_SCHEMA[name]
    if column.dtype == wanted:
        return column
    same_kind = (
        column.dtype == pl.Null
        or (column.dtype.is_integer() and wanted.is_numeric())
        or (column.dtype.is_float() and wanted.is_float())
        or (column.dtype in (pl.Categorical, pl.Enum) and wanted == pl.String)
    )
    if same_kind:
        try:
            return column.cast(wanted)
        except pl.exceptions.InvalidOperationError:
            pass  # out of range: refused below
    raise InputError(f"type {column.dtype}", where=f"test cases, column {name}", expected=f"type {wanted}")


def _rules() -> list[tuple[pl.Expr, str, str]]:
    """For each rule: the expression that is true for a wrong row, its column, and the expectation."""
    col = pl.col
    types = " or ".join(ACTION_TYPES)
    rules: list[tuple[pl.Expr, str, str]] = [
        (~col("true_type").is_in(ACTION_TYPES), "true_type", types),
        (~col("pred_type").is_in(ACTION_TYPES), "pred_type", f"{types}, or null for no answer"),
        (~col("parse").is_in(_PARSE_LEVELS), "parse", " or ".join(_PARSE_LEVELS)),
        (~col("outcome").is_in(("purchase", "terminate")), "outcome", "purchase, terminate or null"),
        (col("step") < 0, "step", "an index from 0"),
    ]
    for side in ("true", "pred"):
        types_text = col(f"{side}_type") == "type_and_submit"
        rules += [
            (
                types_text & col(f"{side}_text").is_null(),
                f"{side}_text",
                "a text, since the type is type_and_submit",
            ),
            (
                (col(f"{side}_type") == "terminate") & col(f"{side}_name").is_not_null(),
                f"{side}_name",
                "null, since terminate has no name",
            ),
        ]
    answered = col("pred_type").is_not_null()
    points = col("pred_type").is_in(("click", "type_and_submit"))
    rules += [
        (col("failed") & answered, "pred_type", "null, since the call failed"),
        ((col("parse") == "failed") & answered, "pred_type", "null, since no action could be read"),
        (points & col("on_page").is_null(), "on_page", "true or false, since the action has a target"),
        (
            col("log_probability").is_nan() | (col("log_probability") > 1e-9),
            "log_probability",
            "the natural log of a probability: at most 0",
        ),
        (col("rank") < 1, "rank", "a rank from 1"),
        (
            col("confidence").is_nan() | ~col("confidence").is_between(0, 1 + 1e-9),
            "confidence",
            "a probability between 0 and 1",
        ),
    ]
    for name in ("input_tokens", "cached_tokens", "output_tokens"):
        rules.append((col(name) < 0, name, "0 or more"))
    for name in ("cost", "seconds"):
        rules.append((~col(name).is_finite() | (col(name) < 0), name, "a finite number, 0 or more"))
    return rules


def _refuse(
    table: pl.DataFrame, broken: pl.Expr, column: str, expected: str, *, file: Path | None, remedy: str | None
) -> None:
    """Raise at the first row for which `broken` is true."""
    hits = table.select(broken.fill_null(value=False).arg_true().alias("row"))["row"]
    if hits.is_empty():
        return
    row = int(hits[0])
    session, step = table["session_id"][row], table["step"][row]
    place = f"test cases, row {row}" if file is None else f"line {row + 1}"
    more = f" (and {hits.len() - 1} more)" if hits.len() > 1 else ""
    raise InputError(
        f"{column} is {table[column][row]!r}{more}",
        where=f"{place}, session {session!r}, step {step}",
        file=file,
        expected=expected,
        remedy=remedy,
    )
