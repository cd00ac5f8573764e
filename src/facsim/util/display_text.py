"""Untrusted text made safe to show in a terminal, a notebook or a report, and durations in words."""

from __future__ import annotations

import re
from typing import Final

_ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"
# Control characters steer terminals (escape sequences, C1 controls). Direction marks reorder the text around
# them. Lone surrogates cannot be encoded.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_WHITE_SPACE: Final = re.compile(r"[\s\x1c-\x1f]+")


def one_line(text: str, limit: int | None = None) -> str:
    r"""Untrusted text as one line that is safe to print.

    White space is folded. Control characters, direction marks and lone surrogates become visible escapes.
    Text beyond `limit` characters is cut and ends in an ellipsis.

    Args:
        text: any text.
        limit: maximum length of the result in characters, at least 1; unlimited if None.

    >>> one_line("red\x1b[31m shoes\n\tfor\u202e you", 24)
    'red\\x1b[31m shoes for\\u…'
    """
    if limit is None:
        return _UNSAFE.sub(_escaped, _WHITE_SPACE.sub(" ", text).strip())
    # The start of a huge text must not cost reading all of it.
    start = _WHITE_SPACE.sub(" ", text[: 4 * limit + 400]).strip()
    shown = _UNSAFE.sub(_escaped, start[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + _ELLIPSIS


def escape_controls(text: str) -> str:
    r"""Untrusted text of several lines, safe to print.

    Control characters but newlines, direction marks and lone surrogates become visible escapes.

    >>> escape_controls("red\x1b[31m\nline")
    'red\\x1b[31m\nline'
    """
    if text.isprintable():
        return text
    return "\n".join(_UNSAFE.sub(_escaped, line) for line in text.split("\n"))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def format_seconds(seconds: float) -> str:
    """A duration in words, as exact as a reader needs it.

    >>> [format_seconds(seconds) for seconds in (0.42, 7.25, 42, 185, 7300)]
    ['0.4 s', '7.2 s', '42 s', '3 min 5 s', '2 h 1 min']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_hours(hours: float | None) -> str:
    """Hours with two decimals; a dash where they are unknown.

    >>> [format_hours(hours) for hours in (1234.5, 0.001, 0.0)]
    ['1,234.50', '<0.01', '0.00']
    """
    if hours is None:
        return "\N{EN DASH}"
    return f"{hours:,.2f}" if hours >= 0.01 or hours == 0 else "<0.01"
