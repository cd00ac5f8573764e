"""Places of personal data in a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from facsim.data.scrub.rules import PersonalKind


@dataclass(frozen=True, slots=True)
class PersonalSpan:
    """A place in a text that holds personal data: `text[start:end]`."""

    kind: PersonalKind
    start: int
    end: int


def without_overlaps(spans: Iterable[PersonalSpan]) -> list[PersonalSpan]:
    """The spans from left to right. Of two that overlap, the one that begins first, or is longer, stays."""
    kept: list[PersonalSpan] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept
