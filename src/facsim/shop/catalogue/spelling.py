"""Tokenization of texts, and spelling correction."""

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
    """Return the search terms of a text: lower case, unique, in order, without stop words.

    A text of nothing but stop words keeps them.
    Texts are cut to 400 characters and 12 words, words to 40 characters.

    >>> words_of("The women's T-shirt, for WOMEN")
    ('women', 'shirt')
    """
    found = dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(text[:LONGEST_TEXT].lower()))
    content = [word for word in found if word not in _STOP]
    return tuple((content or list(found))[:MOST_WORDS])


def with_words(text: str, others: Mapping[str, str]) -> str:
    """Lower-case a text and replace words by `others`; a word whose replacement is empty is kept.

    >>> with_words("  Chair for home OFICE! ", {"ofice": "office"})
    'chair for home office'
    """
    changed = _WORD.sub(
        lambda found: others.get(found[0][:LONGEST_WORD]) or found[0], text[:LONGEST_TEXT].lower()
    )
    return " ".join(changed.split()).strip(" !?.,;:\"'")


def distance(left: str, right: str, limit: int) -> int:
    """Optimal string alignment distance (Damerau 1964, no letter edited twice); `limit + 1` if above `limit`.

    Counts insertions, deletions, substitutions and transpositions of adjacent letters.

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
    """Corrects misspelt words using the words of a shop and their frequencies."""

    def __init__(self, frequencies: Mapping[str, int]) -> None:
        self.frequencies = dict(frequencies)
        # Words by their one-letter deletions: words within one edit of each other share one.
        self._rests: dict[str, list[str]] = {}
        for word in sorted(self.frequencies):
            if len(word) > 2 and word.isalpha():
                for rest in _rests(word):
                    self._rests.setdefault(rest, []).append(word)
        self.meant = lru_cache(maxsize=4096)(self._meant)

    def _meant(self, word: str) -> str:
        """Return the most probable correction of an unknown word; empty if no known word is close."""
        if word in self.frequencies or len(word) < 3:
            return ""
        limit = 1 if len(word) < 6 else 2
        near = {known for rest in _rests(word) for known in self._rests.get(rest, ())}
        best, best_score = "", 0.0
        for known in sorted(near):
            edits = distance(word, known, limit)
            if edits > limit:
                continue
            # Common words are more likely intended; each edit, and a different first letter, costs a factor.
            score = self.frequencies[known] / 30.0**edits / (4.0 if known[0] != word[0] else 1.0)
            if score > best_score:
                best, best_score = known, score
        return best


def _rests(word: str) -> Iterator[str]:
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]
