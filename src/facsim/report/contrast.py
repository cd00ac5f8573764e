"""Steps that only one of two runs predicts correctly, and answers that could not be parsed strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facsim.metrics import Comparison, Rule
from facsim.metrics.cases import BoolArray, Cases
from facsim.metrics.error_types import error_expression
from facsim.report.replay_urls import replay_address
from facsim.report.report_data import Contrast, ContrastExample, ExamplePrediction, UnreadAnswer
from facsim.schema.action import describe_action
from facsim.util.display_text import one_line

EXAMPLES: Final = 5
"""The number of examples for each side of a contrast, and for each kind of unread answer of a run."""

_NAME: Final = 200
_RATIONALE: Final = 400
_ANSWER: Final = 600


def contrast(
    comparison: Comparison,
    cases: Mapping[str, Cases],
    predictions: Mapping[str, pl.DataFrame],
    rule: Rule,
    ranked: Sequence[str],
) -> Contrast:
    """Two runs on the same steps, with the most informative examples.

    Args:
        comparison: the paired test of the two.
        cases: the test cases of all runs.
        predictions: their predictions, in the same order.
        rule: the matching rule.
        ranked: names of the ranked runs.
    """
    a, b = comparison.a, comparison.b
    right = {name: cases[name].match(rule) for name in ranked}
    others = [right[name] for name in ranked if name not in (a, b)]
    also: NDArray[np.int64] = np.zeros(len(right[a]), dtype=np.int64)
    for other in others:
        also += other
    examples = []
    # A step that few other runs get right shows best what the winner knows; one that most others get right
    # shows best what the loser misses.
    for winner, loser, order in ((a, b, also), (b, a, -also)):
        rows = _most_telling(cases[loser], right[winner] & ~right[loser], order)
        examples += [_example(predictions, row, winner, loser, int(also[row])) for row in rows]
    return Contrast(
        comparison,
        both=int((right[a] & right[b]).sum()),
        neither=int((~right[a] & ~right[b]).sum()),
        examples=tuple(examples),
    )


def _most_telling(loser: Cases, where: BoolArray, order: NDArray[np.int64]) -> list[int]:
    """The rows to show: from different sessions, alternating between kinds of errors."""
    table = loser.table.select(
        "session_id", "step", "true_category", "true_type", "pred_type", error=error_expression()
    )
    kinds = ("true_category", "true_type", "pred_type", "error")
    chosen = (
        table.with_row_index("row")
        .with_columns(order=pl.Series(order))
        .filter(pl.Series(where))
        .sort("order", "session_id", "step")
        .unique("session_id", keep="first", maintain_order=True)
        .with_columns(turn=pl.int_range(pl.len()).over(kinds))
        .sort("turn", "order", "session_id")
        .head(EXAMPLES)
    )
    return chosen["row"].to_list()


def _example(
    predictions: Mapping[str, pl.DataFrame], row: int, winner: str, loser: str, also_right: int
) -> ContrastExample:
    line = predictions[winner].row(row, named=True)
    return ContrastExample(
        session_id=line["session_id"],
        step=line["step"],
        true=_action(line["true_type"], line["true_name"], line["true_text"]),
        category=line["true_category"],
        answers=(
            _answer(winner, line, right=True),
            _answer(loser, predictions[loser].row(row, named=True), right=False),
        ),
        also_right=also_right,
        address=replay_address(line["session_id"], line["step"]),
    )


def _answer(run: str, line: Mapping[str, str | None], *, right: bool) -> ExamplePrediction:
    if line["pred_type"] is None:
        action = "(the call failed)" if line["failed"] else "(no readable action)"
    else:
        action = _action(line["pred_type"], line["pred_name"], line["pred_text"])
    rationale = line["rationale"]
    return ExamplePrediction(run, action, right, one_line(rationale, _RATIONALE) if rationale else None)


def _action(kind: str | None, name: str | None, text: str | None) -> str:
    """An action in plain words.

    >>> _action("click", "a.b", None), _action("terminate", None, None)
    ('click a.b', 'leave the site')
    """
    target = "(no name)" if name is None else one_line(name, _NAME)
    return describe_action(kind or "", target, None if text is None else one_line(text, _NAME))


def _cut(answer: str) -> str:
    """The beginning of a raw answer, line breaks included."""
    return answer if len(answer) <= _ANSWER else f"{answer[:_ANSWER]}\N{HORIZONTAL ELLIPSIS}"


def unread(run: str, predictions: pl.DataFrame) -> list[UnreadAnswer]:
    """Examples of failed calls and of answers that were not parsed strictly, the worst kind first."""
    kinds: tuple[tuple[Literal["failed", "unparseable", "lenient"], pl.Expr], ...] = (
        ("unparseable", pl.col("parse").eq("failed") & ~pl.col("failed")),
        ("failed", pl.col("failed")),
        ("lenient", pl.col("parse").eq("lenient")),
    )
    found = []
    for how, condition in kinds:
        # Distinct answers only: a hundred identical failures are as informative as one.
        rows = predictions.filter(condition).unique(
            ["answer", "error", "forgiven"], keep="first", maintain_order=True
        )
        for line in rows.head(EXAMPLES if how != "lenient" else 2).iter_rows(named=True):
            why = line["error"] or ", ".join(line["forgiven"] or ())
            found.append(
                UnreadAnswer(
                    run=run,
                    session_id=line["session_id"],
                    step=line["step"],
                    how=how,
                    answer=_cut(line["answer"]) if line["answer"] else None,
                    why=one_line(why, _RATIONALE) if why else None,
                    address=replay_address(line["session_id"], line["step"]),
                )
            )
    return found
