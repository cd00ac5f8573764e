"""Playwright traces: what scripts did in a browser, with the page at every action.

A trace has a session for each browser context with actions. Scripts are no people: use such a data set to try
things out, or for sessions that people recorded with Playwright's tools. Sessions are censored, since the end
of a script says nothing of leaving.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from facsim.data.card import Card
from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawSession, RawStep, SessionRefused
from facsim.data.sources.playwright_trace.frame_snapshots import FrameSnapshot, FrameSnapshots
from facsim.data.sources.playwright_trace.trace_actions import TracedCall, read_call, trace_steps
from facsim.data.sources.playwright_trace.trace_file import EXPECTED, NEWEST, OLDEST, TraceFile
from facsim.util.errors import InputError
from facsim.util.progress import Progress


class PlaywrightTrace:
    """The traces at `path`: a zip file, or a folder of them.

    Raises:
        InputError: if there is none.
    """

    name = "playwright"

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        if self._path.is_file():
            self._files = [self._path]
        elif self._path.is_dir():
            self._files = sorted(self._path.rglob("*.zip"))
        else:
            raise InputError("no such file or folder", file=path, expected=EXPECTED)
        if not self._files:
            raise InputError("folder contains no traces", file=path, expected=EXPECTED)

    def card(self) -> Card:
        """Return the dataset card."""
        return Card(
            name=self._path.name.split(".")[0] or "traces",
            source=self.name,
            origin=f"Actions of scripts in Playwright traces, read from {self._path.name}",
        )

    def sessions(self, report: IngestReport, progress: Progress) -> Iterator[RawSession]:
        """Yield the sessions, trace by trace.

        Raises:
            InputError: if the only file is no trace.
        """
        for done, file in enumerate(self._files):
            progress(done, len(self._files), "traces")
            report.count_read("traces")
            try:
                with closing(TraceFile(file, report)) as trace:
                    yield from self._sessions_of(trace, file, report)
            except InputError as error:
                if len(self._files) == 1:
                    raise
                report.refuse(f"file that is no trace: {error.problem}", file.name)
        progress(len(self._files), len(self._files), "traces")

    def _sessions_of(self, trace: TraceFile, file: Path, report: IngestReport) -> Iterator[RawSession]:
        key = file.relative_to(self._path).with_suffix("").as_posix() if self._path.is_dir() else file.stem
        number = 0
        for name in trace.contexts:
            where = f"{file.name}, {name}"
            calls, snapshots = _read_context(trace, name, report, where)
            steps = trace_steps(calls, snapshots, report, where)
            try:
                first = next(steps, None)
            except SessionRefused as refusal:
                report.refuse(refusal.kind, refusal.where)
                continue
            if first is None:
                continue
            number += 1
            yield RawSession(
                session_id=key if number == 1 else f"{key}#{number}",
                user_id=f"trace {key}",
                site=_site_of(first.url),
                censored=True,
                steps=_timed(first, steps),
                where=where,
            )
        if not number:
            report.refuse("trace without an action on a page", file.name)


def _read_context(
    trace: TraceFile, name: str, report: IngestReport, where: str
) -> tuple[list[TracedCall], FrameSnapshots]:
    """The calls and snapshots of a context."""
    sheets: dict[str, str] = {}
    for event in trace.events(name.removesuffix(".trace") + ".network"):
        _learn_sheet(event, sheets)

    def css(address: str, snapshot: FrameSnapshot) -> str:
        return trace.css(snapshot.overrides.get(address) or sheets.get(address) or "")

    snapshots = FrameSnapshots(css)
    calls: dict[str, TracedCall] = {}
    wall = monotonic = None
    for event in trace.events(name):
        report.count_read("events")
        kind = event.get("type")
        if kind == "context-options":
            version = event.get("version")
            if isinstance(version, int) and not OLDEST <= version <= NEWEST:
                kind = f"trace of another version than {OLDEST} to {NEWEST}: read as far as it is alike"
                report.note(kind, f"{where}, version {version}")
            wall, monotonic = _number(event.get("wallTime")), _number(event.get("monotonicTime"))
        elif kind in ("before", "action"):
            call = read_call(event, wall, monotonic)
            if call is not None:
                calls[call.id] = call
                if kind == "action":  # until version 4: with its end
                    call.failed = event.get("error") is not None
        elif kind == "after":
            ended = calls.get(event["callId"]) if isinstance(event.get("callId"), str) else None
            if ended is not None:
                ended.failed = event.get("error") is not None
        elif kind == "frame-snapshot" and isinstance(event.get("snapshot"), dict):
            snapshot = FrameSnapshot.read(event["snapshot"])
            if snapshot is not None:
                snapshots.add(snapshot)
        elif kind == "resource-snapshot":
            _learn_sheet(event, sheets)
    return list(calls.values()), snapshots


def _learn_sheet(event: dict[str, object], sheets: dict[str, str]) -> None:
    """Take note of the resource that holds a style sheet."""
    found: object = event.get("snapshot")
    request = found.get("request") if isinstance(found, dict) else None
    response = found.get("response") if isinstance(found, dict) else None
    content = response.get("content") if isinstance(response, dict) else None
    if not isinstance(request, dict) or not isinstance(content, dict):
        return
    if "css" not in str(content.get("mimeType")) or not isinstance(request.get("url"), str):
        return
    resource = content.get("_file") or (f"resources/{content['_sha1']}" if content.get("_sha1") else None)
    if isinstance(resource, str):
        sheets[request["url"]] = resource


def _timed(first: RawStep, others: Iterator[RawStep]) -> Iterator[RawStep]:
    start = first.timestamp
    yield replace(first, elapsed=0.0 if start else None)
    for step in others:
        seconds = (step.timestamp - start).total_seconds() if step.timestamp and start else None
        yield replace(step, elapsed=None if seconds is None else max(seconds, 0.0))


def _site_of(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
