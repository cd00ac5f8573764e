"""The steps file of the MiniWoB demonstrations: one session per line, simplified pages and named targets.

How fields are read:

- the goal becomes the intent: a sentence is used as is; fields become `Departure City: San Diego; …`, with
  every field and value verbatim;
- `type` is `type_and_submit`. Its text is what the keys added, after backspaces. It is not the field's value
  afterwards, which also contains any earlier text. A step that only erased, or only pressed Enter, has empty
  text. `submitted` says whether Enter was pressed;
- targets without a name are kept without one: no predictor can predict them, and every run reports their
  number;
- there is no outcome: these people neither bought nor left.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, FiniteFloat, ValidationError

from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawSession, RawStep, SessionRefused
from facsim.schema import Action
from facsim.util.validation import first_problem

_NAMED_TAG = re.compile(r'(<[a-z0-9]+(?: [a-z]+="[^"]*")*?) name="([^"]*)"')

NOT_A_RECORD = "record is not as documented"


class _Action(BaseModel):
    type: Literal["click", "type"]
    name: str | None
    text: str | None = None
    submit: bool | None = None
    value_before: str | bool | None = None


class _Step(BaseModel):
    t_ms: FiniteFloat
    page: str
    names: list[str]
    action: _Action


class _Record(BaseModel):
    session: str
    group: str
    collection: str
    task: str
    goal: dict[str, str | int | float | bool | None] | str
    steps: list[_Step]


def steps_session(line: bytes, where: str, report: IngestReport) -> RawSession:
    """Parse the session in one line of the steps file.

    Raises:
        SessionRefused: if the line is not a valid record.
    """
    try:
        record = _Record.model_validate_json(line)
    except ValidationError as error:
        raise SessionRefused(NOT_A_RECORD, f"{where}, {first_problem(error)}") from None
    report.count_read(f"sessions of {record.collection} {record.task}")
    return RawSession(
        session_id=record.session,
        user_id=record.group,
        intent=intent_of(record.goal),
        site=record.task,
        steps=[_step(step, f"{where}, step {index}", report) for index, step in enumerate(record.steps)],
        where=where,
    )


def intent_of(goal: dict[str, str | int | float | bool | None] | str) -> str | None:
    """Return the goal as text, with every field and value verbatim so that predictors can quote them.

    >>> intent_of({"Departure City": "San Diego", "Departure Day": 9})
    'Departure City: San Diego; Departure Day: 9'
    """
    if isinstance(goal, str):
        return goal.strip() or None
    return "; ".join(f"{field}: {value}" for field, value in goal.items()) or None


def _step(step: _Step, where: str, report: IngestReport) -> RawStep:
    html, repaired = unique_names(step.page, step.names)
    if repaired:
        report.repair("name on two tags of a page: removed from the one outside the record's order", where)
    if step.action.type == "type" and step.action.value_before not in (None, "", False, True):
        report.note("typing into a non-empty field: the text is only what was added", where)
    typed = step.action.type == "type"
    return RawStep(
        html=html,
        simplified=True,
        action=Action.type_and_submit(step.action.name, step.action.text or "")
        if typed
        else Action.click(step.action.name),
        elapsed=step.t_ms / 1000,
        submitted=step.action.submit if typed else None,
        where=where,
    )


def unique_names(html: str, names: list[str]) -> tuple[str, bool]:
    """Return the page with each name on only one tag, and whether it was changed.

    On a few pages the recorder used a number twice, which put one element's name on another element too. The
    record lists each name once in document order, which identifies the right tag. A page whose tags do not
    contain the listed names in that order is left unchanged.
    """
    found = [match.group(2) for match in _NAMED_TAG.finditer(html)]
    if found == names:
        return html, False
    keep, due = [], 0
    for name in found:
        keep.append(due < len(names) and name == names[due])
        due += keep[-1]
    if due < len(names):
        return html, False
    kept = iter(keep)
    return _NAMED_TAG.sub(lambda match: match.group(0) if next(kept) else match.group(1), html), True
