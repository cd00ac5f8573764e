"""Reads the events of a Playwright trace: a zip file of JSON Lines and resources, versions 4 to 10."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from facsim.data.ingest_report import IngestReport
from facsim.util.errors import InputError

EXPECTED: Final = "a Playwright trace: a zip file with a *.trace in it (`context.tracing.stop(path=…)`)"
OLDEST: Final = 4
NEWEST: Final = 10
LONGEST_LINE: Final = 256 * 2**20
_MOST_UNPACKED: Final = 200
_SMALL: Final = 64 * 2**20
_LARGEST_CSS: Final = 16 * 2**20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


class TraceFile:
    """A trace. A context manager.

    Args:
        file: the zip file.
        report: receives what was left out.

    Raises:
        InputError: if it is no zip file, or has no trace in it.
    """

    def __init__(self, file: Path, report: IngestReport) -> None:
        self._file, self._report = file, report
        with self._reading():
            self._zip = zipfile.ZipFile(file)
        names = self._zip.namelist()
        self.contexts = sorted(name for name in names if name.endswith(".trace") and "/" not in name)
        self._resources = frozenset(names)
        if not self.contexts:
            self.close()
            raise InputError("contains no *.trace", file=file, expected=EXPECTED)

    def close(self) -> None:
        """Close the zip file."""
        self._zip.close()

    def events(self, name: str) -> Iterator[dict[str, Any]]:
        """The events of a context (`0-trace.trace`) or its network log (`0-trace.network`), in their order.

        Raises:
            InputError: if it is damaged, or unpacks to far more than its size.
        """
        if name not in self._resources:
            return
        with self._reading():
            info = self._zip.getinfo(name)
            if info.file_size > max(_SMALL, info.compress_size * _MOST_UNPACKED):
                raise InputError(
                    f"unpacks to more than {_MOST_UNPACKED} times its size", file=self._file, where=name
                )
            with self._zip.open(info) as stream:
                yield from self._lines(stream, name)

    def css(self, resource: str) -> str:
        """A style sheet among the resources; empty if it is missing, damaged or very large."""
        if resource not in self._resources or self._zip.getinfo(resource).file_size > _LARGEST_CSS:
            return ""
        try:
            return self._zip.read(resource).decode("utf-8", "replace")
        except _DAMAGED:
            return ""

    def _lines(self, stream: IO[bytes], name: str) -> Iterator[dict[str, Any]]:
        number = 0
        while line := stream.readline(LONGEST_LINE):
            number += 1
            if not line.strip():
                continue
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                event = None
            if isinstance(event, dict):
                yield event
            else:
                where = f"{self._file.name}, {name}, line {number}"
                self._report.repair("line of a trace that is no JSON object: left out", where)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise InputError("no such file", file=self._file, expected=EXPECTED) from None
        except _DAMAGED as error:
            raise InputError(
                f"cannot be read as a zip file: {error}", file=self._file, expected=EXPECTED
            ) from None
