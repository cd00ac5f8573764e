"""Write a data set: one session at a time, in bounded memory, atomically."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data.card import Card
from facsim.data.table_schemas import (
    LATER_COLUMNS,
    PAGES_SCHEMA,
    PROBABILITIES_FILE,
    PROBABILITIES_SCHEMA,
    SESSIONS_SCHEMA,
    STEPS_SCHEMA,
    TRUTH_COLUMNS,
    dumps,
)
from facsim.schema import Action, Session, Truth
from facsim.util.errors import ConfigError, FacsimError
from facsim.util.remote_files import RemoteFile
from facsim.util.store_addresses import require_folder

if TYPE_CHECKING:
    from facsim.data.store import PageStore

ROW_GROUP_BYTES = 8 << 20
ROW_GROUP_ROWS = 20_000
_PAGE_COLUMNS = frozenset({"html", "raw_html"})
ReportName = Literal["ingest", "synthesis", "rollout", "scrub"]
_TABLES = ("sessions.parquet", "steps.parquet", "pages.parquet", PROBABILITIES_FILE, "card.json")
_REPORTS = tuple(f"{name}.{form}" for name in get_args(ReportName) for form in ("json", "md"))
_FILES = frozenset((*_TABLES, *_REPORTS))


def page_id_of(html: str) -> str:
    """The id of a simplified page: 128 bits of BLAKE2b over its UTF-8, in hex."""
    return hashlib.blake2b(html.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def rows_of(session: Session) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A session as a row of sessions.parquet and its rows of steps.parquet."""
    row = {name: getattr(session, name) for name in SESSIONS_SCHEMA.names}
    row["censored"] = session.censored or None
    steps: list[dict[str, Any]] = [
        {
            "session_id": session.session_id,
            "step": index,
            "action_type": step.action.type,
            "action_name": step.action.name,
            "action_text": step.action.text,
            **_truth_cells(step.truth),
        }
        for index, step in enumerate(session.steps)
    ]
    for step_row, step in zip(steps, session.steps, strict=True):
        step_row |= {name: getattr(step, name) for name in STEPS_SCHEMA.names if name not in step_row}
        # Normalize to the values that are read back: the content hash must not depend on the input format.
        step_row["timestamp"] = _in_utc(step.timestamp)
        step_row["elapsed"] = None if step.elapsed is None else float(step.elapsed)
    return row, steps


def _truth_cells(truth: Truth | None) -> dict[str, Any]:
    if truth is None:
        return dict.fromkeys(TRUTH_COLUMNS)
    best = truth.best
    return {
        "truth_probability": truth.probability,
        "truth_entropy": truth.entropy,
        "truth_best_probability": truth.best_probability,
        "truth_best_type": best.type,
        "truth_best_name": best.name,
        "truth_best_text": best.text,
    }


def _in_utc(time: datetime | None) -> datetime | None:
    if time is None or time.tzinfo is UTC:
        return time
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def hash_session(digest: hashlib.blake2b, row: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    """Add a session to the content hash. Pages are covered by their ids, which are hashes."""
    digest.update(dumps(_hashed(row)).encode())
    for step in steps:
        time = step["timestamp"]
        digest.update(dumps(_hashed(step) | {"timestamp": time.isoformat() if time else None}).encode())


def _hashed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None or name not in LATER_COLUMNS}


