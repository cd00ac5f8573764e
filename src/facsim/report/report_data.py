"""The report as data: everything its outputs show, and nothing about how they look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from facsim.evaluation import Run
from facsim.fidelity import FidelityReport
from facsim.metrics import Comparison, Estimate, Metrics
from facsim.report.leaderboard_data import LeaderboardRow
from facsim.report.ranking import Leaderboard
from facsim.report.run_styles import RunStyle

LINES: Final = 5
"""The number of ranked runs that get a line in a line chart; all of them are in its table."""

RunKind = Literal["oracle", "baseline", "model"]


@dataclass(frozen=True)
class ReportEntry:
    """One run in the report.

    Attributes:
        row: its row of the leaderboard.
        style: its letter and colour.
        kind: the oracle, a trivial baseline, or a model.
        run: its folder and configuration.
        metrics: its metrics.json.
        leniencies: how many answers needed each leniency of the parser.
        outcome: its results on last steps; None if no session has a known outcome.
        notes: what a reader of its numbers should know.
        command: the command that reproduces it.
    """

    row: LeaderboardRow
    style: RunStyle
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

    @property
    def letter(self) -> str:
        """Its letter in charts; `◆` for the oracle."""
        return self.style.letter

    @property
    def reads_prompts(self) -> bool:
        """Whether it is a language model, which answers prompts."""
        return self.run.config.identity.prompt_hash is not None


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Last steps of the sessions with a known outcome: how they ended, and what was predicted."""

    purchases: int
    purchases_predicted: int
    purchases_hit: int
    departures: int
    departures_predicted: int
    departures_hit: int


@dataclass(frozen=True, slots=True)
class Bin:
    """A range of step numbers or of session lengths, both ends included."""

    low: int
    high: int
    steps: int
    sessions: int

    @property
    def label(self) -> str:
        r"""The range as text.

        >>> Bin(3, 3, 40, 40).label, Bin(6, 9, 120, 40).label
        ('3', '6\u20139')
        """
        return str(self.low) if self.low == self.high else f"{self.low}\N{EN DASH}{self.high}"


@dataclass(frozen=True)
class Breakdown:
    """Accuracy by a property of steps or sessions, in bins.

    Attributes:
        bins: in ascending order.
        accuracy: by run, the accuracy in each bin; None for a bin without test cases.
    """

    bins: tuple[Bin, ...]
    accuracy: Mapping[str, tuple[Estimate | None, ...]]


@dataclass(frozen=True, slots=True)
class ExamplePrediction:
    """The prediction of one run at a step."""

    run: str
    action: str
    right: bool
    rationale: str | None = None


@dataclass(frozen=True, slots=True)
class ContrastExample:
    """A step that only one of two runs predicts correctly.

    Attributes:
        session_id: the session.
        step: index in the session, from 0; readers see `number`.
        true: the true action.
        category: its category.
        answers: the predictions of the two runs, the correct one first.
        also_right: how many of the other ranked runs are correct, too.
        address: where a local `facsim view` shows it.
    """

    session_id: str
    step: int
    true: str
    category: str | None
    answers: tuple[ExamplePrediction, ExamplePrediction]
    also_right: int
    address: str

    @property
    def number(self) -> int:
        """Number of the step in its session, from 1."""
        return self.step + 1


@dataclass(frozen=True)
class Contrast:
    """Two runs on the same steps.

    Attributes:
        comparison: the paired test.
        both: steps that both predict correctly.
        neither: steps that neither predicts correctly.
        examples: the most informative steps: few other runs are correct where only `a` is, and most of them
            where only `b` is; from different sessions, and with different kinds of errors.
    """

    comparison: Comparison
    both: int
    neither: int
    examples: tuple[ContrastExample, ...]


@dataclass(frozen=True, slots=True)
class UnreadAnswer:
    """A failed call, or an answer that could not be parsed strictly.

    Attributes:
        run: the run.
        session_id: the session.
        step: index in the session, from 0; readers see `number`.
        how: `failed` (the call), `unparseable` or `lenient`.
        answer: the raw answer, shortened.
        why: the server's message, or the leniencies that were needed.
        address: where a local `facsim view` shows it.
    """

    run: str
    session_id: str
    step: int
    how: Literal["failed", "unparseable", "lenient"]
    answer: str | None
    why: str | None
    address: str

    @property
    def number(self) -> int:
        """Number of the step in its session, from 1."""
        return self.step + 1


@dataclass(frozen=True)
class Headline:
    """The result in a title and a few sentences.

    Attributes:
        title: which run is best, and whether that is significant.
        sentences: by how much, with which interval, and how far from the best possible.
    """

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class ReportData:
    """Runs over the same steps, compared in every respect. Made by `build_report`.

    Attributes:
        board: the leaderboard.
        entries: the runs in the order of the leaderboard.
        headline: the result in words.
        by_step: accuracy by the number of the step in its session (from 1), over steps.
        by_length: accuracy by the length of the session in steps, averaged over sessions.
        contrasts: the best run against the next model, and against the next baseline.
        unread: examples of failed calls and of answers that could not be parsed strictly.
        view_command: the command that replays the sessions of these runs.
        fidelity: how close simulated people are to real ones, if that was measured.
    """

    board: Leaderboard
    entries: tuple[ReportEntry, ...]
    headline: Headline
    by_step: Breakdown
    by_length: Breakdown
    contrasts: tuple[Contrast, ...]
    unread: tuple[UnreadAnswer, ...]
    view_command: str
    fidelity: FidelityReport | None = None

    @property
    def lined(self) -> list[ReportEntry]:
        """The runs that have a line in charts: the oracle, the best runs, and at least the best baseline."""
        ranked = [entry for entry in self.entries if entry.kind != "oracle"]
        chosen = ranked[:LINES]
        if not any(entry.kind == "baseline" for entry in chosen):
            chosen = [*chosen[: LINES - 1], *[one for one in ranked if one.kind == "baseline"][:1]]
        return [entry for entry in self.entries if entry.kind == "oracle"] + chosen
