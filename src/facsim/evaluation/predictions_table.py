"""predictions.jsonl as a table: read column by column where it is intact, line by line where it is not.

The fast path is polars' own reader. It is used for files in which every line is one that we wrote. Any other
file takes the slow path, which reports what is wrong and in which line.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import polars as pl

from facsim.evaluation.journal import REMEDY, read_records
from facsim.evaluation.record_lines import CHECKSUM, EXTRAS_SCHEMA, matches_checksum
from facsim.metrics import CASES_SCHEMA
from facsim.util.errors import InputError

_SCHEMA: Final = {**CASES_SCHEMA, **EXTRAS_SCHEMA}
_SCHEMA_WITH_CHECKSUM: Final = {**_SCHEMA, CHECKSUM: pl.String()}
_NEVER_NULL: Final = ("step", "is_last", "true_type", "failed")
_TOKENS: Final = ("input_tokens", "cached_tokens", "output_tokens")
_TOKENS_END: Final = 2**53


def read_predictions(file: Path) -> pl.DataFrame:
    """All predictions of a file in its order, without a torn last line.

    Returns:
        The columns of `CASES_SCHEMA` and `EXTRAS_SCHEMA`; row i (from 0) is line i + 1.

    Raises:
        InputError: if the file is missing or damaged, or a line lacks a field.
    """
    table = _read_fast(file)
    return _read_slow(file) if table is None else table


def leniencies_of(predictions: pl.DataFrame) -> dict[str, int]:
    """How many answers needed each leniency to be read, the most frequent first."""
    counts = Counter(predictions["forgiven"].explode().drop_nulls().to_list())
    return dict(counts.most_common())


def _read_fast(file: Path) -> pl.DataFrame | None:
    """The table, if polars can read the file and every line is one that we wrote; else None."""
    try:
        raw = file.read_bytes()
        ends = [json.loads(line) for line in (raw[: raw.find(b"\n")], raw[raw.rfind(b"\n", 0, -1) + 1 :])]
        # Lines without a checksum may come from elsewhere: polars would read a number or a list as a string.
        if not all(isinstance(line, dict) and line.keys() == _SCHEMA_WITH_CHECKSUM.keys() for line in ends):
            return None
        table = pl.read_ndjson(io.BytesIO(raw), schema=_SCHEMA_WITH_CHECKSUM)
    except (OSError, ValueError, RecursionError, pl.exceptions.PolarsError):
        return None
    if not _is_ours(raw, table):
        return None
    return table.select(*_SCHEMA)


def _is_ours(raw: bytes, table: pl.DataFrame) -> bool:
    """Whether every line of a file is one that we wrote, undamaged."""
    if not raw.endswith(b"\n") or raw.count(b"\n") != table.height:
        return False
    # With a schema, polars reads a number as a string: a line is ours only if its id is quoted.
    if raw.count(b'{"session_id":"') < table.height or any(table[name].null_count() for name in _NEVER_NULL):
        return False
    # Polars fills a missing field with null: all keys must be present in all lines. Within a string the quote
    # before a colon is escaped.
    if raw.count(b'":') - raw.count(b'\\":') != len(_SCHEMA_WITH_CHECKSUM) * table.height:
        return False
    return all(map(matches_checksum, raw[:-1].split(b"\n")))


def _read_slow(file: Path) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA}
    for number, record in enumerate(read_records(file), start=1):
        missing = [name for name in CASES_SCHEMA if name not in record]
        if missing:
            raise InputError(f"has no field {missing[0]!r}", file=file, where=f"line {number}", remedy=REMEDY)
        for name in _SCHEMA:
            columns[name].append(record.get(name))
        for name in _TOKENS:
            # A server once reported 10^30 tokens: that count is unknown, the paid answer still is scored.
            if record[name] is not None and not 0 <= record[name] < _TOKENS_END:
                columns[name][-1] = None
    try:
        return pl.DataFrame(columns, schema=_SCHEMA)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        raise InputError(str(error).splitlines()[0], file=file, remedy=REMEDY) from None
