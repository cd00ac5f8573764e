"""predictions.jsonl: one line per step, appended as answers arrive, intact after any kill.

The rules that make a run resumable:

1. A line is one `write` of a JSON object and its newline. A kill leaves at most the last line torn: without
   its newline, and not JSON.
2. Opening a file to append drops a torn last line and the lines of calls that failed for good, which will be
   asked again. It goes through a temporary file and an atomic rename. Anything else that is not a record is
   damage: it is reported with its line, and the file is left as it is.
3. A line that cannot be written (a full disk) is removed again by truncation, and the run stops.
4. One process writes a run: the folder is locked meanwhile.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from facsim.evaluation.record_lines import (
    DamagedLineError,
    NotJsonError,
    Record,
    decode_record,
    encode_record,
)
from facsim.util.errors import FacsimError, InputError
from facsim.util.files import sync_folder

CaseKey = tuple[str, int]
"""Session id and step of a test case."""

REMEDY: Final = "Restore the file, or delete this line: its step will be asked again with --resume"


class Journal:
    """The predictions of one run, open for appending. A context manager.

    Args:
        file: predictions.jsonl; created if it does not exist.

    Attributes:
        done: the (session_id, step) pairs that needed no further call on opening.
        count: how many whole lines the file has.
        dropped: how many lines were removed on opening (torn, failed or repeated).

    Raises:
        InputError: on opening, if a line other than a torn last one is not a record.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.done: set[CaseKey] = set()
        self.count = self.dropped = 0
        self._unsynced = False

    def __enter__(self) -> Self:
        self.done, self.dropped = repair(self.file)
        self.count = len(self.done)
        self._descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._end = os.fstat(self._descriptor).st_size
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.sync()
        finally:
            os.close(self._descriptor)

    def append(self, record: Record) -> None:
        """Write one line through to the operating system, so that a killed process loses nothing.

        Raises:
            FacsimError: if it cannot be written; the file then ends with the previous line.
        """
        data = encode_record(record)
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError as error:
            with contextlib.suppress(OSError):  # if that fails too, the torn line is dropped on resuming
                os.ftruncate(self._descriptor, self._end)
            raise FacsimError(
                f"{self.file}: cannot be written: {error.strerror}. The {self.count} answers before this "
                "one are kept. Free some space, then run the same command again with --resume"
            ) from error
        self._end += len(data)
        self._unsynced = True
        self.count += 1

    def sync(self) -> None:
        """Flush to the disk, so that a power cut loses nothing either."""
        if self._unsynced:
            self._unsynced = False
            os.fsync(self._descriptor)


def read_records(file: Path) -> Iterator[Record]:
    """The records of a file, for reading only; record i (from 0) is line i + 1. A torn last line is skipped.

    Raises:
        InputError: if the file is missing, or a line other than a torn last one is not a record.
    """
    for _, record in _parse(file):
        yield record


def answered(file: Path) -> set[CaseKey]:
    """The (session_id, step) pairs that need no further call; none if the file does not exist yet.

    Raises:
        InputError: if a line other than a torn last one is not a record.
    """
    return {case for case, failed in recorded(file).items() if not failed}


def recorded(file: Path) -> dict[CaseKey, bool]:
    """Whether the call failed for good, for each (session_id, step) pair that has a line.

    Raises:
        InputError: if a line other than a torn last one is not a record.
    """
    found: dict[CaseKey, bool] = {}
    for record in read_records(file) if file.exists() else ():
        case = (record["session_id"], record["step"])
        found[case] = found.get(case, True) and record["failed"]
    return found


def repair(file: Path) -> tuple[set[CaseKey], int]:
    """Prepare a file for more lines: drop those that are torn, failed or repeated.

    Returns:
        The (session_id, step) pairs that remain in the file, and how many lines were dropped.

    Raises:
        InputError: if a line other than a torn last one is not a record; the file is left as it is.
    """
    done: set[CaseKey] = set()
    if not file.exists():
        return done, 0
    good_bytes = dropped = 0
    for raw, record in _parse(file):
        case = (record["session_id"], record["step"])
        if record["failed"] or case in done:
            dropped += 1
        else:
            done.add(case)
            good_bytes += len(raw.rstrip(b"\n")) + 1
    size = file.stat().st_size
    if good_bytes != size:
        dropped += int(dropped == 0 and good_bytes < size)
        _rewrite(file)
    return done, dropped


def _rewrite(file: Path) -> None:
    temporary = file.with_suffix(".partial")
    done: set[CaseKey] = set()
    try:
        with temporary.open("wb") as out:
            for raw, record in _parse(file):
                case = (record["session_id"], record["step"])
                if not record["failed"] and case not in done:
                    done.add(case)
                    out.write(raw if raw.endswith(b"\n") else raw + b"\n")
            out.flush()
            os.fsync(out.fileno())
        temporary.rename(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise FacsimError(f"{file}: cannot be rewritten: {error.strerror}. Nothing was changed") from error
    sync_folder(file.parent)


def _parse(file: Path) -> Iterator[tuple[bytes, Record]]:
    """Each whole line's bytes and record. A torn last line is left out."""
    try:
        stream = file.open("rb")
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", file=file, expected="the predictions of a run"
        ) from None
    with stream:
        checksums = False
        for number, raw in enumerate(stream, start=1):
            try:
                record, has_checksum = decode_record(raw)
                if checksums and not has_checksum:
                    raise DamagedLineError("has no checksum, unlike the lines before it")
            except DamagedLineError as error:
                if isinstance(error, NotJsonError) and not raw.endswith(b"\n"):
                    return  # torn: only the last line of a file can lack its newline
                raise InputError(str(error), file=file, where=f"line {number}", remedy=REMEDY) from None
            checksums = has_checksum
            yield raw, record
