"""The collector's events on disk: an SQLite file, so that a kill, a power cut or a full disk loses nothing.

An event is acknowledged after its transaction is on the disk. Events are identified by installation and id,
so a repeated delivery changes nothing. Deleted events are overwritten (`secure_delete`), and a late copy of
one is refused.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from facsim.record.events import Consent, Control, Event, Forget, Leave, RecordedAction, read_event
from facsim.record.study import Study
from facsim.util.errors import FacsimError, InputError

_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    installation TEXT NOT NULL, id TEXT NOT NULL, clock INTEGER NOT NULL, time REAL NOT NULL,
    kind TEXT NOT NULL, body TEXT NOT NULL, page TEXT, PRIMARY KEY (installation, id));
CREATE INDEX IF NOT EXISTS by_clock ON events (installation, clock);
CREATE INDEX IF NOT EXISTS by_page ON events (page);
CREATE TABLE IF NOT EXISTS pages (hash TEXT PRIMARY KEY, html BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS deleted (installation TEXT PRIMARY KEY);
"""
_KEPT_WHEN_FORGETTING = ("consent", "pause", "resume", "stop", "forget", "browser_closed")


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as stored. `page` is the hash of its HTML, which `EventStore.html` returns."""

    event: Event
    page: str | None


class StorageFullError(FacsimError):
    """The events could not be stored; nothing was changed."""


class EventStore:
    """The events of a recording. Usable from several threads.

    Args:
        file: the SQLite file; created if missing.

    Raises:
        InputError: if it is not such a file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.executescript(_TABLES)
        except sqlite3.Error as error:
            raise InputError(
                f"cannot be opened: {error}", file=file, expected="the events of a recording"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, installation: str, events: Sequence[Event], study: Study) -> dict[str, str]:
        """Store events, all or none, and return after they are on the disk.

        Returns:
            Ids of the events that are refused for good, each with the reason.

        Raises:
            StorageFullError: if they cannot be written.
        """
        refused: dict[str, str] = {}
        with self._transaction():
            for event in events:
                reason = self._refusal(installation, event, study)
                if reason:
                    refused[event.id] = reason
                elif self._insert(installation, event):
                    self._obey(installation, event)
        if any(isinstance(event, Forget | Control) for event in events):
            self._shrink()
        return refused

    def note_browser_closed(self, installation: str, time: float) -> None:
        """Store that the person closed the browser, as the latest event of an installation.

        Args:
            installation: its id.
            time: milliseconds since 1970.

        Raises:
            StorageFullError: if it cannot be written.
        """
        with self._transaction():
            (latest,) = self._db.execute(
                "SELECT max(clock) FROM events WHERE installation = ?", (installation,)
            ).fetchone()
            if latest is not None:
                event = Control(id=token_hex(12), clock=latest + 1, time=time, kind="browser_closed")
                self._insert(installation, event)

    def _refusal(self, installation: str, event: Event, study: Study) -> str | None:
        if self._db.execute("SELECT 1 FROM deleted WHERE installation = ?", (installation,)).fetchone():
            return "this person had everything deleted"
        if not isinstance(event, Consent | Control) and not self._has_consent(installation):
            return "no consent was recorded for this installation"
        url = getattr(event, "url", None)
        if url is not None and not study.covers(url):
            return "the address is on no site of the study"
        forgets = self._db.execute(
            "SELECT body FROM events WHERE installation = ? AND kind = 'forget' AND clock > ?",
            (installation, event.clock),
        )
        if event.kind not in _KEPT_WHEN_FORGETTING and any(
            event.time >= json.loads(body)["since"] for (body,) in forgets
        ):
            return "the person had this time forgotten"
        return None

    def _has_consent(self, installation: str) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM events WHERE installation = ? AND kind = 'consent'", (installation,)
        )
        return found.fetchone() is not None

    def _insert(self, installation: str, event: Event) -> bool:
        """Whether the event is new."""
        page = None
        if isinstance(event, RecordedAction | Leave):
            text = event.html.encode("utf-8", "surrogatepass")
            page = hashlib.blake2b(text, digest_size=16).hexdigest()
            self._db.execute("INSERT OR IGNORE INTO pages VALUES (?, ?)", (page, zlib.compress(text, 3)))
        body = json.dumps(event.model_dump(exclude={"html"}))
        found = self._db.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
            (installation, event.id, event.clock, event.time, event.kind, body, page),
        )
        return found.rowcount > 0

    def _obey(self, installation: str, event: Event) -> None:
        """Delete what an event asks to delete."""
        if isinstance(event, Control) and event.kind == "delete_all":
            self._db.execute("DELETE FROM events WHERE installation = ?", (installation,))
            self._db.execute("INSERT OR IGNORE INTO deleted VALUES (?)", (installation,))
        elif isinstance(event, Forget):
            kept = ", ".join(f"'{kind}'" for kind in _KEPT_WHEN_FORGETTING)
            # From the first such event on: after the clock was set back, later events bear earlier times.
            self._db.execute(
                f"DELETE FROM events WHERE installation = ? AND kind NOT IN ({kept}) AND clock < ? "  # noqa: S608
                "AND clock >= (SELECT min(clock) FROM events WHERE installation = ? "
                f"AND kind NOT IN ({kept}) AND (time >= ? OR time > ?))",
                (installation, event.clock, installation, event.since, event.time + 60_000),
            )
        else:
            return
        self._db.execute(
            "DELETE FROM pages WHERE hash NOT IN (SELECT page FROM events WHERE page IS NOT NULL)"
        )

    def _shrink(self) -> None:
        """Leave no free page in the file that could still hold deleted text."""
        with self._lock, suppress(sqlite3.Error):
            self._db.execute("VACUUM")

    def installations(self) -> list[str]:
        """The installations, in the order of their first consent."""
        with self._reading():
            rows = self._db.execute(
                "SELECT installation FROM events GROUP BY installation ORDER BY min(rowid)"
            ).fetchall()
        return [installation for (installation,) in rows]

    def events(self, installation: str) -> Iterator[StoredEvent]:
        """The events of an installation in the order of its clock, without the HTML of their pages."""
        with self._reading():
            rows = self._db.execute(
                "SELECT body, page FROM events WHERE installation = ? ORDER BY clock, time, id",
                (installation,),
            ).fetchall()
        for body, page in rows:
            with self._reading():
                fields = json.loads(body)
                if page is not None:
                    fields["html"] = ""
                event = read_event(fields)
            yield StoredEvent(event, page)

    def html(self, page: str) -> str:
        """The HTML of a page by its hash.

        Raises:
            InputError: if it is missing or damaged.
        """
        with self._reading():
            row = self._db.execute("SELECT html FROM pages WHERE hash = ?", (page,)).fetchone()
            if row is None:
                raise ValueError(f"page {page} is missing")
            return zlib.decompress(row[0]).decode("utf-8", "surrogatepass")

    def count(self, kind: str | None = None) -> int:
        """Number of events, of one kind if given."""
        with self._reading():
            rows = self._db.execute("SELECT count(*) FROM events WHERE ? IS NULL OR kind = ?", (kind, kind))
            return int(rows.fetchone()[0])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One reader at a time. What is torn or damaged is an `InputError`, never half a recording."""
        with self._lock:
            try:
                yield
            except (sqlite3.Error, zlib.error, ValueError) as error:
                raise InputError(
                    f"is damaged: {error}. What can be saved: "
                    f"sqlite3 {self.file.name} .recover | sqlite3 NEW_FILE",
                    file=self.file,
                    expected="the events of a recording",
                ) from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise StorageFullError(
                    f"{self.file}: cannot be written: {error}. The events wait in the browser"
                ) from error
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
