"""Rows of OPeRA's action table without their pages: filtering, ordering, and conversion to actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from facsim.data.ingest_report import IngestReport
from facsim.data.sources.opera_files import TableFile
from facsim.data.sources.opera_persona import text_or_none
from facsim.data.sources.rows import parquet_rows
from facsim.data.sources.timestamps import read_time
from facsim.data.table_schemas import open_parquet
from facsim.schema import Action, Outcome
from facsim.util.errors import InputError

HTML = "simplified_html"
PURCHASE = "purchase"
_NEEDED = ("session_id", "timestamp", "action_type", "semantic_id", "input_text")
_WANTED = ("action_id", "click_type", "rationale", "url")
_STEP_TYPES = ("click", "input", "terminate")
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ActionRow:
    """A row that is a step.

    Attributes:
        file: the file that contains it.
        row: its 0-based row number in the file.
        where: file and row for messages.
        time: its timestamp, if it can be parsed.
    """

    file: Path
    row: int
    where: str
    action_id: str
    time: datetime | None
    type: str
    click_type: str | None
    name: str | None
    text: str | None
    rationale: str | None
    url: str | None

    @property
    def action(self) -> Action:
        """Return the participant's action."""
        if self.type == "terminate":
            return Action.terminate()
        if self.type == "click":
            return Action.click(self.name)
        return Action.type_and_submit(self.name, self.text or "")

    @property
    def category(self) -> str | None:
        """The click type; `search` for input, `terminate` for terminate."""
        return {"click": self.click_type, "input": "search"}.get(self.type, self.type)


def sessions_of(
    tables: Sequence[TableFile], report: IngestReport
) -> dict[tuple[str | None, str], list[ActionRow]]:
    """Return the steps of every session by split and session id, in file order.

    Raises:
        InputError: if a file cannot be read or lacks a column.
    """
    sessions: dict[tuple[str | None, str], list[ActionRow]] = {}
    for table in tables:
        check_columns(table.file, (*_NEEDED, HTML))
        for number, row in enumerate(parquet_rows(table.file, [*_NEEDED, *_WANTED])):
            report.count_read("rows")
            session_id = text_or_none(row.values["session_id"])
            if session_id is None:
                report.repair("row without a session id: dropped", row.where)
                continue
            steps = sessions.setdefault((table.split, session_id), [])
            action = _read_row(table.file, number, row.where, row.values, report)
            if action is not None:
                steps.append(action)
    return sessions


def check_columns(file: Path, needed: Sequence[str]) -> int:
    """Check that a Parquet file has the needed columns; return its number of rows.

    Raises:
        InputError: if the file cannot be read or a needed column is missing.
    """
    with open_parquet(file) as parquet:
        found = parquet.schema_arrow.names
        for column in needed:
            if column not in found:
                raise InputError(
                    "column missing",
                    file=file,
                    where=f"column {column}",
                    expected=f"the columns {', '.join(needed)}; found {', '.join(found)}",
                )
        rows: int = parquet.metadata.num_rows
        return rows


def sorted_steps(steps: Sequence[ActionRow], report: IngestReport, where: str) -> list[ActionRow]:
    """Sort the steps of a session by timestamp, then action id, and drop duplicate rows.

    If any timestamp is missing or cannot be parsed, all rows stay in file order.
    """
    steps = _once(steps, report)
    if any(step.time is None for step in steps):
        report.note("timestamps missing or not ISO 8601: rows of the session kept in file order", where)
        return steps
    ordered = sorted(steps, key=lambda step: (step.time or _LAST, step.action_id))
    if [step.time for step in ordered] != [step.time for step in steps]:
        report.repair("rows of a session out of time order: sorted", where)
    return ordered


def start_of(steps: Sequence[ActionRow]) -> datetime:
    """Time of the first step that has one; sessions without any time sort last."""
    return min((step.time for step in steps if step.time), default=_LAST)


def outcome_of(steps: Sequence[ActionRow], report: IngestReport, where: str) -> Outcome:
    """Return `purchase` if the last step is a purchase click, otherwise `terminate`."""
    last = steps[-1]
    if last.type == "click" and last.click_type == PURCHASE:
        return "purchase"
    if last.type != "terminate":
        report.note("session ends with neither a purchase click nor terminate: outcome terminate", where)
    return "terminate"


def _read_row(
    file: Path, number: int, where: str, values: Mapping[str, Any], report: IngestReport
) -> ActionRow | None:
    kind = text_or_none(values["action_type"])
    if kind not in _STEP_TYPES:
        report.repair(f"action type {kind or 'null'} is not a step: row dropped", where)
        return None
    try:
        time = read_time(text_or_none(values["timestamp"]))
    except ValueError:
        time = None
    text = text_or_none(values["input_text"])
    if kind == "input" and text is None:
        report.note("input without text: kept with empty text", where)
    return ActionRow(
        file=file,
        row=number,
        where=where,
        action_id=text_or_none(values.get("action_id")) or "",
        time=time,
        type=kind,
        click_type=text_or_none(values.get("click_type")),
        name=text_or_none(values["semantic_id"]),
        text=text,
        rationale=text_or_none(values.get("rationale")),
        url=text_or_none(values.get("url")),
    )


def _once(steps: Sequence[ActionRow], report: IngestReport) -> list[ActionRow]:
    kept: list[ActionRow] = []
    seen: dict[str, ActionRow] = {}
    for step in steps:
        first = seen.setdefault(step.action_id, step) if step.action_id else step
        if first is not step and (first.time, first.action) == (step.time, step.action):
            report.repair("duplicate row in a session: dropped", step.where)
            continue
        if first is not step:
            report.note("one action id on different actions: both kept", step.where)
        kept.append(step)
    return kept
