"""Reads OPeRA's pages once, in file order."""

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
    """Yield the texts of a column row by row, as zero-copy buffers; None for null.

    Row groups are read in small batches, however large they are. A buffer keeps its whole batch alive.

    Raises:
        InputError: if the file is truncated or the column is not text.
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
    """Decode a buffer. Bytes that are not UTF-8 become lone surrogates, which ingestion repairs."""
    return str(page, "utf-8", "surrogateescape")
