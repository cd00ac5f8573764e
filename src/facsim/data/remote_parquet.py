"""A Parquet file on an object store: the footer is read once, and of the columns only the chunks needed."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Collection, Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data.parquet_limits import check_pages_in, chunk_span
from facsim.data.table_schemas import reading
from facsim.util.errors import InputError
from facsim.util.remote_files import RemoteFile

_TAIL: Final = 2**16
"""Bytes at the end that are read first: the footer of most files."""
_MAGIC: Final = b"PAR1"


class RemoteParquet:
    """Reads like `pyarrow.parquet.ParquetFile`.

    Args:
        file: the file.

    Raises:
        InputError: if it is not Parquet, has changed since it was found, or cannot be read.
    """

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        (tail,) = file.read_ranges([(max(0, file.size - _TAIL), file.size)])
        needed = int.from_bytes(tail[-8:-4], "little") + 8
        if tail[-4:] != _MAGIC or needed > file.size:
            raise InputError("cannot be read as Parquet: it does not end like one", file=str(file))
        if needed > len(tail):
            (tail,) = file.read_ranges([(file.size - needed, file.size)])
        with reading(str(file)):
            self.metadata: Any = pq.read_metadata(pa.BufferReader(tail))
            self.schema_arrow: pa.Schema = self.metadata.schema.to_arrow_schema()

    @property
    def num_row_groups(self) -> int:
        """How many row groups there are."""
        return int(self.metadata.num_row_groups)

    def read(self, columns: Collection[str]) -> pa.Table:
        """Columns of all row groups.

        Raises:
            InputError: as the constructor.
        """
        return self._read(range(self.num_row_groups), columns)

    def read_row_group(self, group: int, columns: Collection[str]) -> pa.Table:
        """Columns of one row group.

        Raises:
            InputError: as the constructor.
        """
        return self._read([group], columns)

    def _read(self, groups: Iterable[int], columns: Collection[str]) -> pa.Table:
        groups = list(groups)
        spans = [
            chunk_span(column)
            for group in groups
            for column in _columns(self.metadata.row_group(group))
            if column.path_in_schema.split(".", maxsplit=1)[0] in columns
        ]
        if any(not 0 <= start < end <= self._file.size for start, end in spans):
            raise InputError("cannot be read as Parquet: it is damaged", file=str(self._file))
        spans = _joined(spans)
        stream = _KnownRanges(dict(zip(spans, self._file.read_ranges(spans), strict=True)), self._file.size)
        check_pages_in(stream, str(self._file), self.metadata, frozenset(columns), groups)
        with reading(str(self._file)):
            source = pa.PythonFile(stream, mode="r")
            # Without buffering, or gaps between the chunks would be read as well.
            parquet = pq.ParquetFile(source, metadata=self.metadata, pre_buffer=False)
            return parquet.read_row_groups(groups, columns=list(columns), use_threads=False)


class _KnownRanges(io.RawIOBase):
    """A file of which some ranges are here. Reading elsewhere is an error."""

    def __init__(self, ranges: dict[tuple[int, int], bytes], size: int) -> None:
        self._ranges, self._size, self._at = sorted(ranges.items()), size, 0
        self._starts = [start for (start, _), _ in self._ranges]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most to the end of a range."""
        place = bisect_right(self._starts, self._at) - 1
        if place >= 0:
            (start, end), content = self._ranges[place]
            if self._at < end:
                stop = end if size < 0 else min(end, self._at + size)
                found = content[self._at - start : stop - start]
                self._at = stop
                return found
        if size and self._at < self._size:
            raise OSError(f"no bytes at {self._at} were asked for")
        return b""


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, with those that touch made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _columns(group: Any) -> Iterable[Any]:
    return (group.column(index) for index in range(group.num_columns))
