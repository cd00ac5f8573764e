"""rrweb recordings, also as exported by PostHog and Sentry: events in, sessions of actions out.

How events become sessions:

- mutations are replayed into a DOM per browser tab (`recorded_dom`); the page of a step is that DOM just
  before the action (`replayed_actions`), with what its style sheets hide marked (`style_sheets`);
- a recording is cut where nobody moved, clicked, typed or scrolled for longer than the gap;
- every session is censored: a recording says when it ends, not that the person left. There is no outcome;
- the person is the one that the file names (`distinct_id`, `user_id`). Without one, each recording counts as
  a person of its own.

Files that name the same recording are read together, and so are files named by number in one folder (segments
of Sentry). Events wait in a temporary file. Memory holds their times, one DOM per tab, and what the ingest
holds of one session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, groupby
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from facsim.data.card import Card
from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawSession, RawStep
from facsim.data.sources.rrweb.event_files import EXPECTED, read_events
from facsim.data.sources.rrweb.event_spool import EventSpool, SpooledRecording
from facsim.data.sources.rrweb.replayed_actions import TimedStep, WindowReplay, is_by_person
from facsim.util.errors import ConfigError, InputError
from facsim.util.progress import Progress

DEFAULT_GAP: Final = 30.0
"""Minutes without a sign of the person that end a session, as in web analytics."""
SUFFIXES: Final = frozenset({"", ".json", ".jsonl", ".ndjson", ".rrweb", ".gz", ".zlib"})
_WITHOUT_USER = "recording without a user: counted as a person of its own"
_Part = tuple[int, TimedStep]


class Rrweb:
    """Recordings at `path`: a file, or a folder of files.

    Args:
        path: the file or folder.
        gap: minutes without a sign of the person that end a session.

    Raises:
        InputError: if there is no such file, or none in the folder.
    """

    name = "rrweb"

    def __init__(self, path: str | Path, *, gap: float | None = None) -> None:
        self._path = Path(path)
        self._gap = DEFAULT_GAP if gap is None else gap
        if self._gap <= 0:
            raise ConfigError(f"gap is {self._gap:g}: expected minutes, more than 0")
        self._files = _files_at(self._path)

    def card(self) -> Card:
        """Return the dataset card. Origin and licence are the recorder's to say."""
        return Card(
            name=self._path.name.split(".")[0] or "recordings",
            source=self.name,
            origin=f"Recordings of browsing in rrweb's format, read from {self._path.name}",
            settings={"gap": self._gap},
        )

    def sessions(self, report: IngestReport, progress: Progress) -> Iterator[RawSession]:
        """Yield the sessions, recording by recording.

        Raises:
            InputError: if a file is not JSON, unpacks to far more than its size, or no file has events.
        """
        total = sum(file.stat().st_size for file in self._files)
        done = 0
        events = 0
        for group in _groups(self._files):
            with EventSpool(report) as spool:
                if self._read(group, spool, report):
                    for recording in spool.recordings(group[0].name.split(".")[0]):
                        report.count_read("recordings")
                        yield from self._sessions_of(recording, spool, report)
                events += len(spool)
            done += sum(file.stat().st_size for file in group)
            progress(done, total, "bytes")
        if not events:
            raise InputError("contains no rrweb events", file=self._path, expected=EXPECTED)

    def _read(self, group: Sequence[Path], spool: EventSpool, report: IngestReport) -> bool:
        """Put the events of a recording's files aside; False if it has to be left out."""
        for file in group:
            report.count_read("files")
            before = len(spool)
            try:
                spool.read(file)
            except InputError as error:
                if len(self._files) == 1:
                    raise
                report.refuse(f"file that is no recording: {error.problem}", file.name)
                return False
            if len(spool) == before:
                report.note("file without rrweb events of pages or actions", file.name)
        return True

    def _sessions_of(
        self, recording: SpooledRecording, spool: EventSpool, report: IngestReport
    ) -> Iterator[RawSession]:
        steps = self._steps(recording, spool, report)
        first = next(steps, None)
        if first is None:
            report.refuse("recording without an action on a page", recording.where)
            return
        if recording.user is None:
            report.note(_WITHOUT_USER, recording.where)
        parts = groupby(chain((first,), steps), key=lambda found: found[0])
        for number, (_, part) in enumerate(parts, start=1):
            start = next(part)
            if number > 1:
                kind = f"session cut at a pause of more than {self._gap:g} minutes"
                report.repair(kind, start[1].step.where)
            yield RawSession(
                session_id=recording.key if number == 1 else f"{recording.key}#{number}",
                user_id=recording.user or f"recording {recording.key}",
                site=_site_of(start[1].step.url),
                censored=True,
                steps=_timed(chain((start,), part), start[1].time),
                where=recording.where,
            )

    def _steps(self, recording: SpooledRecording, spool: EventSpool, report: IngestReport) -> Iterator[_Part]:
        """The steps, each with the number of the part between pauses to which it belongs."""
        windows: dict[str, WindowReplay] = {}
        active = ""
        part, last = 0, None
        for event in spool.events(recording):
            window = windows.get(event.window)
            if window is None:
                window = windows[event.window] = WindowReplay(report, recording.where, recording.targets)
                report.count_read("windows")
            if is_by_person(event.event):
                is_pause = last is not None and event.time - last > self._gap * 60_000
                if is_pause or active != event.window:
                    for other in windows.values():
                        yield from ((part, step) for step in other.finish())
                part += is_pause
                last, active = event.time, event.window
            yield from ((part, step) for step in window.replay(event))
        for window in windows.values():
            yield from ((part, step) for step in window.finish())


def _timed(part: Iterator[_Part], start: float) -> Iterator[RawStep]:
    for _, found in part:
        yield replace(found.step, elapsed=max(found.time - start, 0.0) / 1000)


def _site_of(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


def _files_at(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError("no such file or folder", file=path, expected=EXPECTED)
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not file.name.startswith(".") and file.suffix.lower() in SUFFIXES
    )
    if not files:
        raise InputError("folder contains no recordings", file=path, expected=EXPECTED)
    return files


def _groups(files: Sequence[Path]) -> list[list[Path]]:
    """The files, those of one recording together."""
    if len(files) == 1:
        return [list(files)]
    groups: dict[object, list[Path]] = {}
    for file in files:
        groups.setdefault(_key_of(file), []).append(file)
    for group in groups.values():
        group.sort(key=lambda file: (len(file.name), file.name))
    return list(groups.values())


def _key_of(file: Path) -> object:
    """What the files of one recording have in common."""
    with suppress(InputError):  # reported when it is read
        first = next(read_events(file, IngestReport("", "")), None)
        key = (first.wrapper.get("session") or first.wrapper.get("weak_id")) if first else None
        if key is not None:
            return key
    return file.parent if file.name.split(".")[0].isdecimal() else file
