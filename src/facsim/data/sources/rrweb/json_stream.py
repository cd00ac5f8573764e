"""JSON from files that may be packed, decoded value by value: memory holds one value and a buffer."""

from __future__ import annotations

import codecs
import json
import re
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from facsim.util.errors import InputError

LONGEST_VALUE: Final = 256 * 2**20
"""Characters of one event. Snapshots of 67 MB have been seen."""
MOST_UNPACKED: Final = 200
"""Packed JSON is rarely a fiftieth of its size; a thousandth is the most that deflate can do."""
_SMALL: Final = 64 * 2**20
_NO_SPACE: Final = re.compile(r"[^ \t\r\n]")
_CHUNK: Final = 2**20
_ANY: Final = 47
"""`wbits` for zlib or gzip data, whichever it is."""


class DamagedError(Exception):
    """JSON or packed data that cannot be read on."""


@dataclass(slots=True)
class JsonStream:
    """JSON text, decoded value by value from a buffer."""

    stream: BinaryIO
    buffer: str = ""
    at: int = 0
    is_over: bool = False
    problem: str = ""
    _bytes_to_text: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8-sig")("replace")
    )
    _decode: json.JSONDecoder = field(default_factory=json.JSONDecoder)

    def more(self, size: int = _CHUNK) -> bool:
        """Read on; False at the end of the file."""
        if self.is_over:
            return False
        try:
            found = self.stream.read(size)
        except (OSError, EOFError, zlib.error) as error:
            self.problem, found = f"cannot be unpacked: {error}", b""
        self.is_over = not found
        self.buffer = self.buffer[self.at :] + self._bytes_to_text.decode(found, final=self.is_over)
        self.at = 0
        return True

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            found = _NO_SPACE.search(self.buffer, self.at)
            if found:
                self.at = found.start()
                return found[0]
            self.at = len(self.buffer)
            if not self.more():
                return ""

    def take(self, expected: str) -> None:
        """Pass one of the expected characters."""
        if (found := self.peek()) not in expected or not found:
            raise DamagedError(f"{found!r} instead of {' or '.join(expected)}")
        self.at += 1

    def value(self, most: int = LONGEST_VALUE) -> tuple[Any, str] | None:
        """The next value and its text. None if it is longer than `most`, or too deeply nested, and stays."""
        self.peek()
        while True:
            try:
                value, end = self._decode.raw_decode(self.buffer, self.at)
            except (ValueError, StopIteration) as error:
                if self.is_over:
                    raise DamagedError(self.problem or str(error)) from None
            except RecursionError:
                return None
            else:
                # A number at the end of the buffer may go on.
                if end < len(self.buffer) or self.is_over or isinstance(value, (str, list, dict)):
                    text = self.buffer[self.at : end]
                    self.at = end
                    return value, text
            if len(self.buffer) - self.at > most:
                return None
            self.more(max(_CHUNK, len(self.buffer) - self.at))

    def skip_line(self) -> bool:
        """Pass the rest of the line; False at the end of the file."""
        while (found := self.buffer.find("\n", self.at)) < 0:
            self.at = len(self.buffer)
            if not self.more():
                return False
        self.at = found + 1
        return True


def unpack(packed: str | bytes, *, most: int = LONGEST_VALUE) -> str:
    """The text in zlib or gzip data, written as bytes or as a string with a character per byte.

    Raises:
        DamagedError: if it cannot be unpacked, or is suspiciously large.
    """
    try:
        data = packed.encode("latin-1") if isinstance(packed, str) else packed
        unpacker = zlib.decompressobj(wbits=_ANY)
        found = unpacker.decompress(data, min(most, max(_SMALL, len(data) * MOST_UNPACKED)))
        if not unpacker.eof:
            raise DamagedError("is cut off, or unpacks to far more than its size")
        return found.decode("utf-8", "replace")
    except (zlib.error, UnicodeEncodeError) as error:
        raise DamagedError(str(error)) from None


def is_packed(text: str) -> bool:
    """Whether a string starts like zlib or gzip data."""
    if text.startswith("\x1f\x8b"):
        return True
    return len(text) > 8 and text[0] == "x" and ord(text[1]) < 256 and (0x7800 + ord(text[1])) % 31 == 0


def load_json(text: str) -> Any:
    """Decode JSON.

    Raises:
        DamagedError: if it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from None


def open_packed(file: Path) -> BinaryIO:
    """The content of a file, unpacked if it is gzip or zlib.

    Raises:
        InputError: if it cannot be read; while reading, if it unpacks to far more than its size.
    """
    try:
        raw = file.open("rb")
        start = raw.read(4096)
        header, newline, rest = start.partition(b"\n")
        # A stored segment of Sentry: a line of JSON, then the packed events.
        offset = len(header) + 1 if newline and b"segment_id" in header and _is_packed_data(rest) else 0
        raw.seek(offset)
        is_packed = _is_packed_data(start[offset:])
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None
    if start.startswith(b"PK\x03\x04"):
        raw.close()
        raise InputError(
            "is a ZIP archive", file=file, expected="JSON, plain, gzip or zlib", remedy="Unpack it first"
        )
    if not is_packed:
        return raw
    return cast("BinaryIO", _Limited(_UnpackedFile(raw), file))


def _is_packed_data(start: bytes) -> bool:
    is_zlib = len(start) > 2 and start[0] == 0x78 and int.from_bytes(start[:2], "big") % 31 == 0
    return is_zlib or start.startswith(b"\x1f\x8b")  # JSON never starts with x


class _UnpackedFile(BytesIO):
    """A stream of gzip or zlib data, unpacked piece by piece. Gives all there is before it fails."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw, self._unpacker, self._packed = raw, zlib.decompressobj(wbits=_ANY), b""

    def read(self, size: int | None = -1) -> bytes:
        """Unpack on.

        Raises:
            EOFError: if the data ends too early.
            zlib.error: if it is damaged.
        """
        most = _CHUNK if size is None or size < 0 else size
        while True:
            if self._unpacker.eof:  # gzip files may follow each other
                self._packed = self._unpacker.unused_data or self._raw.read(_CHUNK)
                if not self._packed:
                    return b""
                self._unpacker = zlib.decompressobj(wbits=_ANY)
            self._packed = self._packed or self._raw.read(_CHUNK)
            if not self._packed:
                raise EOFError("is cut off")
            found = self._unpacker.decompress(self._packed, most)
            self._packed = self._unpacker.unconsumed_tail
            if found:
                return found

    def close(self) -> None:
        """Close the packed file."""
        self._raw.close()


class _Limited:
    """Ends the reading of packed data that unpacks to far more than its size."""

    def __init__(self, stream: _UnpackedFile, file: Path) -> None:
        self._stream, self._file = stream, file
        self._most = max(_SMALL, file.stat().st_size * MOST_UNPACKED)
        self._read = 0

    def read(self, size: int) -> bytes:
        found = self._stream.read(size)
        self._read += len(found)
        if self._read > self._most:
            raise InputError(
                f"unpacks to more than {MOST_UNPACKED} times its size",
                file=self._file,
                expected="a recording; no recording packs as well as that",
            )
        return found

    def __enter__(self) -> _Limited:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
