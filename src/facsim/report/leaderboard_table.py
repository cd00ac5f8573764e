"""The leaderboard as a table for the terminal and as Markdown, from the same cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from facsim.metrics import CeilingShares, Estimate, Rule
from facsim.report.leaderboard_data import LeaderboardData, LeaderboardRow
from facsim.report.published import PublishedBoard
from facsim.report.run_styles import ORACLE_LETTER
from facsim.util.display_text import one_line

ABSENT: Final = "\N{EN DASH}"
BEST: Final = "★"
TIED: Final = "≈"
ORACLE_MARK: Final = ORACLE_LETTER

# The metrics after accuracy, with short heads. `Failed` and `Shown` are omitted where they are uninformative.
_COLUMNS: Final = {
    "exact_click": "Click",
    "exact_type_and_submit": "Type",
    "exact_terminate": "Leave",
    "type_f1_macro": "Type F1",
    "outcome_f1": "Outc. F1",
    "error_illegal": "Illegal",
    "error_unparseable": "Unread",
    "error_failed": "Failed",
    "shown": "Shown",
}
_LEGEND: Final = (
    "Acc.: {what} in %, averaged over sessions, with its {level:g}% interval. {likelihood}"
    "Click, Type, Leave: exact match by true type. Type F1: macro. Outc. F1: purchase, on last steps. "
    "Illegal: name not on the page. Unread: no action in the answer."
)
_LIKELIHOOD_LEGEND: Final = (
    "LL: log-likelihood, the mean natural log of the probability of the true action, in nats a step "
    "(higher is better{share}); {absent} where a run does not give every step a probability. "
)
_LIKELIHOOD_SHARE: Final = "; in brackets its share of the way from the best trivial baseline to {ceiling}"
WHAT: Final[Mapping[Rule, str]] = {
    "exact": "exact match of type, name and text",
    "equivalent": "match of type, destination and folded text (rule equivalent)",
    "target": "match of type and name, whatever the text (rule target)",
}
_MARKS: Final = (
    f"{BEST} best · {TIED} not separable from it (paired permutation test by {{cluster}}, Holm-corrected, 5%)"
)
_ORACLE_LEGEND: Final = (
    f"{ORACLE_MARK} the oracle answers with the true probabilities of the {{people}}: the best possible, not "
    "ranked"
)
SHARES_TITLE: Final = "Share of what is possible, in %"
_SHARE_HEADS: Final = {"accuracy": "Accuracy", "log_likelihood": "Log-likelihood"}
_SHARES_LEGEND: Final = (
    "The share of the way from the best trivial baseline (0) to {ceiling} (100): (run - baseline) / "
    "({ceiling} - baseline), with its {level:g}% interval (all three resampled together, by {cluster}). "
    "The baseline: {floors}. Log-likelihood: mean over steps, for runs that give probabilities."
)
_NARROW_NAMES: Final = (24, 20, 16, 14, 12, 10, 8)
_ANY_WIDTH: Final = 10_000
PUBLISHED: Final = "Published, not measured here"
_DERIVED: Final = "derived"


def columns(board: LeaderboardData) -> dict[str, str]:
    """The metric columns that this leaderboard needs, with their heads; log-likelihood has its own column."""
    chosen = dict(_COLUMNS)
    if not any(_value(row, "error_failed") for row in board.rows):
        del chosen["error_failed"]
    if all(_value(row, "shown") == _value(row, "reachability") for row in board.rows):
        del chosen["shown"]
    return chosen


def heading(board: LeaderboardData) -> str:
    """What was evaluated, in one line."""
    cases, first = board.cases, board.rows[0]
    part = "all parts" if cases.part == "all" else f"{cases.part} part, split by {cases.split_by}"
    limit = f", {cases.limit} sessions drawn" if cases.limit is not None else ""
    with_first = ", first steps included" if cases.first_step == "include" else ""
    reachable = first.values.get("reachability")
    reach = f" · {percent(reachable)}% of targets reachable" if reachable else ""
    who = f" of {board.population.people}" if board.population.simulated else ""
    common = ", common to all runs" if board.common_steps else ""
    counted = f"{first.steps:,} steps of {first.sessions:,} sessions{who}{common}"
    return f"{one_line(cases.data, 120)} ({part}{limit}{with_first}) · {counted}{reach}"


def legend(board: LeaderboardData) -> str:
    """What the columns mean."""
    likelihood = ""
    if has_likelihood(board):
        shares = board.ceiling is not None and "log_likelihood" in board.ceiling.shares
        share = _LIKELIHOOD_SHARE.format(ceiling=board.ceiling.ceiling) if board.ceiling and shares else ""
        likelihood = _LIKELIHOOD_LEGEND.format(share=share, absent=ABSENT)
    return _LEGEND.format(what=WHAT[board.rule], level=100 * board.level, likelihood=likelihood)


def has_likelihood(board: LeaderboardData) -> bool:
    """Whether any row has a log-likelihood."""
    return any(row.log_likelihood is not None for row in board.rows)


def likelihood(row: LeaderboardRow) -> str:
    """A row's log-likelihood in nats per step, with its share of the way to the oracle if known."""
    estimate = row.log_likelihood
    if estimate is None:
        return ABSENT
    share = row.shares.get("log_likelihood")
    return f"{estimate.value:.2f}" if share is None else f"{estimate.value:.2f} ({whole_percent(share)}%)"


