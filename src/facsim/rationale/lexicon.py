"""Words of texts and pages, normalized so that `Kettles`, `kettle` and `KETTLE'S` are equal."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")  # noqa: RUF001
_TAG = re.compile(r"<!--.*?-->|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+>", re.DOTALL)
_SEEN_ATTRIBUTE = re.compile(r"\s(?:alt|aria-label|placeholder|value|title)=\"([^\"]*)\"")
_NAME = re.compile(r"\sname=\"([^\"]*)\"")


def fold(word: str) -> str:
    """Normalize a word: lower case, no accents, no plural or possessive `s`.

    >>> [fold(word) for word in ("Kettles", "kettle's", "Café", "glass", "1,728")]
    ['kettle', 'kettle', 'cafe', 'glass', '1728']
    """
    if not word.isascii():
        word = "".join(
            mark for mark in unicodedata.normalize("NFKD", word) if not unicodedata.combining(mark)
        )
    word = word.lower().replace("’", "'").removesuffix("'s")  # noqa: RUF001
    if word[:1].isdigit():
        return word.replace(",", "")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def words(text: str) -> list[str]:
    """The folded words of a text, in order."""
    return [fold(word) for word in WORD.findall(text)]


def visible_text(page_html: str) -> str:
    """The visible text of a simplified page: texts, labels and values of controls, but no element names."""
    seen = _SEEN_ATTRIBUTE.findall(page_html)
    return html.unescape(" \n".join((_TAG.sub(" ", page_html), *seen)))


def names_in_words(page_html: str) -> set[str]:
    """The words in the element names of a page."""
    return set(words(" ".join(_NAME.findall(page_html)).replace("_", " ").replace(".", " ")))


@cache
def _word_list(file: str) -> frozenset[str]:
    lines = (Path(__file__).parent / file).read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in words(line))


def function_words() -> frozenset[str]:
    """Stop words: articles, pronouns, auxiliaries, fillers."""
    return _word_list("function_words.txt")


def ordinary_words() -> frozenset[str]:
    """Stop words, and words common to all shops and sites: price, reviews, cheap, search."""
    return function_words() | _word_list("ordinary_words.txt")


def content_words(text: str) -> set[str]:
    """The words of a text without stop words."""
    return set(words(text)) - function_words()


def trigrams(folded: Sequence[str]) -> frozenset[tuple[str, str, str]]:
    """All word trigrams."""
    return frozenset(zip(folded, folded[1:], folded[2:], strict=False))
