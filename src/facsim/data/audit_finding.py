"""What an audit finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a reader of results should know.

    Attributes:
        check: which check, in a word or two.
        severity: `error` spoils a result; `warning` limits what it says; `note` is good to know.
        message: what was found and what it means.
        examples: the first few cases.
    """

    check: str
    severity: Severity
    message: str
    examples: tuple[str, ...] = ()


def examples(cases: Iterable[object]) -> tuple[str, ...]:
    """The first few cases as text."""
    return tuple(str(case) for case, _ in zip(cases, range(_EXAMPLES), strict=False))
