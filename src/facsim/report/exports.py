"""The report as Markdown, CSV, JSON and LaTeX."""

from __future__ import annotations

import csv as csv_module
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from facsim.evaluation.environment import facsim_version
from facsim.metrics import METRICS, Estimate
from facsim.metrics.error_types import ERROR_TYPES
from facsim.report import leaderboard_table
from facsim.report.class_breakdown import CLASS_TABLES, ClassKind, class_estimate, class_rows, true_classes
from facsim.report.report_data import Breakdown, ReportData, ReportEntry
from facsim.report.terminal_summary import p_value
from facsim.util.display_text import one_line

Rows = list[list[str]]

CSV_COLUMNS: Final = (
    *("run", "predictor", "table", "key", "metric"),
    *("value", "low", "high", "n", "clusters"),
)

_NAME: Final = 120
_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_FORMULA: Final = ("=", "+", "-", "@")


def markdown(report: ReportData) -> str:
    """The headline, the leaderboard and the other tables as GitHub-flavoured Markdown."""
    lines = [f"# {leaderboard_table.escaped(one_line(report.headline.title, 400))}", ""]
    lines += [
        f"{leaderboard_table.escaped(one_line(sentence, 800))}  " for sentence in report.headline.sentences
    ]
    lines += ["", report.board.to_markdown().rstrip()]
    for title, heads, rows in _sections(report):
        lines += [
            "",
            f"### {leaderboard_table.escaped(title)}",
            "",
            *leaderboard_table.markdown_table(heads, rows, left=1),
        ]
    return "\n".join(lines) + "\n"


def latex(report: ReportData) -> str:
    r"""The leaderboard and the other tables as LaTeX; they need `\usepackage{booktabs}`."""
    board = report.board
    chosen = leaderboard_table.columns(board)
    heads = ["Run", f"Accuracy [{100 * board.level:g}\\%]", *chosen.values()]
    rows = []
    for entry in report.entries:
        row = entry.row
        name = tex_text(one_line(row.name, _NAME))
        tied = "$^{\\approx}$" if row.separable is False else ""
        cells = [leaderboard_table.with_interval(row.values.get(board.ranking_metric))]
        cells += [leaderboard_table.percent(row.values.get(metric)) for metric in chosen]
        rows.append([f"\\textbf{{{name}}}" if row.best else f"{name}{tied}", *map(tex_number, cells)])
    marks = "Best run in bold; $\\approx$: not separable from the best by a paired permutation test"
    caption = f"{tex_text(one_line(leaderboard_table.heading(board), 200))}. {marks}."
    parts = ["% needs \\usepackage{booktabs}", tex_table(caption, heads, rows)]
    for title, others, found in _sections(report):
        escaped = [[tex_text(cells[0]), *map(tex_number, cells[1:])] for cells in found]
        parts.append(tex_table(tex_text(title), [tex_text(head) for head in others], escaped))
    return "\n\n".join(parts) + "\n"


