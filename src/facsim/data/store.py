"""The data set on disk: a folder that polars, DuckDB and the hub's `datasets` read without Facsim.

    sessions.parquet   one row per session
    steps.parquet      one row per step, sessions contiguous, steps in order
    pages.parquet      each page once, zstd; page_id is the hash of the simplified HTML
    card.json          origin, licence, counts, schema version, content hash

Writing is atomic: a data set is written to a temporary folder beside its path, which is then renamed.

A data set may also be on an object store. Its tables are then copied to a temporary folder once, and of
pages.parquet only the row groups that are needed are read.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data.card import Card
from facsim.data.remote_parquet import RemoteParquet
from facsim.data.table_schemas import (
    PAGES_SCHEMA,
    PROBABILITIES_FILE,
    SESSIONS_SCHEMA,
    STEPS_SCHEMA,
    check_tables,
    open_parquet,
    read_table,
    reading,
)
from facsim.page import read_page
from facsim.schema import Action, Page, Session, Step, Truth
from facsim.util.errors import InputError
from facsim.util.notebook_html import HtmlCell, figure, paragraph, table
from facsim.util.remote_files import RemoteFile, RemoteFolder
from facsim.util.store_addresses import as_url

_CHARACTERS_KEPT = 16_000_000
"""Size of the cache of recent pages. Parsed elements take a few times as much."""
_SESSIONS_DRAWN = 10
_CARD, _SESSIONS, _STEPS, _PAGES = "card.json", "sessions.parquet", "steps.parquet", "pages.parquet"


class DataSet:
    """A data set, or a selection of its sessions. Tables are in memory; pages are read on access.

    Open one with `DataSet.open(path)`. Iterating gives `Session` objects in stored order.

    Attributes:
        path: the folder. For a data set on a store, a temporary one without the pages.
        card: origin and contents (counts are of the whole data set).
        sessions: polars table, one row per session of this selection.
        steps: polars table, one row per step of this selection, sessions contiguous, steps in order.
        is_whole: whether this is the whole data set and not a selection.
    """

    def __init__(
        self,
        path: Path,
        card: Card,
        sessions: pl.DataFrame,
        steps: pl.DataFrame,
        pages: PageStore,
        *,
        is_whole: bool = True,
        remote: RemoteFolder | None = None,
    ) -> None:
        self.path, self.card, self.sessions, self.steps, self.pages = path, card, sessions, steps, pages
        self.is_whole = is_whole
        self._remote = remote  # which keeps the temporary folder

    @classmethod
    def open(cls, path: str | Path) -> DataSet:
        """Open a data set.

        Args:
            path: its folder, or its address on a store that fsspec knows, such as `s3://bucket/data/shop`.
                Credentials come from the environment.

        Raises:
            ConfigError: if a store cannot be read, or has no complete data set at the address.
            InputError: if a file is missing or broken, its columns are not those of this schema version, or
                sessions and steps are inconsistent.
        """
        url = as_url(path)
        if url is None:
            return cls._read(Path(path), PageStore(Path(path) / _PAGES))
        names = (_CARD, _SESSIONS, _STEPS, _PAGES, PROBABILITIES_FILE, "*.json", "*.md")
        remote = RemoteFolder(url, last=_CARD, patterns=names, in_ranges=[_PAGES])
        if _PAGES not in remote.large:
            raise InputError("no such file", file=f"{url}/{_PAGES}")
        try:
            return cls._read(remote.path, PageStore(remote.large[_PAGES]), remote)
        except InputError as error:
            raise remote.renamed(error) from None

    @classmethod
    def _read(cls, path: Path, pages: PageStore, remote: RemoteFolder | None = None) -> DataSet:
        card = Card.read(path / _CARD)
        sessions = read_table(path / _SESSIONS, SESSIONS_SCHEMA)
        steps = read_table(path / _STEPS, STEPS_SCHEMA)
        check_tables(sessions, steps, path)
        return cls(path, card, sessions, steps, pages, remote=remote)

    @property
    def location(self) -> str:
        """The folder, or the address on a store: what `open` takes in another process."""
        return str(self.path) if self._remote is None else self._remote.url

    @property
    def content_hash(self) -> str:
        """Hash of the whole data set's content; the same on any machine."""
        return self.card.content_hash

    @property
    def has_pages(self) -> bool:
        """Whether pages were recorded. A log without pages has actions only."""
        return self.card.pages != "none"

    def require_pages(self) -> None:
        """Refuse a data set without pages.

        Raises:
            InputError: if it has none.
        """
        if not self.has_pages:
            raise InputError(
                "has no pages: only the actions of its log are known",
                file=self.location,
                expected="a page for every step, to predict and to learn from",
                remedy="A log without pages is good for facsim audit, facsim show and facsim fidelity",
            )

    @property
    def session_ids(self) -> tuple[str, ...]:
        """The ids in stored order."""
        return tuple(self.sessions["session_id"])

    def __len__(self) -> int:
        return self.sessions.height

    def __repr__(self) -> str:
        return f"DataSet({self.location!r}, {len(self)} sessions, {self.steps.height} steps)"

    def __iter__(self) -> Iterator[Session]:
        for session_id in self.session_ids:
            yield self.session(session_id)

    def _repr_html_(self) -> str:
        """For notebooks: what it is, and its first sessions."""
        facts = f"{len(self):,} sessions · {self.steps.height:,} steps · {self.location}"
        parts = [paragraph(f"· {facts}", strong=self.card.name)]
        parts += [paragraph(f"{self.card.origin} · licence: {self.card.licence}", dim=True)]
        if not self.is_whole:
            parts.append(paragraph(f"A selection out of {self.card.sessions:,} sessions.", dim=True))
        steps = dict(self.steps.group_by("session_id").len().iter_rows())
        columns = ["session_id", "user_id", "outcome", "intent", "persona"]
        columns = [name for name in columns if self.sessions[name].null_count() < len(self)]
        rows = [
            [
                *(HtmlCell(row[name] or "", mono=name.endswith("_id"), limit=120) for name in columns),
                HtmlCell(f"{steps[row['session_id']]:,}", number=True),
            ]
            for row in self.sessions.head(_SESSIONS_DRAWN).iter_rows(named=True)
        ]
        more = len(self) - len(rows)
        parts.append(table([*columns, "steps"], rows))
        return figure(*parts, paragraph(f"… and {more:,} more sessions", dim=True) if more else "")

    def session(self, session_id: str) -> Session:
        """One session with its steps.

        Raises:
            KeyError: if there is no such session in this selection.
        """
        row = self._session_rows[session_id]
        start, length = self._step_rows[session_id]
        stored = self.sessions.row(row, named=True)
        # Tables may have extra columns.
        fields = {name: stored[name] for name in SESSIONS_SCHEMA.names} | {
            "censored": bool(stored["censored"])
        }
        steps = tuple(_step_of(row) for row in self.steps.slice(start, length).iter_rows(named=True))
        return Session(steps=steps, **fields)

    def page(self, page_id: str) -> Page:
        """A stored page. Its elements are parsed on access."""
        return self.pages.page(page_id)

    def select(self, session_ids: Sequence[str]) -> DataSet:
        """The data set restricted to these sessions, in stored order, sharing the page store."""
        wanted = pl.Series("session_id", list(session_ids), dtype=pl.String).implode()
        return DataSet(
            self.path,
            self.card,
            self.sessions.filter(pl.col("session_id").is_in(wanted)),
            self.steps.filter(pl.col("session_id").is_in(wanted)),
            self.pages,
            is_whole=False,
            remote=self._remote,
        )

    @cached_property
    def _session_rows(self) -> dict[str, int]:
        return {session_id: row for row, session_id in enumerate(self.sessions["session_id"])}

    @cached_property
    def _step_rows(self) -> dict[str, tuple[int, int]]:
        # Sessions are contiguous: a run of one id is a session.
        spans = self.steps.select(pl.col("session_id").rle()).unnest("session_id")
        starts = spans["len"].cum_sum() - spans["len"]
        return dict(
            zip(spans["value"], zip(starts.to_list(), spans["len"].to_list(), strict=True), strict=True)
        )