def whole_percent(share: Estimate) -> str:
    """A share in whole percent; a tiny negative one is not written as minus zero."""
    return f"{round(100 * share.value) + 0:d}"


def marks(board: LeaderboardData) -> list[str]:
    """What the marks before the rows mean."""
    oracle = _ORACLE_LEGEND.format(people=board.population.people)
    lines = [oracle] if any(row.oracle for row in board.rows) else []
    return [*lines, _MARKS.format(cluster=board.cluster)]


def shares_legend(board: LeaderboardData, ceiling: CeilingShares) -> str:
    """What the shares of the way to the oracle mean."""
    names = {"accuracy": "accuracy", "log_likelihood": "log-likelihood"}
    by_floor: dict[str, list[str]] = {}
    for measure, floor in ceiling.floors.items():
        by_floor.setdefault(floor, []).append(names[measure])
    floors = ", ".join(f"{floor} by {' and '.join(measures)}" for floor, measures in by_floor.items())
    return _SHARES_LEGEND.format(
        ceiling=ceiling.ceiling, level=100 * board.level, cluster=board.cluster, floors=floors
    )


def markdown(board: LeaderboardData) -> str:
    """The leaderboard as GitHub-flavoured Markdown, with published numbers under their own heading."""
    heads, rows = cells(board, bold="**")
    lines = [f"**{escaped(heading(board))}**", "", *markdown_table(heads, rows, left=2)]
    lines += [
        "",
        *(f"{line}  " for line in marks(board)),
        legend(board),
        *(f"\n{escaped(note)}" for note in board.notes),
    ]
    if board.ceiling is not None and board.ceiling.shares:
        heads, rows = share_cells(board, board.ceiling)
        lines += ["", f"**{SHARES_TITLE}**", "", *markdown_table(heads, rows, left=2)]
        lines += ["", shares_legend(board, board.ceiling)]
    if board.published is not None:
        heads, rows = published_cells(board.published)
        lines += ["", f"### {PUBLISHED}: {board.published.title}", "", *markdown_table(heads, rows, left=2)]
        lines += ["", *(f"{key}: {escaped(text)}  " for key, text in board.published.sources.items())]
    return "\n".join(lines).rstrip() + "\n"


def rich_table(board: LeaderboardData) -> RenderableType:
    """The leaderboard with its legend, and published numbers in their own table. Fits 80 columns."""
    heads, rows = cells(board)
    notes = [Text(note, style="yellow") for note in board.notes]
    parts: list[RenderableType] = [
        TextTable(
            heading(board),
            heads,
            rows,
            left=2,
            below=(*marks(board), legend(board), *notes),
        )
    ]
    if board.ceiling is not None and board.ceiling.shares:
        heads, rows = share_cells(board, board.ceiling)
        legend_below = (shares_legend(board, board.ceiling),)
        parts += [Text(), TextTable(SHARES_TITLE, heads, rows, left=2, below=legend_below)]
    if board.published is not None:
        heads, rows = published_cells(board.published)
        sources = tuple(f"{key}: {text}" for key, text in board.published.sources.items())
        title = f"{PUBLISHED}: {board.published.title}"
        parts += [Text(), TextTable(title, heads, rows, left=2, below=sources, style="dim")]
    return Group(*parts)


def percent(estimate: Estimate | None) -> str:
    """A share in percent with one decimal; a dash for None."""
    return ABSENT if estimate is None else f"{100 * estimate.value:.1f}"


def with_interval(estimate: Estimate | None) -> str:
    """A share and its interval in percent."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return percent(estimate)
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def dollars(cost: float | None) -> str:
    """A cost; a dash where it is unknown."""
    if cost is None:
        return ABSENT
    return f"${cost:,.2f}" if cost >= 0.01 or cost == 0 else "<$0.01"


def _value(row: LeaderboardRow, metric: str) -> float | None:
    estimate = row.values.get(metric)
    return None if estimate is None else estimate.value


def cells(board: LeaderboardData, bold: str = "") -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the leaderboard."""
    chosen, likely = columns(board), has_likelihood(board)
    rows = []
    for row in board.rows:
        rows.append(
            [
                mark(row),
                f"{bold}{row.name}{bold}" if row.best else row.name,
                with_interval(row.values.get(board.ranking_metric)),
                *([likelihood(row)] if likely else []),
                *(percent(row.values.get(metric)) for metric in chosen),
                dollars(row.cost),
            ]
        )
    accuracy = f"Acc. [{100 * board.level:g}%]"
    return ["", "Run", accuracy, *(["LL"] if likely else []), *chosen.values(), "Cost"], rows


