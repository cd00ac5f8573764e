"""predictions.jsonl as a table: by the column where it is as we write it, line by line where it is not.

The quick way is polars' own reader. It is used for files of which every line can only be ours; of anything
else the careful way is taken, which says what is wrong and in which line.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from facsim.evaluation.journal import read_lines
from facsim.metrics import CASES_SCHEMA
from facsim.util.errors import InputError

EXTRAS_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "forgiven": pl.List(pl.String()),  # leniencies that reading the answer took
    "rationale": pl.String(),
    "answer": pl.String(),  # raw, where it was not read strictly
    "error": pl.String(),  # why there is no answer
    "from_cache": pl.Boolean(),
}
"""What a line has beside the columns of `CASES_SCHEMA`; null in lines older than the field."""

_SCHEMA: Final = {**CASES_SCHEMA, **EXTRAS_SCHEMA}
_NEVER_NULL: Final = ("step", "is_last", "true_type", "failed")


def read_predictions(file: Path) -> pl.DataFrame:
    """All predictions of a file in its order, a torn last line left out; the columns as they stand there.

    Raises:
        InputError: if the file is missing or damaged, or a line lacks a column.
    """
    quick = _read_quickly(file)
    return _read_carefully(file) if quick is None else quick


def leniencies_of(predictions: pl.DataFrame) -> dict[str, int]:
    """How many answers took each leniency to be read, the most frequent first."""
    counts = Counter(predictions["forgiven"].explode().drop_nulls().to_list())
    return dict(counts.most_common())


def _read_quickly(file: Path) -> pl.DataFrame | None:
    """The table, if polars can read the file and the lines are beyond doubt."""
    try:
        raw = file.read_bytes()
        ends = [json.loads(line) for line in (raw[: raw.find(b"\n")], raw[raw.rfind(b"\n", 0, -1) + 1 :])]
        if not all(isinstance(line, dict) and line.keys() == _SCHEMA.keys() for line in ends):
            return None
        table = pl.read_ndjson(io.BytesIO(raw), schema=_SCHEMA)
    except (OSError, ValueError, RecursionError, pl.exceptions.PolarsError):
        return None
    # With a schema polars takes a number for a string: a line is ours only if its id is quoted.
    if not raw.endswith(b"\n") or raw.count(b"\n") != table.height:
        return None
    if raw.count(b'{"session_id":"') < table.height or any(table[name].null_count() for name in _NEVER_NULL):
        return None
    # Polars fills a field that is missing with nothing: all keys of all lines have to be there. Within a
    # string the quote before a colon is escaped.
    if raw.count(b'":') - raw.count(b'\\":') != len(_SCHEMA) * table.height:
        return None
    return table


def _read_carefully(file: Path) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA}
    try:
        for line in read_lines(file):
            for name in CASES_SCHEMA:
                columns[name].append(line[name])
            for name in EXTRAS_SCHEMA:
                columns[name].append(line.get(name))
            names = line.get("forgiven") or ()
            if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
                raise InputError("forgiven is no list of names", file=file)
        return pl.DataFrame(columns, schema=_SCHEMA)
    except KeyError as error:
        raise InputError(f"a line has no field {error}", file=file) from None
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise InputError(str(error).splitlines()[0], file=file) from None
