"""The events of recordings, put aside on disk and read back in the order of time."""

from __future__ import annotations

import json
import math
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from facsim.data.ingest_report import IngestReport
from facsim.data.sources.rrweb.event_files import RecordedEvent, Wrapper, read_events
from facsim.data.sources.rrweb.json_stream import DamagedError, load_json, unpack
from facsim.data.sources.spool import using_disk

FULL_SNAPSHOT, INCREMENTAL, META, CUSTOM = 2, 3, 4, 5
"""Types of events (rrweb's `EventType`); the others say nothing of pages or actions."""
MUTATION, MOUSE_INTERACTION, INPUT, STYLE_RULE = 0, 2, 5, 8
"""Sources of incremental events (rrweb's `IncrementalSource`)."""
_BY_PERSON: Final = frozenset({1, 3, 4, 6, 12, 14})
"""Mouse and touch moves, scrolls, resizes, drags and selections: only their times count."""
_REPLAYED: Final = frozenset({MUTATION, MOUSE_INTERACTION, INPUT})
_TOUCHED: Final = frozenset({MOUSE_INTERACTION, INPUT})
_URL_TAGS: Final = frozenset({"$url_changed", "$pageview", "breadcrumb"})
_SECONDS: Final = 1e11
"""Times below are seconds: Sentry writes those of some events so."""
_NEVER: Final = 253_402_300_799_000
"""The end of the year 9999, in milliseconds."""


@dataclass(slots=True)
class SpooledRecording:
    """The events of one recording.

    Attributes:
        key: what the files call it, or the file's name.
        user: the person, if the files say.
        where: its first file, for messages.
        order: positions of its events, by time.
        targets: ids of the nodes that were acted on, as numbers in any window.
    """

    key: str
    user: str | None
    where: str
    order: npt.NDArray[np.int64]
    targets: frozenset[int]


@dataclass(slots=True)
class ReplayedEvent:
    """An event in its place.

    Attributes:
        time: milliseconds since 1970.
        window: the browser tab.
        event: the event; None if the person only moved, scrolled or the like.
    """

    time: float
    window: str
    event: dict[str, Any] | None


