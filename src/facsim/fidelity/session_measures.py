"""The measures of an A/B test: one number per session."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facsim.data import DataSet
from facsim.fidelity.session_population import SessionPopulation
from facsim.util.errors import ConfigError, InputError

FloatArray = NDArray[np.float64]

MEASURE_TITLES: Final[Mapping[str, str]] = {
    "conversion": "Conversion",
    "searches": "Searches per session",
    "length": "Actions per session",
    "revenue": "Revenue per session",
}
"""Measures that are not shares of categories. Revenue is in cents."""

SHARE: Final = "share:"
"""What the names of shares of categories begin with."""

_TOTAL: Final = re.compile(
    r"\btotal\b[^<>\d$€£]{0,40}(?:\([^<>()]{0,40}\))?[^<>\d$€£]{0,10}[$€£]\s?(\d[\d,.]*)", re.IGNORECASE
)


@dataclass(frozen=True)
class SessionMeasures:
    """Sessions of one arm of a test.

    Attributes:
        session_ids: the sessions.
        user_ids: their people.
        values: by measure, one number per session, shape (sessions,).
        unfinished: how many sessions ended neither in a purchase nor by leaving.
    """

    session_ids: tuple[str, ...]
    user_ids: tuple[str, ...]
    values: Mapping[str, FloatArray]
    unfinished: int

    def __len__(self) -> int:
        return len(self.session_ids)


def session_measures(data: DataSet, *, real: bool = False) -> SessionMeasures:
    """Conversion, searches, length, revenue and the share of each category, for every session.

    Sessions without a step count as well: with 0 in every measure. Revenue is the total on the page where the
    order was placed. It is left out if the data set has purchases and no page that shows one.

    Args:
        data: the sessions.
        real: whether people made them.
    """
    population = SessionPopulation.of(data, real=real)
    sessions = population.sessions
    steps = population.steps.group_by("session").agg(
        length=pl.len(), searches=pl.col("query").is_not_null().sum()
    )
    joined = sessions.join(steps, on="session", how="left", maintain_order="left")
    bought = (joined["outcome"] == "purchase").fill_null(value=False)
    values = {
        "conversion": _numbers(bought),
        "searches": _numbers(joined["searches"]),
        "length": _numbers(joined["length"]),
    }
    revenue = _revenue(data, joined["session_id"].filter(bought))
    if revenue is not None:
        values["revenue"] = np.array([revenue.get(one, 0.0) for one in joined["session_id"]])
    for category in sorted(population.steps["category"].unique()):
        counts = population.steps.group_by("session").agg(n=(pl.col("category") == category).mean())
        shares = sessions.join(counts, on="session", how="left", maintain_order="left")
        values[f"{SHARE}{category}"] = _numbers(shares["n"])
    return SessionMeasures(
        tuple(joined["session_id"]), tuple(joined["user_id"]), values, population.unfinished
    )


def measure_title(name: str) -> str:
    """A measure for readers."""
    if name.startswith(SHARE):
        return f"Share of {name.removeprefix(SHARE)}"
    return MEASURE_TITLES[name]


def aligned(a: SessionMeasures, b: SessionMeasures) -> tuple[SessionMeasures, SessionMeasures]:
    """Both arms with the same sessions in the same order, and the same measures.

    Shares of categories that only one arm has are 0 in the other.

    Raises:
        ConfigError: if they are not sessions of the same people.
    """
    if sorted(a.session_ids) != sorted(b.session_ids):
        raise ConfigError(
            f"{len(a)} sessions cannot be paired with {len(b)} others: expected the same people in both. "
            "Give both sites the same people, seed and number of sessions"
        )
    names = [name for name in dict.fromkeys((*a.values, *b.values)) if _in_both(name, a, b)]
    return _ordered(a, names), _ordered(b, names)


def _in_both(name: str, a: SessionMeasures, b: SessionMeasures) -> bool:
    return name.startswith(SHARE) or (name in a.values and name in b.values)


def _ordered(arm: SessionMeasures, names: Sequence[str]) -> SessionMeasures:
    order = sorted(range(len(arm)), key=arm.session_ids.__getitem__)
    absent = np.zeros(len(arm))
    return SessionMeasures(
        tuple(arm.session_ids[place] for place in order),
        tuple(arm.user_ids[place] for place in order),
        {name: arm.values.get(name, absent)[order] for name in names},
        arm.unfinished,
    )


def _numbers(column: pl.Series) -> FloatArray:
    return column.cast(pl.Float64).fill_null(0.0).to_numpy()


def _revenue(data: DataSet, bought: pl.Series) -> Mapping[str, float] | None:
    """Cents by session; None if there are purchases and no page shows a total."""
    last = data.steps.filter(pl.col("session_id").is_in(bought.implode()))
    last = last.group_by("session_id", maintain_order=True).agg(pl.col("page_id").last())
    found: dict[str, float] = {}
    for session_id, page_id in last.iter_rows():
        total = _total_of(data, page_id)
        if total is not None:
            found[session_id] = total
    return None if last.height and not found else found


def _total_of(data: DataSet, page_id: str) -> float | None:
    try:
        html = data.page(page_id).html
    except InputError:
        return None  # a data set without pages
    totals = _TOTAL.findall(html)
    return cents(totals[-1]) if totals else None


def cents(amount: str) -> float:
    """An amount of money in cents. The last point or comma before two digits is the decimal one.

    >>> cents("1,234.50"), cents("1.234,50"), cents("12"), cents("1,234")
    (123450.0, 123450.0, 1200.0, 123400.0)
    """
    whole, fraction = amount.rstrip(".,"), "00"
    found = re.fullmatch(r"(.*)[.,](\d{2})", whole)
    if found:
        whole, fraction = found[1], found[2]
    return float(re.sub(r"[.,]", "", whole) + fraction)
