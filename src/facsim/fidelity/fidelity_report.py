"""The result of `measure_fidelity`: how close populations are to people, as data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import TypeAdapter, ValidationError

from facsim.metrics import Estimate
from facsim.util.errors import InputError
from facsim.util.notebook_html import HtmlCell, figure, paragraph, table
from facsim.util.validation import file_error

PopulationKind = Literal["rollout", "baseline"]

FIDELITY_FILE = "fidelity.json"


@dataclass(frozen=True)
class MeasureFidelity:
    """One measure of a population, compared with people.

    Attributes:
        measure: its name (`facsim.fidelity.MEASURES`).
        real: the people's mean, for a number.
        produced: the population's mean, for a number.
        difference: `produced - real` with its interval, for a number.
        effect: the effect size: Cliff's delta for a number (above 0: the population has more), the total
            variation distance for a composition.
        distance: the energy distance: the signed root of its unbiased square.
        score: the distance as a share of the uniform walker's; None if the walker cannot be told from people
            in this measure.
        floor: 95% of random halves of the people have a score below this; None without a score.
        p: p-value of the permutation test; None for a baseline.
        adjusted_p: after Holm's correction over all measures of all rollouts.
        scored: whether the measure is part of the population's score.
    """

    measure: str
    real: float | None
    produced: float | None
    difference: Estimate | None
    effect: Estimate
    distance: float
    score: Estimate | None
    floor: float | None
    p: float | None
    adjusted_p: float | None
    scored: bool


@dataclass(frozen=True)
class NotableSession:
    """A produced session that is very much like those of people, or very little.

    Attributes:
        session_id: its id.
        distance: squared distance from the people's average, relative to that of the average person, as the
            mean over measures.
        people_beyond: share of people's sessions that are at least as far from it.
        measure: the measure in which it is farthest.
    """

    session_id: str
    distance: float
    people_beyond: float
    measure: str


@dataclass(frozen=True)
class PopulationFidelity:
    """A population, compared with people.

    Attributes:
        name: what it is called.
        kind: a `rollout`, or a `baseline` made from the people's own sessions.
        sessions: its sessions.
        people: how many people they are of.
        unfinished: sessions that ended neither in a purchase nor by leaving. They count in every measure.
        real_sessions: sessions of people that it was compared with.
        paired_by: what corresponding sessions have in common; empty if sessions do not correspond.
        score: the signed root of the mean squared score of its measures.
        floor: 95% of random halves of the people have a score below this.
        p: p-value of the permutation test of all measures together; None for a baseline.
        adjusted_p: after Holm's correction over all rollouts.
        measures: in the order of `facsim.fidelity.MEASURES`.
        missing: measures that people have and this population did not record.
        typical: its sessions that are most like those of people; none of a baseline.
        strangest: its sessions that are least like those of people; none of a baseline.
    """

    name: str
    kind: PopulationKind
    sessions: int
    people: int
    unfinished: int
    real_sessions: int
    paired_by: tuple[str, ...]
    score: Estimate | None
    floor: float | None
    p: float | None
    adjusted_p: float | None
    measures: tuple[MeasureFidelity, ...]
    missing: tuple[str, ...] = ()
    typical: tuple[NotableSession, ...] = ()
    strangest: tuple[NotableSession, ...] = ()

    def __getitem__(self, measure: str) -> MeasureFidelity:
        for found in self.measures:
            if found.measure == measure:
                return found
        raise KeyError(f"{measure}: no such measure, or {self.name} did not record it")


@dataclass(frozen=True)
class Distribution:
    """The distribution of one measure in every population, in few enough bars to be drawn.

    Attributes:
        measure: its name.
        labels: of the bars.
        real: the people's shares.
        produced: shares by population.
    """

    measure: str
    labels: tuple[str, ...]
    real: tuple[float, ...]
    produced: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class FidelityReport:
    """How close populations are to people. Made by `measure_fidelity`.

    Attributes:
        real: name of the people's data set.
        sessions: its sessions.
        people: how many people they are of.
        walker: the population whose score is 1.
        populations: the rollouts as given, then the baselines.
        distributions: of the measures, for charts.
        resamples: of the bootstrap and of the permutation tests.
        seed: of both, and of the baselines.
        level: confidence level of the intervals.
    """

    real: str
    sessions: int
    people: int
    walker: str
    populations: tuple[PopulationFidelity, ...]
    distributions: tuple[Distribution, ...] = field(repr=False)
    resamples: int
    seed: int
    level: float

    @property
    def rollouts(self) -> Sequence[PopulationFidelity]:
        """The populations that were given."""
        return [one for one in self.populations if one.kind == "rollout"]

    @property
    def baselines(self) -> Sequence[PopulationFidelity]:
        """The populations made from the people's own sessions."""
        return [one for one in self.populations if one.kind == "baseline"]

    def __getitem__(self, name: str) -> PopulationFidelity:
        for found in self.populations:
            if found.name == name:
                return found
        raise KeyError(
            f"{name}: no such population; there are {', '.join(one.name for one in self.populations)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def to_json(self) -> str:
        """As JSON; `read` is the inverse."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValidationError: if the text is something else.
        """
        return TypeAdapter(cls).validate_json(text)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a report from its folder, or from `fidelity.json` in it.

        Raises:
            InputError: if there is none, or it cannot be read.
        """
        file = Path(path)
        file = file / FIDELITY_FILE if file.is_dir() else file
        try:
            return cls.from_json(file.read_bytes())
        except OSError as error:
            raise InputError(
                f"cannot be read: {error.strerror}",
                file=file,
                expected="a folder that `facsim fidelity --out` wrote",
            ) from None
        except ValidationError as error:
            raise file_error(error, file) from None

    def _repr_html_(self) -> str:
        """For notebooks: the score of every population."""
        rows = []
        for one in self.populations:
            score, floor = one.score, one.floor
            ends = "" if score is None or score.low is None else f"{score.low:.2f} to {score.high:.2f}"
            rows.append(
                [
                    HtmlCell(one.name, strong=one.kind == "rollout"),
                    HtmlCell("" if score is None else f"{score.value:.2f}", number=True),
                    HtmlCell(ends, number=True, dim=True),
                    HtmlCell("" if floor is None else f"{floor:.2f}", number=True),
                    HtmlCell(f"{one.sessions:,}", number=True),
                ]
            )
        what = f"· {self.sessions:,} sessions of {self.people:,} people in {self.real}"
        heads = ["population", "score", f"{100 * self.level:g}%", "floor", "sessions"]
        return figure(paragraph(what, strong="Fidelity"), table(heads, rows))
