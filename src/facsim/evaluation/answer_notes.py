"""What a reader should know about the answers of a run: calls that failed, answers that could not be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from facsim.util.display_text import one_line

MAX_FAILED_SHARE: Final = 0.1
"""Above this share of failed calls `facsim evaluate` ends with exit code 1, unless told another."""

_CAUSE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class CallFailures:
    """The calls of a run that failed for good.

    Attributes:
        count: how many.
        calls: how many test cases the run has answers or failures for.
        cause: the commonest error, in one line.
        with_cause: how many failed with it.
    """

    count: int
    calls: int
    cause: str
    with_cause: int

    @property
    def share(self) -> float:
        """Share of the calls that failed."""
        return self.count / self.calls

    def __str__(self) -> str:
        most = "all" if self.with_cause == self.count else f"{self.with_cause:,} of them"
        return (
            f"{self.count:,} of {self.calls:,} calls failed for good and count as wrong; --resume repeats "
            f"them. Cause of {most}: {self.cause}"
        )


def call_failures(predictions: pl.DataFrame) -> CallFailures | None:
    """The failed calls among the predictions of a run; None if there are none."""
    errors = predictions.filter("failed")["error"]
    if errors.is_empty():
        return None
    causes = Counter(one_line(error or "unknown", _CAUSE_CHARACTERS) for error in errors)
    cause, with_cause = causes.most_common(1)[0]
    return CallFailures(len(errors), predictions.height, cause, with_cause)


def answer_notes(cases: pl.DataFrame, leniencies: Mapping[str, int]) -> list[str]:
    """Notes on answers that could not be read, named nothing on the page, or were read leniently.

    Args:
        cases: test cases of `facsim.metrics.CASES_SCHEMA`.
        leniencies: how many answers needed each leniency.
    """
    notes = []
    unreadable = int((cases["pred_type"].is_null() & ~cases["failed"]).sum())
    if unreadable:
        notes.append(f"{_share(unreadable, cases)} answers could not be read and count as wrong")
    illegal = int((~cases["on_page"]).sum())
    if illegal:
        notes.append(f"{_share(illegal, cases)} answers are illegal: they name nothing on the page")
    if leniencies:
        listed = ", ".join(f"{name} {count}" for name, count in leniencies.items())
        notes.append(
            f"{_share(int(cases['parse'].eq('lenient').sum()), cases)} answers were read leniently: {listed}"
        )
    return notes


def _share(count: int, cases: pl.DataFrame) -> str:
    return f"{count:,} ({count / max(1, cases.height):.1%}) of {cases.height:,}"
