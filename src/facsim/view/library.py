"""A data set and the runs over it: its sessions, and those that match a filter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from facsim.data import Card, DataSet
from facsim.data.people_terms import PeopleTerms, population_of
from facsim.evaluation import Run, run_labels
from facsim.report.run_styles import run_styles
from facsim.rollout.rollout_details import RolloutDetails, StoredRolloutDetails
from facsim.util.errors import FacsimError
from facsim.util.store_addresses import as_url
from facsim.view.data_set_check import check_same_data
from facsim.view.prediction_index import PredictionIndex

Hits = Literal["any", "answered", "split", "all_wrong", "all_right"]
Order = Literal["stored", "longest", "most"]
HITS: tuple[Hits, ...] = get_args(Hits)
ORDERS: tuple[Order, ...] = get_args(Order)
_KEY = ("session_id", "step")


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """A filter on sessions. A session matches when one of its steps meets every condition.

    Attributes:
        text: occurs, in any case, in the typed text or rationale of the step or of a prediction for it; or in
            the session's id, user, intent or persona.
        outcome: of the session; `none` where it has none.
        action: type of the action.
        category: of the step.
        shortest: the minimum number of steps.
        longest: the maximum number of steps.
        hits: `answered`: a run has a prediction; `split`: some runs are correct and some are not;
            `all_wrong`; `all_right`.
        right: letter of a run that is correct at the step.
        wrong: letter of a run that is wrong at the step.
        order: `stored`; `longest` sessions first; sessions with the `most` matching steps first.
        predicted: only sessions for which a run has predictions.
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
    predicted: bool = False


@dataclass(frozen=True, slots=True)
class SessionMatch:
    """A session that matches a filter.

    Attributes:
        session_id: its id.
        step: index of the first step that meets the conditions.
        steps: how many steps do.
    """

    session_id: str
    step: int
    steps: int


class SessionMatches:
    """The sessions that match a filter, in order."""

    def __init__(self, table: pl.DataFrame) -> None:
        self._table = table.select("session_id", "step", "steps")

    def __len__(self) -> int:
        return self._table.height

    def __iter__(self) -> Iterator[SessionMatch]:
        return (SessionMatch(*row) for row in self._table.iter_rows())

    def __getitem__(self, place: int) -> SessionMatch:
        return SessionMatch(*self._table.row(place))

    def part(self, start: int, count: int) -> tuple[SessionMatch, ...]:
        """`count` of them from place `start` on."""
        return tuple(SessionMatch(*row) for row in self._table.slice(start, count).iter_rows())

    def place_of(self, session_id: str) -> int | None:
        """The place of a session among them; None if it does not match."""
        place: int | None = self._table["session_id"].index_of(session_id)
        return place


