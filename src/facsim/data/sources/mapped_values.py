"""The values of a mapped log's rows, as text."""

from __future__ import annotations

from collections.abc import Sequence

from facsim.data.ingest_report import IngestReport
from facsim.data.mapping import ColumnMapping, FieldMapping
from facsim.data.sources import SessionRefused
from facsim.data.sources.rows import LogRow


def text_of(row: LogRow, field: FieldMapping | None, what: str) -> str | None:
    """The value of a field as text, after its value map. None if there is no field or it is null.

    Raises:
        SessionRefused: if it is a list or an object.
    """
    if field is None:
        return None
    if field.columns:
        parts = [text_of(row, FieldMapping(column=column), what) for column in field.columns]
        joined = "-".join(part for part in parts if part)
        return field.values.get(joined, joined) if all(parts) else None
    if field.column is None:
        return field.constant
    value = row.get(field.column)
    if value is None:
        return None
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float) and value.is_integer():
        text = str(int(value))
    elif isinstance(value, (str, int, float)):
        text = str(value)
    else:
        raise SessionRefused(f"{what} holds {type(value).__name__}, expected text", row.where)
    return field.values.get(text, text)


def url_and_event(row: LogRow, mapping: ColumnMapping) -> tuple[str | None, str | None]:
    """What rules look at: the address, and the event as the log writes it."""
    kind = mapping.action.type.model_copy(update={"values": {}})
    return text_of(row, mapping.url, "url"), text_of(row, kind, "action type")


def values_of(rows: Sequence[LogRow], field: FieldMapping | None, what: str) -> list[str]:
    """The distinct values in the rows of a session, in order, without nulls and empty texts."""
    return list(dict.fromkeys(text for row in rows if (text := text_of(row, field, what))))


def one_value(rows: Sequence[LogRow], field: FieldMapping, what: str, where: str) -> str:
    """A required value that must be the same in every row of a session."""
    values = values_of(rows, field, what)
    if not values:
        raise SessionRefused(f"{what} is null in every row", where)
    if len(values) > 1:
        raise SessionRefused(f"rows of one session differ in {what}", where)
    return values[0]


def first_value(
    rows: Sequence[LogRow], field: FieldMapping | None, what: str, report: IngestReport, where: str
) -> str | None:
    """The first of the values in the rows of a session; None if there is none. Others are counted."""
    values = values_of(rows, field, what)
    if len(values) > 1:
        report.repair(f"rows of one session differ in {what}: the first one counts", where)
    return values[0] if values else None
