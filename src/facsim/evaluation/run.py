"""A run on disk: `config.json`, `predictions.jsonl`, `metrics.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from facsim.evaluation.answer_notes import CallFailures, answer_notes, call_failures
from facsim.evaluation.config import RunConfig
from facsim.evaluation.environment import facsim_version
from facsim.evaluation.journal import REMEDY, read_records
from facsim.evaluation.predictions_table import leniencies_of, read_predictions
from facsim.evaluation.record_lines import Record
from facsim.evaluation.run_html import run_html
from facsim.metrics import RULES, Cluster, Metrics, check_cases, compute_metrics, match_expression
from facsim.util.dataframes import to_pandas
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.files import write_atomically
from facsim.util.progress import Progress, no_progress
from facsim.util.remote_files import RemoteFolder
from facsim.util.store_addresses import as_url, require_folder

if TYPE_CHECKING:
    import pandas as pd

_FILES = ("config.json", "predictions.jsonl", "metrics.json")


class Run:
    """One predictor over one part of a data set. Open one with `Run.open(folder)`.

    Attributes:
        path: the run folder. For a run on a store, a temporary copy.
        config: its identity, and the environment it was made in.
    """

    def __init__(self, path: Path, config: RunConfig, *, remote: RemoteFolder | None = None) -> None:
        self.path, self.config, self.remote = path, config, remote  # which keeps the temporary folder

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run.

        Args:
            path: its folder, or its address on a store that fsspec knows. Its files are then copied to a
                temporary folder.

        Raises:
            ConfigError: if a store cannot be read, or has no complete run at the address.
            InputError: if it is not one.
        """
        url = as_url(path)
        if url is None:
            return cls(Path(path), RunConfig.read(Path(path)))
        remote = RemoteFolder(url, last="config.json", patterns=_FILES)
        try:
            return cls(remote.path, RunConfig.read(remote.path), remote=remote)
        except InputError as error:
            raise remote.renamed(error) from None

    @property
    def location(self) -> str:
        """The folder, or the address on a store."""
        return str(self.path) if self.remote is None else self.remote.url

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def predictor(self) -> str:
        """The spec string of the predictor."""
        return self.config.identity.predictor

    def records(self) -> list[Record]:
        """The records in predictions.jsonl in their order, without a torn last line.

        Raises:
            InputError: if the file is missing or damaged.
        """
        return list(read_records(self.path / "predictions.jsonl"))

    def cases(self) -> pl.DataFrame:
        """The answered test cases, by session and step: a table of `facsim.metrics.CASES_SCHEMA`.

        Raises:
            InputError: if predictions.jsonl is missing or damaged.
        """
        return self._read()[0]

    def leniencies(self) -> Mapping[str, int]:
        """How many answers needed each leniency to be read, the most frequent first.

        Raises:
            InputError: if predictions.jsonl is missing or damaged.
        """
        return self._read()[1]

    def predictions(self) -> pl.DataFrame:
        """The answered test cases in the order of `cases`, with rationales, raw answers and errors.

        Returns:
            The columns of `facsim.metrics.CASES_SCHEMA` and of
            `facsim.evaluation.record_lines.EXTRAS_SCHEMA`.

        Raises:
            InputError: if predictions.jsonl is missing or damaged.
        """
        return self.table().sort("session_id", "step")

    def table(self) -> pl.DataFrame:
        """`predictions` in the order of predictions.jsonl.

        Raises:
            InputError: if predictions.jsonl is missing or damaged.
        """
        return read_predictions(self.path / "predictions.jsonl")

    def to_polars(self) -> pl.DataFrame:
        """One row per test case: `predictions`, and whether each is right under the three rules.

        Columns: those of `predictions`, right_exact, right_equivalent and right_target.

        Raises:
            InputError: if predictions.jsonl is missing or damaged.
        """
        return self.predictions().with_columns(
            match_expression(rule).alias(f"right_{rule}") for rule in RULES
        )

    def to_pandas(self) -> pd.DataFrame:
        """The same as a pandas data frame.

        Raises:
            ConfigError: if pandas is not installed.
            InputError: if predictions.jsonl is missing or damaged.
        """
        return to_pandas(self.to_polars())

    def _repr_html_(self) -> str:
        """For notebooks: the headline metrics with their intervals."""
        metrics: Metrics | FacsimError
        try:
            metrics = self.metrics
        except FacsimError as error:
            metrics = error
        return run_html(self.name, self.config, metrics)

    def _read(self) -> tuple[pl.DataFrame, Mapping[str, int]]:
        """What `cases` and `leniencies` return, in one pass over predictions.jsonl."""
        table = self.table()
        cases = check_cases(table, file=self.path / "predictions.jsonl", remedy=REMEDY)
        return cases, leniencies_of(table)

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics as last computed.

        Raises:
            InputError: if the run was not scored, or metrics.json cannot be read.
        """
        file = self.path / "metrics.json"
        try:
            scored = json.loads(file.read_bytes())
            if not isinstance(scored, dict):
                raise self._bad_metrics(file, "not a JSON object")
            return Metrics.from_dict(scored["metrics"])
        except FileNotFoundError:
            raise InputError(
                "no such file", file=file, remedy=f"Compute it with `facsim score {self.path}`"
            ) from None
        except KeyError as error:
            raise self._bad_metrics(file, f"no field {error}") from None
        except (OSError, ValueError, TypeError) as error:
            raise self._bad_metrics(file, str(error)) from None

    def _bad_metrics(self, file: Path, problem: str) -> InputError:
        return InputError(
            f"cannot be read: {problem}",
            file=file,
            expected="what `facsim score` wrote",
            remedy=f"Compute it again with `facsim score {self.path}`",
        )

    @cached_property
    def failures(self) -> CallFailures | None:
        """The calls that failed for good, and their commonest cause; None if there are none.

        Raises:
            InputError: if predictions.jsonl is missing or damaged.
        """
        return call_failures(self.predictions())

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the numbers should know: missing and unreadable answers, failed calls, resumes."""
        return self.notes_on(*self._read())

    def notes_on(self, cases: pl.DataFrame, leniencies: Mapping[str, int]) -> tuple[str, ...]:
        """The `notes`, for callers that have read the run's cases and leniencies already."""
        counts, notes = self.config.counts, []
        if cases.height < counts.cases:
            notes.append(f"{cases.height} of {counts.cases} steps are answered; finish it with --resume")
        if cases["failed"].any() and self.failures:
            notes.append(str(self.failures))
        notes += answer_notes(cases, leniencies)
        if counts.sessions_without_case:
            notes.append(
                f"{counts.sessions_without_case} of {counts.sessions} sessions have a single step "
                "and no test case"
            )
        if counts.censored_sessions:
            sessions = (
                f"{counts.censored_sessions} of {counts.sessions - counts.sessions_without_case} sessions"
            )
            notes.append(
                f"{sessions} are censored, their recording just ends: outcome metrics leave them out"
            )
        first, *later = self.config.starts
        notes += [
            f"resumed {start.time:%Y-%m-%d %H:%M} UTC with other versions: {', '.join(changes)}"
            for start in later
            if (changes := first.changes(start))
        ]
        return tuple(notes)

    def __repr__(self) -> str:
        part = self.config.identity.cases
        what = f"{self.predictor} on {part.data}/{part.part}, {self.config.counts.cases} cases"
        return f"Run({self.location!r}, {what})"


