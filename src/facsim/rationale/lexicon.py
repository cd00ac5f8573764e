"""Words of texts and pages, folded so that `Kettles`, `kettle` and `KETTLE'S` are one."""

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
    """A word as it is compared: lower case, no accents, no plural or possessive `s`.

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
    """What a simplified page says: its texts and the labels and values of its controls; no names."""
    seen = _SEEN_ATTRIBUTE.findall(page_html)
    return html.unescape(" \n".join((_TAG.sub(" ", page_html), *seen)))


def names_in_words(page_html: str) -> set[str]:
    """The words that the names on a page are made of."""
    return set(words(" ".join(_NAME.findall(page_html)).replace("_", " ").replace(".", " ")))


@cache
def _word_list(file: str) -> frozenset[str]:
    lines = (Path(__file__).parent / file).read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in words(line))


def function_words() -> frozenset[str]:
    """Words that say nothing of any page: articles, pronouns, auxiliaries, fillers."""
    return _word_list("function_words.txt")


def ordinary_words() -> frozenset[str]:
    """Function words, and words that everybody uses about any shop or site: price, reviews, cheap, search."""
    return function_words() | _word_list("ordinary_words.txt")


def content_words(text: str) -> set[str]:
    """The words of a text that are not mere function words."""
    return set(words(text)) - function_words()


def runs_of_three(folded: Sequence[str]) -> frozenset[tuple[str, str, str]]:
    """Every three words that follow each other."""
    return frozenset(zip(folded, folded[1:], folded[2:], strict=False))
