"""Metrics of a run: numbers with intervals, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from facsim.util.dataframes import to_pandas
from facsim.util.notebook_html import HtmlCell, figure, paragraph, scrolled, table
from facsim.util.validation import first_problem

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Cluster = Literal["session", "user"]
TableRow = Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its confidence interval.

    Attributes:
        value: the number.
        low: low end of its interval; None if it has none (a total, or a single cluster).
        high: high end of its interval.
        n: how many units it is measured on: steps, or sessions for a mean over sessions.
        clusters: how many clusters these units are in.
        note: how the interval was computed, if not in the usual way.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    clusters: int
    note: str | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.4g}"
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True)
class Metrics(Mapping[str, Estimate]):
    """All metrics of one run: a mapping from the names in `METRICS` to estimates, and tables.

    A metric that is undefined for the run (outcome without known outcomes, calibration without probabilities)
    is absent: `"outcome_f1" in metrics` is False, and `metrics.get("outcome_f1")` is None.

    Attributes:
        estimates: by name, in the order of `METRICS`.
        tables: by name, each a sequence of rows: `types`, `categories`, `errors`, `type_confusion`,
            `category_confusion`, `calibration`.
        steps: test cases.
        sessions: sessions with a test case.
        users: users with a test case.
        cluster: unit of resampling, `session` or `user`.
        resamples: how many resamples.
        seed: of the resamples.
        level: confidence level of the intervals.
    """

    estimates: Mapping[str, Estimate]
    tables: Mapping[str, tuple[TableRow, ...]] = field(repr=False)
    steps: int
    sessions: int
    users: int
    cluster: Cluster
    resamples: int
    seed: int
    level: float

    def __getitem__(self, name: str) -> Estimate:
        try:
            return self.estimates[name]
        except KeyError:
            raise KeyError(f"{name}: no such metric, or undefined for this run") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.estimates)

    def __len__(self) -> int:
        return len(self.estimates)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values. The same cases and settings give the same values in the same order."""
        return {
            "steps": self.steps,
            "sessions": self.sessions,
            "users": self.users,
            "cluster": self.cluster,
            "resamples": self.resamples,
            "seed": self.seed,
            "level": self.level,
            "estimates": {name: asdict(estimate) for name, estimate in self.estimates.items()},
            "tables": {name: [dict(row) for row in rows] for name, rows in self.tables.items()},
        }

    def to_polars(self) -> pl.DataFrame:
        """One row per metric. Columns: name, value, low, high, n, clusters, note."""
        import polars as pl  # noqa: PLC0415 - slow to import

        schema = {"name": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
        schema |= {"n": pl.Int64, "clusters": pl.Int64, "note": pl.String}
        return pl.DataFrame([{"name": name, **asdict(found)} for name, found in self.items()], schema=schema)

    def to_pandas(self) -> pd.DataFrame:
        """The same as a pandas data frame.

        Raises:
            ConfigError: if pandas is not installed.
        """
        return to_pandas(self.to_polars())

    def _repr_html_(self) -> str:
        """For notebooks: every metric with its interval."""
        rows = [
            [
                HtmlCell(name, mono=True),
                HtmlCell(f"{found.value:.4g}", number=True),
                HtmlCell("" if found.low is None else f"{found.low:.4g}", number=True, dim=True),
                HtmlCell("" if found.high is None else f"{found.high:.4g}", number=True, dim=True),
                HtmlCell(f"{found.n:,}", number=True, dim=True),
            ]
            for name, found in self.items()
        ]
        counts = f"{self.steps:,} steps of {self.sessions:,} sessions"
        heads = ["metric", "value", "low", "high", "of"]
        by = f"{100 * self.level:g}% intervals by {self.cluster}"
        return figure(
            paragraph(f"· {counts} · {by}", strong="Metrics"), scrolled(table(heads, rows, unit="metrics"))
        )

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises:
            ValueError: if a field is missing or has the wrong type; the message names it.
        """
        try:
            _MetricsFields.model_validate(fields)
        except ValidationError as error:
            raise ValueError(str(first_problem(error))) from None
        return cls(
            estimates={name: Estimate(**estimate) for name, estimate in fields["estimates"].items()},
            tables={name: tuple(dict(row) for row in rows) for name, rows in fields["tables"].items()},
            **{name: fields[name] for name in _SCALARS},
        )


class _EstimateFields(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    value: float
    low: float | None
    high: float | None
    n: int
    clusters: int
    note: str | None


class _MetricsFields(BaseModel):
    """The types in `Metrics.to_dict`, to check what was read from a file."""

    model_config = ConfigDict(strict=True)

    estimates: dict[str, _EstimateFields]
    tables: dict[str, list[dict[str, str | int | float | None]]]
    steps: int
    sessions: int
    users: int
    cluster: Cluster
    resamples: int
    seed: int
    level: float


_SCALARS = ("steps", "sessions", "users", "cluster", "resamples", "seed", "level")
