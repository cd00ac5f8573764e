"""Words of texts, and the words that a misspelt one may have been meant to be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
_STOP = frozenset(re.findall("[a-z]+", "a an and at by for from in is it of on or s t the to with"))

LONGEST_TEXT = 400
LONGEST_WORD = 40
MOST_WORDS = 12


def words_of(text: str) -> tuple[str, ...]:
    """The words that a text is searched by: lower case, each once, in order, without `for` and `the`.

    Longer texts are cut to 400 characters and 12 words, longer words to 40 characters.

    >>> words_of("The women's T-shirt, for WOMEN")
    ('women', 'shirt')
    """
    found = dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(text[:LONGEST_TEXT].lower()))
    content = [word for word in found if word not in _STOP]
    return tuple((content or list(found))[:MOST_WORDS])


def with_words(text: str, others: Mapping[str, str]) -> str:
    """A text in lower case, with other words in the place of some; a word whose other is empty stays.

    >>> with_words("  Chair for home OFICE! ", {"ofice": "office"})
    'chair for home office'
    """
    changed = _WORD.sub(
        lambda found: others.get(found[0][:LONGEST_WORD]) or found[0], text[:LONGEST_TEXT].lower()
    )
    return " ".join(changed.split()).strip(" !?.,;:\"'")


def distance(left: str, right: str, limit: int) -> int:
    """How many letters to insert, drop, change or swap with the next one; `limit + 1` for any more than that.

    Optimal string alignment distance (Damerau 1964, no letter edited twice).

    >>> distance("cofee", "coffee", 2), distance("kettel", "kettle", 2), distance("pan", "drill", 2)
    (1, 1, 3)
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return min(last[-1], limit + 1)


class Speller:
    """Knows the words of a shop, and how often each occurs there."""

    def __init__(self, frequencies: Mapping[str, int]) -> None:
        self.frequencies = dict(frequencies)
        # Words by what is left of them without one letter: words within one edit share such a rest.
        self._rests: dict[str, list[str]] = {}
        for word in sorted(self.frequencies):
            if len(word) > 2 and word.isalpha():
                for rest in _rests(word):
                    self._rests.setdefault(rest, []).append(word)
        self.meant = lru_cache(maxsize=4096)(self._meant)

    def _meant(self, word: str) -> str:
        """The known word that an unknown one most probably was meant to be; empty if nothing is near."""
        if word in self.frequencies or len(word) < 3:
            return ""
        limit = 1 if len(word) < 6 else 2
        near = {known for rest in _rests(word) for known in self._rests.get(rest, ())}
        best, best_score = "", 0.0
        for known in sorted(near):
            edits = distance(word, known, limit)
            if edits > limit:
                continue
            # A common word is meant more often; each edit, and a different first letter, is worth a factor.
            score = self.frequencies[known] / 30.0**edits / (4.0 if known[0] != word[0] else 1.0)
            if score > best_score:
                best, best_score = known, score
        return best


def _rests(word: str) -> Iterator[str]:
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]
