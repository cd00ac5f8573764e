"""A user's own logs: CSV, JSON Lines or Parquet, one row per step, with a column mapping.

Rules (documented for users in docs/your-data/logs.md):

- Rows of a session may be scattered over the file or files. A first pass reads the session column; scattered
  rows are spooled to disk, not kept in memory.
- Steps are ordered by the `step` column if there is one, else by time, else by position.
- Two rows of a session with the same step id: an equal row is dropped, else the session is refused.
  Without step ids, a row that equals an earlier one in every column, including the time, is dropped.
- A session is refused, with its reason, when a row lacks what a step needs. It is never shortened: a session
  with a gap is not what the person did.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import ClassVar

from facsim.data.card import Card
from facsim.data.ingest_report import IngestReport
from facsim.data.mapping import ColumnMapping
from facsim.data.sources import RawSession, SessionRefused
from facsim.data.sources.csv_rows import CsvFormat, csv_format, csv_rows
from facsim.data.sources.mapped_session import read_sessions
from facsim.data.sources.mapped_values import text_of
from facsim.data.sources.page_files import PageFiles
from facsim.data.sources.rows import LogRow, files_at, json_rows, parquet_rows, top_column
from facsim.data.sources.spool import Spool, SpoolEntry
from facsim.data.table_schemas import open_parquet
from facsim.util.errors import InputError
from facsim.util.progress import Progress

_GUESSED_ENCODING = "file is not UTF-8: read as Windows-1252. Set csv.encoding if it is another"
USER_KEY = "user "
"""Prefix of the ids of sessions built from a user's rows without session ids."""


class _MappedLog:
    """Shared by all formats. A subclass reads the rows."""

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    def __init__(
        self, path: str | Path, mapping: str | Path | ColumnMapping, *, gap: float | None = None
    ) -> None:
        read = mapping if isinstance(mapping, ColumnMapping) else ColumnMapping.read(mapping)
        self.mapping = read if gap is None else read.with_gap(gap)
        self.files = files_at(Path(path), self.suffixes)
        self._path = Path(path)
        folder = self._path if self._path.is_dir() else self._path.parent
        pages = folder / (self.mapping.page.folder or ".")
        if self.mapping.page.file is not None and not pages.is_dir():
            raise InputError(
                "no such folder", file=pages, expected="the pages' files, as page.folder in the mapping says"
            )
        self._pages = PageFiles(pages)

    def card(self) -> Card:
        """The origin from the mapping; the mapping itself is stored in the settings."""
        mapping = self.mapping
        return Card(
            name=mapping.name,
            source=self.name,
            origin=mapping.origin,
            licence=mapping.licence,
            citation=mapping.citation,
            pages="none" if mapping.page.kind == "none" else 0,
            settings={"mapping": mapping.model_dump(exclude_defaults=True)},
        )

    def sessions(self, report: IngestReport, progress: Progress) -> Iterator[RawSession]:
        """The sessions in the order of their first rows."""
        sizes, contiguous = self._index(report, progress)
        with ExitStack() as stack:
            groups = self._contiguous() if contiguous else self._scattered(stack.enter_context(Spool()))
            for done, (key, rows) in enumerate(groups):
                progress(done, len(sizes), "sessions")
                try:
                    # Read all sessions before using any: an error refuses the whole group.
                    yield from list(read_sessions(key, rows, self.mapping, report, self._pages))
                except SessionRefused as refusal:
                    report.refuse(refusal.kind, refusal.where)
            progress(len(sizes), len(sizes), "sessions")

    def _index(self, report: IngestReport, progress: Progress) -> tuple[Counter[str], bool]:
        """Rows per session, and whether each session's rows are contiguous. Counts rows in the report."""
        present = self._declared_columns()
        sizes: Counter[str] = Counter()
        contiguous, previous, count = True, None, 0
        for count, row in enumerate(self._unnested(self._first_pass(report), report), start=1):
            present.update(row.values)
            if count % 1000 == 0:
                progress(count, None, "rows indexed")
            key = self._session_key(row)
            if key is None:
                report.repair("row without a session id or a user: left out", row.where)
                continue
            if key.startswith(USER_KEY) and self.mapping.session is not None:
                report.repair(
                    "row without a session id: assigned to a session of its user, cut at pauses", row.where
                )
            contiguous = contiguous and (key == previous or key not in sizes)
            sizes[key] += 1
            previous = key
        if not count:
            raise InputError("holds no rows", file=self._path)
        self._check_columns(present)
        report.count_read("files", len(self.files))
        report.count_read("rows", count)
        report.count_read("sessions", len(sizes))
        if not contiguous:
            report.note("rows of a session are apart from each other: gathered")
        return sizes, contiguous

    def _check_columns(self, present: set[str]) -> None:
        for name, field in self.mapping.fields().items():
            for column in field.sources:
                if top_column(column, present) in present:
                    continue
                near = difflib.get_close_matches(column, present, n=1)
                raise InputError(
                    f"there is no column {column!r}, which the mapping gives for {name}",
                    file=self._path,
                    expected=f"one of {', '.join(sorted(present)[:40])}",
                    remedy=f"Did you mean {near[0]!r}?" if near else None,
                )

    def _unnested(self, rows: Iterator[LogRow], report: IngestReport | None = None) -> Iterator[LogRow]:
        """The rows; with `events`, one for each event of a row."""
        column = self.mapping.events
        if column is None:
            yield from rows
            return
        for row in rows:
            events = row.get(column)
            if not isinstance(events, list) or not events:
                if report is not None:
                    report.repair("row without a list of events: left out", row.where)
                continue
            for number, event in enumerate(events, start=1):
                digest = f"{row.digest}/{number}"
                yield LogRow(f"{row.where}, event {number}", {**row.values, column: event}, digest)

    def _contiguous(self) -> Iterator[tuple[str, list[LogRow]]]:
        """Each session's rows, if they are contiguous."""
        keyed = ((self._session_key(row), row) for row in self._unnested(self._rows()))
        for key, pairs in groupby(keyed, key=lambda pair: pair[0]):
            if key is not None:
                yield key, [row for _, row in pairs]

    def _scattered(self, spool: Spool) -> Iterator[tuple[str, list[LogRow]]]:
        """Each session's rows, spooled to disk."""
        places: dict[str, list[SpoolEntry]] = {}
        for row in self._unnested(self._rows()):
            key = self._session_key(row)
            if key is not None:
                place = spool.put(json.dumps([row.where, row.values, row.digest]).encode())
                places.setdefault(key, []).append(place)
        for key, of_session in places.items():
            yield key, [LogRow(*json.loads(spool.get(place))) for place in of_session]

    def _session_key(self, row: LogRow) -> str | None:
        """The session id; else the user id, whose rows are then split at pauses; None if there is neither."""
        try:
            found = text_of(row, self.mapping.session, "session")
            if found or self.mapping.time is None:
                return found or None
            user = text_of(row, self.mapping.user, "user")
        except SessionRefused:
            return None
        return f"{USER_KEY}{user}" if user else None

    def _declared_columns(self) -> set[str]:
        """Columns declared by the files before any row is read."""
        raise NotImplementedError

    def _first_pass(self, report: IngestReport) -> Iterator[LogRow]:
        """All rows, with at least the session column. Reports damage at the ends of files."""
        raise NotImplementedError

    def _rows(self) -> Iterator[LogRow]:
        """All rows, with every mapped column."""
        raise NotImplementedError


