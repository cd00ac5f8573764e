"""One line of predictions.jsonl: a JSON object whose last field is a checksum of the bytes before it.

A damaged line is reported, never scored. Runs written by earlier versions have no checksums; their lines are
checked for types only.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from facsim.metrics import CASES_SCHEMA, NULLABLE

Record = dict[str, Any]
"""One test case: its truth, its answer, and the facts that metrics need."""

EXTRAS_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "forgiven": pl.List(pl.String()),  # leniencies needed to read the answer
    "rationale": pl.String(),
    "answer": pl.String(),  # raw, where it was not read strictly
    "error": pl.String(),  # why there is no answer
    "from_cache": pl.Boolean(),
}
"""Fields of a record besides the columns of `CASES_SCHEMA`; null in lines older than the field."""

CHECKSUM: Final = "checksum"
"""Name of the last field: the CRC-32 of the line's bytes before it, as eight hex digits."""

_CHECKSUM_START: Final = b',"checksum":"'
_CHECKSUM_BYTES: Final = len(_CHECKSUM_START) + len('01234567"}')
_INT32_END: Final = 2**31
_REQUIRED: Final = ("session_id", "step", "failed")
_PYTHON_TYPES: Final[Mapping[pl.DataType, tuple[type, ...]]] = {
    pl.String(): (str,),
    pl.Boolean(): (bool,),
    pl.Int32(): (int,),
    pl.Int64(): (int,),
    pl.Float64(): (float, int),
    pl.List(pl.String()): (list,),
}
_TYPES: Final = {name: _PYTHON_TYPES[dtype] for name, dtype in {**CASES_SCHEMA, **EXTRAS_SCHEMA}.items()}
_NULL_ALLOWED: Final = NULLABLE | EXTRAS_SCHEMA.keys()


class DamagedLineError(ValueError):
    """A line is not a record as it was written. The message is a clause: what is wrong with the line."""


class NotJsonError(DamagedLineError):
    """A line is not JSON, as a line that was cut off is not."""


def encode_record(record: Mapping[str, Any]) -> bytes:
    """A record as its line in the file, checksum and newline included."""
    body = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()[:-1]
    return b'%b%b%08x"}\n' % (body, _CHECKSUM_START, zlib.crc32(body))


def decode_record(line: bytes) -> tuple[Record, bool]:
    """The record in a line, and whether the line carries a checksum.

    Raises:
        DamagedLineError: if the line is not JSON, does not match its checksum, or a field has the wrong type.
    """
    line = line.rstrip(b"\r\n")
    try:
        record = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise NotJsonError("is not JSON") from None
    if not isinstance(record, dict) or any(name not in record for name in _REQUIRED):
        raise DamagedLineError("is not a prediction")
    has_checksum = record.pop(CHECKSUM, None) is not None
    if has_checksum and not matches_checksum(line):
        raise DamagedLineError("does not match its checksum: it was damaged or edited")
    for name, value in record.items():
        problem = _type_problem(name, value)
        if problem:
            raise DamagedLineError(f"is not a prediction: {problem}")
    return record, has_checksum


def matches_checksum(line: bytes) -> bool:
    """Whether a line, without its newline, ends with the checksum of what is before it."""
    body, tail = line[:-_CHECKSUM_BYTES], line[-_CHECKSUM_BYTES:]
    return tail == b'%b%08x"}' % (_CHECKSUM_START, zlib.crc32(body))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _type_problem(name: str, value: object) -> str | None:
    types = _TYPES.get(name)
    if types is None:
        return None  # a later version may have added a field
    if value is None:
        return None if name in _NULL_ALLOWED else f"{name} is null"
    fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    if fits and isinstance(value, list):
        fits = all(isinstance(item, str) for item in value)
    if fits and isinstance(value, int) and name in ("step", "rank"):
        fits = 0 <= value < _INT32_END
    return None if fits else f"{name} is {value!r:.60}"
