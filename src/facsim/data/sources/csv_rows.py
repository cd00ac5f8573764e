"""Rows of CSV and TSV files as people have them: any usual encoding and delimiter, quoted line breaks."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from facsim.data.ingest_report import IngestReport
from facsim.data.sources.rows import LogRow
from facsim.util.errors import InputError

DELIMITERS = (",", ";", "\t", "|")
_LARGEST_CELL = 256 * 2**20
_SAMPLE = 2**16
UNDECODED = "bytes that are not of the file's encoding: read as U+FFFD. Set csv.encoding if it is another"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How a file is written.

    Attributes:
        encoding: name of a Python codec.
        delimiter: the character between cells.
        columns: the names in the header.
    """

    encoding: str
    delimiter: str
    columns: tuple[str, ...]


def csv_format(file: Path, *, encoding: str | None = None, delimiter: str | None = None) -> CsvFormat:
    """Find out how a file is written.

    The encoding is what a byte order mark says, else UTF-8 if the whole file is, else Windows-1252. The
    delimiter is the one of `DELIMITERS` that the header has most of, outside of quotes.

    Args:
        file: plain or gzip.
        encoding: where it is known.
        delimiter: where it is known.

    Raises:
        InputError: if the file cannot be read, is empty, or a column is named twice.
    """
    found = encoding or _encoding(file)
    with _opened(file, found) as stream:
        sample = stream.readline(_SAMPLE)
        while sample.count('"') % 2 and (more := stream.readline(_SAMPLE)):  # a line break in a quoted name
            sample += more
            if len(sample) > _SAMPLE:
                raise InputError("a quote in the header is never closed", file=file, where="line 1")
    if not sample.strip():
        raise InputError("has no header", file=file, where="line 1", expected="the names of the columns")
    outside = "".join(sample.split('"')[::2])
    mark = delimiter or max(DELIMITERS, key=outside.count)
    names = [name.strip() for name in next(csv.reader(io.StringIO(sample, newline=""), delimiter=mark))]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputError(
            f"column {twice[0]!r} occurs twice", file=file, where="line 1", expected="each name once"
        )
    return CsvFormat(found, mark, tuple(names))


def csv_rows(file: Path, form: CsvFormat, report: IngestReport | None = None) -> Iterator[LogRow]:
    """The rows of a CSV file. An empty cell is null; bytes that are not of the encoding become U+FFFD.

    Raises:
        InputError: if a row has more cells than the header, a quote is not closed, or it cannot be read.
    """
    csv.field_size_limit(_LARGEST_CELL)
    with _opened(file, form.encoding) as stream:
        # Strict: else a quote that is never closed swallows the rest of the file without a word.
        reader = csv.reader(stream, delimiter=form.delimiter, strict=True)
        start = 1
        try:
            for cells in reader:
                where, start = f"line {start}", reader.line_num + 1
                if where == "line 1" or not cells:
                    continue
                place = f"{file.name}, {where}"
                if len(cells) > len(form.columns):
                    if any(cells[len(form.columns) :]):
                        raise InputError(
                            f"has {len(cells)} cells, the header {len(form.columns)}",
                            file=file,
                            where=where,
                            remedy="Quote cells that contain the delimiter, or name it in the mapping: "
                            "csv: {delimiter: …}",
                        )
                elif len(cells) < len(form.columns) and report is not None:
                    report.repair("row has fewer cells than the header: the rest is null", place)
                if report is not None and "\ufffd" in "".join(cells):
                    report.note(UNDECODED, place)
                values = {name: cell or None for name, cell in zip(form.columns, cells, strict=False) if name}
                digest = blake2b("\x1f".join(cells).encode("utf-8", "surrogatepass"), digest_size=12)
                yield LogRow(place, values, digest.hexdigest())
        except csv.Error as error:
            raise InputError(
                f"not CSV: {error}",
                file=file,
                where=f"line {start}",
                remedy='Within a quoted cell a quote is written twice: ""',
            ) from None


def _encoding(file: Path) -> str:
    with _reading(file), _binary(file) as stream:
        start = stream.read(4)
        for mark, name in _BOMS:
            if start.startswith(mark):
                return name
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(start)
            while chunk := stream.read(2**20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
        return "utf-8"


@contextmanager
def _opened(file: Path, encoding: str) -> Iterator[TextIO]:
    try:
        # Not codecs.lookup, which also finds codecs that are not of text, such as hex.
        io.TextIOWrapper(io.BytesIO(), encoding, errors="replace").read()
    except (LookupError, ValueError):
        raise InputError(f"no such encoding: {encoding!r}", file=file, expected="such as utf-8") from None
    with (
        _reading(file),
        _binary(file) as binary,
        io.TextIOWrapper(cast(BinaryIO, binary), encoding, errors="replace", newline="") as stream,
    ):
        yield stream


def _binary(file: Path) -> gzip.GzipFile | BinaryIO:
    with file.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rb") if compressed else file.open("rb")


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"gzip stream is broken: {error}", file=file) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=file) from None