class DataSetWriter:
    """Writes a data set folder. A context manager: exiting without an error moves the folder into place.

        with DataSetWriter("data/mine", Card(name="mine", source="jsonl", origin="our shop")) as writer:
            page_id = writer.add_page(simplified_html, raw_html)
            writer.add_session(Session("s1", "u1", steps=(Step(page_id, Action.terminate()),)))

    Args:
        path: the folder to create.
        card: origin of the data; counts and hash are filled in.
        keep_raw: whether raw HTML is stored as well as simplified HTML.
        overwrite: whether to replace an existing data set (only after the new one is complete).

    A writer that is killed leaves a hidden folder beside `path`; the next writer of `path` removes it.

    Raises:
        ConfigError: if `path` exists and `overwrite` is false, or it has files that are not of a data
            set. Also on exit, if another writer finished first.
    """

    def __init__(
        self, path: str | Path, card: Card, *, keep_raw: bool = True, overwrite: bool = False
    ) -> None:
        require_folder(path, "a data set is written")
        self.path = Path(path)
        self.card = card
        self._keep_raw, self._overwrite = keep_raw, overwrite
        with _writing(self.path):
            self._check_place()
        self._folder = self.path.parent / f".{self.path.name}.{os.getpid()}-{token_hex(3)}.partial"
        self._pages_seen: set[str] = set()
        self._sessions_seen: set[str] = set()
        self._users: set[str] = set()
        self._steps = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def __enter__(self) -> Self:
        with _writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _tidy_up_after_the_dead(self.path)
            self._folder.mkdir()
            self._sessions_table = _Table(self._folder / "sessions.parquet", SESSIONS_SCHEMA)
            self._steps_table = _Table(self._folder / "steps.parquet", STEPS_SCHEMA)
            self._pages_table = _Table(self._folder / "pages.parquet", PAGES_SCHEMA)
            self._probabilities_table: _Table | None = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tables = [self._sessions_table, self._steps_table, self._pages_table]
        if self._probabilities_table is not None:
            tables.append(self._probabilities_table)
        try:
            if kind is None:
                with _writing(self.path):
                    for table in tables:
                        table.finish()
                    self._finish()
        finally:
            for table in tables:
                table.abandon()
            shutil.rmtree(self._folder, ignore_errors=True)

    def __len__(self) -> int:
        """Number of sessions stored so far."""
        return len(self._sessions_seen)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._sessions_seen

    @property
    def page_ids(self) -> Set[str]:
        """Ids of the pages stored so far."""
        return self._pages_seen

    @property
    def counts(self) -> dict[str, int]:
        """Counts so far: sessions, steps, pages (if the data set has any), users."""
        pages = {} if self.card.pages == "none" else {"pages": len(self._pages_seen)}
        counts = {"sessions": len(self._sessions_seen), "steps": self._steps, **pages}
        return {**counts, "users": len(self._users)}

    def add_report(self, as_json: str, as_markdown: str, *, name: ReportName = "ingest") -> None:
        """Write `NAME.json` and `NAME.md` next to the tables.

        Raises:
            FacsimError: if the disk is full.
        """
        with _writing(self.path):
            (self._folder / f"{name}.json").write_text(as_json, encoding="utf-8", errors="replace")
            (self._folder / f"{name}.md").write_text(as_markdown, encoding="utf-8")

    def copy_reports(self, folder: Path) -> None:
        """Copy all existing reports of another data set.

        Raises:
            FacsimError: if the disk is full.
        """
        with _writing(self.path):
            for name in _REPORTS:
                if (folder / name).is_file():
                    shutil.copyfile(folder / name, self._folder / name)

    def copy_pages(self, pages: PageStore) -> None:
        """Copy all pages of another data set, byte for byte. No page can be added before or after.

        Raises:
            ValueError: if a page was added before.
            FacsimError: if the disk is full.
        """
        if self._pages_seen:
            raise ValueError("a page was added before: all pages are copied, or none")
        self._pages_table.abandon()
        with _writing(self.path):
            if isinstance(pages.file, RemoteFile):
                pages.file.copy_to(self._folder / "pages.parquet")
            else:
                shutil.copyfile(pages.file, self._folder / "pages.parquet")
        self._pages_seen.update(pages)

    def add_page(self, html: str, raw_html: str | None = None, *, page_id: str | None = None) -> str:
        """Store a simplified page if it is new, and return its id.

        Raw pages with the same simplified page share one row; the raw HTML of the first is kept.

        Args:
            html: the simplified page.
            raw_html: the document it was made from.
            page_id: `page_id_of(html)`, if the caller has it already.

        Raises:
            ValueError: if the HTML has lone surrogates, which are not valid Unicode.
            FacsimError: if the disk is full.
        """
        page_id = page_id or page_id_of(html)
        if page_id not in self._pages_seen:
            raw = raw_html if self._keep_raw else None
            size = len(html.encode()) + len((raw or "").encode())
            self._pages_seen.add(page_id)
            with _writing(self.path):
                self._pages_table.add({"page_id": page_id, "html": html, "raw_html": raw}, size)
        return page_id

    def add_session(self, session: Session) -> None:
        """Store a session.

        Raises:
            ValueError: if it has no steps, its id was stored before, one of its pages was not added, or a
                text has lone surrogates.
            FacsimError: if the disk is full.
        """
        if not session.steps:
            raise ValueError(f"session {session.session_id} has no steps")
        if session.session_id in self._sessions_seen:
            raise ValueError(f"session {session.session_id} was stored before")
        missing = [step.page_id for step in session.steps if step.page_id not in self._pages_seen]
        if missing:
            raise ValueError(f"session {session.session_id}: page {missing[0]} was not added")
        row, step_rows = rows_of(session)
        hash_session(self._hash, row, step_rows)
        self._sessions_seen.add(session.session_id)
        self._users.add(session.user_id)
        self._steps += len(session.steps)
        with _writing(self.path):
            self._sessions_table.add(row)
            for step_row in step_rows:
                self._steps_table.add(step_row)

    def add_probabilities(
        self, session_id: str, step: int, probabilities: Iterable[tuple[Action, float]]
    ) -> None:
        """Store the most probable actions of a simulated step in `probabilities.parquet`, in this order.

        Raises:
            FacsimError: if the disk is full.
        """
        with _writing(self.path):
            for action, probability in probabilities:
                if self._probabilities_table is None:
                    file = self._folder / PROBABILITIES_FILE
                    self._probabilities_table = _Table(file, PROBABILITIES_SCHEMA)
                cells = (session_id, step, action.type, action.name, action.text, probability)
                self._probabilities_table.add(dict(zip(PROBABILITIES_SCHEMA.names, cells, strict=True)))

    def _check_place(self) -> None:
        """Refuse to replace anything without `overwrite`, or anything but a data set."""
        if not self.path.exists():
            return
        if not self._overwrite:
            raise ConfigError(f"{self.path} exists. Choose another folder, or use --overwrite")
        if not self.path.is_dir():
            raise ConfigError(f"{self.path} is not a data set; it will not be overwritten")
        there = {file.name for file in self.path.iterdir()}
        if there and "card.json" not in there:
            raise ConfigError(f"{self.path} is not a data set; it will not be overwritten")
        if foreign := sorted(there - _FILES):
            raise ConfigError(
                f"{self.path} also holds {foreign[0]}, which is no part of a data set and would be lost. "
                "Move it away first"
            )

    def _finish(self) -> None:
        self._check_place()
        card = self.card.model_copy(update={**self.counts, "content_hash": self._hash.hexdigest()})
        (self._folder / "card.json").write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        old = self._folder.with_suffix(".old")
        if self.path.exists():
            self.path.rename(old)
        try:
            self._folder.rename(self.path)
        except BaseException:  # Ctrl-C may arrive between the two
            if old.exists() and not self.path.exists():
                old.rename(self.path)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _tidy_up_after_the_dead(path: Path) -> None:
    """Removes leftovers of killed writers of `path`, and restores a data set that one had moved aside."""
    for left in sorted(path.parent.glob(f".{glob.escape(path.name)}.*")):
        match = _LEFT_BEHIND.fullmatch(left.name.removeprefix(f".{path.name}"))
        if match is None or _is_running(int(match["pid"])):
            continue
        if match["what"] == "old" and not path.exists():
            left.rename(path)
        else:
            shutil.rmtree(left, ignore_errors=True)


_LEFT_BEHIND = re.compile(r"\.(?P<pid>\d+)-[0-9a-f]{6}\.(?P<what>partial|old)")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Converts a full or read-only disk to a `FacsimError`."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise FacsimError(f"{path} could not be written: {reason}. Nothing there was changed") from error


class _Table:
    """One Parquet file, written a row group at a time."""

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self._schema = schema
        # Pages are long and unique: readers gain nothing from a dictionary or statistics, and building them
        # would take as long as the compression.
        short = [name for name in schema.names if name not in _PAGE_COLUMNS]
        self._writer = pq.ParquetWriter(
            file, schema, compression="zstd", use_dictionary=short, write_statistics=short
        )
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, row: dict[str, Any], size: int = 0) -> None:
        self._rows.append(row)
        self._bytes += size
        if self._bytes >= ROW_GROUP_BYTES or len(self._rows) >= ROW_GROUP_ROWS:
            self._flush()

    def finish(self) -> None:
        """Write the remaining rows. A file without rows still gets its schema."""
        if self._rows:
            self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Close the file in any state. After `finish` this does nothing."""
        with suppress(OSError, pa.ArrowException):
            self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._bytes = [], 0
