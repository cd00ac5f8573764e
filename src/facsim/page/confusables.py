"""Detects names that look the same to a person although their characters differ."""

from __future__ import annotations

import re

# Letters of other scripts that most typefaces draw like a Latin one, in lower case, after NFKC. The full
# table of Unicode (UTS 39, confusables.txt) is not part of Python; these are the ones that can form words.
_LOOKALIKES = {
    "a": "\u0430\u0251\u03b1",
    "b": "\u044c\u0185",
    "c": "\u0441\u03f2\u1d04",
    "d": "\u0501",
    "e": "\u0435\u04bd",
    "g": "\u0261\u0581",
    "h": "\u04bb\u0570",
    "i": "\u0456\u0131\u0269\u03b9",
    "j": "\u0458\u03f3",
    "k": "\u043a\u03ba",
    "l": "\u04cf\u01c0",
    "m": "\u043c",
    "n": "\u0578\u043f",
    "o": "\u043e\u03bf\u0585\u05e1\u0d20\u1d0f",
    "p": "\u0440\u03c1",
    "q": "\u051b\u0563",
    "r": "\u0433",
    "s": "\u0455\ua731",
    "t": "\u0442\u03c4",
    "u": "\u03c5\u057d\u1d1c",
    "v": "\u0475\u03bd\u1d20",
    "w": "\u051d\u0461\u1d21",
    "x": "\u0445\u03c7",
    "y": "\u0443\u04af\u03b3",
    "z": "\u1d22",
    "ä": "\u04d3",
    "ë": "\u0451",
    "ï": "\u0457",
}
_LOOKALIKE = re.compile(f"[{''.join(_LOOKALIKES.values())}]")
_AS_LATIN = str.maketrans({other: latin for latin, others in _LOOKALIKES.items() for other in others})


def skeleton(name: str) -> str:
    r"""Map all names that look the same to the same text.

    >>> skeleton("\u0441art") == skeleton("cart"), skeleton("kärcher") == skeleton("karcher")
    (True, False)
    """
    return name.translate(_AS_LATIN) if not name.isascii() and _LOOKALIKE.search(name) else name
