"""Text to the words that names are made of."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MAX_PART = 50
_MAX_END = 16
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_COUNT = re.compile(r"(?<=\S)\s*[(\[]\d[\d.,\s]{0,12}[)\]]$")
# Read aloud where a control has no other words.
# Default-ignorable characters (UAX 44) that are not format characters (Cf): they draw nothing.
_NOT_DRAWN = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2065, 0x3164, 0xFFA0))
) | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000))))
PRICE = re.compile(r"[$€£¥₹₩]\s?\d|\d[\d.,]*\s?(?:€|zł|kr\b|EUR\b|USD\b|GBP\b|CHF\b)")
_HAS_DIGIT = re.compile(r"\d")
_SYMBOLS = {
    "+": "plus",
    "-": "minus",
    "−": "minus",  # noqa: RUF001
    "–": "minus",  # noqa: RUF001
    "×": "close",  # noqa: RUF001
    "✕": "close",
    "✖": "close",
    "☰": "menu",
    "←": "previous",
    "‹": "previous",  # noqa: RUF001
    "«": "previous",
    "<": "previous",
    "→": "next",
    "›": "next",  # noqa: RUF001
    "»": "next",
    ">": "next",
    "♥": "favourite",
    "♡": "favourite",
    "…": "more",
    "...": "more",
}


@lru_cache(maxsize=20_000)
def slug(text: str) -> str:
    """Words in lower case joined by `_`, at most `MAX_PART` characters, cut between words where possible.

    A count in brackets at the end is left out: it changes while the thing stays the same. Of long texts the
    end is kept too: there variants of one product differ.

    >>> slug("4 Stars & Up (12)"), slug("Women's  KÄRCHER"), slug("+")
    ('4_stars_up', 'womens_kärcher', 'plus')
    """
    text = _COUNT.sub("", text[:400].strip()) or text[:400]
    if text.isascii():
        words = _ASCII_WORD.findall(text.replace("'", "").lower())
    else:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        words = "".join(map(_keep, folded)).split()
    if not words:
        return _SYMBOLS.get(text.strip(), "")
    return _bounded("_".join(words))


def _keep(character: str) -> str:
    if character in _NOT_DRAWN:
        return ""
    kind = unicodedata.category(character)
    if kind[0] in "LNM":
        return character
    # Invisible characters and apostrophes join what they stand between; all else parts words.
    return "" if kind == "Cf" or character in "'’ʼ" else " "  # noqa: RUF001


def _bounded(words: str) -> str:
    if len(words) <= MAX_PART:
        return words
    end = words[-_MAX_END:]
    begins = end.find("_") + 1
    end = end[begins:] if 0 < begins < len(end) else end
    room = MAX_PART - len(end) - 1
    cut = words.rfind("_", 10, room + 1)
    return f"{words[: cut if cut > 0 else room]}_{end}"


def is_generated(words: str) -> bool:
    """Whether a slug of an attribute reads like the work of a program: `field_8f3a21`, `q_1093847`."""
    return any(len(word) > 4 and len(_HAS_DIGIT.findall(word)) > 1 for word in words.split("_"))


def fold(text: str) -> str:
    """White space folded to single blanks, none at the ends."""
    return " ".join(text.split())
