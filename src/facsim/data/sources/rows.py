"""Rows of JSON Lines and Parquet files, one at a time, with their places."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data.report import IngestReport
from facsim.schema import InputError

_BATCH_ROWS = 32
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """A row and where it stands. Values are JSON values."""

    where: str
    values: Mapping[str, Any]

    def get(self, column: str) -> Any:
        """The value of a column, or of a dotted path into nested objects. None if there is none."""
        if column in self.values:
            return self.values[column]
        value: Any = self.values
        for part in column.split("."):
            if not isinstance(value, dict) or part not in value:
                return None
            value = value[part]
        return value


def files_at(path: Path, suffixes: Sequence[str]) -> list[Path]:
    """The file itself, or a folder's files with these suffixes, by name.

    Raises:
        InputError: if there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError("no such file or folder", file=path)
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.name.endswith(tuple(suffixes)))
    if not files:
        raise InputError(
            "folder holds no such file", file=path, expected=f"files ending in {', '.join(suffixes)}"
        )
    return files


def json_rows(file: Path, report: IngestReport | None = None) -> Iterator[Row]:
    """The objects of a JSON Lines file, plain or gzip.

    A last line that breaks off is what a killed writer leaves: it is left out and told to the report.

    Raises:
        InputError: if any other line is not a JSON object, or the file cannot be read.
    """
    try:
        with _open_text(file) as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                where = f"{file.name}, line {number}"
                try:
                    # Bytes that are not UTF-8 become lone surrogates, which cleaning replaces and counts.
                    values = json.loads(line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape"))
                except (ValueError, RecursionError) as error:
                    if not line.endswith(b"\n"):
                        if report:
                            report.repair("last line of a file is torn: left out", where)
                        return
                    raise InputError(f"not JSON: {error}", file=file, where=f"line {number}") from None
                if not isinstance(values, dict):
                    found = type(values).__name__
                    raise InputError(
                        f"holds {found}", file=file, where=f"line {number}", expected="a JSON object"
                    )
                yield Row(where, values)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"gzip stream is broken: {error}", file=file) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None


def _open_text(file: Path) -> gzip.GzipFile | BinaryIO:
    with file.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rb") if compressed else file.open("rb", buffering=_BUFFER)


def parquet_rows(file: Path, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """The rows of a Parquet file, a few in memory at a time.

    Args:
        file: the file.
        columns: names or dotted paths to read; all if not given.

    Raises:
        InputError: if it cannot be read as Parquet, or breaks off on the way.
    """
    number = 0
    try:
        with pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER) as parquet:
            present = parquet.schema_arrow.names
            chosen = (
                present if columns is None else sorted({top_column(column, present) for column in columns})
            )
            for batch in parquet.iter_batches(
                batch_size=_BATCH_ROWS, columns=[name for name in chosen if name in present]
            ):
                for values in _plain_times(batch).to_pylist():
                    number += 1
                    yield Row(
                        f"{file.name}, row {number}", {key: _plain(value) for key, value in values.items()}
                    )
    except (pa.ArrowException, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        where = f"after row {number}" if number else None
        raise InputError(f"cannot be read as Parquet: {reason}", file=file, where=where) from None


def top_column(column: str, present: Container[str]) -> str:
    """The column of the table that a column or a dotted path of a mapping starts in."""
    return column if column in present else column.split(".", maxsplit=1)[0]


def _plain_times(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Timestamps to microseconds: Python knows nothing finer."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type):
            exact = batch.column(index).cast(pa.timestamp("us", tz=field.type.tz), safe=False)
            batch = batch.set_column(index, field.name, exact)
    return batch


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value


class Shelf:
    """Rows put aside on disk, compressed, and read back in any order. A context manager.

    For logs whose sessions' rows are scattered: a row is read from its file once, whatever the file's format.
    """

    def __enter__(self) -> Shelf:
        self._file = TemporaryFile(prefix="facsim-")
        self._places: list[tuple[int, int, int]] = []
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, row: Row) -> int:
        """Put a row aside; its number brings it back."""
        plain = json.dumps([row.where, row.values]).encode()
        packed: bytes = pa.compress(plain, codec="zstd", asbytes=True)
        self._places.append((self._file.seek(0, 2), len(packed), len(plain)))
        self._file.write(packed)
        return len(self._places) - 1

    def get(self, number: int) -> Row:
        """The row with that number."""
        start, length, size = self._places[number]
        self._file.seek(start)
        where, values = json.loads(
            pa.decompress(self._file.read(length), size, codec="zstd", asbytes=True).decode()
        )
        return Row(where, values)
