"""Compares words of titles, queries and needs the way a reader would."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[a-z0-9]+")


@lru_cache(maxsize=60_000)
def words(text: str) -> frozenset[str]:
    """Return the words of a text in lower case, with the plural s removed.

    >>> sorted(words("Trail-running Shoes, 2 pairs"))
    ['2', 'pair', 'running', 'shoe', 'trail']
    """
    return frozenset(_stem(word) for word in _WORD.findall(text.lower()))


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def last_word(text: str) -> str:
    """Return the head noun of a product name: its last word, stemmed."""
    found = _WORD.findall(text.lower())
    return _stem(found[-1]) if found else ""


def money(cents: int) -> str:
    """Format an amount in cents the way people write it.

    >>> money(4999), money(120000), money(5000)
    ('$49.99', '$1,200', '$50')
    """
    return f"${cents // 100:,}" if cents % 100 == 0 else f"${cents / 100:,.2f}"


def a(thing: str) -> str:
    """Prefix a noun with its indefinite article; plurals get none.

    >>> a("kettle"), a("air fryer"), a("running shoes"), a("dress")
    ('a kettle', 'an air fryer', 'running shoes', 'a dress')
    """
    if thing.endswith("s") and not thing.endswith(("ss", "us", "is")):
        return thing
    vowel = thing[:1].lower() in "aeiou" and not thing.lower().startswith(("us", "uni", "ut", "eu", "one"))
    return f"{'an' if vowel else 'a'} {thing}"


def short(title: str, most: int = 7) -> str:
    """Shorten a title to how people refer to it: up to the first comma, at most `most` words."""
    head = re.split(r"[,(|\u2013\u2014]| - ", title, maxsplit=1)[0].split()
    return " ".join(head[:most]) or title
