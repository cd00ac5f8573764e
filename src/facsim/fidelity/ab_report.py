"""The plan and the result of an A/B test, as data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from facsim.fidelity.paired_effects import ChangeEffect
from facsim.fidelity.session_measures import measure_title
from facsim.util.notebook_html import HtmlCell, figure, paragraph, table


@dataclass(frozen=True, slots=True)
class PlannedMeasure:
    """What a test of so many sessions can find, before it is run.

    Attributes:
        measure: its name.
        mean: over the sessions of people that the plan is made from.
        deviation: standard deviation of a session.
        detectable: the smallest difference that the test finds with 80% power.
        sessions_needed: sessions in each design to find `relative` times the mean; None for a mean of 0.
    """

    measure: str
    mean: float
    deviation: float
    detectable: float
    sessions_needed: int | None


@dataclass(frozen=True)
class ABPlan:
    """Power and size of a test, from sessions of people. Nothing is asked.

    The two sessions of a pair are taken to be independent. They are not, so the test finds smaller effects.

    Attributes:
        site_a: the first site.
        site_b: the second.
        predictor: its spec string.
        sessions: sessions in each design.
        answers: about how many answers the predictor is asked for: three runs of so many sessions.
        relative: the effect that `sessions_needed` is for, as a share of the mean.
        measures: by measure.
        cost: expected US dollars; None for a predictor that costs nothing per answer, without a price, or if
            the sessions have no pages.
        cost_at_most: US dollars without prefix caching, with answers of maximum length.
    """

    site_a: str
    site_b: str
    predictor: str
    sessions: int
    answers: int
    relative: float
    measures: tuple[PlannedMeasure, ...]
    cost: float | None = None
    cost_at_most: float | None = None

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


@dataclass(frozen=True)
class ABReport:
    """The effect of a change of a site on a predictor's sessions. Made by `ab_test`.

    Attributes:
        site_a: the first site.
        site_b: the second.
        predictor: its spec string.
        sessions: sessions in each arm.
        people: how many people they are of.
        seed: of the random numbers.
        same: share of sessions with the same values in both arms, in all measures.
        effects: B against A.
        aa_effects: A against A with other random numbers: there is no effect to be found.
        false_positives: by measure, how often an experiment drawn from the A/A run finds an effect.
        unfinished: sessions that ended neither in a purchase nor by leaving, by arm: `a`, `b`, `aa`.
        level: confidence level of the intervals.
    """

    site_a: str
    site_b: str
    predictor: str
    sessions: int
    people: int
    seed: int
    same: float
    effects: tuple[ChangeEffect, ...]
    aa_effects: tuple[ChangeEffect, ...]
    false_positives: Mapping[str, float]
    unfinished: Mapping[str, int]
    level: float

    def __getitem__(self, measure: str) -> ChangeEffect:
        for found in self.effects:
            if found.measure == measure:
                return found
        raise KeyError(
            f"{measure}: no such measure; there are {', '.join(one.measure for one in self.effects)}"
        )

    @property
    def found_in_aa(self) -> Sequence[str]:
        """The measures with an effect in the A/A run, after Holm's correction. There should be none."""
        return [one.measure for one in self.aa_effects if one.adjusted_p < 1 - self.level]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"

    def _repr_html_(self) -> str:
        """For notebooks: every effect with its interval."""
        rows = [
            [
                HtmlCell(measure_title(one.measure)),
                HtmlCell(f"{one.a:.3g}", number=True),
                HtmlCell(f"{one.b:.3g}", number=True),
                HtmlCell(f"{one.difference.value:+.3g}", number=True),
                HtmlCell(_ends(one), number=True, dim=True),
                HtmlCell(f"{one.adjusted_p:.3f}", number=True),
            ]
            for one in self.effects
        ]
        what = f"· {self.site_b} against {self.site_a}, {self.sessions:,} sessions each by {self.predictor}"
        heads = ["measure", "A", "B", "B - A", f"{100 * self.level:g}%", "Holm p"]
        return figure(paragraph(what, strong="A/B test"), table(heads, rows))


def _ends(one: ChangeEffect) -> str:
    low, high = one.difference.low, one.difference.high
    return "" if low is None or high is None else f"{low:+.3g} to {high:+.3g}"
