"""Distributions of measures in few enough bars to be drawn over each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from facsim.fidelity.fidelity_report import Distribution
from facsim.fidelity.measures import MeasuredPopulations

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_BARS: Final = 12
_UNNAMED: Final = frozenset({"query_words"})  # its parts are hashes
_FUNNEL: Final = "funnel"  # several distributions, so the rest of them has no meaning


def distribution_of(found: MeasuredPopulations, real: str, populations: Sequence[str]) -> Distribution | None:
    """The distribution of a measure; None if its parts have no names.

    A number has a bar per value, or per range of values that about as many people have. A composition has a
    bar for each of the parts with the largest share anywhere, and one for the rest. The funnel, which is a
    distribution for each number of steps, has no rest.

    Args:
        found: the measure.
        real: the key of the people.
        populations: the keys of the populations to draw; those that did not record the measure are left out.
    """
    if found.measure.name in _UNNAMED:
        return None
    keys = [key for key in dict.fromkeys(populations) if key in found.shares and key != real]
    means = {key: np.nanmean(found.shares[key], axis=0) for key in (real, *keys)}
    groups, labels = _ranges(found, means[real]) if found.values is not None else _largest(found, means)
    shares = {key: tuple(float(mean[group].sum()) for group in groups) for key, mean in means.items()}
    return Distribution(found.measure.name, tuple(labels), shares[real], {key: shares[key] for key in keys})


def _ranges(found: MeasuredPopulations, real: FloatArray) -> tuple[list[IntArray], list[str]]:
    values = found.values
    assert values is not None
    if values.size <= MOST_BARS:
        ends = list(range(values.size))
    else:
        cumulated = np.cumsum(real)
        ends = []
        for place in range(values.size - 1):
            if cumulated[place] - (cumulated[ends[-1]] if ends else 0.0) >= 1 / MOST_BARS:
                ends.append(place)
        ends.append(values.size - 1)
    groups: list[IntArray] = []
    labels: list[str] = []
    start = 0
    for end in ends:
        groups.append(np.arange(start, end + 1))
        low, high = values[start], values[end]
        labels.append(_label(low) if start == end else f"{_label(low)}\N{EN DASH}{_label(high)}")
        start = end + 1
    return groups, labels


def _label(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _largest(found: MeasuredPopulations, means: dict[str, FloatArray]) -> tuple[list[IntArray], list[str]]:
    highest = np.max(list(means.values()), axis=0)
    if len(found.parts) <= MOST_BARS:
        chosen = np.arange(len(found.parts))
    else:
        chosen = np.sort(np.argsort(-highest, kind="stable")[: MOST_BARS - 1])
    groups: list[IntArray] = [np.array([place]) for place in chosen]
    labels = [found.parts[place] for place in chosen]
    rest = np.setdiff1d(np.arange(len(found.parts)), chosen)
    if rest.size and found.measure.name != _FUNNEL:
        groups.append(rest)
        labels.append("all others")
    return groups, labels
