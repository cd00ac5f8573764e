"""Reads rrweb events from files, one at a time, whatever a tool wrapped around them.

Recognized by content, not by name: an array of events, an object with such arrays at any depth (PostHog's
JSON export, a wrapper of one's own), arrays of arrays (Sentry's segments), JSON Lines of events or wrappers,
and PostHog's pairs `["window id", {event}]`. Files may be plain, gzip or zlib. Events may be packed by
rrweb's `pack` (pako), and parts of them by PostHog (`cv`).

Large arrays and objects are never decoded as a whole: memory holds one event and a buffer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from facsim.data.ingest_report import IngestReport
from facsim.data.sources.rrweb.json_stream import (
    DamagedError,
    JsonStream,
    is_packed,
    load_json,
    open_packed,
    unpack,
)
from facsim.util.errors import InputError

EXPECTED: Final = "rrweb events: a JSON array, JSON Lines, or an export of PostHog or Sentry"
_WHOLE: Final = 8 * 2**20
"""Objects up to this size are decoded at once; larger ones key by key."""
_DEEPEST: Final = 8
_LAST_TYPE: Final = 7
_SESSION_KEYS: Final = (
    *("session_id", "sessionId", "$session_id", "session_guid", "replay_id", "replayId"),
    *("recording_id", "recordingId"),
)
_WINDOW_KEYS: Final = ("window_id", "windowId", "$window_id")
_USER_KEYS: Final = ("distinct_id", "distinctId", "$user_id", "user_id", "userId")
_LEARNED: Final = ("session", "window", "user", "weak_id")
_CONTENT_KEYS: Final = frozenset(
    {"data", "events", "event", "snapshot", "snapshots", "snapshot_data", "$snapshot_data", "rrweb_data"}
)
_WHOLE_KEYS: Final = ("events", "snapshots", "rrweb_data")
_DATA_KEYS: Final = (
    "source node href tag initialOffset plugin payload adds texts removes attributes positions"
)
_EVENT_DATA_KEYS: Final = frozenset(_DATA_KEYS.split())
_DAMAGED: Final = "file is damaged or cut off: the events before the damage are kept"


@dataclass(slots=True)
class Wrapper:
    """What a file says around events: the recording, window and person that they belong to.

    Attributes:
        file: the file.
        outer: the wrapper around this one.
        session, window, user: what it says itself.
        weak_id: an `id` that may be that of the session.
        is_open: whether it may still learn: it is read key by key, and its ids may come after the events.
    """

    file: Path
    outer: Wrapper | None = None
    session: str | None = None
    window: str | None = None
    user: str | None = None
    weak_id: str | None = None
    is_open: bool = False

    def closed(self) -> Wrapper:
        """The same in one object, around it only what is open."""
        found = Wrapper(self.file)
        wrapper: Wrapper | None = self
        while wrapper is not None and not wrapper.is_open:
            for name in _LEARNED:
                if getattr(found, name) is None:
                    setattr(found, name, getattr(wrapper, name))
            wrapper = wrapper.outer
        found.outer = wrapper
        return found

    def identity(self) -> tuple[object, ...]:
        """What tells closed wrappers apart."""
        return (id(self.outer), *(getattr(self, name) for name in _LEARNED))

    def get(self, name: str) -> str | None:
        """The innermost value of `session`, `window`, `user` or `weak_id`."""
        wrapper: Wrapper | None = self
        while wrapper is not None:
            found: str | None = getattr(wrapper, name)
            if found is not None:
                return found
            wrapper = wrapper.outer
        return None

    def learn(self, key: str, value: object) -> None:
        """Take note of a key of the wrapping object."""
        if not isinstance(value, str) or not value or len(value) > 500:
            return
        if key in _SESSION_KEYS:
            self.session = value
        elif key in _WINDOW_KEYS:
            self.window = value
        elif key in _USER_KEYS:
            self.user = value
        elif key == "id":
            self.weak_id = value

    def around(self, key: str, *, is_list: bool) -> Wrapper:
        """The wrapper of what is at `key`: lists are often named after their window."""
        return Wrapper(self.file, self, window=key) if is_list and key not in _CONTENT_KEYS else self


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as found.

    Attributes:
        event: the decoded event.
        text: its JSON, if it is written in the file as such.
        wrapper: what the file says around it.
    """

    event: dict[str, Any]
    text: str | None
    wrapper: Wrapper


def read_events(file: Path, report: IngestReport) -> Iterator[RecordedEvent]:
    """Yield the events of a file in its order. A damaged end is reported; what is before it is kept.

    Raises:
        InputError: if the file cannot be opened, is no JSON at all, or unpacks to far more than its size.
    """
    with open_packed(file) as stream:
        reader = _EventReader(JsonStream(stream), file, report)
        yield from reader.events()


def is_event(value: object) -> bool:
    """Whether a JSON value is an rrweb event. Its time may be missing."""
    if not isinstance(value, dict) or "data" not in value:
        return False
    kind = value.get("type")
    if isinstance(kind, bool) or not isinstance(kind, int) or not 0 <= kind <= _LAST_TYPE:
        return False
    data = value["data"]
    return "timestamp" in value or (isinstance(data, dict) and not _EVENT_DATA_KEYS.isdisjoint(data))


