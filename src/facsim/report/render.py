"""The leaderboard as a table for the terminal and as Markdown: the same cells, twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from facsim.metrics import Estimate

if TYPE_CHECKING:
    from facsim.report.leaderboard import Leaderboard, Row
    from facsim.report.published import PublishedBoard

ABSENT: Final = "\N{EN DASH}"
BEST: Final = "★"
TIED: Final = "≈"

# The metrics after accuracy, with short heads. `Failed` and `Shown` are left out where they tell nothing.
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
    "Acc.: exact match of type, name and text in %, averaged over sessions, with its 95% interval. "
    "Click, Type, Leave: exact match by true type. Type F1: macro. Outc. F1: purchase, on last steps. "
    "Illegal: name not on the page. Unread: no action in the answer."
)
_MARKS: Final = (
    f"{BEST} best · {TIED} not separable from it (paired permutation test by session, Holm-corrected, 5%)"
)
_PUBLISHED: Final = "Published, not measured here"


def columns(board: Leaderboard) -> dict[str, str]:
    """The metric columns that this leaderboard needs, with their heads."""
    chosen = dict(_COLUMNS)
    if not any(_value(row, "error_failed") for row in board.rows):
        del chosen["error_failed"]
    if all(_value(row, "shown") == _value(row, "reachability") for row in board.rows):
        del chosen["shown"]
    return chosen


def heading(board: Leaderboard) -> str:
    """What was evaluated, in a line."""
    cases, first = board.cases, board.rows[0]
    part = "all of it" if cases.part == "all" else f"{cases.part} part, split by {cases.split_by}"
    limit = f", {cases.limit} sessions drawn" if cases.limit is not None else ""
    with_first = ", first steps included" if cases.first_step == "include" else ""
    reachable = first.values.get("reachability")
    reach = f" · {percent(reachable)}% of targets reachable" if reachable else ""
    counted = f"{first.steps:,} steps of {first.sessions:,} sessions"
    return f"{cases.data} ({part}{limit}{with_first}) · {counted}{reach}"


def markdown(board: Leaderboard) -> str:
    """GitHub-flavoured Markdown, with published numbers under a heading of their own."""
    heads = ["", "Run", "Acc. [95%]", *columns(board).values(), "Cost"]
    lines = [f"**{_escape(heading(board))}**", "", *_markdown_table(heads, _cells(board, bold="**"), left=2)]
    lines += ["", f"{_MARKS}  ", _LEGEND, *(f"\n{_escape(note)}" for note in board.notes)]
    if board.published is not None:
        heads, rows = _published_cells(board.published)
        lines += ["", f"### {_PUBLISHED}: {board.published.title}", "", *_markdown_table(heads, rows, left=2)]
        lines += ["", *(f"{key}: {_escape(text)}  " for key, text in board.published.sources.items())]
    return "\n".join(lines).rstrip() + "\n"


def rich_table(board: Leaderboard) -> RenderableType:
    """A table 100 columns wide or a little more, legend below, published numbers in a table of their own."""
    heads = ["", "Run", "Acc. [95%]", *columns(board).values(), "Cost"]
    parts: list[RenderableType] = [rich_rows(heading(board), heads, list(_cells(board)), left=2)]
    parts += [below(_MARKS), below(_LEGEND), *(below(note, style="yellow") for note in board.notes)]
    if board.published is not None:
        heads, rows = _published_cells(board.published)
        parts += [
            Text(),
            rich_rows(f"{_PUBLISHED}: {board.published.title}", heads, rows, left=2, style="dim"),
        ]
        parts += [below(f"{key}: {text}") for key, text in board.published.sources.items()]
    return Group(*parts)


def below(text: str, style: str = "dim") -> RenderableType:
    """A line below a table."""
    return Padding(Text(text, style=style), (0, 0, 0, 1))


def percent(estimate: Estimate | None) -> str:
    """A share in per cent with one decimal; a dash where there is none."""
    return ABSENT if estimate is None else f"{100 * estimate.value:.1f}"


def with_interval(estimate: Estimate | None) -> str:
    """A share and its interval in per cent."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return percent(estimate)
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def dollars(cost: float | None) -> str:
    """A cost; a dash where it is not known."""
    if cost is None:
        return ABSENT
    return f"${cost:,.2f}" if cost >= 0.01 or cost == 0 else "<$0.01"


def _value(row: Row, metric: str) -> float | None:
    estimate = row.values.get(metric)
    return None if estimate is None else estimate.value


def _cells(board: Leaderboard, bold: str = "") -> Iterator[list[str]]:
    chosen = columns(board)
    for row in board.rows:
        mark = BEST if row.best else ABSENT if row.separable is None else "" if row.separable else TIED
        name = f"{bold}{row.name}{bold}" if row.best else row.name
        yield [
            mark,
            name,
            with_interval(row.values.get("accuracy")),
            *(percent(row.values.get(metric)) for metric in chosen),
            dollars(row.cost),
        ]


def _published_cells(published: PublishedBoard) -> tuple[list[str], list[list[str]]]:
    possible = {
        "accuracy": "Acc.",
        "type_f1_macro": "Type F1",
        "category_f1_weighted": "Category F1",
        "outcome_f1": "Outc. F1",
        "outcome_f1_weighted": "Outc. F1 weighted",
    }
    used = {
        metric: head
        for metric, head in possible.items()
        if any(metric in row.numbers for row in published.rows)
    }
    rows = [
        [
            row.name,
            row.how,
            *(f"{row.numbers[metric]:.2f}" if metric in row.numbers else ABSENT for metric in used),
            row.source,
        ]
        for row in published.rows
    ]
    return ["Model", "How", *used.values(), "Source"], rows


def _markdown_table(
    heads: Sequence[str], rows: Iterator[list[str]] | list[list[str]], left: int
) -> list[str]:
    rule = ["---"] * left + ["---:"] * (len(heads) - left)
    return [
        "| " + " | ".join(cells) + " |"
        for cells in (heads, rule, *([_escape(cell) for cell in row] for row in rows))
    ]


def rich_rows(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], left: int, style: str = ""
) -> RenderableType:
    """A table in the style of all tables: the first `left` columns are text, the others numbers."""
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        style=style,
    )
    for index, head in enumerate(heads):
        is_name = index == left - 1  # the one column that gives way where the terminal is narrow
        table.add_column(
            head.replace(" F1", "\nF1"),
            justify="left" if index < left else "right",
            vertical="bottom",
            no_wrap=not is_name,
            min_width=20 if is_name else None,
            overflow="fold",
            style=style,
        )
    for row in rows:
        best = row[0] == BEST
        table.add_row(*(Text(cell) for cell in row), style="bold" if best else "")
    return table


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
