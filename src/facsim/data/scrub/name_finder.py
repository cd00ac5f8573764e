"""Find names of people by a list of given names and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from facsim.data.scrub.given_names import GivenNames
from facsim.data.scrub.rules import ScrubRules
from facsim.data.scrub.spans import PersonalSpan

# Capitalised words in a row, with particles between them: `Anna Maria van der Berg`.
_RUN = (
    r"(?<![\w@#/+'\u2019-])(?:%UPPER%\.[ \u00a0]?)?%CAP%"
    r"(?:[ \u00a0](?:%PARTICLE%[ \u00a0])?(?:%UPPER%\.|%CAP%)){0,6}(?![\w@])"
)
_WORD = re.compile(r"[^\s\u00a0]+")
_BEFORE = r"(?:(?<!\w)(?i:%cues.before_name%)(?:\s*[,:\u2013\u2014-]\s*|\s+))$"
_KIN = r"(?:(?<!\w)(?:%cues.kin%)[ \u00a0])$"
# Before a family name alone: `bei Brüggemann`.
_NEIGHBOUR = r"(?:(?<!\w)(?i:%cues.neighbour%)[, ]{1,2})$"
_IS_KIN = r"%cues.kin%$"
_AFTER = (
    r"(?:['\u2019]s (?i:%cues.owned%)(?!\w)|,? %cues.did%(?!\w)|,? \(?\d\d\)?(?=\s*(?:[,.;)]|$|\n))"
    r"|,? (?i:%cues.aged%)(?!\w)|\s*[,·|\u2013\u2014(-]+\s*(?i:%cues.verified%))"
)
_SPOKEN_TO = r", (?i:%cues.to_you%)(?!\w)"
_END = re.compile(
    r"\s*(?:[!?.,:;·|•()\u2013\u2014\"”»\n\x1f-]|$"
    r"|(?:on|at|in|am|um|le|à|el|il|en|alle|x|and|und|et|from|aus|who|die|der|qui|que|che|to|zu)\b)"
)
_LAST = re.compile(r"[.!]?[ \u00a0]*(?:\n|$)")
# A sentence in lower case, or a phone number, before a name that signs it.
_SENTENCE_BEFORE = re.compile(r"(?:[a-zß-ÿ]{2,}[ \u00a0][a-zß-ÿ]{2,}[.!?…]|\d{3}[.,])[ \u00a0]$")
_CALL = re.compile(r"\s?[!?](?!\w)")
_PRICE = re.compile(r"[€$£]\s?\d|\d\s?(?:[€$£]|EUR\b|USD\b|GBP\b)")
_MEDIA = r"(?<!\w)(?i:%cues.media%)(?!\w)"
_MAKER = r"(?:(?<!\w)(?i:%cues.maker%)\s+)$"
_PATTERNS = (_RUN, _BEFORE, _KIN, _AFTER, _SPOKEN_TO, _MEDIA, _NEIGHBOUR, _IS_KIN, _MAKER)
_AROUND = 40
_CACHED = 20_000
_FIRST = 2
_NUMBER_AFTER = re.compile(r"[ \u00a0]\d+(?:[.,]\d+)?(?! ?(?:years|Jahre|ans|años|anni))")
_QUOTES = " \u00a0\x1f\u00ab\u201c\"'\u00a1\u00bf-\u2013\u2014"
_BLANK = re.compile(r"[\s\W\d]*$")


class NameFinder:
    """Finds names that no cue alone tells: `Anna Berg` anywhere, `Anna` where one is spoken to or about.

    Args:
        rules: cues, and words that are no names.
        names: lists of names.
    """

    def __init__(self, rules: ScrubRules, names: GivenNames) -> None:
        self._names = names
        self._no_names = rules.first_words_of_no_name
        self._organisations = rules.words_of_organisations
        expanded = (rules.expand(pattern) for pattern in _PATTERNS)
        (
            self._run,
            self._before,
            self._kin,
            self._after,
            self._spoken_to,
            self._media,
            self._neighbour,
            self._is_kin,
            self._maker,
        ) = map(re.compile, expanded)

        self._has_cue = lru_cache(maxsize=_CACHED)(self._ends_with_cue)

    def _ends_with_cue(self, before: str) -> bool:
        return self._before.search(before) is not None

    def find(self, text: str) -> Iterator[PersonalSpan]:
        """The names in a short text, from left to right."""
        for match in self._run.finditer(text):
            words = [
                (match.start() + word.start(), match.start() + word.end())
                for word in _WORD.finditer(match[0])
            ]
            span = self._in_run(text, words)
            if span is not None:
                yield PersonalSpan("name", *span)

    def _in_run(self, text: str, words: list[tuple[int, int]]) -> tuple[int, int] | None:
        spelled = [text[start:end] for start, end in words]
        for first, word in enumerate(spelled):
            if self._names.is_given(word):
                size = self._size(spelled[first:])
                found = self._judged(text, words, spelled, first, size)
                if found is not None:
                    return found
                if size > 1:
                    return None
        return self._by_family_name(text, words, spelled)

    def _by_family_name(
        self, text: str, words: list[tuple[int, int]], spelled: list[str]
    ) -> tuple[int, int] | None:
        """A name with an unknown first name: before a family name, and with a cue."""
        is_kin = len(spelled) == 2 and self._is_kin.match(spelled[0]) is not None
        if self._names.is_eponym(spelled) or not (is_kin or self._names.is_family(spelled[-1])):
            return None
        if any(not self._may_be_name(word) for word in spelled):
            return None
        start, end = words[0][0], words[-1][1]
        if spelled[-1].endswith(("'s", "\u2019s")):
            end -= 2
        before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
        if len(spelled) == 1:
            is_told = self._names.is_plain_family(spelled[0]) and self._neighbour.search(before) is not None
        else:
            is_told = self._after.match(after) is not None or (
                self._has_cue(before) and _END.match(after) is not None and not self._is_of_goods(text, start)
            )
        return (start, end) if is_told else None

    def _may_be_name(self, word: str) -> bool:
        plain = word.casefold().strip(".'\u2019-")
        return not (self._names.is_goods(plain) or plain in self._no_names or plain in self._organisations)

    def _size(self, spelled: list[str]) -> int:
        """How many words from a given name on belong to the name."""
        size = 0
        for word in spelled:
            plain = word.casefold().strip(".'\u2019-")
            is_initial = len(plain) == 1 and word.endswith(".")
            is_no_name = self._names.is_goods(plain) or plain in self._no_names
            if size and is_no_name and word[0].isupper() and not is_initial:
                break
            size += 1
            if word.endswith(("'s", "\u2019s")):
                break
        while size > 1 and not spelled[size - 1][0].isupper():
            size -= 1  # a particle at the end
        return size

    def _judged(
        self, text: str, words: list[tuple[int, int]], spelled: list[str], first: int, size: int
    ) -> tuple[int, int] | None:
        names = spelled[first : first + size]
        start, end = words[first][0], words[first + size - 1][1]
        if names[-1].endswith(("'s", "\u2019s")):
            end -= 2
        before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
        if self._is_thing(spelled, first, size, before, after):
            return None
        kin = self._kin.search(before)
        if kin is not None:
            before, start = before[: kin.start()], start - (len(before) - kin.start())
        has_family_name = any(len(one.strip(".")) > 1 and one[0].isupper() for one in names[1:])
        if has_family_name:
            is_name = self._is_full_name(text, names[0], start, before, after)
        else:
            is_name = (
                self._is_first_name(names[0], before, after, is_kin=kin is not None)
                or self._is_signed(text, names[0], start, end)
            ) and not (first and self._names.is_goods(spelled[first - 1]))
        return (start, end) if is_name else None

    def _is_thing(self, spelled: list[str], first: int, size: int, before: str, after: str) -> bool:
        """Whether the words name a brand, a company, goods or an author."""
        names = spelled[first : first + size]
        if self._names.is_eponym(names) or not self._organisations.isdisjoint(map(str.casefold, names)):
            return True
        if first and self._names.is_eponym(spelled[first - 1 : first + size]):
            return True
        following = _WORD.match(after.lstrip(" \u00a0")) if after[:1] in (" ", "\u00a0") else None
        if following is not None and self._names.is_goods(following[0].strip(".,;:!?")):
            return True
        return self._maker.search(before) is not None or _NUMBER_AFTER.match(after) is not None

    def _is_full_name(self, text: str, given: str, start: int, before: str, after: str) -> bool:
        """Whether a given name with a family name is a person: not an author, and no colour or place."""
        is_cued = self._has_cue(before) or self._after.match(after) is not None
        if is_cued and self._media.search(self._line(text, start)) is None:
            return True
        is_whole = _BLANK.match(before.rpartition("\n")[2]) is not None and after[:1] in ("", "\n")
        return (self._names.is_plain_given(given) or is_whole) and not self._is_of_goods(text, start)

    def _is_first_name(self, given: str, before: str, after: str, *, is_kin: bool) -> bool:
        """Whether a given name alone is a person: one spoken to, or one spoken of after a cue."""
        if len(given.strip(".")) < _FIRST:
            return False
        is_plain = is_kin or self._names.is_plain_given(given)
        if self._after.match(after) is not None and (is_plain or after[:1] in "'\u2019"):
            return True
        if is_plain and self._has_cue(before) and _END.match(after):
            return True
        is_at_start = not before.rpartition("\n")[2].strip(_QUOTES)
        if is_at_start and self._spoken_to.match(after):
            return True
        is_called = before.rstrip(" \u00a0").endswith(",") and _CALL.match(after) is not None
        return self._names.is_plain_given(given) and is_called

    def _is_signed(self, text: str, given: str, start: int, end: int) -> bool:
        """Whether a given name ends a line as a sentence of its own, or after a phone number."""
        return (
            self._names.is_plain_given(given)
            and _LAST.match(text, end) is not None
            and _SENTENCE_BEFORE.search(text[max(0, start - _AROUND) : start]) is not None
            and not self._is_of_goods(text, start)
        )

    def _is_of_goods(self, text: str, start: int) -> bool:
        """Whether the line is about goods: with a price, or about books, films and music."""
        line = self._line(text, start)
        return _PRICE.search(line) is not None or self._media.search(line) is not None

    @staticmethod
    def _line(text: str, place: int) -> str:
        return text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0]
