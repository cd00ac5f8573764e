"""From the calls in a Playwright trace to actions.

- `click`, `dblclick`, `tap`, `check`, `uncheck` and choosing files are clicks; `selectOption` is a click on
  the option; Enter or Space on something that is no field is a click on it.
- `fill`, `type` (`pressSequentially`) and single keys in one field are one `type_and_submit`; Enter ends it.
- Failed calls are not actions. Neither are navigation, waiting, reading and hovering.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawStep
from facsim.data.sources.playwright_trace.frame_snapshots import (
    OPTION,
    TARGET,
    FrameSnapshots,
    RenderedSnapshot,
    ShownTarget,
)
from facsim.schema import Action

_CLASSES: Final = frozenset({"Frame", "Page", "ElementHandle", "Locator"})
_CLICKS: Final = frozenset(
    {"click", "dblclick", "tap", "check", "uncheck", "setInputFiles", "setInputFilePaths"}
)
_TYPED: Final = frozenset({"fill", "type", "press"})
_NAVIGATIONS: Final = frozenset({"goto", "reload", "goBack", "goForward"})
_WITHOUT_TARGET: Final = frozenset(
    {"keyboardType", "keyboardInsertText", "keyboardPress", "mouseClick", "touchscreenTap", "dragAndDrop"}
)
_NOT_TYPED: Final = frozenset(
    ("checkbox", "radio", "button", "submit", "reset", "image", "file", "range", "color")
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = 253_402_300_799_000.0


@dataclass(slots=True)
class TracedCall:
    """A call of a script.

    Attributes:
        time: milliseconds since 1970; None if the trace does not say.
        failed: whether it ended in an error; None if it did not end.
    """

    id: str
    method: str
    params: dict[str, Any]
    time: float | None
    order: float
    failed: bool | None = None


@dataclass(slots=True)
class _Typing:
    key: tuple[str, object]
    step: RawStep
    text: str


def read_call(event: dict[str, Any], wall: float | None, monotonic: float | None) -> TracedCall | None:
    """Read a `before` or `action` event; None if it is no call on a page.

    Args:
        event: the event.
        wall: time of the context's start in milliseconds since 1970.
        monotonic: the same on the clock of the events.
    """
    found, start = event.get("callId"), event.get("startTime")
    method, params = event.get("method"), event.get("params")
    if event.get("class") not in _CLASSES or not isinstance(found, str) or not isinstance(method, str):
        return None
    order = float(start) if isinstance(start, (int, float)) else 0.0
    time = wall + order - monotonic if wall is not None and monotonic is not None else math.nan
    if _is_number(event.get("wallTime")):
        time = float(event["wallTime"])
    return TracedCall(
        found, method, params if isinstance(params, dict) else {}, time if 0 < time < _LAST else None, order
    )


def trace_steps(
    calls: Sequence[TracedCall], snapshots: FrameSnapshots, report: IngestReport, where: str
) -> Iterator[RawStep]:
    """The steps of a context, in the order of their calls."""
    reader = _StepReader(snapshots, report, where)
    for call in sorted(calls, key=lambda one: one.order):
        yield from reader.read(call)
    yield from reader.finish()


class _StepReader:
    def __init__(self, snapshots: FrameSnapshots, report: IngestReport, where: str) -> None:
        self._snapshots, self._report, self._where = snapshots, report, where
        self._typing: _Typing | None = None

    def read(self, call: TracedCall) -> Iterator[RawStep]:
        """The steps that are complete by a call."""
        where = f"{self._where}, {call.method} ({call.id})"
        if call.method in _NAVIGATIONS:
            yield from self.finish()
            self._report.count_read("navigations")
        if call.method not in _CLICKS | _TYPED | _WITHOUT_TARGET | {"selectOption"}:
            return
        if call.failed is not False:
            kind = "failed" if call.failed else "has no end"
            self._report.repair(f"action that {kind}: left out", where)
            return
        found = self._snapshots.main(call.id)
        if found is None:
            yield from self.finish()
            self._report.repair("action without a snapshot of its page: left out", where)
            return
        page = self._snapshots.render(*found)
        if call.method in _WITHOUT_TARGET:
            self._report.note("mouse or keyboard action without an element: kept without a target", where)
        step = self._step(call, page, found[0].url, where)
        if call.method in _TYPED:
            yield from self._typed(call, step, page.target)
            return
        yield from self.finish()
        yield step

    def finish(self) -> Iterator[RawStep]:
        """The typing in progress."""
        typing, self._typing = self._typing, None
        if typing is not None:
            yield replace(typing.step, action=Action.type_and_submit(None, typing.text))

    def _typed(self, call: TracedCall, step: RawStep, target: ShownTarget | None) -> Iterator[RawStep]:
        key = call.params.get("key") if call.method == "press" else None
        if call.method == "press" and not _is_field(target):
            yield from self.finish()
            if key in ("Enter", "Space", " "):
                yield step
            return
        field = (str(call.params.get("selector")), step.url)
        if self._typing is None or self._typing.key != field:
            yield from self.finish()
            if key is not None and key != "Enter" and len(str(key)) != 1:
                return  # a key that only moves
            self._typing = _Typing(field, replace(step, submitted=False), "")
        typing = self._typing
        if call.method == "fill":
            typing.text = str(call.params.get("value") or "")
        elif call.method == "type":
            typing.text += str(call.params.get("text") or "")
        elif key == "Enter":
            typing.step = replace(typing.step, submitted=True)
            yield from self.finish()
        elif key == "Backspace":
            typing.text = typing.text[:-1]
        elif isinstance(key, str) and len(key) == 1:
            typing.text += key

    def _step(self, call: TracedCall, page: RenderedSnapshot, url: str, where: str) -> RawStep:
        selector = f"[{TARGET}]" if page.target is not None else None
        if call.method == "selectOption" and page.target is not None:
            place = _chosen(call.params, page.target.options)
            if place is None:
                self._report.note("choice that is not among the options: taken as a click on the list", where)
            else:
                selector = f'[{OPTION}="{place}"]'
        return RawStep(
            html=page.html,
            action=Action.click(None),
            selector=selector,
            timestamp=None if call.time is None else _EPOCH + timedelta(milliseconds=call.time),
            url=url or None,
            where=where,
        )


def _chosen(params: dict[str, Any], options: Sequence[tuple[str, str]]) -> int | None:
    """The place of the option that `selectOption` chose, the first if there are several."""
    for wanted in params.get("options") or ():
        if not isinstance(wanted, dict):
            continue
        for place, (value, text) in enumerate(options):
            either = wanted.get("valueOrLabel")
            if either in (value, text) and either is not None:
                return place
            if wanted.get("value", value) != value or wanted.get("label", text) != text:
                continue
            if wanted.get("index", place) == place and wanted.keys() & {"value", "label", "index"}:
                return place
    return None


def _is_field(target: ShownTarget | None) -> bool:
    if target is None:
        return True
    kind = target.attributes.get("type", "text").lower()
    return (
        target.tag == "textarea"
        or (target.tag == "input" and kind not in _NOT_TYPED)
        or "contenteditable" in target.attributes
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
