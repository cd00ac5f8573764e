"""Build the report from run folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from facsim.evaluation import Run, open_runs, run_labels
from facsim.evaluation.compare import check_comparable
from facsim.evaluation.predictions_table import leniencies_of
from facsim.fidelity import FidelityReport
from facsim.metrics import Rule
from facsim.metrics.cases import Cases
from facsim.metrics.match import check_rule
from facsim.predict import BASELINES, ORACLE
from facsim.report.breakdown import by_length, by_step
from facsim.report.contrast import contrast, unread
from facsim.report.document import Report
from facsim.report.headline import headline
from facsim.report.leaderboard_data import LeaderboardRow
from facsim.report.published import published_board
from facsim.report.ranking import Leaderboard, rank
from facsim.report.report_data import Contrast, OutcomeCounts, ReportEntry, RunKind
from facsim.report.reproduce import evaluate_command, view_command
from facsim.report.run_styles import run_styles
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress


def build_report(
    runs: Sequence[Run | str | Path],
    *,
    rule: Rule = "exact",
    published: str | None = None,
    common_steps: bool = False,
    fidelity: FidelityReport | str | Path | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Compare runs over the same steps in one object with many outputs.

    Args:
        runs: runs, or their folders; finished, scored, and over the same steps.
        rule: the matching rule: `exact`, `equivalent` or `target`.
        published: also show published results on this data set: a name of `published_boards()`.
        common_steps: compare runs that answered different steps of the same data on those that all answered.
        fidelity: also show this result of `measure_fidelity`, or that of a folder of `facsim fidelity --out`.
        progress: called once per run read.

    Raises:
        ConfigError: if there is no run, a run is unfinished, runs answered different steps (naming which,
            and in what they differ), or their intervals are of different kinds.
        InputError: if a folder is not a run, or was not scored.
    """
    board_of_others = published_board(published) if published is not None else None
    check_rule(rule)
    if isinstance(fidelity, str | Path):
        fidelity = FidelityReport.read(fidelity)
    if not runs:
        raise ConfigError("no run given. Make one with `facsim evaluate`")
    opened = open_runs(runs, common_steps=common_steps)
    names = run_labels(opened)
    predictions: dict[str, pl.DataFrame] = {}
    for index, (name, run) in enumerate(zip(names, opened, strict=True)):
        progress(index, len(opened), name)
        predictions[name] = run.predictions()
    check_comparable(opened, list(predictions.values()))
    progress(len(opened), len(opened), "comparing")
    by_name = dict(zip(names, opened, strict=True))
    settings = opened[0].metrics
    cases = {name: Cases(table, settings.cluster) for name, table in predictions.items()}
    board = rank(by_name, cases, rule=rule, published=board_of_others)
    entries = _entries(board, by_name, cases, predictions)
    ordered = {entry.name: cases[entry.name] for entry in entries}
    return Report(
        board=board,
        entries=entries,
        headline=headline(board, entries),
        by_step=by_step(ordered, rule, settings),
        by_length=by_length(ordered, rule, settings),
        contrasts=_contrasts(board, entries, cases, predictions),
        unread=tuple(found for entry in entries for found in unread(entry.name, predictions[entry.name])),
        view_command=view_command([entry.run for entry in entries]),
        fidelity=fidelity,
    )


def _entries(
    board: Leaderboard, runs: dict[str, Run], cases: dict[str, Cases], predictions: dict[str, pl.DataFrame]
) -> tuple[ReportEntry, ...]:
    entries: list[ReportEntry] = []
    styles = run_styles(runs)
    for row in board.rows:
        run = runs[row.name]
        leniencies = leniencies_of(predictions[row.name])
        entries.append(
            ReportEntry(
                row=row,
                style=styles[row.name],
                kind=_kind(row),
                run=run,
                metrics=run.metrics,
                leniencies=leniencies,
                outcome=_outcome(cases[row.name]),
                notes=run.notes_on(cases[row.name].table, leniencies),
                command=evaluate_command(run),
            )
        )
    return tuple(entries)


def _kind(row: LeaderboardRow) -> RunKind:
    if row.predictor == ORACLE:
        return "oracle"
    return "baseline" if row.predictor in BASELINES else "model"


def _outcome(cases: Cases) -> OutcomeCounts | None:
    """The counts behind `facsim.metrics.classification.outcome_f1`, by the same definitions."""
    last = cases.table.filter(pl.col("is_last") & pl.col("outcome").is_not_null())
    if last.is_empty():
        return None
    bought, left = pl.col("outcome") == "purchase", pl.col("outcome") == "terminate"
    leaves = pl.col("pred_type").eq("terminate").fill_null(value=False)
    buys = pl.col("pred_category").eq("purchase").fill_null(value=False) & ~leaves
    counts = last.select(
        bought.sum().alias("purchases"),
        buys.sum().alias("purchases_predicted"),
        (bought & buys).sum().alias("purchases_hit"),
        left.sum().alias("departures"),
        leaves.sum().alias("departures_predicted"),
        (left & leaves).sum().alias("departures_hit"),
    )
    return OutcomeCounts(**counts.row(0, named=True))


def _contrasts(
    board: Leaderboard,
    entries: Sequence[ReportEntry],
    cases: dict[str, Cases],
    predictions: dict[str, pl.DataFrame],
) -> tuple[Contrast, ...]:
    """The best run against the best other model and the best other baseline, in the order of the ranking."""
    ranked = [entry for entry in entries if entry.kind != "oracle"]
    kinds: tuple[RunKind, ...] = ("model", "baseline")
    first = [next((entry for entry in ranked[1:] if entry.kind == kind), None) for kind in kinds]
    partners = sorted((entry for entry in first if entry is not None), key=ranked.index)
    by_partner = {comparison.b: comparison for comparison in board.comparisons}
    names = [entry.name for entry in ranked]
    return tuple(
        contrast(by_partner[partner.name], cases, predictions, board.rule, names) for partner in partners
    )
