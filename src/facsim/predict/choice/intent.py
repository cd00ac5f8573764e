"""Parse an intent into `key: value` fields, and normalize words so that texts can be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
_PAIR = re.compile(r"\s*([^:;\n]{1,60}?)\s*:\s*(\S[^;\n]*?)\s*(?:;|\n|$)")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def words(text: str) -> list[str]:
    """The words of a text in lower case. Anything but letters and digits is a separator."""
    return _WORD.findall(text.lower())


def folded(text: str) -> str:
    """The words of a text, joined by single spaces: ignores case and punctuation."""
    return " ".join(words(text))


def number_in(text: str) -> float | None:
    """The last number in a text, or None. Thousands separators are allowed."""
    found = _NUMBER.findall(text)
    if not found:
        return None
    return float(found[-1].replace(",", "")[:15])


@dataclass(frozen=True, slots=True)
class Intent:
    """What a person came for, parsed for comparison with a page.

    Attributes:
        text: the whole intent, folded.
        vocabulary: the set of its words.
        fields: folded (key, value) pairs in order, where the intent is written as `key: value; key: value`.
        raw_values: the values as written, in the order of `fields`.
    """

    text: str
    vocabulary: frozenset[str]
    fields: tuple[tuple[str, str], ...]
    raw_values: tuple[str, ...]


@lru_cache(maxsize=256)
def read_intent(text: str | None) -> Intent:
    """Parse an intent. None parses as an empty one."""
    text = text or ""
    pairs = [(folded(key), value) for key, value in _PAIR.findall(text)]
    pairs = [(key, value) for key, value in pairs if key and folded(value)]
    return Intent(
        text=folded(text),
        vocabulary=frozenset(words(text)),
        fields=tuple((key, folded(value)) for key, value in pairs),
        raw_values=tuple(value for _, value in pairs),
    )
