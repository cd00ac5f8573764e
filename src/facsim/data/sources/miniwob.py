"""MiniWoB demonstrations: crowd workers booking flights and searching, the page at every step.

Two formats of the same 1,127 sessions and 16,947 steps are supported; the content of the path decides:

- `steps.jsonl.gz`: one session per line, with simplified pages and named targets (`miniwob_steps`). It takes
  precedence in a folder that contains it;
- raw records: one session per line, with a DOM snapshot at every browser event (`miniwob_raw`). Steps are
  derived here, and pages go through Facsim's own simplifier. A clone of the public repository, or any folder
  of it, has one record per file.
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

from facsim.data.card import Card
from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawSession, SessionRefused
from facsim.data.sources.miniwob_raw import RECIPE, raw_session
from facsim.data.sources.miniwob_steps import steps_session
from facsim.util.errors import InputError
from facsim.util.progress import Progress

_STEPS_FILES = ("steps.jsonl.gz", "steps.jsonl.xz", "steps.jsonl")
_UNPACKERS: Mapping[str, Callable[[IO[bytes]], AbstractContextManager[Any]]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
}
_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.xz")
_RECORD_SUFFIXES = (".json", ".json.gz")
"""Files of the public repository: one record each, in COLLECTION/TASK/."""
_RAW_MARK, _STEPS_MARK = b'"states"', b'"steps"'
_EXPECTED = (
    "steps.jsonl.gz, raw records in *.jsonl, *.jsonl.gz or *.jsonl.xz files, or a clone of the repository"
)


class MiniWob:
    """The MiniWoB demonstrations at `path`: their folder, the steps file, or raw records (folder or file).

    Attributes:
        recipe: default recipe for simplifying raw pages of these sites.

    Raises:
        InputError: if `path` has no such records.
    """

    name = "miniwob"

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._files = _files_at(self._path)
        self._raw = _holds_raw_records(self._files[0])
        self.recipe = RECIPE if self._raw else None

    def card(self) -> Card:
        """Return the dataset card: origin, license and citation."""
        return Card(
            name="miniwob-flight",
            source=self.name,
            origin="Human demonstrations of MiniWoB++ flight booking and search tasks, collected on "
            "Amazon Mechanical Turk in 2017, github.com/stanfordnlp/miniwob-plusplus-demos",
            licence="MIT",
            citation="Liu, Guu, Pasupat, Shi, Liang: Reinforcement Learning on Web Interfaces using "
            "Workflow-Guided Exploration. ICLR 2018",
            settings={"form": "raw" if self._raw else "steps"},
        )

    def sessions(self, report: IngestReport, progress: Progress) -> Iterator[RawSession]:
        """Yield the sessions in file order.

        Raises:
            InputError: if a file is corrupt.
        """
        total = sum(file.stat().st_size for file in self._files)
        before = 0
        for file in self._files:
            report.count_read("files")
            for row, (line, read) in enumerate(_lines(file), start=1):
                where = f"{file.name}, row {row}"
                if not line.strip():
                    continue
                report.count_read("records")
                try:
                    if self._raw:
                        session = raw_session(line, where, report, *_session_and_collection(file))
                    else:
                        session = steps_session(line, where, report)
                except SessionRefused as refusal:
                    report.refuse(refusal.kind, refusal.where)
                    continue
                yield session
                progress(before + read, total, "bytes")
            before += file.stat().st_size
        progress(total, total, "bytes")


def _files_at(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError("no such file or folder", file=path, expected=_EXPECTED)
    for name in _STEPS_FILES:
        if (path / name).is_file():
            return [path / name]
    folder = path / "raw" if (path / "raw").is_dir() else path
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name.endswith(_SUFFIXES))
    if not files:
        # Hidden folders are left out: a clone has its .git there.
        files = sorted(
            file
            for suffix in _RECORD_SUFFIXES
            for file in folder.rglob(f"*{suffix}")
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        )
    if not files:
        raise InputError("folder contains no records", file=folder, expected=_EXPECTED)
    return files


def _session_and_collection(file: Path) -> tuple[str, str]:
    """The session and the collection of a file of the public repository, COLLECTION/TASK/SESSION.json.gz."""
    return file.name.partition(".json")[0], file.absolute().parent.parent.name


def _holds_raw_records(file: Path) -> bool:
    """Whether a file has raw records, judged by its first record, since files may have any name."""
    for line, _ in _lines(file):
        if line.strip():
            raw, steps = line.find(_RAW_MARK), line.find(_STEPS_MARK)
            if raw < 0 and steps < 0:
                break
            return steps < 0 or 0 <= raw < steps
    raise InputError(
        "first record has neither steps nor states",
        file=file,
        where="row 1",
        expected="one JSON object per line, with `steps` (steps file) or `states` (raw records)",
    )


def _lines(file: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the lines of a file, compressed or not, with the number of bytes read so far."""
    unpack = _UNPACKERS.get(file.suffix, nullcontext)
    try:
        with file.open("rb") as packed, unpack(packed) as stream:
            for line in stream:
                yield line, packed.tell()
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise InputError(
            f"cannot be read: {error}", file=file, expected="a whole file", remedy="Fetch it again"
        ) from None