def csv(report: ReportData) -> str:
    """Every number of every run, one per line; columns `CSV_COLUMNS`.

    `table` is empty for the metrics of metrics.json; otherwise it names the table, and `key` the row in it.
    Text that a spreadsheet would read as a formula gets an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for entry in report.entries:
        names = [spreadsheet_text(one_line(entry.name)), spreadsheet_text(one_line(entry.row.predictor))]
        for table, key, metric, found in _numbers(report, entry):
            ends = ["" if end is None else repr(end) for end in (found.low, found.high)]
            counts = [found.n or "", found.clusters or ""]
            writer.writerow(
                [*names, table, spreadsheet_text(one_line(key)), metric, repr(found.value), *ends, *counts]
            )
    return out.getvalue()


def json_text(report: ReportData) -> str:
    """Headline, leaderboard, comparisons and all metrics with their intervals, as JSON."""
    return json.dumps(_document(report), ensure_ascii=False, indent=1) + "\n"


def embedded_json(report: ReportData) -> str:
    """The downloads of the HTML page as JSON: report, CSV and configurations.

    Characters that HTML reads as markup are written as escapes, so that no text can end the element.
    """
    configs = {entry.name: entry.run.config.model_dump(mode="json") for entry in report.entries}
    parts = {"report": _document(report), "csv": csv(report), "configs": configs}
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _document(report: ReportData) -> dict[str, Any]:
    board = report.board
    return {
        "facsim": facsim_version(),
        "cases": board.cases.model_dump(mode="json"),
        "population": board.population.people,
        "rule": board.rule,
        "headline": {"title": report.headline.title, "sentences": list(report.headline.sentences)},
        "notes": list(board.notes),
        "runs": [_run(entry) for entry in report.entries],
        "comparisons": [asdict(found) for found in board.comparisons],
        "published": board.published.model_dump(mode="json") if board.published else None,
        "commands": {"view": report.view_command},
    }


def _run(entry: ReportEntry) -> dict[str, Any]:
    row = entry.row
    return {
        "name": entry.name,
        "letter": entry.letter,
        "predictor": row.predictor,
        "kind": entry.kind,
        "best": row.best,
        "separable": row.separable,
        "p_value": row.p_value,
        "log_likelihood": asdict(row.log_likelihood) if row.log_likelihood else None,
        "share_of_possible": {measure: asdict(share) for measure, share in row.shares.items()},
        "metrics": entry.metrics.to_dict(),
        "notes": list(entry.notes),
        "command": entry.command,
    }


def _numbers(report: ReportData, entry: ReportEntry) -> Iterator[tuple[str, str, str, Estimate]]:
    """All numbers of a run: table, row, metric and estimate."""
    for metric, found in entry.metrics.items():
        yield "", "", metric, found
    yield from _class_numbers(entry)
    for table, breakdown in (("by_step", report.by_step), ("by_length", report.by_length)):
        for one, estimate in zip(breakdown.bins, breakdown.accuracy[entry.name], strict=True):
            if estimate is not None:
                yield table, one.label, "accuracy", estimate
    for measure, share in entry.row.shares.items():
        yield "share_of_possible", "", measure, share
    for pair in report.board.comparisons:
        if pair.b == entry.name:
            yield "against_best", pair.a, "difference", pair.difference
            for name in ("mcnemar_p", "permutation_p", "adjusted_p"):
                yield "against_best", pair.a, name, Estimate(getattr(pair, name), None, None, 0, 0)


def _class_numbers(entry: ReportEntry) -> Iterator[tuple[str, str, str, Estimate]]:
    """The numbers of every type and category."""
    for kind, table in CLASS_TABLES.items():
        for row in entry.metrics.tables[table]:
            for column in ("share", "predicted_share", "exact"):
                estimate = class_estimate(row, column)
                if estimate is not None:
                    yield table, str(row[kind]), column, estimate
            for column in ("precision", "recall", "f1"):
                value = row[column]
                if value is not None:
                    yield table, str(row[kind]), column, Estimate(float(value), None, None, 0, 0)


def _sections(report: ReportData) -> Iterator[tuple[str, list[str], Rows]]:
    """The tables after the leaderboard: title, heads, rows."""
    if report.board.comparisons:
        yield _against_best(report)
    kinds: tuple[ClassKind, ...] = ("type", "category")
    for kind in kinds:
        classes = true_classes(report.entries, kind)
        if not classes:
            continue
        rows = class_rows(report.entries, kind)
        exact = [
            [
                _name(entry),
                *(
                    leaderboard_table.percent(class_estimate(rows[entry.name].get(name), "exact"))
                    for name in classes
                ),
            ]
            for entry in report.entries
        ]
        yield f"Exact match by true {kind}, %", ["Run", *map(_head, classes)], exact
        people = [
            report.board.population.people.capitalize(),
            *(
                leaderboard_table.percent(class_estimate(rows[report.entries[0].name].get(name), "share"))
                for name in classes
            ),
            leaderboard_table.ABSENT,
        ]
        predicted = [
            [
                _name(entry),
                *(
                    leaderboard_table.percent(class_estimate(rows[entry.name].get(name), "predicted_share"))
                    for name in classes
                ),
                f"{entry.metrics[f'{kind}_divergence'].value:.3f}"
                if f"{kind}_divergence" in entry.metrics
                else leaderboard_table.ABSENT,
            ]
            for entry in report.entries
        ]
        yield (
            f"Predicted shares by {kind}, %, and divergence from {report.board.population.possessive}",
            ["Run", *map(_head, classes), "JSD"],
            [people, *predicted],
        )
    shown = [
        error
        for error in ERROR_TYPES
        if any(entry.metrics[f"error_{error}"].value for entry in report.entries)
    ]
    errors = [
        [
            _name(entry),
            leaderboard_table.percent(entry.metrics["accuracy_micro"]),
            *(leaderboard_table.percent(entry.metrics[f"error_{error}"]) for error in shown),
        ]
        for entry in report.entries
    ]
    yield (
        "Results of all steps, %",
        ["Run", "correct", *(METRICS[f"error_{error}"].title for error in shown)],
        errors,
    )
    yield "Accuracy by number of the step, %", *_along(report, report.by_step)
    yield "Accuracy by length of the session, %", *_along(report, report.by_length)


def _against_best(report: ReportData) -> tuple[str, list[str], Rows]:
    rows = [
        [
            one_line(pair.b, _NAME),
            leaderboard_table.with_interval(pair.difference),
            f"{pair.only_a:,}",
            f"{pair.only_b:,}",
            p_value(pair.permutation_p),
            p_value(pair.adjusted_p),
        ]
        for pair in report.board.comparisons
    ]
    best = report.board.comparisons[0].a
    heads = ["Run", "Behind, points", "Only the best correct", "Only this correct", "Perm. p", "Holm p"]
    return f"Against {one_line(best, _NAME)}", heads, rows


def _along(report: ReportData, breakdown: Breakdown) -> tuple[list[str], Rows]:
    rows = [
        [_name(entry), *(leaderboard_table.percent(found) for found in breakdown.accuracy[entry.name])]
        for entry in report.entries
    ]
    return ["Run", *(one.label for one in breakdown.bins)], rows


def _name(entry: ReportEntry) -> str:
    return one_line(entry.name, _NAME)


def _head(name: str) -> str:
    return one_line(name, 40)


def spreadsheet_text(text: str) -> str:
    """Text for a cell of a spreadsheet; text that would be read as a formula gets an apostrophe in front.

    >>> spreadsheet_text("=1+1"), spreadsheet_text("choice")
    ("'=1+1", 'choice')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def tex_text(text: str) -> str:
    r"""Text escaped for LaTeX.

    >>> print(tex_text("100% of a_b"))
    100\% of a\_b
    """
    return re.sub(r"[\\&%$#_{}~^<>|]", lambda found: _LATEX[found[0]], text)


def _begun(row: str) -> str:
    r"""A row that may follow `\\\\` and rules, which would read a bracket or a star as an argument.

    >>> _begun("[a] & 1"), _begun("a & 1")
    ('{}[a] & 1', 'a & 1')
    """
    return f"{{}}{row}" if row.startswith(("[", "*")) else row


def tex_number(cell: str) -> str:
    """A number escaped for LaTeX, a missing one as a dash."""
    return tex_text(cell).replace(leaderboard_table.ABSENT, "--")


def tex_table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A LaTeX table in booktabs style. Caption, heads and cells must be escaped already."""
    columns = "l" + "r" * (len(heads) - 1)
    body = "\n".join(f"    {_begun(' & '.join(row))} \\\\" for row in rows)
    return (
        "\\begin{table}\n  \\centering\n"
        f"  \\caption{{{caption}}}\n"
        f"  \\begin{{tabular}}{{{columns}}}\n    \\toprule\n"
        f"    {_begun(' & '.join(heads))} \\\\\n    \\midrule\n{body}\n    \\bottomrule\n"
        "  \\end{tabular}\n\\end{table}"
    )
