"""What people typed into personal fields, looked for in the pages and texts of the same people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from facsim.data.scrub.rules import PersonalKind
from facsim.data.scrub.spans import PersonalSpan, without_overlaps

_SHORTEST = 3
_SHORTEST_SHARED = 6
_LONGEST = 200
_MOST_VALUES = 2_000


class KnownValues:
    """Finds known personal values in texts.

    Args:
        values: kinds by value.
        shared: whether the texts are also those of other people: then short and single words are left out,
            which may be anything there.
    """

    def __init__(self, values: Mapping[str, PersonalKind], *, shared: bool = False) -> None:
        usable = {
            value: kind
            for value, kind in values.items()
            if _SHORTEST <= len(value) <= _LONGEST and (not shared or _is_telling(value))
        }
        self._kinds = {value.casefold(): kind for value, kind in usable.items()}
        # A single word counts as it was typed, or with a capital: `Rose`, not `rose`.
        exact: dict[str, None] = {}
        for value in usable:
            if " " not in value and value.isalpha():
                exact |= dict.fromkeys((value[:1].upper() + value[1:], value.upper()))
        any_case = [value for value in usable if " " in value or not value.isalpha()]
        self._patterns = [
            pattern
            for pattern in (_pattern(exact, 0), _pattern(any_case, re.IGNORECASE))
            if pattern is not None
        ]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def find(self, text: str) -> list[PersonalSpan]:
        """The places of known values, from left to right, without overlaps."""
        return without_overlaps(
            PersonalSpan(self._kinds[" ".join(match[0].casefold().split())], *match.span())
            for pattern in self._patterns
            for match in pattern.finditer(text)
            if " ".join(match[0].casefold().split()) in self._kinds
        )


def _is_telling(value: str) -> bool:
    """Whether a value is unlikely to be there by chance: several words, or letters with digits or signs."""
    return len(value) >= _SHORTEST_SHARED and (" " in value or not value.isalpha())


def _pattern(values: Iterable[str], flags: int) -> re.Pattern[str] | None:
    ordered = sorted(values, key=len, reverse=True)[:_MOST_VALUES]
    if not ordered:
        return None
    words = "|".join(r"\s+".join(map(re.escape, value.split())) for value in ordered)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", flags)