def score(
    path: str | Path,
    *,
    resamples: int = 2000,
    seed: int = 0,
    cluster: Cluster = "session",
    level: float = 0.95,
    progress: Progress = no_progress,
) -> Run:
    """Compute the metrics.json of a run from its predictions.jsonl. No data set and no model is needed.

    Args:
        path: the run folder.
        resamples: bootstrap resamples for the intervals.
        seed: seed of the resampling.
        cluster: the unit of resampling: `session`, or `user` if people have several sessions.
        level: confidence level of the intervals.
        progress: called once at the start and once at the end.

    Raises:
        ConfigError: if no step is answered yet.
        InputError: if the folder is not a run, or predictions.jsonl is damaged.
    """
    require_folder(path, "a run is scored")
    run = Run.open(path)
    cases, leniencies = run._read()
    if cases.is_empty():
        raise ConfigError(f"{run.path}: no step is answered yet. Start it again with --resume")
    progress(0, cases.height, run.name)
    metrics = compute_metrics(cases, resamples=resamples, seed=seed, cluster=cluster, level=level)
    scored = {
        "facsim": facsim_version(),
        "run": run.config.digest,
        "cases": cases.height,
        "complete": cases.height == run.config.counts.cases and not cases["failed"].any(),
        "leniencies": leniencies,
        "metrics": metrics.to_dict(),
    }
    write_atomically(run.path / "metrics.json", json.dumps(scored, indent=1, ensure_ascii=False) + "\n")
    progress(cases.height, cases.height, run.name)
    return Run(run.path, run.config)
