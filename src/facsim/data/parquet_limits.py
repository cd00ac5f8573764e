"""A limit on the pages of a Parquet file: the reader unpacks each page whole, so none may be huge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import pyarrow.parquet as pq

from facsim.util.errors import InputError

MAX_PAGE_BYTES = 512 * 2**20
"""Largest page, unpacked. Writers aim at 1 MiB; a thousand rows with large web pages are 300 MiB."""


class SeekableBytes(Protocol):
    """An open file, or a part of one."""

    def seek(self, offset: int, /) -> int:
        """Go to a place."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most so many."""


_HEADER_BYTES = (2**10, 2**16, 2**24)


def check_page_sizes(file: Path, metadata: pq.FileMetaData, columns: frozenset[str] | None = None) -> None:
    """Check the unpacked size that each page states. It is the size that the reader makes room for.

    Args:
        file: the Parquet file.
        metadata: of the file.
        columns: top-level columns to check; all if None.

    Raises:
        InputError: if a page is larger than `MAX_PAGE_BYTES`, or page headers cannot be read.
    """
    with file.open("rb") as stream:
        check_pages_in(stream, str(file), metadata, columns, range(metadata.num_row_groups))


def check_pages_in(
    stream: SeekableBytes,
    file: str,
    metadata: pq.FileMetaData,
    columns: frozenset[str] | None,
    groups: Iterable[int],
) -> None:
    """`check_page_sizes` for some row groups of an open file.

    Args:
        stream: has at least the bytes of the columns to check.
        file: its name, for the message.
        metadata: of the file.
        columns: as for `check_page_sizes`.
        groups: the row groups to check.

    Raises:
        InputError: as `check_page_sizes`.
    """
    for group in groups:
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            name = column.path_in_schema
            if columns is not None and name.split(".", maxsplit=1)[0] not in columns:
                continue
            # Pages can be no larger than all pages together, but the footer may lie about those.
            for size in _page_sizes(stream, column):
                if size > MAX_PAGE_BYTES:
                    raise InputError(
                        f"a page of column {name} unpacks to {size / 2**20:,.0f} MiB",
                        file=file,
                        where=f"row group {group}",
                        expected=f"at most {MAX_PAGE_BYTES // 2**20} MiB",
                        remedy="Write the file again with smaller row groups, such as row_group_size=500",
                    )


def chunk_span(column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    """Where a column chunk starts and ends in its file."""
    start = column.data_page_offset
    if column.has_dictionary_page and column.dictionary_page_offset:
        start = min(start, column.dictionary_page_offset)
    return start, start + column.total_compressed_size


def _page_sizes(stream: SeekableBytes, column: pq.ColumnChunkMetaData) -> Iterator[int]:
    """Unpacked sizes of a column chunk's pages."""
    start, end = chunk_span(column)
    while start < end:
        for most in _HEADER_BYTES:  # statistics in a header may be as long as a value
            stream.seek(start)
            header = _PageHeader(stream.read(most))
            if header.length:
                break
        if header.packed < 0 or not header.length:
            return  # damaged: the reader says so
        yield header.unpacked
        start += header.length + header.packed


class _PageHeader:
    """The sizes in a page header: Thrift's compact protocol, `PageHeader` of the Parquet format.

    Attributes:
        unpacked, packed: size of the page in bytes.
        length: of the header itself; 0 if it cannot be read.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self.unpacked, self.packed, self.length = 0, -1, 0
        try:
            self._struct(0, is_header=True)
        except (IndexError, ValueError):
            return
        self.length = self._at

    def _struct(self, depth: int, *, is_header: bool = False) -> None:
        if depth > 8:
            raise ValueError("nested too deep")
        number = 0
        while True:
            head = self._byte()
            if head == 0:
                return
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else _unzigzag(self._varint())
            if is_header and number in (2, 3) and kind == 5:
                value = _unzigzag(self._varint())
                if number == 2:
                    self.unpacked = value
                else:
                    self.packed = value
            else:
                self._skip(kind, depth)

    def _skip(self, kind: int, depth: int) -> None:
        if kind in (1, 2):  # a boolean is in its type
            return
        if kind == 3:
            self._at += 1
        elif kind in (4, 5, 6):
            self._varint()
        elif kind == 7:
            self._at += 8
        elif kind == 8:
            self._at += self._varint()
        elif kind in (9, 10):
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._varint()
            for _ in range(min(size, len(self._data))):
                self._skip(head & 15, depth + 1)
        elif kind == 12:
            self._struct(depth + 1)
        else:
            raise ValueError(f"type {kind}")

    def _byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 70:
                raise ValueError("number too long")


def _unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