@dataclass
class EventSpool:
    """Events of files, in a temporary file: memory holds only their times and places. A context manager.

    Args:
        report: receives what was repaired.

    Raises:
        FacsimError: if the temporary file cannot be written (a full disk).
    """

    report: IngestReport
    _file: Any = None
    _end: int = 0
    _offsets: array[int] = field(default_factory=lambda: array("Q"))
    _lengths: array[int] = field(default_factory=lambda: array("Q"))
    _times: array[float] = field(default_factory=lambda: array("d"))
    _owners: array[int] = field(default_factory=lambda: array("L"))
    _wrappers: list[Wrapper] = field(default_factory=list)
    _targets: list[set[int]] = field(default_factory=list)
    _last: tuple[Wrapper, int] | None = None
    _numbers: dict[tuple[object, ...], int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        with using_disk():
            self._file = TemporaryFile(prefix="facsim-")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, file: Path) -> None:
        """Put the events of a file aside.

        Raises:
            InputError: as `read_events`.
        """
        before = len(self._times)
        for found in read_events(file, self.report):
            self._add(found)
        self.report.count_read("events", len(self._times) - before)

    def __len__(self) -> int:
        return len(self._times)

    def _add(self, found: RecordedEvent) -> None:
        event = found.event
        data, kind = event.get("data"), event["type"]
        if not _matters(kind, data):
            return
        number = self._number_of(found.wrapper)
        source = data.get("source") if kind == INCREMENTAL and isinstance(data, dict) else None
        # Of the rest, only the time counts.
        text = _encoded(found) if source is None or source in _REPLAYED else b""
        if source in _TOUCHED and isinstance(data, dict) and isinstance(data.get("id"), int):
            self._targets[number].add(data["id"])
        if text:
            with using_disk():
                self._file.write(text)
        self._offsets.append(self._end)
        self._lengths.append(len(text))
        self._times.append(self._time(event, found.wrapper))
        self._owners.append(number)
        self._end += len(text)

    def _number_of(self, wrapper: Wrapper) -> int:
        """The number of a recording's window. Rows have a wrapper each, which say the same."""
        if self._last is not None and self._last[0] is wrapper:
            return self._last[1]
        closed = wrapper.closed()
        number = self._numbers.get(closed.identity())
        if number is None:
            number = self._numbers[closed.identity()] = len(self._wrappers)
            self._wrappers.append(closed)
            self._targets.append(set())
        self._last = wrapper, number
        return number

    def _time(self, event: dict[str, Any], wrapper: Wrapper) -> float:
        time = event.get("timestamp")
        if isinstance(time, (int, float)) and not isinstance(time, bool) and 0 <= time <= _NEVER:
            return float(time) * 1000 if time < _SECONDS else float(time)
        self.report.repair("event without a time: takes that of the event before it", wrapper.file.name)
        return self._times[-1] if self._times else math.nan

    def recordings(self, default: str) -> list[SpooledRecording]:
        """The recordings, in the order of their first events.

        Args:
            default: key of a recording that the files do not name.
        """
        if not len(self):
            return []
        keys = [wrapper.get("session") or wrapper.get("weak_id") or default for wrapper in self._wrappers]
        wrappers: dict[str, list[int]] = {}
        for index, key in enumerate(keys):
            wrappers.setdefault(key, []).append(index)
        place = {key: number for number, key in enumerate(wrappers)}
        owners = np.frombuffer(self._owners, dtype=f"u{self._owners.itemsize}")
        recording = np.asarray([place[key] for key in keys])[owners]
        as_read = np.argsort(recording, kind="stable")
        is_late = (np.diff(self.times[as_read]) < 0) & (np.diff(recording[as_read]) == 0)
        late = np.bincount(recording[as_read][1:][is_late], minlength=len(place))
        by_time = np.lexsort((self.times, recording))
        ends = np.searchsorted(recording[by_time], np.arange(len(place)), side="right")
        found = []
        for (key, own), order, late_events in zip(
            wrappers.items(), np.split(by_time, ends[:-1]), late, strict=True
        ):
            file = self._wrappers[own[0]].file.name
            if late_events:
                kind = "events out of order: sorted by time"
                self.report.repair(kind, f"{file} ({key})", times=int(late_events))
            users = (self._wrappers[index].get("user") for index in own)
            targets = frozenset().union(*(self._targets[index] for index in own))
            user = next(filter(None, users), None)
            found.append(SpooledRecording(key, user, f"{file} (recording {key})", order, targets))
        return found

    @cached_property
    def times(self) -> npt.NDArray[np.float64]:
        """The times of all events, once all are read; those before the first one with a time take that."""
        times = np.frombuffer(self._times, dtype=np.float64)
        known = np.flatnonzero(~np.isnan(times))
        return np.nan_to_num(times, nan=float(times[known[0]]) if len(known) else 0.0)

    @cached_property
    def _windows(self) -> list[str]:
        return [wrapper.get("window") or "" for wrapper in self._wrappers]

    def events(self, recording: SpooledRecording) -> Iterator[ReplayedEvent]:
        """The events of a recording by time, without exact repetitions."""
        with using_disk():
            self._file.flush()
        handle = self._file.fileno()
        now, seen = -1.0, set[tuple[str, bytes]]()
        for position in recording.order:
            time, length = float(self.times[position]), self._lengths[position]
            window = self._windows[self._owners[position]]
            if not length:
                yield ReplayedEvent(time, window, None)
                continue
            with using_disk():
                text = os.pread(handle, length, self._offsets[position])
            if time != now:
                now, seen = time, set()
            if (window, text) in seen and b'"timestamp":' in text:
                self.report.repair("event recorded twice: one is kept", recording.where)
                continue
            seen.add((window, text))
            try:
                event = _unpacked(load_json(text.decode("utf-8", "surrogatepass")))
            except DamagedError:
                self.report.repair("packed event that cannot be unpacked: left out", recording.where)
                continue
            yield ReplayedEvent(time, window, event)


def _matters(kind: int, data: object) -> bool:
    """Whether an event says something of pages, actions, or the person's presence."""
    if kind in (FULL_SNAPSHOT, META):
        return True
    if not isinstance(data, dict):
        return False
    if kind == INCREMENTAL:
        return data.get("source") in _REPLAYED | _BY_PERSON
    return kind == CUSTOM and data.get("tag") in _URL_TAGS


def _encoded(found: RecordedEvent) -> bytes:
    text = found.text if found.text is not None else json.dumps(found.event, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _unpacked(event: dict[str, Any]) -> dict[str, Any]:
    """An event with the parts unpacked that PostHog packs (`cv`): all data, or the lists of a mutation."""
    data = event.get("data")
    if isinstance(data, str):
        event["data"] = load_json(unpack(data))
    elif isinstance(data, dict) and "cv" in event:
        for key in ("texts", "attributes", "removes", "adds"):
            if isinstance(data.get(key), str):
                data[key] = load_json(unpack(data[key])) if data[key] else []
    return event
