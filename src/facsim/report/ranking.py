"""Runs over the same steps ranked by accuracy, with the tests that separate them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from facsim.data import Card
from facsim.data.people_terms import PEOPLE, SIMULATED_SHOPPERS, PeopleTerms, population_of
from facsim.evaluation import CommonStepsRun, Run, comparable_cases, open_runs
from facsim.metrics import (
    CeilingShares,
    Cluster,
    Comparison,
    Rule,
    ceiling_shares,
    compare_many,
)
from facsim.metrics.cases import Cases
from facsim.metrics.ceiling import MEASURES
from facsim.metrics.match import check_rule
from facsim.predict import BASELINES, ORACLE
from facsim.report import leaderboard_table
from facsim.report.leaderboard_data import RANKING_METRICS, ROW_METRICS, LeaderboardData, LeaderboardRow
from facsim.report.leaderboard_html import leaderboard_html
from facsim.report.published import PublishedBoard, published_board
from facsim.util.dataframes import to_pandas
from facsim.util.errors import ConfigError, InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

SIGNIFICANCE: Final = 0.05
"""A row is separable from the best when its Holm-corrected p-value is below this."""


@dataclass(frozen=True)
class Leaderboard(LeaderboardData):
    """Runs over the same steps, most accurate first, with the oracle above them. Made by `leaderboard`.

    The attributes are those of `LeaderboardData`.
    """

    def to_markdown(self) -> str:
        """As GitHub-flavoured Markdown."""
        return leaderboard_table.markdown(self)

    def to_table(self) -> RenderableType:
        """For `rich.print`, 80 columns wide or more."""
        return leaderboard_table.rich_table(self)

    def to_polars(self) -> pl.DataFrame:
        """One row per run, without the published ones.

        Columns: name, predictor, best, separable, p_value, oracle, steps, sessions, cost, each metric of
        `ROW_METRICS`, and `share_accuracy` and `share_log_likelihood` of the distance to the oracle, with
        their `_low` and `_high`.
        """
        return pl.DataFrame([_flat(row) for row in self.rows], infer_schema_length=None)

    def to_pandas(self) -> pd.DataFrame:
        """The same as a pandas table.

        Raises:
            ConfigError: if pandas is not installed.
        """
        return to_pandas(self.to_polars())

    def __repr__(self) -> str:
        first = self.rows[0]
        best = next((row for row in self.rows if row.best), first)
        accuracy = 100 * best.values[self.ranking_metric].value
        return (
            f"Leaderboard({self.cases.data!r}, {self.cases.part} part, {first.steps:,} steps, "
            f"{len(self.rows)} runs, best {best.name!r} {accuracy:.1f}%)"
        )

    def _repr_html_(self) -> str:
        """For notebooks: the table with its legend."""
        return leaderboard_html(self)


def leaderboard(
    runs: Sequence[Run | str | Path],
    *,
    rule: Rule = "exact",
    published: str | None = None,
    common_steps: bool = False,
) -> Leaderboard:
    """Rank runs by accuracy and test which of them can be separated from the best.

    Each run is compared with the best one on the same steps (session-clustered paired permutation test), and
    the p-values are Holm-corrected over the leaderboard. A run of the oracle comes first and is not ranked;
    the other rows then also get their share of what is possible (`facsim.metrics.ceiling_shares`).

    Args:
        runs: runs, or their folders.
        rule: the matching rule: `exact`, `equivalent` or `target`.
        published: also show published results on this data set: a name of `published_boards()`.
        common_steps: rank runs that answered different steps of the same data by those that all answered.

    Raises:
        ConfigError: if there is no run, a run is unfinished, runs answered different steps (naming which,
            and in what they differ), or their intervals are of different kinds.
        InputError: if a folder is not a run, or was not scored.
    """
    board = published_board(published) if published is not None else None
    if not runs:
        raise ConfigError("no run given. Make one with `facsim evaluate`")
    check_rule(rule)
    opened = open_runs(runs, common_steps=common_steps)
    cases = comparable_cases(opened)
    return rank(dict(zip(cases, opened, strict=True)), cases, rule=rule, published=board)


def rank(
    runs: Mapping[str, Run],
    cases: Mapping[str, pl.DataFrame | Cases],
    *,
    rule: Rule = "exact",
    published: PublishedBoard | None = None,
) -> Leaderboard:
    """The leaderboard of runs whose test cases have been read and checked to be comparable.

    Args:
        runs: the runs by label, at least one.
        cases: the test cases of each, as tables or prepared.
        rule: the matching rule.
        published: published results, shown in a table of their own.

    Raises:
        ConfigError: if intervals are of different kinds, or metrics.json is older than predictions.jsonl.
        InputError: if a run was not scored.
    """
    cluster, level = _interval_settings(list(runs.values()))
    prepared = {name: Cases.of(table, cluster) for name, table in cases.items()}
    ranked = {name: prepared[name] for name, run in runs.items() if run.predictor != ORACLE}
    pairs = {}
    if len(ranked) > 1:
        pairs = {pair.b: pair for pair in compare_many(ranked, pairs="best", rule=rule, cluster=cluster)}
    ceiling = _ceiling(runs, prepared, rule)
    rows = [_row(name, run, prepared[name], pairs.get(name), ceiling) for name, run in runs.items()]
    rows.sort(
        key=lambda row: (not row.oracle, not row.best, -row.values[RANKING_METRICS[rule]].value, row.name)
    )
    return Leaderboard(
        rows=tuple(rows),
        cases=next(iter(runs.values())).config.identity.cases,
        rule=rule,
        cluster=cluster,
        level=level,
        published=published,
        notes=tuple(_notes(rows)),
        ceiling=ceiling,
        comparisons=tuple(pairs[row.name] for row in rows if row.name in pairs),
        population=population(list(runs.values())),
        common_steps=any(isinstance(run, CommonStepsRun) for run in runs.values()),
    )


def population(runs: Sequence[Run]) -> PeopleTerms:
    """What to call the people of the data set that runs answered.

    Runs made before config.json named the source tell it by the card of their data set, if it is still where
    it was, or by an oracle among them: only simulated people have known probabilities.
    """
    first = runs[0].config
    if first.source is not None:
        return population_of(first.source)
    try:
        card = Card.read(Path(first.data_path) / "card.json")
    except InputError:
        card = None
    if card is not None and card.content_hash == first.identity.cases.content_hash:
        return population_of(card.source)
    return SIMULATED_SHOPPERS if any(run.predictor == ORACLE for run in runs) else PEOPLE


def _ceiling(runs: Mapping[str, Run], cases: Mapping[str, Cases], rule: Rule) -> CeilingShares | None:
    """How far each run is on the way to the oracle, if one of them is the oracle."""
    oracles = sorted(name for name, run in runs.items() if run.predictor == ORACLE)
    if not oracles:
        return None
    settings = runs[oracles[0]].metrics
    return ceiling_shares(
        {name: table for name, table in cases.items() if name not in oracles[1:]},
        ceiling=oracles[0],
        trivial=sorted(name for name, run in runs.items() if run.predictor in BASELINES),
        rule=rule,
        resamples=settings.resamples,
        seed=settings.seed,
        cluster=settings.cluster,
        level=settings.level,
    )


def _interval_settings(runs: Sequence[Run]) -> tuple[Cluster, float]:
    """The cluster and level that the intervals of all runs share."""
    first = runs[0]
    kind = (first.metrics.cluster, first.metrics.level)
    for run in runs:
        other = (run.metrics.cluster, run.metrics.level)
        if other != kind:
            raise ConfigError(
                f"{first.location} and {run.location} have intervals of different kinds: {100 * kind[1]:g}% "
                f"by {kind[0]}, and {100 * other[1]:g}% by {other[0]}. "
                "Run `facsim score` on all of them with the same options"
            )
    return kind


def _row(
    name: str,
    run: Run,
    cases: Cases,
    against_best: Comparison | None,
    ceiling: CeilingShares | None,
) -> LeaderboardRow:
    metrics = run.metrics
    if metrics.steps != len(cases):
        raise ConfigError(
            f"{run.location}: metrics.json is older than predictions.jsonl. Run `facsim score {run.location}`"
        )
    cost = metrics.get("cost_total")
    oracle = run.predictor == ORACLE
    shares = {} if ceiling is None else ceiling.shares
    return LeaderboardRow(
        name=name,
        predictor=run.predictor,
        values={metric: metrics[metric] for metric in ROW_METRICS if metric in metrics},
        steps=metrics.steps,
        sessions=metrics.sessions,
        cost=None if cost is None else cost.value,
        best=against_best is None and not oracle,
        separable=None if against_best is None else against_best.adjusted_p < SIGNIFICANCE,
        p_value=None if against_best is None else against_best.adjusted_p,
        oracle=oracle,
        shares={measure: by_run[name] for measure, by_run in shares.items() if name in by_run},
    )


def _notes(rows: Sequence[LeaderboardRow]) -> list[str]:
    return [
        f"{row.name}: {round(failed.value * row.steps):,} calls failed and count as wrong; "
        "finish the run with --resume"
        for row in rows
        if (failed := row.values.get("error_failed")) is not None and failed.value > 0
    ]


def _flat(row: LeaderboardRow) -> dict[str, object]:
    flat: dict[str, object] = {
        name: getattr(row, name) for name in ("name", "predictor", "best", "separable", "p_value", "oracle")
    }
    flat |= {"steps": row.steps, "sessions": row.sessions, "cost": row.cost}
    shares = {f"share_{measure}": row.shares.get(measure) for measure in MEASURES}
    for metric, found in ({metric: row.values.get(metric) for metric in ROW_METRICS} | shares).items():
        flat[metric] = found.value if found else None
        flat[f"{metric}_low"] = found.low if found else None
        flat[f"{metric}_high"] = found.high if found else None
    return flat