@dataclass(slots=True)
class _EventReader:
    json: JsonStream
    file: Path
    report: IngestReport
    found: int = 0

    def events(self) -> Iterator[RecordedEvent]:
        outer = Wrapper(self.file, is_open=True)
        values = 0
        while self.json.peek():
            try:
                yield from self._value(outer, 0)
                values += 1
                if self.json.peek() == ",":  # between lines, as some exports write it
                    self.json.take(",")
            except DamagedError as error:
                if not values and not self.found:
                    raise InputError(f"is not JSON: {error}", file=self.file, expected=EXPECTED) from None
                if not values or not self.json.skip_line():
                    self.report.repair(_DAMAGED, str(self.file.name))
                    return
                self.report.repair("line that is not JSON: left out", self.file.name)
        if self.json.problem:
            self.report.repair(_DAMAGED, f"{self.file.name}: {self.json.problem}")

    def _value(self, wrapper: Wrapper, depth: int) -> Iterator[RecordedEvent]:
        start = self.json.peek()
        if start == "[" and depth < _DEEPEST:
            yield from self._array(wrapper, depth)
        elif start == "{":
            yield from self._object(wrapper, depth)
        else:
            found = self.json.value()
            if found is None:
                raise DamagedError("a value is too long or nested too deeply")
            yield from self._inside(found[0], found[1], wrapper, depth)

    def _array(self, wrapper: Wrapper, depth: int) -> Iterator[RecordedEvent]:
        self.json.take("[")
        while self.json.peek() != "]":
            if self.json.peek() == '"':
                found = self.json.value()
                assert found is not None
                text = cast("str", found[0])
                if is_packed(text):
                    yield from self._inside(text, None, wrapper, depth)
                else:  # PostHog: the window of the event that follows
                    wrapper = Wrapper(self.file, wrapper, window=text)
            else:
                yield from self._value(wrapper, depth + 1)
            if self.json.peek() != "]":
                self.json.take(",")
        self.json.take("]")

    def _object(self, wrapper: Wrapper, depth: int) -> Iterator[RecordedEvent]:
        whole = self.json.value(_WHOLE)
        if whole is not None:
            yield from self._inside(*whole, wrapper, depth)
            return
        own = Wrapper(self.file, wrapper, is_open=True)
        event: dict[str, Any] = {}
        self.json.take("{")
        while self.json.peek() != "}":
            key = self.json.value()
            if key is None or not isinstance(key[0], str):
                raise DamagedError("a key that is no string")
            self.json.take(":")
            start = self.json.peek()
            if start in "[{" and depth < _DEEPEST and not self._is_event_data(key[0]):
                yield from self._value(own.around(key[0], is_list=start == "["), depth + 1)
            else:
                value = self.json.value()
                if value is None:
                    raise DamagedError("an event is too long or nested too deeply")
                own.learn(key[0], value[0])
                event[key[0]] = value[0]
            if self.json.peek() != "}":
                self.json.take(",")
        self.json.take("}")
        if is_event(event):
            yield from self._inside(event, None, wrapper, depth)

    def _is_event_data(self, key: str) -> bool:
        """Whether the object that comes next is the data of an event, not a wrapper around events."""
        if key != "data" or self.json.peek() != "{":
            return False
        while len(self.json.buffer) - self.json.at < 200 and self.json.more():
            pass
        first = self.json.buffer[self.json.at + 1 : self.json.at + 200].lstrip().split('"', 2)
        return len(first) > 1 and first[1] in _EVENT_DATA_KEYS

    def _inside(
        self, value: object, text: str | None, wrapper: Wrapper, depth: int
    ) -> Iterator[RecordedEvent]:
        """The events in a decoded value."""
        if isinstance(value, dict) and is_event(value):
            self.found += 1
            if any(key in value for key in _WINDOW_KEYS):
                wrapper = Wrapper(self.file, wrapper)
                for key in _WINDOW_KEYS:
                    wrapper.learn(key, value.get(key))
            yield RecordedEvent(value, text, wrapper)
        elif depth >= _DEEPEST:
            return
        elif isinstance(value, dict):
            yield from self._in_wrapper(value, Wrapper(self.file, wrapper), depth)
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, str) and not is_packed(inner):
                    wrapper = Wrapper(self.file, wrapper, window=inner)
                else:
                    yield from self._inside(inner, None, wrapper, depth + 1)
        elif isinstance(value, str):
            yield from self._in_text(value, wrapper, depth)

    def _in_wrapper(self, value: dict[str, Any], own: Wrapper, depth: int) -> Iterator[RecordedEvent]:
        is_whole = any(isinstance(value.get(name), list) for name in _WHOLE_KEYS)
        for key, inner in value.items():
            # The `id` of a row is its own; that of an object around a whole recording is the session's.
            if key != "id" or is_whole:
                own.learn(key, inner)
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) or (isinstance(inner, str) and key in _CONTENT_KEYS):
                inside = own.around(key, is_list=isinstance(inner, list))
                yield from self._inside(inner, None, inside, depth + 1)

    def _in_text(self, value: str, wrapper: Wrapper, depth: int) -> Iterator[RecordedEvent]:
        """The events in a string: packed, or JSON in JSON."""
        try:
            text = unpack(value) if is_packed(value) else value
            if text.lstrip()[:1] in ("{", "["):
                yield from self._inside(load_json(text), text, wrapper, depth + 1)
        except DamagedError:
            self.report.repair("packed event that cannot be unpacked: left out", self.file.name)