def _step_of(row: dict[str, Any]) -> Step:
    return Step(
        page_id=row["page_id"],
        action=Action(row["action_type"], row["action_name"], row["action_text"]),
        category=row["category"],
        rationale=row["rationale"],
        rationale_source=row["rationale_source"],
        timestamp=row["timestamp"],
        elapsed=row["elapsed"],
        url=row["url"],
        submitted=row["submitted"],
        truth=None if row["truth_probability"] is None else _truth_of(row),
        context=row["context"],
    )


def _truth_of(row: dict[str, Any]) -> Truth:
    return Truth(
        probability=row["truth_probability"],
        best_probability=row["truth_best_probability"],
        best=Action(row["truth_best_type"], row["truth_best_name"], row["truth_best_text"]),
        entropy=row["truth_entropy"],
    )


class PageStore:
    """Random access to pages.parquet: an index of ids in memory, row groups read on access and cached.

    Safe to use from several threads.

    Args:
        file: the Parquet file. One on a store is read in ranges.
        keep_groups: number of decoded row groups (about 8 MB each) to cache.

    Attributes:
        file: the same.
        name: its path or address.
    """

    def __init__(self, file: Path | RemoteFile, keep_groups: int = 6) -> None:
        self.file, self.name = file, str(file)
        self._keep_groups = keep_groups
        self._groups: OrderedDict[tuple[int, str], pa.ChunkedArray] = OrderedDict()
        self._pages: OrderedDict[str, Page] = OrderedDict()
        self._characters = 0
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, page_id: object) -> bool:
        return page_id in self._index

    def __iter__(self) -> Iterator[str]:
        """The page ids in stored order."""
        return iter(self._index)

    def page(self, page_id: str) -> Page:
        """The simplified page. Recent pages are cached as objects, so their elements are parsed once.

        Raises:
            InputError: if the store has no such page.
        """
        with self._lock:
            if page_id not in self._pages:
                html = self._cell(page_id, "html")
                assert html is not None
                self._pages[page_id] = read_page(html)
                self._characters += len(html)
                while len(self._pages) > 1 and self._characters > _CHARACTERS_KEPT:
                    _, dropped = self._pages.popitem(last=False)
                    self._characters -= len(dropped.html)
            self._pages.move_to_end(page_id)
            return self._pages[page_id]

    def raw_html(self, page_id: str) -> str | None:
        """The raw HTML of the page, if it was kept."""
        return self._cell(page_id, "raw_html")

    @property
    def raw_pages(self) -> int:
        """How many pages have their raw HTML.

        Raises:
            InputError: if the file is missing or truncated.
        """
        return sum(
            len(column) - column.null_count
            for group in range(self._parquet.num_row_groups)
            for column in (self._read(group, ["raw_html"])["raw_html"],)
        )

    def scan(self) -> Iterator[tuple[str, str]]:
        """Every page's id and simplified HTML in stored order, a few in memory at a time.

        Raises:
            InputError: if the file is truncated.
        """
        for group in range(self._parquet.num_row_groups):
            table = self._read(group, ["page_id", "html"])
            with reading(self.name):
                for page_id, html in zip(table["page_id"], table["html"], strict=True):
                    yield page_id.as_py(), html.as_py()

    @cached_property
    def _parquet(self) -> pq.ParquetFile | RemoteParquet:
        file = self.file
        parquet = RemoteParquet(file) if isinstance(file, RemoteFile) else open_parquet(file)
        for name in PAGES_SCHEMA.names:
            if name not in parquet.schema_arrow.names:
                raise InputError("column missing", file=self.name, where=f"column {name}", expected="string")
        return parquet

    @property
    def _index(self) -> dict[str, int]:
        # Always take this lock before that of the cached property (which has one before Python 3.12), to
        # prevent a deadlock.
        with self._lock:
            return self._rows

    @cached_property
    def _rows(self) -> dict[str, int]:
        """The row in the file, by page."""
        with reading(self.name):
            column = self._parquet.read(columns=["page_id"])
            column.validate(full=True)  # invalid UTF-8, which polars does not check
        ids = pl.from_arrow(column)
        assert isinstance(ids, pl.DataFrame)
        return dict(zip(ids["page_id"], range(ids.height), strict=True))

    @cached_property
    def _group_starts(self) -> list[int]:
        """The first row of every row group."""
        metadata = self._parquet.metadata
        counts = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        return list(accumulate(counts, initial=0))[:-1]

    def _cell(self, page_id: str, column: str) -> str | None:
        with self._lock:
            if page_id not in self._index:
                raise InputError(f"no page {page_id}", file=self.name, remedy="The data set is incomplete")
            place = self._index[page_id]
            group = bisect_right(self._group_starts, place) - 1
            row = place - self._group_starts[group]
            key = (group, column)
            if key not in self._groups:
                self._groups[key] = self._read(group, [column])[column]
                if len(self._groups) > self._keep_groups:
                    self._groups.popitem(last=False)
            self._groups.move_to_end(key)
            with reading(self.name, lambda: f"page {page_id}"):
                text: str | None = self._groups[key][row].as_py()
            return text

    def _read(self, group: int, columns: list[str]) -> pa.Table:
        with self._lock, reading(self.name):
            return self._parquet.read_row_group(group, columns=columns)
