"""What has to wait for its turn while a source is read: on disk, not in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import Self

import pyarrow as pa

from facsim.util.errors import FacsimError

SpoolEntry = tuple[int, int, int]
"""Where something lies: offset and length in the file, length before compression."""

_CODEC = pa.Codec("lz4")


class Spool:
    """Bytes put aside in a temporary file, lightly compressed, and read back in any order. A context manager.

    Raises:
        FacsimError: from every method, if the temporary file cannot be written (a full disk).
    """

    def __enter__(self) -> Self:
        with using_disk():
            self._file = TemporaryFile(prefix="facsim-")
        self._end = 0
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # of what was not written yet, and is not needed any more
            self._file.close()

    def put(self, content: bytes | pa.Buffer) -> SpoolEntry:
        """Put bytes aside; gives the place that brings them back."""
        packed = _CODEC.compress(content, asbytes=True)
        with using_disk():
            self._file.seek(self._end)
            self._file.write(packed)
        place = self._end, len(packed), len(content)
        self._end += len(packed)
        return place

    def get(self, place: SpoolEntry) -> bytes:
        """The bytes at a place."""
        start, length, size = place
        with using_disk():
            self._file.seek(start)
            packed = self._file.read(length)
        content: bytes = _CODEC.decompress(packed, size, asbytes=True)
        return content


@contextmanager
def using_disk() -> Iterator[None]:
    """Turn errors of the disk into a `FacsimError` that says what to do."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise FacsimError(
            f"the temporary file cannot be written: {reason}. "
            "Make room, or set TMPDIR to a folder on a larger disk"
        ) from None
