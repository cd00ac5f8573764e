"""What `facsim show` prints, as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from facsim.data import DataSet
from facsim.evaluation import Run
from facsim.metrics import METRICS, Rule
from facsim.report.exports import spreadsheet_text
from facsim.schema import Session
from facsim.util.display_text import one_line
from facsim.view.terminal import check_step, listed_sessions, prediction_tables, predictions_of

DataFormat = Literal["csv", "json"]


def run_table(run: Run, format: DataFormat) -> str:
    """Every metric of a run: name, value, low, high, unit, n.

    Raises:
        InputError: if the run is not scored.
    """
    rows = [
        {
            "metric": name,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "unit": METRICS[name].unit if name in METRICS else None,
            "n": found.n,
        }
        for name, found in run.metrics.items()
    ]
    return _written(rows, format)


def session_list_table(
    data: DataSet, runs: Sequence[Run], format: DataFormat, *, limit: int, rule: Rule
) -> str:
    """The first sessions, one per row, with the number of correct and of predicted steps of each run.

    Raises:
        ConfigError: if a run is of other data, or is given twice.
        InputError: if predictions are damaged.
    """
    rows = []
    listed, tables = listed_sessions(data, runs), prediction_tables(runs)
    for session_id in listed.session_ids[:limit]:
        session = listed.session(session_id)
        row: dict[str, Any] = {
            "session_id": session_id,
            "user_id": session.user_id,
            "steps": len(session.steps),
            "outcome": session.outcome,
            "intent": session.intent,
            "persona": session.persona,
        }
        for found in predictions_of(session, tables, rule):
            correct = sum(found.is_right(index, session.steps[index].action) for index in found.lines)
            row[f"{found.label} correct"] = correct
            row[f"{found.label} predicted"] = len(found.lines)
        rows.append(row)
    return _written(rows, format)


def session_table(
    data: DataSet,
    session: Session,
    runs: Sequence[Run],
    format: DataFormat,
    *,
    step: int | None,
    rule: Rule,
) -> str:
    """A session, one step per row, with the prediction of each run. Step numbers start at 1.

    Raises:
        ConfigError: if there is no such step, a run is of other data, or is given twice.
        InputError: if predictions are damaged.
    """
    check_step(session, step)
    listed_sessions(data, runs)
    predictions = predictions_of(session, prediction_tables(runs), rule)
    rows = []
    for index, row in enumerate(session.to_polars().to_dicts()):
        if step is not None and index + 1 != step:
            continue
        row |= {"step": index + 1, "timestamp": row["timestamp"] and row["timestamp"].isoformat()}
        for found in predictions:
            line = found.lines.get(index)
            for field in ("pred_type", "pred_name", "pred_text", "confidence", "log_probability"):
                row[f"{found.label} {field}"] = None if line is None else line[field]
            correct = None if line is None else found.is_right(index, session.steps[index].action)
            row[f"{found.label} correct"] = correct
        rows.append(row)
    return _written(rows, format)


def _written(rows: Sequence[Mapping[str, Any]], format: DataFormat) -> str:
    if format == "json":
        return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([spreadsheet_text(one_line(name)) for name in rows[0]] if rows else [])
    for row in rows:
        writer.writerow([_csv_cell(value) for value in row.values()])
    return out.getvalue()


def _csv_cell(value: object) -> object:
    if isinstance(value, str):
        return spreadsheet_text(one_line(value))
    return "" if value is None else value
