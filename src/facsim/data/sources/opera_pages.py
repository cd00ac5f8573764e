"""OPeRA's pages, read once in the order of the files and given out session by session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.schema import InputError

_BATCH_ROWS = 16
_READ_AHEAD = 1 << 20
_CODEC = pa.Codec("lz4")


def read_pages(file: Path, column: str) -> Iterator[pa.Buffer | None]:
    """The texts of a column, row by row, as the bytes they are in memory; None for null.

    Row groups are read a little at a time, however large they are. A buffer keeps its whole batch alive.

    Raises:
        InputError: if the file breaks off, or the column does not hold text.
    """
    row = 0
    try:
        with pq.ParquetFile(file, pre_buffer=False, buffer_size=_READ_AHEAD) as parquet:
            for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=[column]):
                for value in _texts(batch.column(0), file, column):
                    yield value.as_buffer() if value.is_valid else None
                    row += 1
    except (pa.ArrowException, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"cannot be read as Parquet: {reason}", file=file, where=f"after row {row}, column {column}"
        ) from None


def _texts(values: pa.Array, file: Path, column: str) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        raise InputError(f"holds {values.type}", file=file, where=f"column {column}", expected="text")
    return values


def text_of(page: pa.Buffer | bytes) -> str:
    """The text in a buffer. Bytes that are not UTF-8 become lone surrogates, which the ingest repairs."""
    return str(page, "utf-8", "surrogateescape")


class PageShelf:
    """Pages whose turn has not come, lightly compressed in a temporary file. A context manager."""

    def __enter__(self) -> Self:
        self._file = TemporaryFile(prefix="facsim-pages-")
        self._end = 0
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, page: pa.Buffer) -> tuple[int, int, int]:
        """Put a page aside; gives the place that brings it back."""
        packed = _CODEC.compress(page)
        self._file.seek(self._end)
        self._file.write(packed)
        place = self._end, packed.size, page.size
        self._end += packed.size
        return place

    def get(self, place: tuple[int, int, int]) -> str:
        """The page at a place."""
        start, packed, size = place
        self._file.seek(start)
        return text_of(_CODEC.decompress(self._file.read(packed), size))
