"""predictions.jsonl: one line per step, appended as answers come, whole after any kill.

The rules that make a run resumable:

1. A line is one `write` of a JSON object and its newline. A kill leaves at most the last line torn, and a
   torn JSON object never parses, so what parses is whole.
2. Opening for more drops a torn tail and the lines of calls that failed for good (those are owed again),
   through a temporary file and an atomic rename. Anything else that does not parse is damage: it is reported,
   and the file is left as it is.
3. A line that cannot be written (a full disk) is taken back by truncation, and the run stops.
4. One process writes a run: the folder is locked while it does.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from facsim.util.errors import FacsimError, InputError
from facsim.util.files import sync_folder

Line = dict[str, Any]
Case = tuple[str, int]

_REMEDY = "Restore the file, or delete this line: its step will be asked again with --resume"


class Journal:
    """The predictions of one run, being written. A context manager.

    Args:
        file: predictions.jsonl; made if it is not there.

    Attributes:
        done: the (session_id, step) pairs that needed no further call on opening.
        lines: how many whole lines the file holds.
        dropped: how many lines were taken out on opening (torn, failed or repeated).

    Raises:
        InputError: on opening, if a line other than a torn last one is not a prediction.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.done: set[Case] = set()
        self.lines = self.dropped = 0
        self._unsynced = False

    def __enter__(self) -> Self:
        self.done, self.dropped = repair(self.file)
        self.lines = len(self.done)
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

    def append(self, line: Line) -> None:
        """Write one line through to the operating system, so that a killed process loses nothing.

        Raises:
            FacsimError: if it cannot be written; the file then ends with the line before.
        """
        data = encode(line)
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError as error:
            with contextlib.suppress(OSError):  # where even that fails, the torn line is dropped on resuming
                os.ftruncate(self._descriptor, self._end)
            raise FacsimError(
                f"{self.file}: cannot be written: {error.strerror}. The {self.lines} answers before this "
                "one are kept. Make room, then run the same command again with --resume"
            ) from error
        self._end += len(data)
        self._unsynced = True
        self.lines += 1

    def sync(self) -> None:
        """Have the operating system put it on the disk, so that a power cut loses nothing either."""
        if self._unsynced:
            self._unsynced = False
            os.fsync(self._descriptor)


def encode(line: Line) -> bytes:
    """A line as it stands in the file."""
    return json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def read_lines(file: Path) -> Iterator[Line]:
    """The predictions in a file, for reading only. A torn last line is passed over.

    Raises:
        InputError: if the file is missing, or a line other than a torn last one is not a prediction.
    """
    for _, line in _parse(file):
        yield line


def answered(file: Path) -> set[Case]:
    """The (session_id, step) pairs that need no further call; none if there is no file yet.

    Raises:
        InputError: if a line other than a torn last one is not a prediction.
    """
    if not file.exists():
        return set()
    return {(line["session_id"], line["step"]) for line in read_lines(file) if not line["failed"]}


def repair(file: Path) -> tuple[set[Case], int]:
    """Make a file ready for more lines: drop what is torn, failed or repeated.

    Returns:
        The (session_id, step) pairs that stand in the file, and how many lines were dropped.

    Raises:
        InputError: if a line other than a torn last one is not a prediction; the file is left as it is.
    """
    done: set[Case] = set()
    if not file.exists():
        return done, 0
    good_bytes = dropped = 0
    for raw, line in _parse(file):
        case = (line["session_id"], line["step"])
        if line["failed"] or case in done:
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
    done: set[Case] = set()
    try:
        with temporary.open("wb") as out:
            for raw, line in _parse(file):
                case = (line["session_id"], line["step"])
                if not line["failed"] and case not in done:
                    done.add(case)
                    out.write(raw if raw.endswith(b"\n") else raw + b"\n")
            out.flush()
            os.fsync(out.fileno())
        temporary.rename(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise FacsimError(f"{file}: cannot be rewritten: {error.strerror}. Nothing was changed") from error
    sync_folder(file.parent)


def _parse(file: Path) -> Iterator[tuple[bytes, Line]]:
    """Each whole line with its bytes. A last line that does not parse is torn and not given."""
    try:
        stream = file.open("rb")
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", file=file, expected="the predictions of a run"
        ) from None
    with stream:
        torn: int | None = None
        for number, raw in enumerate(stream, start=1):
            if torn is not None:
                raise InputError("is not JSON", file=file, where=f"line {torn}", remedy=_REMEDY)
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                torn = number
                continue
            if not _is_prediction(line):
                raise InputError("is not a prediction", file=file, where=f"line {number}", remedy=_REMEDY)
            yield raw, line


def _is_prediction(line: object) -> bool:
    return (
        isinstance(line, dict)
        and isinstance(line.get("session_id"), str)
        and type(line.get("step")) is int
        and isinstance(line.get("failed"), bool)
    )
