"""The leaderboard as data: its rows, and what they have in common. Rendering is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from facsim.data.people_terms import PEOPLE, PeopleTerms
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
    "nll",
    "probability_coverage",
)
"""The metrics of a row: shares between 0 and 1, and the negative log-likelihood in nats."""


@dataclass(frozen=True)
class LeaderboardRow:
    """One run of the leaderboard.

    Attributes:
        name: label, unique in the leaderboard.
        predictor: the spec string.
        values: the metrics in `ROW_METRICS` that the run has, with intervals.
        steps: test cases.
        sessions: sessions with a test case.
        cost: US dollars for the whole run; None where unknown.
        best: whether its accuracy is the highest; the oracle does not count.
        separable: whether the paired test separates it from the best row; None for the best row itself.
        p_value: of that test, Holm-corrected over the leaderboard; None for the best row itself.
        oracle: whether it answers with the true probabilities. It is the ceiling and is not ranked.
        shares: if the leaderboard has an oracle: how far the row is from the best trivial baseline (0) to the
            oracle (1), by `accuracy` and, for rows with a probability at every step, `log_likelihood`.
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

    @property
    def log_likelihood(self) -> Estimate | None:
        """Mean natural logarithm of the probability given to the true action, in nats per step.

        None unless the run gives the true action of every step a probability: a mean over some steps would
        not be comparable.
        """
        nll, coverage = self.values.get("nll"), self.values.get("probability_coverage")
        if nll is None or coverage is None or coverage.value < 1:
            return None
        low = None if nll.high is None else -nll.high
        high = None if nll.low is None else -nll.low
        return Estimate(-nll.value, low, high, nll.n, nll.clusters)


@dataclass(frozen=True)
class LeaderboardData:
    """Runs over the same steps, most accurate first, with the oracle above them.

    Attributes:
        rows: one per run.
        cases: the test cases that all of them answered.
        rule: the matching rule that ranks and tests.
        cluster: the unit of resampling for intervals and tests: `session` or `user`.
        level: confidence level of the intervals.
        published: reference numbers, never ranked with the rows.
        notes: what a reader of the numbers should know.
        ceiling: how far each run is from the best trivial baseline to the oracle; None without an oracle.
        comparisons: the best row against each other row, in their order.
        population: what to call the people of the data set.
        common_steps: whether some runs answered more steps than those compared here.
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
    population: PeopleTerms = PEOPLE
    common_steps: bool = False

    @property
    def ranking_metric(self) -> str:
        """The metric that ranks."""
        return RANKING_METRICS[self.rule]
