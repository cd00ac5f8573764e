"""Stored events to sessions: a data source like any other, read by the ingest.

Rules (documented for users in docs/how-to/record-a-study.md):

- Events are ordered by the installation's clock. Elapsed time follows the document's own clock, which is
  never set, or the time of day if that is later (a computer that slept).
- A session ends with `terminate` when the last tab on the study's sites is closed or goes elsewhere, with
  `purchase` when a confirming page opens, and is censored when the person pauses, stops, has a time forgotten
  or is away for longer than the study's pause, and when the recording just ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from facsim.data.card import Card
from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawSession, RawStep
from facsim.page import simplify
from facsim.page.element_lookup import elements_at
from facsim.record.event_store import EventStore
from facsim.record.events import (
    Consent,
    Control,
    Event,
    Failure,
    Forget,
    IdleClick,
    Leave,
    Navigate,
    Rationale,
    RecordedAction,
    Tab,
    TabEvent,
)
from facsim.record.study import Study
from facsim.schema import MASKED_TEXT, Action, Outcome
from facsim.util.errors import InputError
from facsim.util.progress import Progress

_QUOTE = r'(?:"|&(?:amp;)*quot;)'


@dataclass(slots=True)
class _Step:
    """An action, or the leave that is a `terminate`, and what happened since the step before."""

    event: RecordedAction | Leave
    page: str
    at: float
    context: list[dict[str, Any]]
    tab: int | None
    is_terminate: bool = False


@dataclass(slots=True)
class _Visit:
    """A session being collected."""

    steps: list[_Step] = field(default_factory=list)
    context: list[dict[str, Any]] = field(default_factory=list)


class RecordedSessions:
    """The source `record`.

    Args:
        store: the recorded events.
        study: its sites, pauses and purchase pages.
        name: name of the data set.
    """

    name = "record"

    def __init__(self, store: EventStore, study: Study, name: str) -> None:
        self._store, self._study, self._name = store, study, name

    def card(self) -> Card:
        """Origin, consent and what was masked."""
        consents = 0
        masked = actions_masked = 0
        for installation in self._store.installations():
            for stored in self._store.events(installation):
                event = stored.event
                consents += isinstance(event, Consent)
                if isinstance(event, RecordedAction):
                    masked += event.masked
                    actions_masked += event.text == MASKED_TEXT
        study = self._study
        return Card(
            name=self._name,
            source=self.name,
            origin=f"{study.title}, recorded by {study.researcher} with the consent of the participants",
            licence=study.licence,
            settings={
                "study": study.for_participants(),
                "consents": consents,
                "texts masked in pages": masked,
                "typed texts masked": actions_masked,
            },
        )

    def sessions(self, report: IngestReport, progress: Progress) -> Iterator[RawSession]:
        """The sessions, person by person, in order."""
        installations = self._store.installations()
        report.count_read("installations", len(installations))
        report.count_read("events", self._store.count())
        report.count_read("actions", self._store.count("action"))
        for done, installation in enumerate(installations):
            progress(done, len(installations), "people")
            yield from _Reader(self._store, self._study, installation, report).sessions()
        progress(len(installations), len(installations), "people")


class _Reader:
    """Reads the sessions of one installation."""

    def __init__(self, store: EventStore, study: Study, installation: str, report: IngestReport) -> None:
        self._store, self._study, self._report = store, study, report
        self._installation = installation
        self._rationales: dict[str, str] = {}
        self._consent: Consent | None = None
        self._visit = _Visit()
        self._number = 0
        self._open: set[str] = set()  # documents in front of the person, in any tab
        self._gone: set[str] = set()  # documents whose tab was closed, or went to another site
        self._left: tuple[Leave, str, float] | None = None
        self._last_action: tuple[RecordedAction, str] | None = None
        self._tabs: dict[str, int] = {}
        self._numbers: dict[int, int] = {}
        self._clock = _ElapsedTime()
        self._last_outcome: Outcome | None = None

    def sessions(self) -> Iterator[RawSession]:
        for stored in self._store.events(self._installation):
            if isinstance(stored.event, Rationale):
                self._rationales[stored.event.action] = stored.event.text
            elif isinstance(stored.event, TabEvent):
                # Which tab a document is in may be noted after its first action.
                self._tabs[stored.event.doc] = stored.event.tab
        last = 0.0
        for stored in self._store.events(self._installation):
            event = stored.event
            at = self._clock.at(event)
            if at - last > self._study.pause_minutes * 60:
                yield from self._end_of_recording()
            last = at
            yield from self._read(event, stored.page, at)
        yield from self._end_of_recording()

    def _read(self, event: Event, page: str | None, at: float) -> Iterator[RawSession]:
        match event:
            case Control(kind="browser_closed"):
                yield from self._browser_closed()
            case Consent() | Control() | Forget():
                yield from self._close(censored=True)
                if isinstance(event, Consent):
                    self._consent = event
                self._open.clear()
                self._left = None
            case RecordedAction():
                assert page is not None
                self._open.add(event.doc)
                self._left = None
                self._last_action = (event, page)
                step = _Step(event, page, at, self._taken_context(), self._tab(event.doc))
                self._visit.steps.append(step)
            case Leave():
                assert page is not None
                self._open.discard(event.doc)
                self._left = (event, page, at)
                yield from self._leave_if_gone(event.doc)
            case Navigate():
                yield from self._navigate(event)
            case TabEvent():
                yield from self._tab_event(event)
            case _:
                self._note(event)

    def _navigate(self, event: Navigate) -> Iterator[RawSession]:
        self._left = None
        self._open.add(event.doc)
        if self._visit.steps and self._study.is_purchase(event.url):
            yield from self._close(outcome="purchase")
        else:
            self._visit.context.append(
                {"kind": "navigate", "how": event.how, "url": event.url, "tab": self._tab(event.doc)}
            )

    def _note(self, event: Event) -> None:
        """An event that only adds to the context or the report."""
        if isinstance(event, Tab) and event.doc in self._open:
            self._visit.context.append({"kind": "tab", "visible": event.visible, "tab": self._tab(event.doc)})
        elif isinstance(event, IdleClick):
            self._visit.context.append({"kind": "click on nothing", "tab": self._tab(event.doc)})
            self._report.note("click on nothing that can be acted on: kept as context")
        elif isinstance(event, Failure):
            self._report.note(f"the recorder failed in {event.where}: {event.message}")

    def _tab_event(self, event: TabEvent) -> Iterator[RawSession]:
        if event.kind == "document":
            if event.opener is not None:
                self._visit.context.append({"kind": "new tab", "tab": self._tab(event.doc)})
            return
        self._gone.add(event.doc)
        self._open.discard(event.doc)
        if self._open:
            self._visit.context.append({"kind": "tab closed", "tab": self._tab(event.doc)})
        yield from self._leave_if_gone(event.doc)
        if not self._open and self._left is None:
            yield from self._closed_without_leave(event.doc)

    def _browser_closed(self) -> Iterator[RawSession]:
        """The person closed the browser. If its pages could store that, the session has ended already."""
        if self._left is not None and not self._open:
            yield from self._end_of_recording()
        elif self._last_action is not None and self._last_action[0].doc in self._open:
            yield from self._closed_without_leave(self._last_action[0].doc)
        yield from self._close(censored=True)
        self._open.clear()
        self._left = None

    def _closed_without_leave(self, doc: str) -> Iterator[RawSession]:
        """A document was closed before the browser could store its page."""
        if self._last_action is None or self._last_action[0].doc != doc or not self._visit.steps:
            return
        self._report.note("page at closing is unknown: the page of the last action in the tab was used")
        yield from self._terminate(*self._last_action, self._clock.now)

    def _leave_if_gone(self, doc: str) -> Iterator[RawSession]:
        """The session ends if this was the last document and its tab is gone."""
        if self._left is not None and not self._open and doc in self._gone:
            yield from self._end_of_recording()

    def _end_of_recording(self) -> Iterator[RawSession]:
        """Nothing follows. If the last document was left, the person left; else the recording just ends."""
        if self._left is not None and not self._open:
            yield from self._terminate(*self._left)
        else:
            yield from self._close(censored=True)

    def _terminate(self, event: RecordedAction | Leave, page: str, at: float) -> Iterator[RawSession]:
        step = _Step(event, page, at, self._taken_context(), self._tab(event.doc), is_terminate=True)
        self._visit.steps.append(step)
        self._left = None
        yield from self._close(outcome="terminate")

    def _close(self, *, outcome: Outcome | None = None, censored: bool = False) -> Iterator[RawSession]:
        visit, self._visit = self._visit, _Visit()
        steps = visit.steps
        previous, self._last_outcome = self._last_outcome, outcome
        if not steps or self._consent is None:
            return
        if previous == "purchase" and not any(not step.is_terminate for step in steps):
            return  # closing the window after a purchase
        self._number += 1
        consent = self._consent
        start = steps[0].at
        where = f"{consent.participant}, session {self._number}"
        yield RawSession(
            session_id=f"{self._installation[:12]}-{self._number}",
            user_id=consent.participant,
            steps=(self._raw_step(step, start, f"{where}, step {place}") for place, step in enumerate(steps)),
            persona="\n".join(f"{line['question']} {line['answer']}" for line in consent.persona) or None,
            intent=consent.intent or None,
            outcome=outcome,
            site=urlsplit(steps[0].event.url).hostname,
            censored=censored,
            where=where,
        )

    def _raw_step(self, step: _Step, start: float, where: str) -> RawStep:
        event = step.event
        html = self._store.html(step.page)
        action = Action.terminate()
        submitted = None
        rationale = None
        if isinstance(event, RecordedAction):
            html = without_mark(html, event.mark)
        if isinstance(event, RecordedAction) and not step.is_terminate:
            name = self._target(event, self._store.html(step.page), where)
            rationale = self._rationales.get(event.id)
            if event.action == "click":
                action = Action.click(name)
            else:
                action = Action.type_and_submit(name, event.text or "")
                submitted = event.submitted
                if event.text == MASKED_TEXT:
                    self._report.note("typed text was masked in the page: its true value is unknown", where)
        return RawStep(
            html=html,
            action=action,
            rationale=rationale,
            rationale_source="human" if rationale else None,
            timestamp=self._clock.timestamp(step.at),
            elapsed=round(step.at - start, 3),
            url=event.url,
            submitted=submitted,
            context=json.dumps(_context(step)),
            where=where,
        )

    def _target(self, event: RecordedAction, html: str, where: str) -> str | None:
        """The name of the acted element."""
        value = event.mark if event.option is None else f"{event.mark}.{event.option}"
        try:
            found = elements_at(html, [f'[data-facsim-target="{value}"]'], page=simplify(html))[0]
        except InputError:
            return None  # the ingest refuses the page itself
        if found is None or isinstance(found, str):
            self._report.note("the acted element has no name on its page", f"{where}: {event.label}")
            return None
        return found.name

    def _taken_context(self) -> list[dict[str, Any]]:
        context, self._visit.context = self._visit.context, []
        return context

    def _tab(self, doc: str) -> int | None:
        """Tabs are numbered from 1 in the order in which they appear."""
        tab = self._tabs.get(doc)
        return None if tab is None else self._numbers.setdefault(tab, len(self._numbers) + 1)


def _context(step: _Step) -> dict[str, Any]:
    """What else was recorded with a step."""
    event = step.event
    context: dict[str, Any] = {
        "scroll": event.scroll.model_dump(),
        "title": event.title,
        "masked": event.masked,
    }
    if step.tab is not None:
        context["tab"] = step.tab
    if isinstance(event, RecordedAction) and event.new_tab and not step.is_terminate:
        context["opens"] = "new tab"
    if step.context:
        context["before"] = step.context
    return context


class _ElapsedTime:
    """Seconds since the first event, never decreasing."""

    def __init__(self) -> None:
        self.now = 0.0
        self._origin: float | None = None
        self._last = 0.0
        self._documents: dict[str, tuple[float, float]] = {}

    def at(self, event: Event) -> float:
        """The time of an event, which must follow those asked for before."""
        if self._origin is None:
            self._origin = self._last = event.time
        now = self.now + max(0.0, event.time - self._last) / 1000
        mono, doc = getattr(event, "mono", None), getattr(event, "doc", None)
        if mono is not None and doc is not None:
            if doc in self._documents:
                earlier, at = self._documents[doc]
                now = max(now, at + (mono - earlier) / 1000)
            self._documents[doc] = (mono, now)
        self.now, self._last = now, event.time
        return now

    def timestamp(self, at: float) -> datetime:
        """The time of day at `at`, by the clock as it was at the first event."""
        return datetime.fromtimestamp((self._origin or 0.0) / 1000, UTC) + timedelta(seconds=at)


def without_mark(html: str, mark: str) -> str:
    """A page without the attribute that marks the acted element, also in frames, where quotes are escaped."""
    return re.sub(rf" data-facsim-target={_QUOTE}{re.escape(mark)}(?:\.\d+)?{_QUOTE}", "", html)
