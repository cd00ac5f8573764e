"""Rows of JSON Lines and Parquet files, one at a time, with their positions."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data.ingest_report import IngestReport
from facsim.data.parquet_limits import check_page_sizes
from facsim.data.table_schemas import reading
from facsim.util.errors import InputError

_BATCH_ROWS = 32
_BUFFER = 1 << 20
# Not valid JSON, but written by Python. In data frames, NaN means null.
_CONSTANTS = {"NaN": None, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of a log.

    Attributes:
        where: file and line, for messages.
        values: JSON values by column.
        digest: hash of the whole row as written, including columns that are not in `values`; empty if only
            some columns are read.
    """

    where: str
    values: Mapping[str, Any]
    digest: str = ""

    def get(self, column: str) -> Any:
        """The value of a column, or of a dotted path into nested objects. None if there is none."""
        if column in self.values:
            return self.values[column]
        value: Any = self.values
        for part in column.split("."):
            value = _inner(value, part)
            if value is None:
                return None
        return value


def _inner(value: Any, key: str) -> Any:
    """A value in an object, or in a list of `{key: …, value: …}` objects, as in BigQuery exports of GA4.

    There the value is an object itself, with one field for each type and all but one null.
    """
    if isinstance(value, dict):
        return value.get(key)
    if not isinstance(value, list):
        return None
    found = next((item for item in value if isinstance(item, dict) and item.get("key") == key), None)
    if found is None:
        return None
    inner = found.get("value")
    if isinstance(inner, dict) and inner and all(name.endswith("_value") for name in inner):
        return next((one for one in inner.values() if one is not None), None)
    return inner


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


def json_rows(file: Path, report: IngestReport | None = None) -> Iterator[LogRow]:
    """The objects of a JSON Lines file, plain or gzip.

    A truncated last line comes from a killed writer: it is skipped and reported.

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
                    text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
                    values = json.loads(
                        text, parse_constant=_CONSTANTS.get, object_pairs_hook=_without_duplicate_keys
                    )
                except _DuplicateKeyError as error:
                    raise InputError(
                        f"key {error.args[0]!r} occurs twice, with different values",
                        file=file,
                        where=f"line {number}",
                        expected="each key once",
                        remedy="Which of the two is meant cannot be known; correct the line or take it out",
                    ) from None
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
                yield LogRow(where, values, blake2b(line.strip(), digest_size=12).hexdigest())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"gzip stream is broken: {error}", file=file) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None


class _DuplicateKeyError(Exception):
    """A JSON object has a key twice, with different values."""


def _without_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs. Python's JSON parser would silently keep the last of two equal keys."""
    values = dict(pairs)
    if len(values) < len(pairs):
        for key, value in pairs:
            if values[key] != value:
                raise _DuplicateKeyError(key)
    return values


def _open_text(file: Path) -> gzip.GzipFile | BinaryIO:
    with file.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rb") if compressed else file.open("rb", buffering=_BUFFER)


def parquet_rows(file: Path, columns: Sequence[str] | None = None) -> Iterator[LogRow]:
    """The rows of a Parquet file, a few in memory at a time.

    Args:
        file: the file.
        columns: names or dotted paths to read; all by default.

    Raises:
        InputError: if it cannot be read as Parquet, or is truncated.
    """
    number = 0
    with (
        reading(file, lambda: f"after row {number}" if number else None),
        pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER) as parquet,
    ):
        present = parquet.schema_arrow.names
        chosen = present if columns is None else sorted({top_column(column, present) for column in columns})
        check_page_sizes(file, parquet.metadata, frozenset(chosen))
        for batch in parquet.iter_batches(
            batch_size=_BATCH_ROWS, columns=[name for name in chosen if name in present]
        ):
            for values in _with_python_types(batch).to_pylist():
                number += 1
                yield LogRow(
                    f"{file.name}, row {number}", {key: _plain(value) for key, value in values.items()}
                )


def top_column(column: str, present: Container[str]) -> str:
    """The table column that a column or dotted path of a mapping starts with."""
    return column if column in present else column.split(".", maxsplit=1)[0]


def _with_python_types(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Cast timestamps to microseconds, Python's resolution, and text to bytes, as it may not be UTF-8."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type):
            column = batch.column(index).cast(pa.timestamp("us", tz=field.type.tz), safe=False)
        elif pa.types.is_string(field.type):
            column = batch.column(index).cast(pa.binary())
        elif pa.types.is_large_string(field.type):
            column = batch.column(index).cast(pa.large_binary())
        else:
            continue
        batch = batch.set_column(index, field.name, column)
    return batch


def _plain(value: Any) -> Any:
    """A JSON value. NaN becomes null: data frames write NaN for null."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
