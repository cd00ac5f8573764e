"""The leaderboard as data: its rows, and what they have in common. Knows nothing of how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from facsim.evaluation import CaseSelection
from facsim.metrics import CeilingShares, Cluster, Comparison, Estimate, Rule
from facsim.report.published import PublishedBoard

RANKING_METRICS: Final[Mapping[Rule, str]] = {
    "exact": "accuracy",
    "equivalent": "accuracy_equivalent",
    "target": "accuracy_target",
}
"""The metric that ranks, by matching rule."""

ROW_METRICS: Final = (
    *RANKING_METRICS.values(),
    "exact_click",
    "exact_type_and_submit",
    "exact_terminate",
    "type_f1_macro",
    "outcome_f1",
    "error_illegal",
    "error_unparseable",
    "error_failed",
    "reachability",
    "shown",
)
"""The metrics of a row, all between 0 and 1."""


@dataclass(frozen=True)
class LeaderboardRow:
    """One run.

    Attributes:
        name: label, unique in the leaderboard.
        predictor: the spec string.
        values: the metrics in `ROW_METRICS` that the run has, with intervals.
        steps: test cases.
        sessions: sessions with a test case.
        cost: US dollars for the whole run; None where unknown.
        best: whether its accuracy is the highest, the oracle's left aside.
        separable: whether the paired test tells it from the best row; None for the best row itself.
        p_value: of that test, Holm-corrected over the leaderboard; None for the best row itself.
        oracle: whether it answers with the people's own probabilities. It is the ceiling, and not ranked.
        shares: where the leaderboard has an oracle: what part of the way from the best trivial baseline to
            it the row goes, by `accuracy` and, for rows with a probability at every step, `log_likelihood`.
    """

    name: str
    predictor: str
    values: Mapping[str, Estimate]
    steps: int
    sessions: int
    cost: float | None
    best: bool
    separable: bool | None
    p_value: float | None
    oracle: bool = False
    shares: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class LeaderboardData:
    """Runs over the same steps, most accurate first, the oracle before them.

    Attributes:
        rows: one a run.
        cases: what all of them answered.
        rule: by which a prediction counts as right, for ranking and testing.
        cluster: what the intervals and the test take as dependent: `session` or `user`.
        level: of the intervals.
        published: reference numbers, never ranked with the rows.
        notes: what a reader of the numbers should know.
        ceiling: how far each run goes from the best trivial baseline to the oracle; None without an oracle.
        comparisons: of the best row with each other one, in their order.
    """

    rows: tuple[LeaderboardRow, ...]
    cases: CaseSelection
    rule: Rule
    cluster: Cluster
    level: float
    published: PublishedBoard | None = None
    notes: tuple[str, ...] = ()
    ceiling: CeilingShares | None = None
    comparisons: tuple[Comparison, ...] = ()

    @property
    def ranking_metric(self) -> str:
        """The metric that ranks."""
        return RANKING_METRICS[self.rule]
