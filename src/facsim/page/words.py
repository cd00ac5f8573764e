"""Text to the words that names are made of."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MAX_PART = 50
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_COUNT = re.compile(r"(?<=\S)\s*[(\[]\d[\d.,\s]{0,12}[)\]]$")
# Read aloud where a control has no other words.
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

    A count in brackets at the end is left out: it changes while the thing stays the same.

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
    kind = unicodedata.category(character)
    if kind[0] in "LNM":
        return character
    # Invisible characters and apostrophes join what they stand between; all else parts words.
    return "" if kind == "Cf" or character in "'’ʼ" else " "  # noqa: RUF001


def _bounded(words: str) -> str:
    if len(words) <= MAX_PART:
        return words
    cut = words.rfind("_", 10, MAX_PART + 1)
    return words[: cut if cut > 0 else MAX_PART]


def fold(text: str) -> str:
    """White space folded to single blanks, none at the ends."""
    return " ".join(text.split())
