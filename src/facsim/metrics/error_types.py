"""Error types: every step that is not an exact match has exactly one.

The five types of the paper, which leaves illegal actions out, and four more. The first that applies:

| type | the step's prediction |
|---|---|
| `failed` | the call failed for good |
| `unparseable` | no action could be read from the answer |
| `illegal` | names something that is not on the page |
| `no_terminate` | the person left; something else was predicted ("didn't terminate") |
| `no_click` | the person clicked; something else was predicted ("didn't click") |
| `no_search` | the person typed; something else was predicted ("didn't search") |
| `wrong_click` | a click on something else ("clicked wrong button") |
| `wrong_field` | typed into another field (the paper's pages have one search field) |
| `wrong_text` | typed another text into the right field ("searched wrong keyword") |
"""

from __future__ import annotations

from typing import Literal, get_args

import polars as pl

from facsim.metrics.bootstrap import Statistic
from facsim.metrics.cases import Cases
from facsim.metrics.match import match_expression

ErrorType = Literal[
    "failed",
    "unparseable",
    "illegal",
    "no_terminate",
    "no_click",
    "no_search",
    "wrong_click",
    "wrong_field",
    "wrong_text",
]
ERROR_TYPES: tuple[ErrorType, ...] = get_args(ErrorType)


def error_expression() -> pl.Expr:
    """The error type of each case; null for exact matches.

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(
    ...     case("click x", "click x"),
    ...     case("click x", failed=True),
    ...     case("click x"),
    ...     case("terminate", "click z", on_page=False),
    ...     case("terminate", "click x"),
    ...     case("click x", "terminate"),
    ...     case("type box hat", "click x"),
    ...     case("click x", "click y"),
    ...     case("type box hat", "type other hat"),
    ...     case("type box hat", "type box cap"),
    ... )
    >>> error = cases.table.select(error=error_expression())["error"].to_list()
    >>> error[0], tuple(error[1:]) == ERROR_TYPES
    (None, True)
    """
    col = pl.col
    other_type = col("true_type").ne(col("pred_type"))
    conditions: dict[ErrorType, pl.Expr] = {
        "failed": col("failed"),
        "unparseable": col("pred_type").is_null(),
        "illegal": col("pred_type").ne("terminate") & ~col("on_page"),
        "no_terminate": other_type & col("true_type").eq("terminate"),
        "no_click": other_type & col("true_type").eq("click"),
        "no_search": other_type & col("true_type").eq("type_and_submit"),
        "wrong_click": col("true_type").eq("click"),
        "wrong_field": col("true_name").ne_missing(col("pred_name")) | col("true_name").is_null(),
        "wrong_text": pl.lit(value=True),
    }
    expression = pl.lit(None, dtype=pl.String)
    for error in reversed(ERROR_TYPES):
        holds = conditions[error].fill_null(value=False)
        expression = pl.when(holds).then(pl.lit(error)).otherwise(expression)
    return pl.when(~match_expression("exact")).then(expression)


def case_error_types(cases: Cases) -> pl.Series:
    """The error type of each case, see `error_expression`."""
    return cases.table.select(error=error_expression())["error"]


def error_rate(cases: Cases, error: ErrorType) -> Statistic:
    """Share of all steps with this error type. The shares of all types and of exact matches sum to 1.

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(case("click x", "click x"), case("click x", "click nowhere", on_page=False))
    >>> error_rate(cases, "illegal").value()
    0.5
    """
    return cases.mean(cases.once(case_error_types).eq(error).fill_null(value=False).to_numpy())
