"""A rollout while it runs, read from its journal by another process that shows it."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import polars as pl

from facsim.data import DataSet
from facsim.data.store import PageStore
from facsim.data.table_schemas import SESSIONS_SCHEMA, STEPS_SCHEMA
from facsim.data.writer import rows_of
from facsim.page import read_page
from facsim.rollout.people import SimulatedPerson
from facsim.rollout.rollout_answer import ActionProbabilities, RolloutAnswer, SessionEnd
from facsim.rollout.rollout_data import SOURCE, card_of, session_of, taken
from facsim.rollout.rollout_details import UnusableAnswer, end_text, unusable_by_step
from facsim.rollout.rollout_journal import JOURNAL, unpacked
from facsim.schema import Action, Page, Session, Step
from facsim.util.errors import InputError
from facsim.util.files import LOCK_FILE

_UNFINISHED = SessionEnd("max_steps")
"""A session in progress has no outcome, as one that reached a limit."""


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """How far a rollout is.

    Attributes:
        sessions: number of sessions in all.
        done: finished ones.
        in_progress: begun and not finished.
        idle_seconds: since the journal was last written.
    """

    sessions: int
    done: int
    in_progress: int
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class RolloutSnapshot:
    """A running rollout at one moment.

    Attributes:
        rollout: the rollout.
        data: the sessions. A step about which the predictor is being asked is the last of its session; its
            action is a click without a name.
        pending: for each session in progress that step, or None if an action is being carried out.
    """

    rollout: RunningRollout
    data: DataSet
    pending: Mapping[str, int | None]

    def probabilities(self, session_id: str, step: int) -> ActionProbabilities:
        """The most probable actions at a step; empty while the predictor is being asked."""
        return () if self.is_pending(session_id, step) else self.rollout.probabilities(session_id, step)

    def unusable_answers(self, session_id: str, step: int) -> tuple[UnusableAnswer, ...]:
        """The answers at a step that were not carried out."""
        return self.rollout.unusable_answers(session_id, step)

    def end(self, session_id: str) -> str:
        """How a session ended; empty if it was in progress."""
        return "" if session_id in self.pending else self.rollout.end(session_id)

    def is_pending(self, session_id: str, step: int) -> bool:
        """Whether the predictor was being asked about this step."""
        return self.pending.get(session_id) == step


class RunningRollout:
    """The sessions of a rollout so far, as a data set. Safe to use from several threads.

    Nothing is written, and the rollout is not held up: readers of the journal do not block its writer.

    Args:
        out: the data set that the rollout will write.

    Raises:
        InputError: if there is no journal of a rollout.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._folder = _work_folder(out)
        self._file = self._folder / JOURNAL
        self._lock = threading.RLock()
        try:
            settings = json.loads((self._folder / "settings.json").read_bytes())
            self._card = card_of(settings)
            self._total, self._site = int(settings["sessions"]), str(settings["site"]["spec"])
            address = f"{self._file.resolve().as_uri()}?mode=ro"
            self._database = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            self._tables = {row[0] for row in self._rows("SELECT name FROM sqlite_master")}
        except (OSError, ValueError, KeyError, TypeError, sqlite3.Error):
            raise InputError("not the work folder of a rollout", file=self._folder) from None
        self._pages = _JournalPages(self)
        self._done: dict[str, SessionEnd] = {}
        self._finished = self._nothing = [
            pl.DataFrame(pl.from_arrow(schema.empty_table())) for schema in (SESSIONS_SCHEMA, STEPS_SCHEMA)
        ]
        self._snapshot: tuple[int, RolloutSnapshot] | None = None

    @classmethod
    def find(cls, path: str | Path) -> Self | None:
        """The running rollout at a path: its data set to be, or its work folder; None if there is none."""
        path = Path(path)
        if not path.name:  # `.`
            path = path.resolve()
        if not path.name:
            return None
        if path.name.endswith(f".{SOURCE}") and (path / JOURNAL).exists():
            found = cls(path.with_name(path.name.removesuffix(f".{SOURCE}")))
        elif not (path / "card.json").exists() and (_work_folder(path) / JOURNAL).exists():
            found = cls(path)
        else:
            return None
        return found if found._tables else None  # the journal is just being made

    @property
    def is_over(self) -> bool:
        """Whether the journal is gone: the data set is complete, or somebody removed the work folder."""
        return not self._file.exists()

    @property
    def version(self) -> int:
        """A number that changes with every write to the journal."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def status(self) -> RolloutStatus:
        """How far it is. A process that was killed leaves `idle_seconds` growing."""
        done = int(self._rows("SELECT count(*) FROM ends")[0][0])
        begun = int(self._rows("SELECT count(*) FROM people")[0][0]) if "people" in self._tables else done
        files = (self._file, self._file.with_name(f"{JOURNAL}-wal"), self._folder / LOCK_FILE)
        times = []
        for file in files:
            with suppress(OSError):  # there is no log, or the rollout is just over
                times.append(file.stat().st_mtime)
        idle = time.time() - max(times, default=time.time())
        return RolloutStatus(self._total, done, max(0, begun - done), max(0.0, idle))

    def snapshot(self) -> RolloutSnapshot:
        """The sessions so far: those in progress first, then the finished ones, the last one first."""
        with self._lock:
            version = self.version
            if self._snapshot is None or self._snapshot[0] != version:
                self._snapshot = (version, self._read())
            return self._snapshot[1]

    def probabilities(self, session_id: str, step: int) -> ActionProbabilities:
        """The most probable actions at a step; empty while the predictor is being asked."""
        found = (one for one in taken(self._answers(session_id)) if one.step == step)
        return next((one.probabilities for one in found), ())

    def unusable_answers(self, session_id: str, step: int) -> tuple[UnusableAnswer, ...]:
        """The answers at a step that were not carried out."""
        return unusable_by_step(self._answers(session_id)).get(step, ())

    def end(self, session_id: str) -> str:
        """How a session ended; empty if it is in progress."""
        rows = self._rows("SELECT kind, message FROM ends WHERE session_id = ?", session_id)
        return end_text(*rows[0]) if rows else ""

    def page_texts(self, page_id: str) -> tuple[str, str | None]:
        """The simplified HTML and the raw HTML of a page.

        Raises:
            InputError: if it is not in the journal.
        """
        rows = self._rows("SELECT html, raw_html FROM pages WHERE page_id = ?", page_id)
        if not rows:
            raise InputError(f"no page {page_id}", file=self._file)
        html, raw = rows[0]
        return unpacked(html), None if raw is None else unpacked(raw)

    def page_ids(self) -> list[str]:
        """The ids of the pages so far."""
        return [row[0] for row in self._rows("SELECT page_id FROM pages")]

    def _read(self) -> RolloutSnapshot:
        rows = self._rows("SELECT session_id, kind, message FROM ends")
        ends = {session_id: SessionEnd(kind, message) for session_id, kind, message in rows}
        if any(ends.get(session_id) != end for session_id, end in self._done.items()):
            # The rollout was resumed, and sessions that had failed go on.
            self._done, self._finished = {}, self._nothing
        finished = [self._session(one, end) for one, end in ends.items() if one not in self._done]
        # The last one first; what was read before follows.
        tables = self._frames(list(reversed([one for one in finished if one is not None])))
        pairs = zip(tables, self._finished, strict=True)
        self._finished = [pl.concat(pair, rechunk=True) for pair in pairs]
        self._done = ends
        running, pending = [], {}
        for session_id in self._begun():
            session, asked = self._in_progress(session_id)
            pending[session_id] = asked
            if session is not None:
                running.append(session)
        now = [pl.concat(pair) for pair in zip(self._frames(running), self._finished, strict=True)]
        card = self._card.model_copy(update={"sessions": now[0].height, "steps": now[1].height})
        return RolloutSnapshot(self, DataSet(self.out, card, now[0], now[1], self._pages), pending)

    def _begun(self) -> list[str]:
        """Sessions in progress, the last one first."""
        if "people" not in self._tables:
            return []
        rows = self._rows("SELECT session_id FROM people ORDER BY rowid DESC")
        return [row[0] for row in rows if row[0] not in self._done]

    def _in_progress(self, session_id: str) -> tuple[Session | None, int | None]:
        """A session with the step about which the predictor is being asked, and that step."""
        answers = self._answers(session_id)
        done = taken(answers)
        session = self._session(session_id, _UNFINISHED, done) if done else None
        asked = self._rows("SELECT step, page_id, url FROM questions WHERE session_id = ?", session_id)
        if not asked or asked[0][0] != len(done):
            return session, None
        step, page_id, url = asked[0]
        pending = Step(page_id, Action.click(None), url=url)
        if session is None:
            session = session_of(self._person(session_id), [_placeholder(pending)], _UNFINISHED, self._site)
            assert session is not None
            return replace(session, steps=(pending,)), step
        return replace(session, steps=(*session.steps, pending)), step

    def _session(
        self, session_id: str, end: SessionEnd, answers: Sequence[RolloutAnswer] | None = None
    ) -> Session | None:
        answers = self._answers(session_id) if answers is None else answers
        return session_of(self._person(session_id), answers, end, self._site)

    def _person(self, session_id: str) -> SimulatedPerson:
        if "people" in self._tables:
            rows = self._rows("SELECT person FROM people WHERE session_id = ?", session_id)
            if rows:
                return SimulatedPerson(**json.loads(rows[0][0]))
        return SimulatedPerson(session_id, session_id)

    def _answers(self, session_id: str) -> list[RolloutAnswer]:
        query = "SELECT answer FROM answers WHERE session_id = ? ORDER BY step, attempt"
        return [RolloutAnswer.from_json(text) for (text,) in self._rows(query, session_id)]

    def _frames(self, sessions: Sequence[Session]) -> list[pl.DataFrame]:
        """The tables of some sessions."""
        rows = [rows_of(session) for session in sessions]
        tables = ([row for row, _ in rows], [step for _, steps in rows for step in steps])
        return [
            pl.DataFrame(table, schema=empty.schema)
            for table, empty in zip(tables, self._nothing, strict=True)
        ]

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            try:
                return self._database.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise InputError(f"cannot be read: {error}", file=self._file) from None


class _JournalPages(PageStore):
    """The pages of a journal."""

    def __init__(self, rollout: RunningRollout) -> None:
        super().__init__(rollout.out / "pages.parquet")
        self._rollout = rollout
        self._read_page = lru_cache(maxsize=64)(lambda page_id: read_page(rollout.page_texts(page_id)[0]))

    def __len__(self) -> int:
        return len(self._rollout.page_ids())

    def __contains__(self, page_id: object) -> bool:
        return page_id in self._rollout.page_ids()

    def __iter__(self) -> Iterator[str]:
        return iter(self._rollout.page_ids())

    def page(self, page_id: str) -> Page:
        """A simplified page.

        Raises:
            InputError: if there is none.
        """
        return self._read_page(page_id)

    def raw_html(self, page_id: str) -> str | None:
        """The raw HTML of a page, if it was kept.

        Raises:
            InputError: if there is no such page.
        """
        return self._rollout.page_texts(page_id)[1]


def _placeholder(step: Step) -> RolloutAnswer:
    return RolloutAnswer(0, 0, step.page_id, step.url or "", step.action)


def _work_folder(out: Path) -> Path:
    return out.with_name(f"{out.name}.{SOURCE}")
