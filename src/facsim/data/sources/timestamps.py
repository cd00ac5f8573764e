"""Times as logs write them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
_DATE = re.compile(r"\d{8}")
_DATE_ALONE = re.compile(r"\d{4}-?\d{2}-?\d{2}")
# Seconds, milli-, micro- and nanoseconds since 1970 lie three powers of ten apart; each unit's range below
# spans the years 1973 to 5138.
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (math.inf, 1e9))

Unit = Literal["s", "ms", "us", "ns"]
_PER_SECOND: dict[Unit, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def is_date(value: object) -> bool:
    """Whether a time is a date alone, without a time of day.

    >>> is_date("2025-03-01"), is_date("20250301"), is_date("2025-03-01T10:00"), is_date(1740819600)
    (True, True, False, False)
    """
    return isinstance(value, str) and bool(_DATE_ALONE.fullmatch(value.strip()))


def read_time(value: object, *, zone: tzinfo = UTC, unit: Unit | None = None) -> datetime:
    """A time in UTC from ISO 8601 text or a number since 1970.

    Text of eight digits is a date, `20250301`.

    Args:
        value: the time as written.
        zone: of text that states none.
        unit: of numbers; if None it follows from the size of the number.

    Raises:
        ValueError: if it is neither, or out of range.

    Example:
        >>> read_time("2025-03-01T10:00:00+01:00") == read_time(1740819600) == read_time("1740819600000")
        True
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{type(value).__name__} is no time")
    try:
        if isinstance(value, str):
            text = value.strip()
            if (_DATE.fullmatch(text) and unit is None) or not _NUMBER.fullmatch(text):
                found = datetime.fromisoformat(text)
                return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)
            value = float(text)
        if not math.isfinite(value):
            raise ValueError(f"{value} is no time")
        per_second = _PER_SECOND[unit] if unit else next(per for limit, per in _UNITS if abs(value) < limit)
        return _EPOCH + timedelta(microseconds=round(value * 1_000_000 / per_second))
    except OverflowError:
        raise ValueError(f"{str(value)[:40]} is out of range") from None
