"""A data set and the runs over it: which sessions there are, and which of them somebody looks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from facsim.data import Card, DataSet
from facsim.evaluation import Run, labels
from facsim.schema import ConfigError, FacsimError
from facsim.view.predictions import Predictions

Hits = Literal["any", "answered", "split", "all_wrong", "all_right"]
Order = Literal["stored", "longest", "most"]
HITS: tuple[Hits, ...] = get_args(Hits)
ORDERS: tuple[Order, ...] = get_args(Order)
_KEY = ("session_id", "step")


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for. A session is found when one of its steps meets every condition.

    Attributes:
        text: stands, whatever its case, in what was typed at the step, in its rationale, in what a run
            predicted to be typed or gave as its rationale; or in the session's id, person, intent or persona.
        outcome: of the session; `none` where it has none.
        action: type of the action.
        category: of the step.
        shortest: at least so many steps.
        longest: at most so many steps.
        hits: `answered`: a run was asked; `split`: some runs are right and some wrong; `all_wrong`,
            `all_right`.
        right: letter of a run that is right there.
        wrong: letter of a run that is wrong there.
        order: `stored`; `longest` sessions first; sessions with `most` such steps first.
    """

    text: str = ""
    outcome: str = ""
    action: str = ""
    category: str = ""
    shortest: int | None = None
    longest: int | None = None
    hits: Hits = "any"
    right: str = ""
    wrong: str = ""
    order: Order = "stored"


@dataclass(frozen=True, slots=True)
class Found:
    """A session that was found.

    Attributes:
        session_id: its id.
        step: the first step that meets the conditions.
        steps: how many do.
    """

    session_id: str
    step: int
    steps: int