class Library:
    """A data set and runs over it. Pages and predictions are read on demand.

    Args:
        data: the data set, its folder, or its address on a store.
        runs: runs over it, or their folders. They are shown in the order of the leaderboard.
        details: of a rollout that is running. Those of a finished one are read from its folder.

    Raises:
        ConfigError: if a run was made on another data set, or is given twice.
        InputError: if a file is missing or damaged.
    """

    def __init__(
        self,
        data: DataSet | str | Path,
        runs: Sequence[Run | str | Path] = (),
        *,
        details: RolloutDetails | None = None,
    ) -> None:
        opened = [run if isinstance(run, Run) else Run.open(run) for run in runs]
        by_label = dict(zip(run_labels(opened), opened, strict=True)) if opened else {}
        if not isinstance(data, DataSet) and as_url(data):
            data = DataSet.open(data)
        card = data.card if isinstance(data, DataSet) else Card.read(Path(data) / "card.json")
        for run in opened:
            check_same_data(card, data.location if isinstance(data, DataSet) else data, run)
        self.data = data if isinstance(data, DataSet) else DataSet.open(data)
        self.runs = tuple(
            PredictionIndex(by_label[name], name, style, place)
            for place, (name, style) in enumerate(run_styles(by_label).items())
        )
        self.details: RolloutDetails = details or StoredRolloutDetails(self.data.path)
        self.find = lru_cache(maxsize=32)(self._find)

    @property
    def population(self) -> PeopleTerms:
        """What to call the people of the data set."""
        return population_of(self.data.card.source)

    def prepare(self) -> None:
        """Load what the first replay and the first filter need."""
        with suppress(FacsimError):  # reported by the page that needs it
            len(self.data.pages)
            self._steps  # noqa: B018

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes of the sessions; `none` last if some have none."""
        found = self.data.sessions["outcome"].unique().to_list()
        return (*sorted(outcome for outcome in found if outcome), *(["none"] if None in found else []))

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories of steps, the most frequent first."""
        steps = self._steps if self._named_by_runs else self.data.steps
        counts = steps["category"].drop_nulls().value_counts()
        return tuple(counts.sort(["count", "category"], descending=[True, False])["category"])

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """The types of the actions."""
        return tuple(sorted(self.data.steps["action_type"].unique().to_list()))

    def run(self, letter: str) -> PredictionIndex | None:
        """The run with a letter."""
        return next((run for run in self.runs if run.letter == letter), None)

    def _find(self, search: SessionFilter) -> SessionMatches:
        sessions = self._sessions.lazy().filter(*self._session_conditions(search))
        conditions = self._step_conditions(search)
        if conditions:
            of_runs = bool(search.hits != "any" or search.right or search.wrong)
            named = bool(search.category) and self._named_by_runs
            steps = self._steps if of_runs or named else self._own_steps
            matching = steps.lazy().filter(*conditions).group_by("session_id")
            found = sessions.join(
                matching.agg(pl.col("step").min(), pl.len().alias("steps")), on="session_id"
            )
        else:
            found = sessions.with_columns(step=pl.lit(0, pl.Int64), steps="length")
        by = {"stored": "place", "longest": "length", "most": "steps"}[search.order]
        return SessionMatches(found.sort(by, "place", descending=[by != "place", False]).collect())

    @cached_property
    def _predicted(self) -> pl.Series:
        """The sessions for which a run has predictions; the indices know them without parsing a line."""
        ids = {session_id: None for run in self.runs for session_id in run.session_ids}
        return pl.Series("session_id", list(ids), dtype=pl.String)

    def _session_conditions(self, search: SessionFilter) -> list[pl.Expr]:
        conditions = []
        if search.outcome:
            outcome = pl.col("outcome")
            conditions.append(outcome.is_null() if search.outcome == "none" else outcome == search.outcome)
        if search.shortest is not None:
            conditions.append(pl.col("length") >= search.shortest)
        if search.longest is not None:
            conditions.append(pl.col("length") <= search.longest)
        if search.predicted:
            conditions.append(pl.col("session_id").is_in(self._predicted.implode()))
        return conditions

    def _step_conditions(self, search: SessionFilter) -> list[pl.Expr]:
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
        """Whether a text occurs in a step, in predictions for it, or in its session."""
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

    @cached_property
    def _sessions(self) -> pl.DataFrame:
        """The sessions with their `place` among all and their `length` in steps."""
        lengths = self.data.steps.select(pl.col("session_id").rle()).unnest("session_id")
        return self.data.sessions.with_row_index("place").join(
            lengths.select(pl.col("value").alias("session_id"), pl.col("len").alias("length")),
            on="session_id",
            how="left",
            maintain_order="left",
        )

    @cached_property
    def _own_steps(self) -> pl.DataFrame:
        """One row per step: the searchable columns of the data set itself."""
        columns = ("session_id", "action_type", "action_text", "category", "rationale")
        return self.data.steps.select(*columns, pl.col("step").cast(pl.Int64))

    @cached_property
    def _named_by_runs(self) -> bool:
        """Whether runs label steps that the data set does not."""
        return bool(self.runs) and self.data.steps["category"].null_count() > 0

    @cached_property
    def _steps(self) -> pl.DataFrame:
        """`_own_steps` with the correctness of each run, and the categories that runs add."""
        steps = self._own_steps
        if not self.runs:
            none = pl.lit(0, pl.Int64)
            return steps.with_columns(right=none, asked=none)
        for run in self.runs:
            hits = run.table.select(*_KEY, pl.col("right").alias(f"right {run.place}"))
            steps = steps.join(hits, on=_KEY, how="left", maintain_order="left")
        each = [pl.col(f"right {run.place}") for run in self.runs]
        if self._named_by_runs:
            named = pl.concat([run.table.select(*_KEY, "true_category") for run in self.runs]).unique(_KEY)
            steps = steps.join(named, on=_KEY, how="left", maintain_order="left")
            steps = steps.with_columns(pl.coalesce("category", "true_category").alias("category"))
        return steps.with_columns(
            right=pl.sum_horizontal(hit.fill_null(value=False).cast(pl.Int64) for hit in each),
            asked=pl.sum_horizontal(hit.is_not_null().cast(pl.Int64) for hit in each),
        )
