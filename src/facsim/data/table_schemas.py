"""The tables of a data set: their columns, reading them, and consistency checks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data.parquet_limits import check_page_sizes
from facsim.schema import ACTION_TYPES, Outcome
from facsim.util.errors import InputError

SESSIONS_SCHEMA = pa.schema(
    [
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("persona", pa.string()),
        pa.field("intent", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("site", pa.string()),
        pa.field("source", pa.string()),
        pa.field("official_split", pa.string()),
        pa.field("persona_fields", pa.string()),
        pa.field("censored", pa.bool_()),
    ]
)
STEPS_SCHEMA = pa.schema(
    [
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("step", pa.int32(), nullable=False),
        pa.field("page_id", pa.string(), nullable=False),
        pa.field("action_type", pa.string(), nullable=False),
        pa.field("action_name", pa.string()),
        pa.field("action_text", pa.string()),
        pa.field("submitted", pa.bool_()),
        pa.field("category", pa.string()),
        pa.field("rationale", pa.string()),
        pa.field("rationale_source", pa.string()),
        pa.field("timestamp", pa.timestamp("us", tz="UTC")),
        pa.field("elapsed", pa.float64()),
        pa.field("url", pa.string()),
        pa.field("truth_probability", pa.float64()),
        pa.field("truth_entropy", pa.float64()),
        pa.field("truth_best_probability", pa.float64()),
        pa.field("truth_best_type", pa.string()),
        pa.field("truth_best_name", pa.string()),
        pa.field("truth_best_text", pa.string()),
        pa.field("context", pa.string()),
    ]
)
TRUTH_COLUMNS = tuple(name for name in STEPS_SCHEMA.names if name.startswith("truth_"))
LATER_COLUMNS = frozenset({"persona_fields", "censored", "context", *TRUTH_COLUMNS})
"""Columns that older data sets lack. They are read as nulls. Null values are not part of the content hash, so
the hashes of old data sets do not change."""
PAGES_SCHEMA = pa.schema(
    [
        pa.field("page_id", pa.string(), nullable=False),
        pa.field("html", pa.string(), nullable=False),
        pa.field("raw_html", pa.string()),
    ]
)

PROBABILITIES_FILE = "probabilities.parquet"
"""A table that only rollouts have: what their predictor found most probable at each step."""
PROBABILITIES_SCHEMA = pa.schema(
    [
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("step", pa.int32(), nullable=False),
        pa.field("action_type", pa.string(), nullable=False),
        pa.field("action_name", pa.string()),
        pa.field("action_text", pa.string()),
        pa.field("probability", pa.float64(), nullable=False),
    ]
)


def read_table(file: Path, schema: pa.Schema) -> pl.DataFrame:
    """Read one Parquet table of a data set and check that it has the columns of `schema`.

    Extra columns are kept: sources may add their own. Columns added to the schema later (`LATER_COLUMNS`) may
    be missing and are then null.

    Raises:
        InputError: if the file is missing or not Parquet, or a column is missing or has the wrong type.
    """
    quick = _read_quickly(file, schema)
    if quick is not None:
        return quick
    with open_parquet(file) as parquet, reading(file):
        table = parquet.read()
        table.validate(full=True)  # invalid UTF-8, which polars does not check
    for field in schema:
        if field.name not in table.column_names:
            if field.name in LATER_COLUMNS:
                table = table.append_column(field, pa.nulls(table.num_rows, field.type))
                continue
            raise InputError(
                "column missing", file=file, where=f"column {field.name}", expected=str(field.type)
            )
        found = table.schema.field(field.name).type
        if not found.equals(field.type):
            try:
                cast = table[field.name].cast(field.type)
            except pa.ArrowException:
                raise InputError(
                    f"holds {found}", file=file, where=f"column {field.name}", expected=str(field.type)
                ) from None
            table = table.set_column(table.column_names.index(field.name), field, cast)
        if not field.nullable and table[field.name].null_count:
            raise InputError(
                "holds nulls", file=file, where=f"column {field.name}", expected="a value in every row"
            )
    try:
        frame = pl.from_arrow(table)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(f"cannot be read by polars: {error}", file=file) from None
    assert isinstance(frame, pl.DataFrame)
    return frame


def _read_quickly(file: Path, schema: pa.Schema) -> pl.DataFrame | None:
    """Fast path for a table as Facsim writes it; for any other, the slow path reports what is wrong.

    Polars reads strings several times faster than pyarrow, and checks that they are valid UTF-8.
    """
    try:
        metadata = pq.read_metadata(file)
        check_page_sizes(file, metadata)
        found = metadata.schema.to_arrow_schema()
        here = [field for field in schema if field.name in found.names or field.name not in LATER_COLUMNS]
        if any(found.field(field.name).type not in _read_alike(field.type) for field in here):
            return None
        frame = pl.read_parquet(file)
        for field in schema:
            if field not in here:
                frame = frame.with_columns(_nulls(field))
    except (KeyError, OSError, pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    needed = [field.name for field in schema if not field.nullable]
    return None if any(frame[name].null_count() for name in needed) else frame


def _nulls(field: pa.Field) -> pl.Expr:
    """A column of nulls."""
    empty = pl.from_arrow(pa.nulls(0, field.type))
    assert isinstance(empty, pl.Series)
    return pl.lit(None, empty.dtype).alias(field.name)


def _read_alike(wanted: pa.DataType) -> tuple[pa.DataType, ...]:
    """Whether polars maps both types to one column type: it writes strings as large strings."""
    return (wanted, pa.large_string()) if wanted == pa.string() else (wanted,)


def check_tables(sessions: pl.DataFrame, steps: pl.DataFrame, folder: Path) -> None:
    """Check that sessions and steps are consistent.

    Raises:
        InputError: if a session id occurs twice, a session has no steps, a step has no session, steps are not
            contiguous and numbered from 0, an action or outcome is invalid, or a time is outside the
            years 1 to 9999.
    """

    def refuse_first(wrong: pl.DataFrame, table: str, problem: str, expected: str | None = None) -> None:
        if wrong.height:
            session_id = wrong["session_id"].to_list()[0]
            where = f"session {session_id}" + (
                f", step {wrong['step'].to_list()[0]}" if "step" in wrong.columns else ""
            )
            raise InputError(problem, file=folder / table, where=where, expected=expected)

    ids = pl.col("session_id")
    refuse_first(sessions.filter(ids.is_duplicated()), "sessions.parquet", "session id occurs twice")
    starts = ids.ne_missing(ids.shift(1))
    # Only the first step of each session has to be looked up.
    firsts = steps.select("session_id", "step").filter(starts)
    refuse_first(
        sessions.join(firsts, on="session_id", how="anti"), "sessions.parquet", "session without steps"
    )
    refuse_first(firsts.join(sessions, on="session_id", how="anti"), "steps.parquet", "step of no session")
    outcomes = get_args(Outcome)
    refuse_first(
        sessions.filter(pl.col("outcome").is_not_null() & ~pl.col("outcome").is_in(outcomes)),
        "sessions.parquet",
        "not an outcome",
        expected=f"{', '.join(outcomes)} or null",
    )
    refuse_first(
        sessions.filter(pl.col("censored").fill_null(False) & pl.col("outcome").is_not_null()),
        "sessions.parquet",
        "censored session with an outcome",
        expected="a session without an outcome, or not censored",
    )
    order = "a session's steps together, numbered 0, 1, 2, …"
    number = pl.col("step")
    refuse_first(
        steps.filter(~starts & (number != number.shift(1) + 1)),
        "steps.parquet",
        "step number out of order",
        order,
    )
    # A session that is not contiguous begins twice: its step 0 is then duplicated or out of order.
    refuse_first(
        firsts.filter((number != 0) | pl.struct("session_id", "step").is_duplicated()),
        "steps.parquet",
        "step number out of order",
        order,
    )
    refuse_first(
        steps.filter(~pl.col("timestamp").dt.year().is_between(1, 9999)), "steps.parquet", "time out of range"
    )
    grammar = "click(name), type_and_submit(name, text) or terminate()"
    refuse_first(steps.filter(~_is_action("action")), "steps.parquet", "not an action", expected=grammar)
    known = [pl.col(name).is_not_null() for name in TRUTH_COLUMNS[:4]]
    refuse_first(
        steps.filter(pl.any_horizontal(known) & ~(pl.all_horizontal(known) & _is_action("truth_best"))),
        "steps.parquet",
        "truth in part",
        expected=f"{', '.join(TRUTH_COLUMNS)} that make {grammar} with its numbers, or nulls",
    )


def _is_action(prefix: str) -> pl.Expr:
    """Whether the type, name and text columns with this prefix are a valid action."""
    kind, name, text = (pl.col(f"{prefix}_{part}") for part in ("type", "name", "text"))
    return (
        kind.is_in(ACTION_TYPES)
        & ~((kind == "terminate") & name.is_not_null())
        & ((kind == "type_and_submit") == text.is_not_null())
    )


@contextmanager
def reading(file: str | Path, where: Callable[[], str | None] = lambda: None) -> Iterator[None]:
    """Converts pyarrow's exceptions to an `InputError` that names `file`.

    Args:
        file: the file being read.
        where: returns the position in the file, for the message.

    Raises:
        InputError: if the file is missing or cannot be read as Parquet, or a value has no Python equivalent
            (a year after 9999, invalid UTF-8).
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError("no such file", file=file) from None
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"cannot be read as Parquet: {reason}", file=file, where=where()) from None


def open_parquet(file: Path) -> pq.ParquetFile:
    """Open a Parquet file.

    Raises:
        InputError: if the file is missing, is not Parquet, or has a page that is too large when decompressed.
    """
    with reading(file):
        parquet = pq.ParquetFile(file)
        check_page_sizes(file, parquet.metadata)
        return parquet


def dumps(value: object) -> str:
    """Canonical JSON: sorted keys, no spaces, Unicode kept. Equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
