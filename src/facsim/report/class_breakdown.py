"""The action types and categories of a report's runs, in display order, with their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from facsim.metrics import Estimate
from facsim.metrics.estimate import TableRow
from facsim.report.report_data import ReportEntry

ClassKind = Literal["type", "category"]
CLASS_TABLES: Final[Mapping[ClassKind, str]] = {"type": "types", "category": "categories"}

_FIRST: Final = ("search", "filter", "product_click", "click", "type_and_submit")
_LAST: Final = ("other", "purchase", "terminate")


def classes(entries: Sequence[ReportEntry], kind: ClassKind) -> list[str]:
    """The types or categories that people or runs have, in the order in which they occur in a session.

    Categories that only one source has come before `other`, the most frequent first.
    """
    counts: dict[str, int] = {}
    for entry in entries:
        for row in entry.metrics.tables[CLASS_TABLES[kind]]:
            name = str(row[kind])
            counts[name] = max(counts.get(name, 0), int(row["true"] or 0))
    own = sorted(counts.keys() - {*_FIRST, *_LAST}, key=lambda name: (-counts[name], name))
    return [name for name in (*_FIRST, *own, *_LAST) if name in counts]


def true_classes(entries: Sequence[ReportEntry], kind: ClassKind) -> dict[str, int]:
    """The types or categories of the true actions, with their counts."""
    table = entries[0].metrics.tables[CLASS_TABLES[kind]]
    counts = {str(row[kind]): int(row["true"] or 0) for row in table}
    return {name: counts[name] for name in classes(entries, kind) if counts.get(name)}


def class_rows(entries: Sequence[ReportEntry], kind: ClassKind) -> dict[str, dict[str, TableRow]]:
    """By run and class, the row of the table in metrics.json."""
    table = CLASS_TABLES[kind]
    return {entry.name: {str(row[kind]): row for row in entry.metrics.tables[table]} for entry in entries}


def class_estimate(row: TableRow | None, column: str) -> Estimate | None:
    """A column of a row as an estimate; None if it has no value."""
    if row is None or row.get(column) is None:
        return None
    value, low, high = (row[name] for name in (column, f"{column}_low", f"{column}_high"))
    counted = row["predicted" if column == "predicted_share" else "true"]
    return Estimate(
        float(value or 0.0),
        None if low is None else float(low),
        None if high is None else float(high),
        int(counted or 0),
        0,
    )
