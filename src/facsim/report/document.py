"""The report as an object: everything that its outputs say, and nothing of how they look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from facsim.evaluation import Run
from facsim.metrics import Comparison, Estimate, Metrics
from facsim.report.ranking import Leaderboard, Row
from facsim.util.errors import ConfigError
from facsim.util.files import write_atomically

LINES: Final = 5
"""So many ranked runs have a line in a chart of lines; all are in its table."""

Kind = Literal["oracle", "baseline", "model"]
Format = Literal["html", "md", "csv", "tex"]

FORMATS: Final[Mapping[str, Format]] = {
    ".html": "html",
    ".htm": "html",
    ".md": "md",
    ".csv": "csv",
    ".tex": "tex",
}
"""What is written to a file, by the end of its name."""


@dataclass(frozen=True)
class Entry:
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

    row: Row
    letter: str
    kind: Kind
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
class Answer:
    """What one run said at a step."""

    run: str
    action: str
    right: bool
    rationale: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
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
    answers: tuple[Answer, Answer]
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
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Unread:
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
class Report:
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
    entries: tuple[Entry, ...]
    headline: Headline
    by_step: Breakdown
    by_length: Breakdown
    contrasts: tuple[Contrast, ...]
    unread: tuple[Unread, ...]
    view_command: str

    @property
    def lined(self) -> list[Entry]:
        """The runs that have a line in charts: the oracle, the best, and at least the best baseline."""
        ranked = [entry for entry in self.entries if entry.kind != "oracle"]
        chosen = ranked[:LINES]
        if not any(entry.kind == "baseline" for entry in chosen):
            chosen = [*chosen[: LINES - 1], *[one for one in ranked if one.kind == "baseline"][:1]]
        return [entry for entry in self.entries if entry.kind == "oracle"] + chosen

    def to_html(self) -> str:
        """One HTML file that needs nothing else: no network, no script to be read, now or in ten years."""
        from facsim.report.html_page import page  # noqa: PLC0415 - each output is loaded when it is asked for

        return page(self)

    def to_markdown(self) -> str:
        """The headline and the tables as GitHub-flavoured Markdown."""
        from facsim.report.exports import markdown  # noqa: PLC0415

        return markdown(self)

    def to_csv(self) -> str:
        """Every number of every run, one a line: run, table, row, metric, value, low, high, n."""
        from facsim.report.exports import csv  # noqa: PLC0415

        return csv(self)

    def to_latex(self) -> str:
        """The leaderboard and the breakdown as LaTeX tables (booktabs)."""
        from facsim.report.exports import latex  # noqa: PLC0415

        return latex(self)

    def render(self, format: Format) -> str:
        """As `html`, `md`, `csv` or `tex`."""
        made = {"html": self.to_html, "md": self.to_markdown, "csv": self.to_csv, "tex": self.to_latex}
        return made[format]()

    def save(self, file: str | Path, format: Format | None = None) -> Path:
        """Write one output to a file: whole, or not at all.

        Args:
            file: where to.
            format: `html`, `md`, `csv` or `tex`; as the file's name ends by default.

        Raises:
            ConfigError: if no format is given and the name does not tell one.
            FacsimError: if the file cannot be written.
        """
        file = Path(file)
        chosen = format or FORMATS.get(file.suffix.lower())
        if chosen is None:
            known = ", ".join(FORMATS)
            raise ConfigError(f"{file}: what to write is not known from its name; expected one of {known}")
        if not file.parent.is_dir():
            raise ConfigError(f"{file}: there is no folder {file.parent}. Make it first")
        write_atomically(file, self.render(chosen))
        return file

    def save_figures(self, folder: str | Path) -> list[Path]:
        """Write the figures as SVG, fit for a paper.

        Returns:
            The files written.

        Raises:
            FacsimError: if one cannot be written.
        """
        from facsim.report.figures import save_figures  # noqa: PLC0415

        return save_figures(self, Path(folder))