def mark(row: LeaderboardRow) -> str:
    """The mark before a row."""
    if row.oracle:
        return ORACLE_MARK
    return BEST if row.best else ABSENT if row.separable is None else "" if row.separable else TIED


def share_cells(board: LeaderboardData, ceiling: CeilingShares) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the shares of the way to the oracle."""
    level = f"[{100 * board.level:g}%]"
    rows = [
        [mark(row), row.name, *(with_interval(row.shares.get(measure)) for measure in ceiling.floors)]
        for row in board.rows
        if not row.oracle
    ]
    return ["", "Run", *(f"{_SHARE_HEADS[measure]} {level}" for measure in ceiling.floors)], rows


def published_columns(published: PublishedBoard) -> dict[str, str]:
    """The metrics that at least one row has, with their heads."""
    possible = {
        "accuracy": "Acc.",
        "type_accuracy": "Type acc.",
        "type_f1_macro": "Type F1",
        "category_f1_weighted": "Category F1",
        "outcome_f1": "Outc. F1",
        "outcome_f1_weighted": "Outc. F1 weighted",
    }
    return {
        metric: head
        for metric, head in possible.items()
        if any(metric in row.numbers for row in published.rows)
    }


def published_cells(published: PublishedBoard) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of published numbers; derived rows say so."""
    used = published_columns(published)
    rows = [
        [
            row.name,
            f"{row.how}, {_DERIVED}" if row.derived else row.how,
            *(f"{row.numbers[metric]:.2f}" if metric in row.numbers else ABSENT for metric in used),
            row.source,
        ]
        for row in published.rows
    ]
    return ["Model", "How", *used.values(), "Source"], rows


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> list[str]:
    """A table as lines of Markdown; the first `left` columns are text, the others numbers."""
    rule = ["---"] * left + ["---:"] * (len(heads) - left)
    return [
        "| " + " | ".join(cells) + " |"
        for cells in (map(escaped, heads), rule, *(map(escaped, row) for row in rows))
    ]


@dataclass(frozen=True)
class TextTable:
    """A table for the terminal, set closer where the terminal is narrow.

    Attributes:
        title: the line above the table.
        heads: column titles.
        rows: cells, row by row.
        left: number of leading columns that are text; the others are numbers.
        below: lines below the table, folded to its width.
        style: style of the whole table.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int
    below: Sequence[str | Text] = ()
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the table, wide if there is room."""
        # A table folds its cells even where the console does not fold plain lines.
        options = options.update(no_wrap=False, overflow="fold")
        unbounded = options.update_width(_ANY_WIDTH)
        for names_within in (None, *_NARROW_NAMES):
            table = self._table(names_within)
            if console.measure(table, options=unbounded).maximum <= options.max_width:
                break
        yield from console.render(table, options)

    def _table(self, names_within: int | None) -> Table:
        """The table; with `names_within`, a close one whose long names are broken to this width."""
        table = Table(
            title=Text(self.title),
            title_justify="left",
            title_style="bold",
            caption=Text("\n").join(Text(line) if isinstance(line, str) else line for line in self.below),
            caption_justify="left",
            caption_style="dim",
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0) if names_within is None else 0,
            style=self.style,
        )
        for index, head in enumerate(self.heads):
            is_text = index < self.left
            table.add_column(
                head.replace(" F1", "\nF1") if names_within is None else "\n".join(head.rsplit(" ", 1)),
                justify="left" if is_text else "right",
                no_wrap=not is_text,
                overflow="fold",
                style=self.style,
            )
        for row in self.rows:
            cells = row if names_within is None else self._close(row, names_within)
            table.add_row(*(Text(cell) for cell in cells), style="bold" if row[0] == BEST else "")
        return table

    def _close(self, row: Sequence[str], names_within: int) -> list[str]:
        """The cells with brackets below their numbers, and long names broken."""
        texts, numbers = row[: self.left], row[self.left :]
        return [
            *(_broken(text, names_within) for text in texts),
            *(number.replace(" [", "\n[").replace(" (", "\n(") for number in numbers),
        ]


def _broken(name: str, width: int) -> str:
    r"""A long name broken after hyphens and slashes.

    >>> _broken("baseline-most-frequent-name", 16)
    'baseline-most-\nfrequent-name'
    """
    lines = [""]
    for piece in re.split(r"(?<=[-/])", name):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def escaped(text: str) -> str:
    r"""Text for one line of Markdown, escaped so that it opens and closes no cell, tag or link.

    >>> print(escaped("a|b <script> [x](y) <0.001"))
    a\|b &lt;script> [x]\(y) <0.001
    >>> print(escaped("a\\|b"))
    a\\\|b
    """
    # A backslash in the text would cancel the one put before a special character.
    text = one_line(text).replace("\\", "\\\\")
    text = text.replace("|", "\\|").replace("](", "]\\(")
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
