"""What a rollout knows of its sessions beyond the tables: probabilities, unusable answers, ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from facsim.data.table_schemas import PROBABILITIES_FILE, PROBABILITIES_SCHEMA, read_table
from facsim.rollout.rollout_answer import ActionProbabilities, RolloutAnswer
from facsim.schema import Action
from facsim.util.errors import InputError
from facsim.util.validation import first_problem


@dataclass(frozen=True, slots=True)
class UnusableAnswer:
    """An answer that was not carried out.

    Attributes:
        kind: `call_failed`, `unparseable`, `not_on_page` or `not_possible`.
        message: why, in words.
        answer: the raw answer, if it was kept.
    """

    kind: str
    message: str = ""
    answer: str = ""


class _ReportFailure(BaseModel):
    step: int
    kind: str
    message: str | None = None
    answer: str | None = None


class _ReportRow(BaseModel):
    session_id: str
    end: str
    message: str | None = None
    failures: tuple[_ReportFailure, ...] = ()


class _Report(BaseModel):
    sessions: tuple[_ReportRow, ...]


class RolloutDetails(Protocol):
    """The details of every session."""

    def probabilities(self, session_id: str, step: int) -> ActionProbabilities:
        """The most probable actions at a step, the most probable first; empty if there are none."""

    def unusable_answers(self, session_id: str, step: int) -> tuple[UnusableAnswer, ...]:
        """The answers at a step that were not carried out, in order."""

    def end(self, session_id: str) -> str:
        """How a session ended, with the message if it has one; empty if it has not ended."""

    def is_pending(self, session_id: str, step: int) -> bool:
        """Whether the predictor is being asked about this step."""


class StoredRolloutDetails:
    """The details of a finished rollout, read from its folder on demand.

    Args:
        path: the data set's folder. It may lack these files: other data sets do.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def probabilities(self, session_id: str, step: int) -> ActionProbabilities:
        """The most probable actions at a step.

        Raises:
            InputError: if the table cannot be read.
        """
        if session_id not in self._spans:
            return ()
        start, length = self._spans[session_id]
        rows = self._table.slice(start, length).iter_rows()
        try:
            return tuple((Action(*action), p) for _, at, *action, p in rows if at == step)
        except ValueError as error:
            where = f"session {session_id}, step {step}"
            raise InputError(str(error), file=self._path / PROBABILITIES_FILE, where=where) from None

    def unusable_answers(self, session_id: str, step: int) -> tuple[UnusableAnswer, ...]:
        """The answers at a step that were not carried out.

        Raises:
            InputError: if the report cannot be read.
        """
        failures = self._report[session_id].failures if session_id in self._report else ()
        return tuple(
            UnusableAnswer(one.kind, one.message or "", one.answer or "")
            for one in failures
            if one.step == step
        )

    def end(self, session_id: str) -> str:
        """How a session ended.

        Raises:
            InputError: if the report cannot be read.
        """
        row = self._report.get(session_id)
        return "" if row is None else end_text(row.end, row.message)

    def is_pending(self, session_id: str, step: int) -> bool:  # noqa: ARG002
        """Never: the rollout is finished."""
        return False

    @cached_property
    def _table(self) -> Any:
        file = self._path / PROBABILITIES_FILE
        return read_table(file, PROBABILITIES_SCHEMA).select(PROBABILITIES_SCHEMA.names)

    @cached_property
    def _spans(self) -> dict[str, tuple[int, int]]:
        """First row and number of rows of each session."""
        if not (self._path / PROBABILITIES_FILE).exists():
            return {}
        spans: dict[str, tuple[int, int]] = {}
        start = 0
        for run in self._table["session_id"].rle():
            spans[run["value"]] = (start, run["len"])
            start += run["len"]
        return spans

    @cached_property
    def _report(self) -> Mapping[str, _ReportRow]:
        file = self._path / "rollout.json"
        if not file.exists():
            return {}
        try:
            rows = _Report.model_validate_json(file.read_bytes()).sessions
        except (OSError, ValidationError) as error:
            why = first_problem(error) if isinstance(error, ValidationError) else error.strerror
            raise InputError(f"not the report of a rollout: {why}", file=file) from None
        return {row.session_id: row for row in rows}


def unusable_by_step(answers: Iterable[RolloutAnswer]) -> dict[int, tuple[UnusableAnswer, ...]]:
    """The answers that were not carried out, by step."""
    found: defaultdict[int, list[UnusableAnswer]] = defaultdict(list)
    for one in answers:
        if one.failure is not None:
            found[one.step].append(UnusableAnswer(one.failure, one.message or "", one.answer or ""))
    return {step: tuple(failures) for step, failures in found.items()}


def end_text(kind: str, message: str | None) -> str:
    """How a session ended, in a few words.

    >>> end_text("max_steps", "after 20 actions")
    'max_steps: after 20 actions'
    """
    return f"{kind}: {message}" if message else kind
