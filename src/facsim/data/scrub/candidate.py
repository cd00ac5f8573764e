"""What a pattern found, as the checks get it."""

from __future__ import annotations

import re
from dataclasses import dataclass

DATE = re.compile(r"(?:\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:\d{4}|\d\d))")
"""A date in digits."""
THOUSANDS = re.compile(r"\d{1,3}(?:[. ]\d{3})+(?:[,.]\d\d)?")
"""A number in groups of three digits."""
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a pattern found.

    Attributes:
        value: the text of the group `value`.
        match: the text of the whole match, with the cue.
        regions: whose national phone numbers count.
        not_names: words, casefolded, that begin no name.
        not_streets: words, casefolded, that follow an amount and no house number.
        not_recipients: words, casefolded, of organisations.
    """

    value: str
    match: str
    regions: tuple[str, ...]
    not_names: frozenset[str]
    not_streets: frozenset[str]
    not_recipients: frozenset[str] = frozenset()


def digits_of(text: str) -> str:
    """The digits of a text."""
    return "".join(_DIGIT.findall(text))
