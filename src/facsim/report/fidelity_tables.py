"""A fidelity report as tables: for the terminal, Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Group, RenderableType

from facsim.fidelity import MEASURES, FidelityReport, MeasureFidelity, PopulationFidelity
from facsim.fidelity.fidelity_report import NotableSession
from facsim.metrics import Estimate
from facsim.report.exports import spreadsheet_text, tex_number, tex_table, tex_text
from facsim.report.leaderboard_table import ABSENT, TextTable, escaped, markdown_table
from facsim.report.terminal_summary import p_value
from facsim.util.display_text import one_line

_NAME: Final = 60
_CSV_COLUMNS: Final = (
    *("population", "kind", "sessions", "people", "unfinished", "real_sessions", "paired_by", "measure"),
    *("score", "score_low", "score_high", "floor", "p", "adjusted_p"),
    *("real", "produced", "difference", "difference_low", "difference_high"),
    *("effect", "effect_low", "effect_high", "distance"),
)


@dataclass(frozen=True)
class _TableText:
    """A table as text.

    Attributes:
        title: above it.
        heads: column titles.
        rows: cells.
        left: leading columns that are text.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int


def fidelity_table(report: FidelityReport) -> RenderableType:
    """For the terminal: the score of every population, then every measure of every rollout."""
    tables = [_scores(report), *(_measures(one) for one in report.rollouts)]
    return Group(
        *(
            TextTable(table.title, table.heads, table.rows, table.left, below=legend if not place else ())
            for place, (table, legend) in enumerate((table, _legend(report)) for table in tables)
        )
    )


def fidelity_markdown(report: FidelityReport) -> str:
    """The same tables as GitHub-flavoured Markdown, with those of the baselines."""
    lines = ["# Fidelity", "", *(f"{escaped(line)}  " for line in _legend(report))]
    for table in _every_table(report):
        lines += ["", f"### {escaped(table.title)}", ""]
        lines += markdown_table(table.heads, table.rows, left=table.left)
    return "\n".join(lines) + "\n"


def fidelity_latex(report: FidelityReport) -> str:
    r"""The same tables as LaTeX; they need `\usepackage{booktabs}`."""
    parts = ["% needs \\usepackage{booktabs}"]
    for table in _every_table(report):
        rows = [
            [*map(tex_text, row[: table.left]), *map(tex_number, row[table.left :])] for row in table.rows
        ]
        parts.append(tex_table(tex_text(table.title), [tex_text(head) for head in table.heads], rows))
    return "\n\n".join(parts) + "\n"


def fidelity_csv(report: FidelityReport) -> str:
    """Every number, one measure of one population per line; the measure `score` is the whole population."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for one in report.populations:
        facts = [spreadsheet_text(one_line(one.name)), one.kind, one.sessions, one.people, one.unfinished]
        facts += [one.real_sessions, "+".join(one.paired_by)]
        total = [*_ends(one.score), one.floor, one.p, one.adjusted_p]
        writer.writerow(map(_cell, [*facts, "score", *total, *[None] * 9]))
        for found in one.measures:
            numbers = [
                *_ends(found.score),
                found.floor,
                found.p,
                found.adjusted_p,
                found.real,
                found.produced,
            ]
            numbers += [*_ends(found.difference), *_ends(found.effect), found.distance]
            writer.writerow(map(_cell, [*facts, found.measure, *numbers]))
    return out.getvalue()


def _every_table(report: FidelityReport) -> list[_TableText]:
    notable = [_notable(one) for one in report.rollouts if one.typical]
    return [_scores(report), *map(_measures, report.populations), *notable]


def _scores(report: FidelityReport) -> _TableText:
    level = f"{100 * report.level:g}%"
    title = f"{report.real}: {report.sessions:,} sessions of {report.people:,} people"
    rows = [
        [
            one_line(one.name, _NAME),
            _score(one.score),
            _interval(one.score),
            _number(one.floor),
            _p(one.adjusted_p),
            f"{one.sessions:,}",
            f"{one.unfinished:,}",
            paired_words(one),
        ]
        for one in report.populations
    ]
    heads = ["Population", "Score", f"[{level}]", "Floor", "Holm p", "Sessions", "Unfinished", "Paired by"]
    return _TableText(title, heads, rows, left=1)


def _measures(one: PopulationFidelity) -> _TableText:
    kind = "baseline" if one.kind == "baseline" else "compared with people"
    rows = [measure_cells(found) for found in one.measures]
    heads = [
        "Measure",
        "People",
        "Produced",
        "Effect size",
        "[interval]",
        "Score",
        "[interval]",
        "Floor",
        "Holm p",
    ]
    return _TableText(f"{one_line(one.name, _NAME)}, {kind}", heads, rows, left=1)


def measure_cells(found: MeasureFidelity) -> list[str]:
    """One measure: title, means, effect size, score, floor and corrected p-value."""
    measure = MEASURES[found.measure]
    means = [ABSENT if mean is None else f"{mean:.3g}" for mean in (found.real, found.produced)]
    sign = "+" if measure.kind == "number" else ""
    return [
        measure.title,
        *means,
        f"{found.effect.value:{sign}.2f}",
        _interval(found.effect),
        _score(found.score),
        _interval(found.score),
        _number(found.floor),
        _p(found.adjusted_p),
    ]


def notable_sessions(one: PopulationFidelity) -> list[tuple[str, NotableSession]]:
    """The typical and the strange sessions of a population, with the word for it."""
    return [
        *(("typical", found) for found in one.typical),
        *(("strange", found) for found in one.strangest),
    ]


def _notable(one: PopulationFidelity) -> _TableText:
    rows = [
        [
            one_line(found.session_id, _NAME),
            kind,
            MEASURES[found.measure].title,
            f"{found.distance:.2f}",
            f"{100 * found.people_beyond:.0f}%",
        ]
        for kind, found in notable_sessions(one)
    ]
    heads = ["Session", "", "Farthest in", "Distance", "People as far"]
    return _TableText(f"{one_line(one.name, _NAME)}, typical and strange sessions", heads, rows, left=3)


def _legend(report: FidelityReport) -> list[str]:
    return [
        "Score: 0 is as different as people from themselves, 1 as a uniform walker; the signed root of "
        "the mean squared score of the measures. Floor: 95% of random halves of the people score below it.",
        "Effect size: Cliff's delta for numbers (above 0: the population has more), total variation "
        "distance for the others. Times are not part of the score.",
        f"Holm p: permutation tests, corrected over all measures and rollouts. {report.resamples:,} "
        "resamples by person. Unfinished sessions count in every measure.",
    ]


def paired_words(one: PopulationFidelity) -> str:
    """What paired sessions have in common, for readers."""
    return " and ".join(key.removesuffix("_id") for key in one.paired_by) or ABSENT


def _score(found: Estimate | None) -> str:
    return ABSENT if found is None else f"{found.value:.2f}"


def _number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}"


def _interval(found: Estimate | None) -> str:
    if found is None or found.low is None or found.high is None:
        return ABSENT
    return f"[{found.low:.2f}, {found.high:.2f}]"


def _p(value: float | None) -> str:
    return ABSENT if value is None else p_value(value)


def _ends(found: Estimate | None) -> list[float | None]:
    return [None, None, None] if found is None else [found.value, found.low, found.high]


def _cell(value: object) -> object:
    return "" if value is None else repr(value) if isinstance(value, float) else value
