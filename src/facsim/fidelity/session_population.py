"""A population: the sessions of a data set, as the measures of fidelity need them.

Only the tables of sessions and steps are read, never a page, so data sets without pages work as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final, Self

import polars as pl

from facsim.data import DataSet
from facsim.metrics.match import fold_text
from facsim.page import CategoryRules
from facsim.schema import Action
from facsim.util.errors import ConfigError, InputError

UNFINISHED: Final = "unfinished"
"""Outcome of a session that ended neither in a purchase nor by leaving: a limit, a failure."""

QUERY: Final = "search"
"""Category of typed queries. In data without this category, every typed text is a query."""

ROLLOUT: Final = "rollout"
"""Source of the data sets that `facsim.rollout` writes."""

ROLLOUT_REPORT: Final = "rollout.json"
"""Its report on every session, beside the tables of the data set."""

STEPS_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "session": pl.UInt32,
    "step": pl.UInt32,
    "action_type": pl.String,
    "name": pl.String,
    "query": pl.String,
    "category": pl.String,
    "page": pl.String,
    "elapsed": pl.Float64,
}
SESSIONS_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "session": pl.UInt32,
    "session_id": pl.String,
    "user_id": pl.String,
    "intent": pl.String,
    "outcome": pl.String,
}


@dataclass(frozen=True)
class SessionPopulation:
    """Sessions of many people, or of a predictor in their place.

    Attributes:
        name: what to call it in tables.
        sessions: one row per session, columns `SESSIONS_SCHEMA`. `outcome` is `purchase`, `terminate`,
            `unfinished`, or null where it is unknown (a censored recording of a real person).
        steps: one row per step, sessions contiguous and steps in order, columns `STEPS_SCHEMA`. `query` is
            the folded text of a typed query, `page` identifies the page within the population, `elapsed` is
            in seconds since the session began.
    """

    name: str
    sessions: pl.DataFrame
    steps: pl.DataFrame

    def __len__(self) -> int:
        return self.sessions.height

    @property
    def people(self) -> int:
        """How many people the sessions are of."""
        return self.sessions["user_id"].n_unique()

    @property
    def unfinished(self) -> int:
        """How many sessions ended neither in a purchase nor by leaving."""
        return int((self.sessions["outcome"] == UNFINISHED).sum())

    def select(self, rows: pl.Series, name: str | None = None) -> Self:
        """The sessions whose number (column `session`) is in `rows`."""
        wanted = rows.cast(pl.UInt32).implode()
        return replace(
            self,
            name=name or self.name,
            sessions=self.sessions.filter(pl.col("session").is_in(wanted)),
            steps=self.steps.filter(pl.col("session").is_in(wanted)),
        )

    @classmethod
    def of(cls, data: DataSet, name: str | None = None, *, real: bool = False) -> Self:
        """The sessions of a data set.

        Args:
            data: the data set.
            name: what to call it; by default the name of its folder.
            real: whether people made it. A real session without an outcome is one whose end nobody recorded:
                its outcome is unknown. A produced one is unfinished, and counts as such.

        Raises:
            ConfigError: if there are no sessions.
        """
        if not len(data):
            raise ConfigError(f"{data.location}: there are no sessions. Expected at least 2")
        sessions = data.sessions.with_row_index("session").select(
            "session",
            "session_id",
            "user_id",
            "intent",
            pl.col("outcome") if real else pl.col("outcome").fill_null(UNFINISHED),
        )
        if not real:
            lost = _sessions_without_steps(data)
            start = sessions.height
            sessions = pl.concat(
                [
                    sessions,
                    lost.with_row_index("session", start).select(sessions.columns).cast(sessions.schema),
                ]
            )
        numbered = data.steps.join(
            sessions.select("session", "session_id"), on="session_id", maintain_order="left"
        )
        steps = numbered.select(
            "session",
            pl.col("step").cast(pl.UInt32),
            "action_type",
            pl.col("action_name").alias("name"),
            pl.col("action_text").alias("query"),
            "category",
            "url",
            "page_id",
            "elapsed",
            "timestamp",
        ).with_columns(elapsed=_elapsed())
        steps = _with_categories(steps)
        typed = pl.col("query").is_not_null()
        if steps.filter(typed & (pl.col("category") == QUERY)).height:
            typed &= pl.col("category") == QUERY
        texts = steps.filter(typed)["query"].unique()
        folded = pl.DataFrame({"query": texts, "folded": [fold_text(text) for text in texts]})
        steps = (
            steps.with_columns(query=pl.when(typed).then("query"))
            .join(folded, on="query", how="left", maintain_order="left")
            .with_columns(query=pl.col("folded"), page=_page(steps))
            .select(*STEPS_SCHEMA)
        )
        return cls(name or data.path.name, _cast(sessions, SESSIONS_SCHEMA), _cast(steps, STEPS_SCHEMA))


def _cast(table: pl.DataFrame, schema: dict[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    return table.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _sessions_without_steps(data: DataSet) -> pl.DataFrame:
    """Sessions of a rollout that failed before their first step: they are in its report only."""
    schema = {"session_id": pl.String, "user_id": pl.String, "intent": pl.String, "outcome": pl.String}
    file = data.path / ROLLOUT_REPORT
    if data.card.source != ROLLOUT or not data.is_whole or not file.exists():
        return pl.DataFrame(schema=schema)
    try:
        found = [str(row["session_id"]) for row in json.loads(file.read_bytes())["sessions"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"cannot be read: {error}",
            file=file,
            expected="the report of `facsim rollout`",
            remedy="It names the sessions that failed before their first step",
        ) from None
    known = set(data.session_ids)
    rows = [(one, one, None, UNFINISHED) for one in found if one not in known]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _elapsed() -> pl.Expr:
    """Seconds since the session began: as recorded, or from the times of its steps."""
    since = (pl.col("timestamp") - pl.col("timestamp").min().over("session")).dt.total_microseconds() / 1e6
    return pl.coalesce("elapsed", since)


def _page(steps: pl.DataFrame) -> pl.Expr:
    """The address of the page, or its content; null if neither was recorded."""
    if steps["url"].null_count() < steps.height:
        return pl.col("url")
    return pl.col("page_id") if steps["page_id"].n_unique() > 1 else pl.lit(None, pl.String)


def _with_categories(steps: pl.DataFrame) -> pl.DataFrame:
    """Steps without a category get that of the built-in rules, which see only the action and the address."""
    keys = ["action_type", "name", "query", "url"]
    lacking = steps.filter(pl.col("category").is_null()).select(keys).unique(maintain_order=True)
    if lacking.is_empty():
        return steps
    rules = CategoryRules.default()
    found = [
        rules.category(Action(kind, name, text if kind == "type_and_submit" else None), None, url)
        for kind, name, text, url in lacking.iter_rows()
    ]
    known = lacking.with_columns(ruled=pl.Series(found, dtype=pl.String))
    return steps.join(known, on=keys, how="left", nulls_equal=True, maintain_order="left").with_columns(
        category=pl.coalesce("category", "ruled")
    )
