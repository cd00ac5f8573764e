"""Writing a data set: sessions one by one, memory bounded, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data.card import Card
from facsim.data.store import PAGES_SCHEMA, SESSIONS_SCHEMA, STEPS_SCHEMA, dumps
from facsim.schema import ConfigError, Session

ROW_GROUP_BYTES = 8 << 20
ROW_GROUP_ROWS = 20_000


def page_id_of(html: str) -> str:
    """The id of a simplified page: 128 bits of BLAKE2b over its UTF-8, in hex."""
    return hashlib.blake2b(html.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class DataSetWriter:
    """Writes a data set folder. A context manager: leaving it without an error puts the folder in place.

        with DataSetWriter("data/mine", Card(name="mine", source="jsonl", origin="our shop")) as writer:
            page_id = writer.add_page(simplified_html, raw_html)
            writer.add_session(Session("s1", "u1", steps=(Step(page_id, Action.terminate()),)))

    Args:
        path: the folder to make.
        card: what is known of the origin; counts and hash are filled in.
        keep_raw: whether raw HTML is stored beside the simplified one.
        overwrite: whether a data set already there is replaced (only once the new one is whole).

    Raises:
        ConfigError: if `path` exists and `overwrite` is false, or exists and is not a data set.
    """

    def __init__(
        self, path: str | Path, card: Card, *, keep_raw: bool = True, overwrite: bool = False
    ) -> None:
        self.path = Path(path)
        self.card = card
        self._keep_raw = keep_raw
        if self.path.exists():
            if not overwrite:
                raise ConfigError(f"{self.path} exists. Choose another folder, or say --overwrite")
            if any(self.path.iterdir()) and not (self.path / "card.json").exists():
                raise ConfigError(f"{self.path} is not a data set; it will not be overwritten")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = self.path.parent / f".{self.path.name}.{os.getpid()}.partial"
        self._pages_seen: set[str] = set()
        self._sessions_seen: set[str] = set()
        self._users: set[str] = set()
        self._steps = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def __enter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        self._sessions_table = _Table(self._folder / "sessions.parquet", SESSIONS_SCHEMA)
        self._steps_table = _Table(self._folder / "steps.parquet", STEPS_SCHEMA)
        self._pages_table = _Table(self._folder / "pages.parquet", PAGES_SCHEMA)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for table in (self._sessions_table, self._steps_table, self._pages_table):
                table.close()
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __len__(self) -> int:
        """How many sessions are stored so far."""
        return len(self._sessions_seen)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._sessions_seen

    @property
    def counts(self) -> dict[str, int]:
        """What is stored so far: sessions, steps, pages, users."""
        return {
            "sessions": len(self._sessions_seen),
            "steps": self._steps,
            "pages": len(self._pages_seen),
            "users": len(self._users),
        }

    def add_text(self, name: str, text: str) -> None:
        """Put a text file into the folder, beside the tables."""
        (self._folder / name).write_text(text, encoding="utf-8")

    def add_page(self, html: str, raw_html: str | None = None) -> str:
        """Store a simplified page unless it is there already, and give its id.

        Pages that differ only in what simplification drops share one row; the first one's raw HTML is kept.
        """
        page_id = page_id_of(html)
        if page_id not in self._pages_seen:
            self._pages_seen.add(page_id)
            raw = raw_html if self._keep_raw else None
            self._pages_table.add(
                {"page_id": page_id, "html": html, "raw_html": raw}, size=len(html) + len(raw or "")
            )
        return page_id

    def add_session(self, session: Session) -> None:
        """Store a session.

        Raises:
            ValueError: if it has no steps, its id was stored before, or a page of its was not added.
        """
        if not session.steps:
            raise ValueError(f"session {session.session_id} has no steps")
        if session.session_id in self._sessions_seen:
            raise ValueError(f"session {session.session_id} was stored before")
        missing = [step.page_id for step in session.steps if step.page_id not in self._pages_seen]
        if missing:
            raise ValueError(f"session {session.session_id}: page {missing[0]} was not added")
        self._sessions_seen.add(session.session_id)
        self._users.add(session.user_id)
        self._steps += len(session.steps)
        row: dict[str, Any] = {name: getattr(session, name) for name in SESSIONS_SCHEMA.names}
        self._sessions_table.add(row)
        self._hash.update(dumps(row).encode("utf-8", "surrogatepass"))
        for index, step in enumerate(session.steps):
            row = {
                "session_id": session.session_id,
                "step": index,
                "action_type": step.action.type,
                "action_name": step.action.name,
                "action_text": step.action.text,
            }
            row |= {name: getattr(step, name) for name in STEPS_SCHEMA.names if name not in row}
            self._steps_table.add(row)
            hashed = row | {"timestamp": step.timestamp.isoformat() if step.timestamp else None}
            self._hash.update(dumps(hashed).encode("utf-8", "surrogatepass"))

    def _finish(self) -> None:
        card = self.card.model_copy(update={**self.counts, "content_hash": self._hash.hexdigest()})
        (self._folder / "card.json").write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        old = self._folder.with_suffix(".old")
        if self.path.exists():
            self.path.rename(old)
        self._folder.rename(self.path)
        shutil.rmtree(old, ignore_errors=True)


class _Table:
    """One Parquet file, written a row group at a time."""

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, row: dict[str, Any], size: int = 0) -> None:
        self._rows.append(row)
        self._bytes += size
        if self._bytes >= ROW_GROUP_BYTES or len(self._rows) >= ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        if self._rows or not self._writer_has_groups:
            self._flush()
        self._writer.close()

    _writer_has_groups = False

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._writer_has_groups = True
        self._rows, self._bytes = [], 0
