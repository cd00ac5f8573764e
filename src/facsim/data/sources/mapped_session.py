"""Sessions of a mapped log: from rows to `RawSession`s, or the reason for a refusal."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from typing import cast, get_args
from zoneinfo import ZoneInfo

from facsim.data.event_rules import EventRules
from facsim.data.ingest_report import IngestReport
from facsim.data.mapping import SKIP, TYPE_VALUES, ColumnMapping, FieldMapping, TimeMapping
from facsim.data.sources import PAGE_OF_NO_PAGES, RawSession, RawStep, SessionRefused
from facsim.data.sources.element_boxes import BoxedElement
from facsim.data.sources.mapped_targets import boxed_element, place_fields, target_name, target_selector
from facsim.data.sources.mapped_values import first_value, one_value, text_of, url_and_event, values_of
from facsim.data.sources.page_files import PageFiles
from facsim.data.sources.rows import LogRow
from facsim.data.sources.timestamps import is_date, read_time
from facsim.schema import ACTION_TYPES, Action, ActionType, Outcome

DEFAULT_GAP = 30.0
"""Minutes: the pause that ends a session if a log has no session ids, as in web analytics."""

_NO_TIME_OF_DAY = "time is a date without a time of day: kept as midnight UTC, elapsed time unknown"
_UNREADABLE_TIME = "time cannot be read (expected ISO 8601, or seconds since 1970)"
_PERHAPS_TWICE = "row equals another one, without a time or step id that distinguishes them: kept"


@dataclass(frozen=True, slots=True)
class _Event:
    """A row that is a step, with its sort keys; and the row with the final text of merged keystrokes."""

    row: LogRow
    type: ActionType
    number: float | None
    time: datetime | None
    has_time_of_day: bool = True
    text_row: LogRow | None = None


def read_sessions(
    key: str, rows: Sequence[LogRow], mapping: ColumnMapping, report: IngestReport, pages: PageFiles
) -> Iterator[RawSession]:
    """The sessions in the rows of one session id or user; several if there are pauses.

    Raises:
        SessionRefused: if the rows are not a valid session.
    """
    where = f"{rows[0].where} (session {key})"
    rows = _without_known_ids(rows, mapping, report)
    events = [event for row in rows if (event := _event(row, mapping, report))]
    if not events:
        raise SessionRefused("session without steps", where)
    events = _sorted_events(events, mapping, report, where)
    has_id = any(text_of(row, mapping.session, "session") for row in rows)
    cut = _cut_at_pauses(events, mapping.gap if has_id else mapping.gap or DEFAULT_GAP)
    # After the split: typing that continues after a pause belongs to a new session.
    parts = [_joined_keystrokes(part, mapping, report) for part in cut]
    if len(parts) > 1:
        kind = f"session cut at a pause of more than {(mapping.gap or DEFAULT_GAP):g} minutes"
        report.repair(kind, where, times=len(parts) - 1)
    user = _user(key, rows, mapping, report, where)
    persona = first_value(rows, mapping.persona, "persona", report, where)
    site = first_value(rows, mapping.site, "site", report, where)
    split = one_value(rows, mapping.split, "split", where) if mapping.split else None
    rows_of_parts = [rows] if len(cut) == 1 else _rows_of_parts(rows, cut, mapping)
    for number, (part, own) in enumerate(zip(parts, rows_of_parts, strict=True), start=1):
        outcome = _outcome(own, mapping, report, where)
        yield RawSession(
            session_id=key if number == 1 else f"{key}#{number}",
            user_id=user,
            # A list, not a generator: an error in the last row must be found before the session is used.
            steps=[_step(event, part[0], mapping, report, pages) for event in part],
            persona=persona,
            intent=first_value(own, mapping.intent, "intent", report, where),
            outcome=outcome,
            site=site,
            official_split=split,
            # The recording stops early: neither leaving nor an outcome was recorded.
            censored=outcome is None and part[-1].type != "terminate",
            where=where,
        )


def _without_known_ids(
    rows: Sequence[LogRow], mapping: ColumnMapping, report: IngestReport
) -> Sequence[LogRow]:
    """The rows without those whose event id was there before: trackers send an event again."""
    if mapping.event_id is None:
        return rows
    seen: set[str] = set()
    kept: list[LogRow] = []
    for row in rows:
        event_id = text_of(row, mapping.event_id, "event id")
        if event_id and event_id in seen:
            report.repair("event id was there before: left out", row.where)
            continue
        seen.add(event_id or "")
        kept.append(row)
    return kept


def _user(key: str, rows: Sequence[LogRow], mapping: ColumnMapping, report: IngestReport, where: str) -> str:
    """The user of a session. Without one, the session counts as a separate user."""
    values = values_of(rows, mapping.user, "user")
    if not values:
        report.note("session without a user: counted as a person of its own", where)
        return f"session {key}"
    if len(values) > 1:
        raise SessionRefused("rows of one session differ in user", where)
    return values[0]


def _cut_at_pauses(events: list[_Event], gap: float | None) -> list[list[_Event]]:
    """The events, split between neighbours that are more than `gap` minutes apart."""
    parts = [events[:1]]
    for before, event in pairwise(events):
        apart = (event.time - before.time).total_seconds() if event.time and before.time else 0.0
        if gap is not None and apart > gap * 60 and event.has_time_of_day:
            parts.append([])
        parts[-1].append(event)
    return parts


def _rows_of_parts(
    rows: Sequence[LogRow], parts: Sequence[Sequence[_Event]], mapping: ColumnMapping
) -> list[list[LogRow]]:
    """The rows of each part: its steps, and the rows skipped by the mapping that were logged during it."""
    part_of = {id(event.row): place for place, part in enumerate(parts) for event in part}
    starts = sorted((part[0].time, place) for place, part in enumerate(parts) if part[0].time)
    times = [time for time, _ in starts]
    latest = list(accumulate((place for _, place in starts), max))
    found: list[list[LogRow]] = [[] for _ in parts]
    for row in rows:
        place = part_of.get(id(row))
        if place is None:
            time = _readable_time(row, mapping)
            begun = bisect_right(times, time) if time else 0
            place = latest[begun - 1] if begun else 0
        found[place].append(row)
    return found


def _readable_time(row: LogRow, mapping: ColumnMapping) -> datetime | None:
    field = mapping.time
    if field is None or field.column is None:
        return None
    try:
        return _time_of(row.get(field.column), field)
    except ValueError:
        return None


def _joined_keystrokes(events: list[_Event], mapping: ColumnMapping, report: IngestReport) -> list[_Event]:
    """Merge the rows of typing into one field, one per keystroke, into one step with the final text.

    Rows are merged if they are neighbours with the same page and target, and each text extends or shortens
    the previous one.
    """
    kept: list[_Event] = []
    for event in events:
        before = kept[-1] if kept else None
        if before is not None and _goes_on(before, event, mapping):
            kept[-1] = replace(before, text_row=event.row)
            report.repair("keystrokes in one field: rows joined", event.row.where)
        else:
            kept.append(event)
    return kept


def _goes_on(before: _Event, event: _Event, mapping: ColumnMapping) -> bool:
    """Whether an event is the next keystroke after the previous event."""
    if before.type != "type_and_submit" or event.type != "type_and_submit":
        return False
    one, other = before.row, event.row
    columns = [column for field in place_fields(mapping) for column in field.sources]
    if mapping.page.source is not None:
        columns.append(mapping.page.source)
    if any(one.get(column) != other.get(column) for column in columns):
        return False
    old = text_of(before.text_row or one, mapping.action.text, "typed text") or ""
    new = text_of(other, mapping.action.text, "typed text") or ""
    return old != new and (new.startswith(old) or old.startswith(new))


def _event(row: LogRow, mapping: ColumnMapping, report: IngestReport) -> _Event | None:
    found = text_of(row, mapping.action.type, "action type")
    if found is None:
        raise SessionRefused("action type is null", row.where)
    meant = found if found in ACTION_TYPES else TYPE_VALUES.get(found, found)
    if meant == SKIP:
        report.count_read("rows skipped by the mapping")
        return None
    if meant not in ACTION_TYPES:
        raise SessionRefused(f"action type {found!r} is not in the mapping", row.where)
    time = _time(row, mapping, report)
    of_day = True
    if time is not None and mapping.time is not None and is_date(row.get(mapping.time.column or "")):
        report.note(_NO_TIME_OF_DAY, row.where)
        of_day = False
    return _Event(row, meant, _number(row, mapping.step), time, of_day)


def _number(row: LogRow, field: FieldMapping | None) -> float | None:
    text = text_of(row, field, "step")
    if field is None:
        return None
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SessionRefused("step id is not a number", row.where)
    return number


def _time(row: LogRow, mapping: ColumnMapping, report: IngestReport) -> datetime | None:
    if mapping.time is None or mapping.time.column is None:
        return None
    value = row.get(mapping.time.column)
    if value is None or value == "":
        return None
    try:
        return _time_of(value, mapping.time)
    except ValueError:
        if mapping.step is None:
            raise SessionRefused(f"{_UNREADABLE_TIME}, and the steps are ordered by it", row.where) from None
        report.repair(f"{_UNREADABLE_TIME}: left out, the step ids order the steps", row.where)
        return None


def _time_of(value: object, field: TimeMapping) -> datetime:
    zone = ZoneInfo(field.zone) if field.zone else UTC
    return read_time(value, zone=zone, unit=field.unit)


def _sorted_events(
    events: list[_Event], mapping: ColumnMapping, report: IngestReport, where: str
) -> list[_Event]:
    if mapping.step is not None:
        events = _without_twins(sorted(events, key=lambda event: event.number or 0.0), report)
    else:
        events = _without_duplicates(events, report)
    times = [event.time for event in events]
    known = [time for time in times if time is not None]
    if known == sorted(known):
        return events
    if mapping.step is not None:
        report.note("times decrease while step ids increase: kept", where)
        return events
    if len(known) < len(times):
        report.note("times out of order, and some missing: order of the rows kept", where)
        return events
    report.repair("times out of order: steps sorted by time", where)
    return sorted(events, key=lambda event: cast(datetime, event.time))


def _without_duplicates(events: list[_Event], report: IngestReport) -> list[_Event]:
    """Drops rows that equal an earlier one in every column, including the time."""
    seen: dict[tuple[str, datetime | None, str | None], list[_Event]] = {}
    kept: list[_Event] = []
    for event in events:
        same = seen.setdefault((event.type, event.time, event.row.digest), [])
        if any(other.row.values == event.row.values for other in same):
            if event.time is not None and event.has_time_of_day:
                report.repair("row equals another one, time included: left out", event.row.where)
                continue
            report.note(_PERHAPS_TWICE, event.row.where)
        same.append(event)
        kept.append(event)
    return kept


def _without_twins(events: list[_Event], report: IngestReport) -> list[_Event]:
    """Drops a row that equals the previous row with the same step id."""
    kept: list[_Event] = []
    for event in events:
        if kept and kept[-1].number == event.number:
            if kept[-1].row.values != event.row.values:
                raise SessionRefused("two different rows have the same step id", event.row.where)
            report.repair("row occurs twice under one step id: one left out", event.row.where)
            continue
        kept.append(event)
    return kept


def _step(
    event: _Event, start: _Event, mapping: ColumnMapping, report: IngestReport, pages: PageFiles
) -> RawStep:
    row = event.row
    rationale = text_of(row, mapping.rationale, "rationale") or None
    target = mapping.action.target
    boxed = None if event.type == "terminate" else boxed_element(row, mapping, report)
    return RawStep(
        html=_page(row, mapping, pages),
        action=_action(event, mapping, report, boxed),
        simplified=mapping.page.kind != "raw",
        selector=target_selector(row, mapping, report, boxed),
        target_text=text_of(row, target.text if target else None, "target") or None,
        target_role=text_of(row, target.role if target else None, "target role") or None,
        category=_category(row, mapping),
        rationale=rationale,
        rationale_source=mapping.rationale_source if rationale else None,
        timestamp=event.time,
        elapsed=_elapsed(event, start),
        url=text_of(row, mapping.url, "url") or None,
        where=row.where,
    )


def _page(row: LogRow, mapping: ColumnMapping, pages: PageFiles) -> str:
    if mapping.page.source is None:
        return PAGE_OF_NO_PAGES
    page = row.get(mapping.page.source)
    if page is None:
        raise SessionRefused("page is null", row.where)
    if not isinstance(page, str):
        raise SessionRefused(f"page holds {type(page).__name__}, expected HTML", row.where)
    if mapping.page.file is None:
        return page
    try:
        return pages.read(page)
    except ValueError as error:
        raise SessionRefused(str(error), f"{row.where}: {page}") from None


def _category(row: LogRow, mapping: ColumnMapping) -> str | None:
    if isinstance(mapping.category, EventRules):
        return mapping.category.label([url_and_event(row, mapping)])
    return text_of(row, mapping.category, "category") or None


def _elapsed(event: _Event, start: _Event) -> float | None:
    """Seconds since the session began; None if a time is missing or has only a date."""
    if event.time is None or start.time is None or not (event.has_time_of_day and start.has_time_of_day):
        return None
    return (event.time - start.time).total_seconds()


def _action(
    event: _Event, mapping: ColumnMapping, report: IngestReport, boxed: BoxedElement | None
) -> Action:
    if event.type == "terminate":
        return Action.terminate()
    name = target_name(event.row, mapping, boxed)
    if event.type == "click":
        return Action.click(name)
    text = text_of(event.text_row or event.row, mapping.action.text, "typed text")
    if text is None:
        report.repair("typed text is null: read as empty", event.row.where)
    return Action.type_and_submit(name, text or "")


def _outcome(
    rows: Sequence[LogRow], mapping: ColumnMapping, report: IngestReport, where: str
) -> Outcome | None:
    if isinstance(mapping.outcome, EventRules):
        return cast(Outcome | None, mapping.outcome.label(url_and_event(row, mapping) for row in rows))
    values = values_of(rows, mapping.outcome, "outcome")
    if len(values) > 1:
        report.repair("rows of one session differ in outcome: the last one counts", where)
    if not values:
        return None
    if values[-1] not in get_args(Outcome):
        raise SessionRefused(f"outcome {values[-1]!r} is neither purchase nor terminate", where)
    return cast(Outcome, values[-1])
