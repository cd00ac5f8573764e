"""Numbers as readers see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from facsim.util.display_text import format_seconds

if TYPE_CHECKING:
    from facsim.view.prediction_index import PredictionIndex

ABSENT = "\N{EN DASH}"


def probability(value: float | None) -> str:
    """A probability with two significant digits.

    >>> probability(0.4829), probability(0.00031), probability(1e-9), probability(0.0)
    ('0.48', '0.00031', '<0.00001', '0')
    """
    if value is None:
        return ABSENT
    if value == 0:
        return "0"
    if value < 0.00001:
        return "<0.00001"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def format_elapsed(elapsed: float | None, before: float | None) -> str:
    """When a step was taken: since the session began, and since the step before it. Empty if unknown.

    Args:
        elapsed: seconds from the start of the session to this step.
        before: the same of the step before it; None for the first step, or if unknown.

    >>> format_elapsed(65, 53), format_elapsed(0.0, None), format_elapsed(None, 3)
    ('at 1 min 5 s (+12 s)', 'at 0.0 s', '')
    """
    if elapsed is None:
        return ""
    at = f"at {format_seconds(elapsed)}"
    return at if before is None or elapsed < before else f"{at} (+{format_seconds(elapsed - before)})"


def plural(count: int, word: str) -> str:
    """A count and its noun.

    >>> plural(1, "step"), plural(1200, "step")
    ('1 step', '1,200 steps')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def width(value: float | None) -> str:
    """Width of a bar, out of 100, for a share."""
    return f"{100 * min(1.0, max(0.0, value or 0.0)):.1f}"


def label(word: str) -> str:
    """A term of the data as a label: `product_click` is `Product click`."""
    return word.replace("_", " ").capitalize()


def _same(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(word, word) for word in words]


def _labels(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(word, label(word).lower()) for word in words]


def _runs(runs: Iterable[PredictionIndex]) -> list[tuple[str, str]]:
    return [(run.letter, f"{run.letter}  {run.label}") for run in runs]


FILTERS: Mapping[str, Callable[..., object]] = {
    "probability": probability,
    "seconds": format_seconds,
    "plural": plural,
    "width": width,
    "label": label,
    "zip_same": _same,
    "zip_label": _labels,
    "zip_run": _runs,
}
