"""Text of unknown origin, made fit to be shown: in a terminal, in a notebook, anywhere."""

from __future__ import annotations

import re
from typing import Final

_MARK: Final = "\N{HORIZONTAL ELLIPSIS}"
# Control characters steer terminals (escape sequences, C1 controls); direction marks make text read otherwise
# than it is and reach beyond their place; lone surrogates cannot be written out.
_UNFIT: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_SPACE: Final = re.compile(r"[\s\x1c-\x1f]+")


def plain(text: str, limit: int | None = None) -> str:
    r"""One line of text that shows what it holds and does nothing.

    White space is folded; control characters, direction marks and lone surrogates are written out as escapes;
    what is beyond `limit` characters is cut and marked.

    Args:
        text: any text.
        limit: most characters to give, at least 1; all if None.

    >>> plain("red\x1b[31m shoes\n\tfor\u202e you", 24)
    'red\\x1b[31m shoes for\\u…'
    """
    if limit is None:
        return _UNFIT.sub(_written, _SPACE.sub(" ", text).strip())
    # A huge text is not read to its end for its beginning.
    begin = _SPACE.sub(" ", text[: 4 * limit + 400]).strip()
    shown = _UNFIT.sub(_written, begin[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + _MARK


def harmless(text: str) -> str:
    r"""Text of several lines that only shows on a terminal; its lines stay lines.

    >>> harmless("red\x1b[31m\nline")
    'red\\x1b[31m\nline'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character == "\n" or character.isprintable() else ascii(character)[1:-1]
        for character in text
    )


def _written(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def seconds(number: float) -> str:
    """A time in words, as exact as a reader needs it.

    >>> [seconds(number) for number in (0.42, 7.25, 42, 185, 7300)]
    ['0.4 s', '7.2 s', '42 s', '3 min 5 s', '2 h 1 min']
    """
    if number < 10:
        return f"{number:.1f} s"
    whole = round(number)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
