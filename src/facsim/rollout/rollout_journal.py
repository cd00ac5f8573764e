"""The journal of an unfinished rollout: every answer and every page, intact after any kill.

A SQLite file in the work folder. Each answer is committed before it is carried out, so a resumed run asks
nothing twice. Write-ahead logging keeps a commit cheap; a power cut may lose the last answers, not the file.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from facsim.rollout.people import SimulatedPerson
from facsim.rollout.rollout_answer import RolloutAnswer, SessionEnd
from facsim.util.errors import FacsimError, InputError

JOURNAL: Final = "journal.sqlite"
_COMPRESSION: Final = 1
_TABLES: Final = """
BEGIN;
CREATE TABLE IF NOT EXISTS pages (page_id TEXT PRIMARY KEY, html BLOB NOT NULL, raw_html BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (session_id TEXT, step INTEGER, attempt INTEGER, answer TEXT NOT NULL,
  PRIMARY KEY (session_id, step, attempt)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ends (session_id TEXT PRIMARY KEY, kind TEXT NOT NULL, message TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS people (session_id TEXT UNIQUE NOT NULL, person TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS questions (session_id TEXT PRIMARY KEY, step INTEGER, page_id TEXT, url TEXT)
  WITHOUT ROWID;
COMMIT;
"""


class RolloutJournal:
    """The answers, pages and ends of sessions. A context manager.

    The people and the pages that predictors are being asked about are for `RunningRollout`, which shows a
    rollout while it runs.

    Args:
        folder: the work folder.

    Raises:
        InputError: on entering, if the file there is not a journal.
        FacsimError: if it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / JOURNAL
        self._pages: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self._database = sqlite3.connect(self.file, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_TABLES)
            self._pages = {row[0] for row in self._database.execute("SELECT page_id FROM pages")}
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"cannot be read: {error}",
                file=self.file,
                expected="the journal of a rollout",
                remedy="Remove the folder to start over",
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is written inside together, or nothing of it.

        Raises:
            FacsimError: if it cannot be written.
        """
        with self._writing():
            self._database.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def drop_failed_calls(self) -> None:
        """Forget the calls that failed for good, and that they ended sessions: they will be made again."""
        with self.transaction():
            called = "FROM answers WHERE json_extract(answer, '$.failure') = 'call_failed'"
            # Unusable answers before a failed call count towards the end of the session.
            self._database.execute(
                f"DELETE FROM ends WHERE kind = 'failed' AND session_id IN (SELECT session_id {called})"  # noqa: S608
            )
            rows = self._database.execute(f"SELECT session_id, step, attempt {called}").fetchall()
            for session_id, step, attempt in rows:
                self.drop_after(session_id, step, attempt - 1)

    def ends(self) -> dict[str, SessionEnd]:
        """How each finished session ended."""
        rows = self._database.execute("SELECT session_id, kind, message FROM ends")
        return {session_id: SessionEnd(kind, message) for session_id, kind, message in rows}

    def answers(self, session_id: str) -> list[RolloutAnswer]:
        """The answers of a session in order."""
        rows = self._database.execute(
            "SELECT answer FROM answers WHERE session_id = ? ORDER BY step, attempt", (session_id,)
        )
        return [RolloutAnswer.from_json(text) for (text,) in rows]

    def put_answer(self, session_id: str, answer: RolloutAnswer) -> None:
        """Keep an answer. An earlier one at the same place is replaced.

        Raises:
            FacsimError: if it cannot be written.
        """
        with self._writing():
            self._database.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
                (session_id, answer.step, answer.attempt, answer.to_json()),
            )

    def put_person(self, person: SimulatedPerson) -> None:
        """Keep whose session begins.

        Raises:
            FacsimError: if it cannot be written.
        """
        text = json.dumps(asdict(person), ensure_ascii=False)
        with self._writing():
            self._database.execute("INSERT OR IGNORE INTO people VALUES (?, ?)", (person.session_id, text))

    def put_question(self, session_id: str, step: int, page_id: str, url: str) -> None:
        """Keep the page that the predictor is asked about. It replaces the session's last one.

        Raises:
            FacsimError: if it cannot be written.
        """
        with self._writing():
            self._database.execute(
                "INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?)", (session_id, step, page_id, url)
            )

    def drop_after(self, session_id: str, step: int, attempt: int) -> None:
        """Drop the answers of a session after a place.

        Raises:
            FacsimError: if it cannot be written.
        """
        with self._writing():
            self._database.execute(
                "DELETE FROM answers WHERE session_id = ? AND (step > ? OR step = ? AND attempt > ?)",
                (session_id, step, step, attempt),
            )

    def put_page(self, page_id: str, html: str, raw_html: str | None) -> None:
        """Keep a page if it is new.

        Raises:
            FacsimError: if it cannot be written.
        """
        if page_id in self._pages:
            return
        with self._writing():
            self._database.execute(
                "INSERT OR IGNORE INTO pages VALUES (?, ?, ?)",
                (page_id, _packed(html), None if raw_html is None else _packed(raw_html)),
            )
        self._pages.add(page_id)

    def end(self, session_id: str, end: SessionEnd) -> None:
        """Record that a session has ended.

        Raises:
            FacsimError: if it cannot be written.
        """
        with self._writing():
            self._database.execute(
                "INSERT OR REPLACE INTO ends VALUES (?, ?, ?)", (session_id, end.kind, end.message)
            )

    def page(self, page_id: str) -> tuple[str, str | None]:
        """The simplified HTML and the raw HTML of a page."""
        html, raw = self._database.execute(
            "SELECT html, raw_html FROM pages WHERE page_id = ?", (page_id,)
        ).fetchone()
        return unpacked(html), None if raw is None else unpacked(raw)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise FacsimError(
                f"{self.file}: cannot be written: {error}. The answers before this one are kept. Free some "
                "space, then run the same command again with --resume"
            ) from error


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "replace"), _COMPRESSION)


def unpacked(data: bytes) -> str:
    """A text as the journal stores it."""
    return zlib.decompress(data).decode()