class JsonLines(_MappedLog):
    """The source `jsonl`: files of JSON objects, one per line, plain or gzip."""

    name = "jsonl"
    suffixes = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")

    def _declared_columns(self) -> set[str]:
        return set()

    def _first_pass(self, report: IngestReport) -> Iterator[LogRow]:
        for file in self.files:
            yield from json_rows(file, report)

    def _rows(self) -> Iterator[LogRow]:
        columns = [column for field in self.mapping.fields().values() for column in field.sources]
        columns += [self.mapping.events] if self.mapping.events else []
        for file in self.files:
            for row in json_rows(file):
                tops = {top_column(column, row.values) for column in columns}
                values = {name: row.values[name] for name in tops if name in row.values}
                yield LogRow(row.where, values, row.digest)


class ParquetTable(_MappedLog):
    """The source `parquet`: Parquet files, each with all mapped columns."""

    name = "parquet"
    suffixes = (".parquet",)

    def _declared_columns(self) -> set[str]:
        return set.intersection(*(set(open_parquet(file).schema_arrow.names) for file in self.files))

    def _first_pass(self, report: IngestReport) -> Iterator[LogRow]:  # noqa: ARG002 - Parquet is whole or broken
        keys = (self.mapping.session, self.mapping.user)
        columns = [column for field in keys if field is not None for column in field.sources]
        columns += [self.mapping.events] if self.mapping.events else []
        for file in self.files:
            yield from parquet_rows(file, columns)

    def _rows(self) -> Iterator[LogRow]:
        # All columns: duplicate rows are detected by comparing every column.
        for file in self.files:
            yield from parquet_rows(file)


class CsvLog(_MappedLog):
    """The source `csv`: CSV or TSV files, plain or gzip; encoding and delimiter are detected per file."""

    name = "csv"
    suffixes = (".csv", ".tsv", ".csv.gz", ".tsv.gz")

    def _declared_columns(self) -> set[str]:
        return set.intersection(*(set(self._format(file).columns) for file in self.files))

    def _first_pass(self, report: IngestReport) -> Iterator[LogRow]:
        for file in self.files:
            form = self._format(file)
            if form.encoding == "cp1252" and self.mapping.csv.encoding is None:
                report.note(_GUESSED_ENCODING, file.name)
            yield from csv_rows(file, form, report)

    def _rows(self) -> Iterator[LogRow]:
        for file in self.files:
            yield from csv_rows(file, self._format(file))

    @cache  # noqa: B019 - there is one source for each ingest
    def _format(self, file: Path) -> CsvFormat:
        said = self.mapping.csv
        return csv_format(file, encoding=said.encoding, delimiter=said.delimiter)
