"""The produced sessions that are most like people's, and those least like any."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facsim.fidelity.fidelity_report import NotableSession
from facsim.fidelity.measures import MeasuredPopulations
from facsim.fidelity.session_population import SessionPopulation

FloatArray = NDArray[np.float64]

SHOWN: Final = 3
"""Number of typical and of strange sessions of a population."""


@dataclass
class SessionDistances:
    """How far sessions are from the people's average, measure by measure.

    The squared distance of a session in a measure is relative to the mean over people, which is 1, so every
    measure counts alike. The distance of a session is the mean over the measures that it has.
    """

    _measures: list[str] = field(default_factory=list)
    _real: list[FloatArray] = field(default_factory=list)
    _produced: list[FloatArray] = field(default_factory=list)

    def add(self, found: MeasuredPopulations, real: FloatArray, produced: FloatArray) -> None:
        """Add a measure. One in which all people are alike sets no scale, and is left out.

        Args:
            found: the measure.
            real: shares of people's sessions, shape (sessions, parts).
            produced: shares of the population's sessions, likewise.
        """
        mean = found.embed(np.nanmean(real, axis=0))
        squares = [np.square(found.embed(one) - mean).sum(axis=1) for one in (real, produced)]
        spread = float(np.nanmean(squares[0]))
        if spread > 0:
            self._measures.append(found.measure.name)
            self._real.append(squares[0] / spread)
            self._produced.append(squares[1] / spread)

    def notable(
        self, population: SessionPopulation
    ) -> tuple[tuple[NotableSession, ...], tuple[NotableSession, ...]]:
        """The most typical sessions and the strangest ones, the most extreme first.

        Sessions without a step cannot be replayed, and are left out, as are those without any measure.
        """
        if not self._measures:
            return (), ()
        each = np.array(self._produced)
        distances, people = _known_means(each), _known_means(np.array(self._real))
        has_steps = pl.col("session").is_in(population.steps["session"].unique().implode())
        replayed = population.sessions.select(has_steps).to_series().to_numpy()
        rows = np.flatnonzero(replayed & ~np.isnan(distances))
        ids = population.sessions["session_id"]
        order = rows[np.argsort(distances[rows], kind="stable")]

        def session(row: int) -> NotableSession:
            return NotableSession(
                session_id=ids[row],
                distance=float(distances[row]),
                people_beyond=float(np.mean(people >= distances[row])),
                measure=self._measures[int(np.nanargmax(each[:, row]))],
            )

        typical = order[:SHOWN]
        strangest = order[SHOWN:][::-1][:SHOWN]
        return tuple(session(int(row)) for row in typical), tuple(session(int(row)) for row in strangest)


def _known_means(values: FloatArray) -> FloatArray:
    """The mean of each column `(measures, sessions)` without NaN; NaN for a session without any value."""
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    means: FloatArray = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return means
