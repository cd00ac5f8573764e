"""OPeRA's pages, read once in the order of the files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data.table_schemas import reading
from facsim.util.errors import InputError

_BATCH_ROWS = 16
_READ_AHEAD = 1 << 20


def read_pages(file: Path, column: str) -> Iterator[pa.Buffer | None]:
    """The texts of a column, row by row, as the bytes they are in memory; None for null.

    Row groups are read a little at a time, however large they are. A buffer keeps its whole batch alive.

    Raises:
        InputError: if the file breaks off, or the column does not hold text.
    """
    row = 0
    with (
        reading(file, lambda: f"after row {row}, column {column}"),
        pq.ParquetFile(file, pre_buffer=False, buffer_size=_READ_AHEAD) as parquet,
    ):
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=[column]):
            for value in _texts(batch.column(0), file, column):
                yield value.as_buffer() if value.is_valid else None
                row += 1


def _texts(values: pa.Array, file: Path, column: str) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        raise InputError(f"holds {values.type}", file=file, where=f"column {column}", expected="text")
    return values


def text_of(page: pa.Buffer | bytes) -> str:
    """The text in a buffer. Bytes that are not UTF-8 become lone surrogates, which the ingest repairs."""
    return str(page, "utf-8", "surrogateescape")
