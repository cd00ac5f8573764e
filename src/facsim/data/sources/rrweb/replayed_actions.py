"""From the events of a recording to a person's actions.

- A click is a click. Its page is that of the moment when the button went down, if this was recorded. The
  click that browsers pass on from a label to its control is the same action. The click that browsers send
  to the submit button when Enter is pressed in a field is no action: the typing before it was submitted.
- The inputs into one text field are one `type_and_submit` with the last text. It ends when the person leaves
  the field, clicks, types elsewhere, or gets a new page. Its page is that before the first input.
- A choice in a `select` is a click on the option; the click that opened the list belongs to it.
- What the page itself put into a field is not an action: inputs with `userTriggered: false`, and, where the
  recorder does not say, inputs into a field without focus.
- Mouse moves, scrolls, taps without a click, and focus alone are not actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin

from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawStep
from facsim.data.sources.rrweb.dom_node import DomNode, option_value
from facsim.data.sources.rrweb.dom_writer import DomWriter, id_selector, selector_of
from facsim.data.sources.rrweb.event_spool import (
    CUSTOM,
    FULL_SNAPSHOT,
    INCREMENTAL,
    INPUT,
    META,
    MOUSE_INTERACTION,
    MUTATION,
    ReplayedEvent,
)
from facsim.data.sources.rrweb.form_controls import control_of, form_of, is_field, is_submit_button, label_of
from facsim.data.sources.rrweb.recorded_dom import RecordedDom
from facsim.schema import MASKED_TEXT, Action

MOUSE_DOWN, CLICK, FOCUS, BLUR, TOUCH_START = 1, 2, 5, 6, 7
"""Types of mouse interactions (rrweb's `MouseInteractions`)."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_PRESS_MS: Final = 5_000
_SAME_ACTION_MS: Final = 1_000
_MASKS: Final = frozenset("*•●")

MASKED = "typed text is masked: unknown"
NO_NODE = "action on a node that is not in the recording: kept without a target"
NO_PAGE = "action before the first full snapshot: left out"
BY_PAGE = "input into a field without focus: taken as the page's own, no action"
EMPTIED = "field emptied at once: taken as the page's answer to submitting"
EVENT_DAMAGED = "event is not as documented: left out"


@dataclass(frozen=True, slots=True)
class TimedStep:
    """A step, and when it happened in milliseconds since 1970."""

    time: float
    step: RawStep


@dataclass(slots=True)
class _Typing:
    """Typing in progress: the field, its page before the first input, and the text so far."""

    node: int
    time: float
    html: str
    url: str | None
    text: str
    is_submitted: bool | None = None
    form: int | None = None


@dataclass(slots=True)
class _Press:
    """A button that went down: on what, when, and the page at that moment."""

    node: int
    time: float
    html: str


class WindowReplay:
    """A browser tab while its events are replayed.

    Args:
        report: receives what was met.
        where: the recording, for messages.
        targets: ids of the nodes that were acted on.
    """

    def __init__(self, report: IngestReport, where: str, targets: frozenset[int]) -> None:
        self._report, self._where = report, where
        self.dom = RecordedDom()
        self._writer = DomWriter(self.dom, targets)
        self.url: str | None = None
        self._typing: _Typing | None = None
        self._held: tuple[int, TimedStep] | None = None  # a click that may only have opened a select
        self._press: _Press | None = None
        self._has_presses = False
        self._focused: int | None = None  # 0: nothing; None: unknown
        self._echo: tuple[int, float] | None = None  # control that a label's click is passed on to
        self._chosen: int | None = None  # select whose option was clicked

    def replay(self, found: ReplayedEvent) -> Iterator[TimedStep]:
        """Apply an event; yields the actions that are complete by it."""
        event = found.event
        if event is None:
            return
        kind, data = event.get("type"), event.get("data")
        if not isinstance(data, dict):
            self._report.repair(EVENT_DAMAGED, self._where)
            return
        if kind == META:
            yield from self._meta(data)
        elif kind == FULL_SNAPSHOT:
            yield from self._snapshot(data)
        elif kind == CUSTOM:
            self._custom(data)
        elif kind == INCREMENTAL:
            source = data.get("source")
            if source == MUTATION:
                self.dom.mutate(data)
            elif source == MOUSE_INTERACTION:
                yield from self._mouse(data, found.time)
            elif source == INPUT:
                yield from self._input(data, found.time)
        for kind_of_problem, times in self.dom.problems.items():
            self._report.repair(kind_of_problem, self._where, times=times)
        self.dom.problems.clear()

    def finish(self) -> Iterator[TimedStep]:
        """The actions in progress, as far as they came."""
        if self._held is not None:
            step, self._held = self._held[1], None
            yield step
        typing, self._typing = self._typing, None
        if typing is not None:
            yield self._typed(typing)

    def _meta(self, data: dict[str, Any]) -> Iterator[TimedStep]:
        width, href = data.get("width"), data.get("href")
        if isinstance(width, (int, float)) and width > 0:
            self._writer.width = float(width)
        if isinstance(href, str) and href != self.url:
            yield from self.finish()
            if self.url is not None:
                self._report.count_read("navigations")
            self.url, self._focused = href, None  # the new page may set the focus before it is recorded

    def _snapshot(self, data: dict[str, Any]) -> Iterator[TimedStep]:
        # A checkout in the middle of typing goes on; on another page it ends.
        before = self._typing.node if self._typing else None
        if not self.dom.load(data.get("node")):
            return
        self._report.count_read("snapshots")
        self._press = self._echo = self._chosen = None
        if self._focused is not None and self._focused not in self.dom.nodes:
            self._focused = None
        if before is not None and not is_field(self.dom.nodes.get(before)):
            yield from self.finish()

    def _custom(self, data: dict[str, Any]) -> None:
        """An address that changed without a new document."""
        payload = data.get("payload")
        if not isinstance(payload, dict):
            return
        if data.get("tag") == "breadcrumb":
            inner = payload.get("data")
            if payload.get("category") != "navigation" or not isinstance(inner, dict):
                return
            payload = {"href": inner.get("to")}
        href = payload.get("href")
        if isinstance(href, str) and href:
            try:
                self.url = urljoin(self.url or "", href)
            except ValueError:
                self._report.repair(EVENT_DAMAGED, self._where)

    def _mouse(self, data: dict[str, Any], time: float) -> Iterator[TimedStep]:
        kind, number = data.get("type"), data.get("id")
        if not isinstance(number, int):
            self._report.repair(EVENT_DAMAGED, self._where)
        elif kind in (MOUSE_DOWN, TOUCH_START):
            self._has_presses = True
            node = self.dom.nodes.get(number)
            html = self._writer.html_around(node) if node is not None else ""
            self._press = _Press(number, time, html) if html else None
            self._echo = None
        elif kind == FOCUS:
            self._focused = number
        elif kind == BLUR:
            if self._focused in (number, None):
                self._focused = 0
            if self._typing is not None and self._typing.node == number:
                yield from self.finish()
        elif kind == CLICK:
            yield from self._click(data, number, time)

    def _click(self, data: dict[str, Any], number: int, time: float) -> Iterator[TimedStep]:
        press, self._press = self._press, None
        if self._echo is not None and press is None:
            expected, when = self._echo
            if number == expected and time - when <= _SAME_ACTION_MS:
                self._echo = None
                return
        node = self.dom.nodes.get(number)
        if press is None and self._is_implicit_submission(node, data):
            assert self._typing is not None
            self._typing.is_submitted = True
            yield from self.finish()
            return
        if self.dom.root is None:
            self._report.repair(NO_PAGE, self._where)
            return
        yield from self.finish()
        if node is None:
            self._report.repair(NO_NODE, self._where)
            yield self._timed(Action.click(None), time, self._writer.html())
            return
        html = self._writer.html_around(node)
        if press is not None and press.node == number and 0 <= time - press.time <= _LONGEST_PRESS_MS:
            html = press.html
        label = label_of(node)
        control = control_of(label) if label is not None else None
        target = node
        if label is not None and control is not None:
            self._echo = (control.id, time)
            # Sites hide checkboxes and show their labels; then the label has the name.
            target = label if self._writer.is_hidden(control) else control
        found = self._timed(Action.click(None), time, html, selector_of(target))
        if node.tag == "select":
            self._held = (node.id, found)
            return
        if node.tag == "option":
            select = next((one for one in node.ancestors() if one.tag == "select"), None)
            self._chosen = select.id if select is not None else None
        yield found

    def _is_implicit_submission(self, node: DomNode | None, data: dict[str, Any]) -> bool:
        """Whether a click is that of the browser on a form's button, since Enter was pressed in a field."""
        typing = self._typing
        if typing is None or node is None or typing.form is None or not is_submit_button(node):
            return False
        at_origin = data.get("x") in (0, None) and data.get("y") in (0, None)
        return (self._has_presses or at_origin) and typing.form == form_of(node, self.dom.root)

    def _input(self, data: dict[str, Any], time: float) -> Iterator[TimedStep]:
        number, text = data.get("id"), data.get("text")
        node = self.dom.nodes.get(number) if isinstance(number, int) else None
        if not isinstance(number, int) or not isinstance(text, str):
            self._report.repair(EVENT_DAMAGED, self._where)
            return
        if node is None:
            self._report.repair(NO_NODE if self.dom.root is not None else NO_PAGE, self._where)
            return
        by_person = self._is_by_person(node, data)
        told = isinstance(data.get("userTriggered"), bool)
        if node.tag == "select":
            yield from self._choice(node, text, time, by_person=by_person, told=told)
        elif is_field(node):
            yield from self._keystroke(node, text, time, by_person=by_person, told=told)
        self.dom.set_value(node, text, checked=data.get("isChecked") is True)

    def _is_by_person(self, node: DomNode, data: dict[str, Any]) -> bool:
        triggered = data.get("userTriggered")
        if isinstance(triggered, bool):
            return triggered
        return self._focused in (node.id, None) or (self._typing is not None and self._typing.node == node.id)

    def _choice(
        self, select: DomNode, text: str, time: float, *, by_person: bool, told: bool
    ) -> Iterator[TimedStep]:
        held, self._held = self._held, None
        chosen, self._chosen = self._chosen, None
        if chosen == select.id:
            return
        if held is not None and (held[0] != select.id or not by_person):
            yield held[1]
            held = None
        if not by_person:
            if not told:
                self._report.note(BY_PAGE, self._where)
            return
        yield from self.finish()
        option = next(
            (one for one in select.descendants() if one.tag == "option" and option_value(one) == text), None
        )
        target = option if option is not None else select
        html = held[1].step.html if held is not None else self._writer.html_around(select)
        yield self._timed(
            Action.click(None), held[1].time if held is not None else time, html, selector_of(target)
        )

    def _keystroke(
        self, node: DomNode, text: str, time: float, *, by_person: bool, told: bool
    ) -> Iterator[TimedStep]:
        """An input into a text field. `told`: the recorder says whether it was the person."""
        typing = self._typing
        if typing is not None and typing.node == node.id:
            # Keys take back one character at a time, but sites empty a field after Enter.
            if not text and (not by_person or (not told and len(typing.text) > 1)):
                if not told:
                    self._report.note(EMPTIED, self._where)
                yield from self.finish()
            elif by_person:
                typing.text = text
        elif text != node.attributes.get("value", ""):
            if by_person:
                yield from self.finish()
                html = self._writer.html_around(node)
                self._typing = _Typing(node.id, time, html, self.url, text, form=form_of(node, self.dom.root))
            elif text and not told:
                self._report.note(BY_PAGE, self._where)

    def _typed(self, typing: _Typing) -> TimedStep:
        text = typing.text
        if text.strip() and _MASKS.issuperset("".join(text.split())):
            self._report.note(MASKED, self._where)
            text = MASKED_TEXT
        action = Action.type_and_submit(None, text)
        found = self._timed(action, typing.time, typing.html, id_selector(typing.node))
        return TimedStep(found.time, replace(found.step, url=typing.url, submitted=typing.is_submitted))

    def _timed(self, action: Action, time: float, html: str, selector: str | None = None) -> TimedStep:
        return TimedStep(
            time,
            RawStep(
                html=html,
                action=action,
                selector=selector,
                timestamp=time_of(time),
                url=self.url,
                where=f"{self._where}, {time_of(time):%Y-%m-%d %H:%M:%S}",
            ),
        )


def time_of(milliseconds: float) -> datetime:
    """A time in UTC from milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def is_by_person(event: dict[str, Any] | None) -> bool:
    """Whether an event shows that a person is there."""
    if event is None:
        return True
    data = event.get("data")
    if event.get("type") != INCREMENTAL or not isinstance(data, dict):
        return False
    source = data.get("source")
    return source == MOUSE_INTERACTION or (source == INPUT and data.get("userTriggered") is not False)
