"""The report as data: everything that its outputs show, and nothing of how they look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from facsim.evaluation import Run
from facsim.metrics import Comparison, Estimate, Metrics
from facsim.report.leaderboard_data import LeaderboardRow
from facsim.report.ranking import Leaderboard

LINES: Final = 5
"""So many ranked runs have a line in a chart of lines; all are in its table."""

RunKind = Literal["oracle", "baseline", "model"]


@dataclass(frozen=True)
class ReportEntry:
    """One run, with all that the report says of it.

    Attributes:
        row: its row of the leaderboard.
        letter: its sign in charts; `◆` for the oracle.
        kind: whether it is the oracle, a trivial baseline, or anything else.
        run: where it is, and how it was made.
        metrics: its metrics.json.
        leniencies: how many answers took each leniency to be read.
        outcome: how it did on last steps; None where no session's outcome is known.
        notes: what a reader of its numbers should know.
        command: what makes it again.
    """

    row: LeaderboardRow
    letter: str
    kind: RunKind
    run: Run
    metrics: Metrics
    leniencies: Mapping[str, int]
    outcome: OutcomeCounts | None
    notes: tuple[str, ...]
    command: str

    @property
    def name(self) -> str:
        """Its label, unique in the report."""
        return self.row.name


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Last steps of the sessions whose outcome is known: how they ended, and what was predicted there."""

    purchases: int
    purchases_predicted: int
    purchases_hit: int
    departures: int
    departures_predicted: int
    departures_hit: int


@dataclass(frozen=True, slots=True)
class Bin:
    """A range of step numbers, or of session lengths; both ends included."""

    low: int
    high: int
    steps: int
    sessions: int

    @property
    def label(self) -> str:
        r"""The range in short.

        >>> Bin(3, 3, 40, 40).label, Bin(6, 9, 120, 40).label
        ('3', '6\u20139')
        """
        return str(self.low) if self.low == self.high else f"{self.low}\N{EN DASH}{self.high}"


@dataclass(frozen=True)
class Breakdown:
    """Accuracy along something that steps or sessions have.

    Attributes:
        bins: in their order.
        accuracy: by run, the accuracy in each bin.
    """

    bins: tuple[Bin, ...]
    accuracy: Mapping[str, tuple[Estimate | None, ...]]


@dataclass(frozen=True, slots=True)
class ExamplePrediction:
    """What one run said at a step."""

    run: str
    action: str
    right: bool
    rationale: str | None = None


@dataclass(frozen=True, slots=True)
class ContrastExample:
    """A step at which two runs part.

    Attributes:
        session_id: of whom.
        step: index in the session, from 0.
        true: what the person did.
        category: what that amounts to.
        answers: of the two runs, the right one first.
        also_right: how many of the other ranked runs are right too.
        address: where a local `facsim view` shows it.
    """

    session_id: str
    step: int
    true: str
    category: str | None
    answers: tuple[ExamplePrediction, ExamplePrediction]
    also_right: int
    address: str


@dataclass(frozen=True)
class Contrast:
    """Two runs on the same steps.

    Attributes:
        comparison: the paired test.
        both: steps that both got right.
        neither: steps that neither got right.
        examples: the steps that tell most: few or none of the others are right where `a` alone is, and most
            of them where `b` alone is; from different sessions, and of different kinds.
    """

    comparison: Comparison
    both: int
    neither: int
    examples: tuple[ContrastExample, ...]


@dataclass(frozen=True, slots=True)
class UnreadAnswer:
    """An answer that could not be read as it stands, or did not come.

    Attributes:
        run: whose.
        session_id: of whom.
        step: index in the session, from 0.
        how: `failed` (the call), `unparseable` or `lenient`.
        answer: the raw answer, shortened.
        why: the server's words, or the leniencies that were taken.
        address: where a local `facsim view` shows it.
    """

    run: str
    session_id: str
    step: int
    how: Literal["failed", "unparseable", "lenient"]
    answer: str | None
    why: str | None
    address: str


@dataclass(frozen=True)
class Headline:
    """The answer in words.

    Attributes:
        title: who is best, and whether that is sure.
        sentences: by how much, how sure, and how far from what is possible.
    """

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class ReportData:
    """All that is to be said of runs over the same steps. Made by `build_report`.

    Attributes:
        board: the leaderboard, with published numbers apart.
        entries: the runs in the order of the leaderboard.
        headline: the answer in words.
        by_step: accuracy by the number of the step in its session (from 1), over steps.
        by_length: accuracy by the length of the session in steps, averaged over sessions.
        contrasts: the best run against the next model, and against the next baseline.
        unread: examples of answers that could not be read as they stand.
        view_command: what opens the sessions of these runs.
    """

    board: Leaderboard
    entries: tuple[ReportEntry, ...]
    headline: Headline
    by_step: Breakdown
    by_length: Breakdown
    contrasts: tuple[Contrast, ...]
    unread: tuple[UnreadAnswer, ...]
    view_command: str

    @property
    def lined(self) -> list[ReportEntry]:
        """The runs that have a line in charts: the oracle, the best, and at least the best baseline."""
        ranked = [entry for entry in self.entries if entry.kind != "oracle"]
        chosen = ranked[:LINES]
        if not any(entry.kind == "baseline" for entry in chosen):
            chosen = [*chosen[: LINES - 1], *[one for one in ranked if one.kind == "baseline"][:1]]
        return [entry for entry in self.entries if entry.kind == "oracle"] + chosen