class Library:
    """A data set and runs over it, open for looking at. Pages and predictions are read when asked for.

    Args:
        data: the data set, or its folder.
        runs: runs over it, or their folders.

    Raises:
        ConfigError: if a run was made on another data set, or is given twice.
        InputError: if a file is missing or damaged.
    """

    def __init__(self, data: DataSet | str | Path, runs: Sequence[Run | str | Path] = ()) -> None:
        opened = [run if isinstance(run, Run) else Run.open(run) for run in runs]
        names = labels(opened) if opened else []
        card = data.card if isinstance(data, DataSet) else Card.read(Path(data) / "card.json")
        for run in opened:
            _check_same_data(card, data.path if isinstance(data, DataSet) else data, run)
        # Reading is most of the time until the first list, and most of it leaves Python.
        with ThreadPoolExecutor() as readers:
            read = [
                readers.submit(Predictions, run, name, place)
                for place, (run, name) in enumerate(zip(opened, names, strict=True))
            ]
            self.data = data if isinstance(data, DataSet) else DataSet.open(data)
            self.runs = tuple(predictions.result() for predictions in read)
        self._steps = self._table()
        self._sessions = self.data.sessions.join(
            self._steps.group_by("session_id").agg(pl.len().alias("length")), on="session_id", how="left"
        )
        self.find = lru_cache(maxsize=32)(self._find)

    def prepare(self) -> None:
        """Make what the first replay would wait for: where pages and predictions are."""
        with suppress(FacsimError):  # told by the page that meets it
            len(self.data.pages)
            for run in self.runs:
                run.of_session("")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes that sessions have; `none` last where some have none."""
        found = self.data.sessions["outcome"].unique().to_list()
        return (*sorted(outcome for outcome in found if outcome), *(["none"] if None in found else []))

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of steps, the most frequent first."""
        counts = self._steps.drop_nulls("category")["category"].value_counts()
        return tuple(counts.sort(["count", "category"], descending=[True, False])["category"])

    @property
    def actions(self) -> tuple[str, ...]:
        """The types of the actions."""
        return tuple(sorted(self._steps["action_type"].unique().to_list()))

    def run(self, letter: str) -> Predictions | None:
        """The run that a letter stands for."""
        return next((run for run in self.runs if run.letter == letter), None)

    def hits(self, session_ids: Iterable[str]) -> Mapping[tuple[str, int], tuple[int, int]]:
        """For the steps of these sessions that runs were asked about: how many are right, of how many."""
        wanted = pl.Series(list(session_ids), dtype=pl.String).implode()
        rows = self._steps.filter(pl.col("session_id").is_in(wanted) & (pl.col("asked") > 0))
        return {
            (session_id, step): (right, asked)
            for session_id, step, right, asked in rows.select(*_KEY, "right", "asked").iter_rows()
        }

    def _find(self, search: Search) -> tuple[Found, ...]:
        steps = self._steps.lazy()
        wanted = self._session_conditions(search)
        if wanted:
            sessions = self._sessions.lazy().filter(*wanted).select("session_id")
            steps = steps.join(sessions, on="session_id", how="semi")
        found = (
            steps.filter(*self._step_conditions(search))
            .group_by("session_id")
            .agg(pl.col("step").min(), pl.len().alias("steps"), pl.col("place").min())
            .join(self._sessions.lazy().select("session_id", "length"), on="session_id")
        )
        by = {"stored": "place", "longest": "length", "most": "steps"}[search.order]
        ordered = found.sort(by, "place", descending=[by != "place", False]).collect()
        return tuple(Found(*row) for row in ordered.select("session_id", "step", "steps").iter_rows())

    def _session_conditions(self, search: Search) -> list[pl.Expr]:
        conditions = []
        if search.outcome:
            outcome = pl.col("outcome")
            conditions.append(outcome.is_null() if search.outcome == "none" else outcome == search.outcome)
        if search.shortest is not None:
            conditions.append(pl.col("length") >= search.shortest)
        if search.longest is not None:
            conditions.append(pl.col("length") <= search.longest)
        return conditions

    def _step_conditions(self, search: Search) -> list[pl.Expr]:
        right, asked = pl.col("right"), pl.col("asked")
        conditions = [
            *([pl.col("category") == search.category] if search.category else []),
            *([pl.col("action_type") == search.action] if search.action else []),
            *(
                {
                    "any": [],
                    "answered": [asked > 0],
                    "split": [(right > 0) & (right < asked)],
                    "all_wrong": [(asked > 0) & (right == 0)],
                    "all_right": [(asked > 0) & (right == asked)],
                }[search.hits]
            ),
        ]
        for letter, wanted in ((search.right, True), (search.wrong, False)):
            if letter:
                run = self.run(letter)
                conditions.append(pl.col(f"right {run.place}") == wanted if run else pl.lit(value=False))
        if search.text.strip():
            conditions.append(self._holds(search.text.strip()))
        return conditions

    def _holds(self, text: str) -> pl.Expr:
        """Whether a text stands in a step, in what runs said about it, or in its session."""
        pattern = f"(?i){re.escape(text)}"

        def holds(*columns: str) -> pl.Expr:
            return pl.any_horizontal(
                pl.col(column).str.contains(pattern).fill_null(value=False) for column in columns
            )

        sessions = self._sessions.filter(holds("session_id", "user_id", "persona", "intent"))
        in_session = pl.col("session_id").is_in(sessions["session_id"].implode())
        by_runs = [
            run.table.filter(holds("pred_text", "rationale")).select(pl.struct(_KEY).alias("key"))["key"]
            for run in self.runs
        ]
        in_runs = pl.lit(value=False)
        if by_runs and (keys := pl.concat(by_runs).unique()).len():
            in_runs = pl.struct(_KEY).is_in(keys.implode())
        return holds("action_text", "rationale") | in_session | in_runs

    def _table(self) -> pl.DataFrame:
        """One row a step: what to search in, and which runs are right."""
        steps = self.data.steps.select(
            "session_id",
            pl.col("step").cast(pl.Int64),
            "action_type",
            "action_text",
            "category",
            "rationale",
            place=pl.int_range(pl.len()),
        )
        if not self.runs:
            none = pl.lit(0, pl.Int64)
            return steps.with_columns(right=none, asked=none)
        for run in self.runs:
            hits = run.table.select(*_KEY, pl.col("right").alias(f"right {run.place}"))
            steps = steps.join(hits, on=_KEY, how="left", maintain_order="left")
        each = [pl.col(f"right {run.place}") for run in self.runs]
        # Runs label steps where the data set does not.
        if steps["category"].null_count():
            named = pl.concat([run.table.select(*_KEY, "true_category") for run in self.runs]).unique(_KEY)
            steps = steps.join(named, on=_KEY, how="left", maintain_order="left")
            steps = steps.with_columns(pl.coalesce("category", "true_category").alias("category"))
        return steps.with_columns(
            right=pl.sum_horizontal(hit.fill_null(value=False).cast(pl.Int64) for hit in each),
            asked=pl.sum_horizontal(hit.is_not_null().cast(pl.Int64) for hit in each),
        )


def _check_same_data(card: Card, path: str | Path, run: Run) -> None:
    cases = run.config.identity.cases
    if cases.content_hash != card.content_hash:
        raise ConfigError(
            f"{run.path} answers steps of another data set: {cases.data} (content "
            f"{cases.content_hash}, was at {run.config.data_path}), "
            f"not of {path} ({card.name}, content {card.content_hash}). "
            "Give the runs of this data set, or the data set of these runs"
        )
