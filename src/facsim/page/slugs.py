"""Text to the words that names are made of."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MAX_PART = 50
_MAX_END = 16
_LONGEST_NAME = 400
_ASCII_NAME = re.compile(r"[a-z0-9_.]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_COUNT = re.compile(r"(?<=\S)\s*[(\[]\d[\d.,\s]{0,12}[)\]]$")
# Default-ignorable characters (UAX 44) that are not format characters (Cf): they draw nothing.
_NOT_DRAWN = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2065, 0x3164, 0xFFA0))
) | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000))))
PRICE = re.compile(r"[$€£¥₹₩]\s?\d|\d[\d.,]*\s?(?:€|zł|kr\b|EUR\b|USD\b|GBP\b|CHF\b)")
_AMOUNT = r"(?:[$€£¥₹₩]\s?\d[\d.,]*|\d[\d.,]*\s?(?:€|zł|kr\b|EUR\b|USD\b|GBP\b|CHF\b))"
_MONEY = re.compile(_AMOUNT)
# A price to choose by is no price of something.
_RANGE = re.compile(
    rf"\b(?:under|over|above|below|up to|from|less|more|to|and|or|min|max|between|unter|über|ab|bis|von|moins"
    rf"|plus|de|à|desde|hasta|menos|más)\b|&|{_AMOUNT}\s*(?:\+|[-–]\s*{_AMOUNT})",  # noqa: RUF001
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"(?<![\w.,:#-])\d[\d.,]*\s?[×x]?(?=\s(?:(?:new|active|unread|more|customer|global)\s)?"  # noqa: RUF001
    r"(?:items?|products?|articles?|results?|reviews?|ratings?|comments?|answers?|messages?|notifications?"
    r"|votes?|likes?|offers?|orders?|questions?|photos?|sellers?|rows?|left|sold|available|unread)\b)"
    r"|(?<![\w.,:#-])\d+\s?[×x]?\sin (?:your|the|my) (?:cart|basket|bag|trolley)\b",  # noqa: RUF001
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[\d$€£¥₹₩]")
_HAS_WORD = re.compile(r"[^\W\d_]{2}")
_HAS_DIGIT = re.compile(r"\d")
SYMBOLS = {
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
    "⋮": "more",
    "⋯": "more",
    "▶": "play",
    "►": "play",
    "🔍": "search",
    "★": "favourite",
    "☆": "favourite",
}
"""What a sign means where a control has no other words."""


@lru_cache(maxsize=20_000)
def slug(text: str) -> str:
    """Words in lower case joined by `_`, at most `MAX_PART` characters, cut between words where possible.

    What changes while the thing stays the same is left out where other words are: a count in brackets at the
    end, a number of `items`, `reviews` and the like, a price that is no range. Of long texts the end is kept
    too: there variants of one product differ. Of signs without words (an emoji) the name in Unicode counts.

    >>> slug("4 Stars & Up (12)"), slug("Women's  KÄRCHER"), slug("+"), slug("☕")
    ('4_stars_up', 'womens_kärcher', 'plus', 'hot_beverage')
    >>> slug("Total: $208.90"), slug("Under $25"), slug("1,204 ratings"), slug("$5")
    ('total', 'under_25', 'ratings', '5')
    """
    text = text[:400].strip()
    if any(map(str.isdigit, text)):
        text = _COUNT.sub("", text) or text
        steady = _COUNTED.sub("", text)
        if not _RANGE.search(steady):
            steady = _MONEY.sub(" ", steady)
        text = steady if _HAS_WORD.search(steady) else text
    return whole_slug(text)


@lru_cache(maxsize=20_000)
def whole_slug(text: str) -> str:
    """As `slug`, with counts and prices."""
    text = text[:400]
    if text.isascii():
        words = _ASCII_WORD.findall(text.replace("'", "").lower())
    else:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        words = "".join(map(_keep, folded)).split()
    if not words:
        return SYMBOLS.get(text.strip(), "") or _signs(text)
    return _bounded("_".join(words))


def _signs(text: str) -> str:
    """The names of the first signs of a text without words."""
    names = [
        unicodedata.name(sign, "")
        for sign in text
        if unicodedata.category(sign) in ("So", "Sm") and sign > "~"
    ]
    return _bounded("_".join(_ASCII_WORD.findall(" ".join(names[:3]).lower())))


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


def is_name(text: str) -> bool:
    """Whether a text could be a name: parts of words in small letters, normalised, with dots between them.

    >>> is_name("cart.add_2"), is_name("kärcher"), is_name("Cart"), is_name("a..b"), is_name("add 2")
    (True, True, False, False, False)
    """
    if not all(text.split(".")) or len(text) > _LONGEST_NAME:
        return False
    if text.isascii():
        return _ASCII_NAME.fullmatch(text) is not None
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded == text and all(character in "_." or _keep(character) for character in text)


def is_generated(words: str) -> bool:
    """Whether a slug of an attribute reads like the work of a program: `field_8f3a21`, `q_1093847`."""
    return any(len(word) > 4 and len(_HAS_DIGIT.findall(word)) > 1 for word in words.split("_"))


def is_count(text: str) -> bool:
    """Whether a text is a number or a price and nothing else: `11`, `100/100`, `$40.00`.

    >>> is_count(" (3) "), is_count("4th"), is_count("$"), is_count("€ 40")
    (True, False, True, True)
    """
    return len(text) < 40 and bool(_NUMBER.search(text)) and not any(map(str.isalpha, text))


def fold(text: str) -> str:
    """White space folded to single blanks, none at the ends."""
    return " ".join(text.split())
