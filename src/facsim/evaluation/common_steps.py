"""Runs restricted to the test cases that all of them answered, as when some were made with `--limit`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import polars as pl

from facsim.evaluation.config import CaseSelection
from facsim.evaluation.record_lines import Record
from facsim.evaluation.run import Run
from facsim.metrics import Metrics, compute_metrics
from facsim.util.errors import ConfigError

_KEY = ("session_id", "step")


class CommonStepsRun(Run):
    """A run as if only some of its test cases had been asked. Its folder is not changed.

    Args:
        run: the run.
        steps: columns session_id and step of the test cases to keep.
        cases: the selection that they are.
    """

    def __init__(self, run: Run, steps: pl.DataFrame, cases: CaseSelection) -> None:
        counts = run.config.counts.model_copy(
            update={
                "cases": steps.height,
                "sessions": steps["session_id"].n_unique(),
                "sessions_without_case": 0,
                "censored_sessions": 0,
            }
        )
        identity = run.config.identity.model_copy(update={"cases": cases})
        config = run.config.model_copy(update={"counts": counts, "identity": identity})
        super().__init__(run.path, config, remote=run.remote)
        self._run, self._steps = run, steps

    def table(self) -> pl.DataFrame:
        """The kept predictions."""
        return self._run.table().join(self._steps, on=_KEY, how="semi", maintain_order="left")

    def records(self) -> list[Record]:
        """The kept records."""
        kept = set(self._steps.select(_KEY).iter_rows())
        return [one for one in self._run.records() if (one["session_id"], one["step"]) in kept]

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics of the kept test cases, with the settings that the run was scored with."""
        scored = self._run.metrics
        return compute_metrics(
            self.cases(),
            resamples=scored.resamples,
            seed=scored.seed,
            cluster=scored.cluster,
            level=scored.level,
        )


def open_runs(runs: Sequence[Run | str | Path], *, common_steps: bool = False) -> list[Run]:
    """Open runs, and restrict them to the test cases that all of them answered if asked to.

    Args:
        runs: runs, or their folders.
        common_steps: whether to restrict them. Runs that answered the same steps stay as they are.

    Raises:
        ConfigError: if runs to restrict are of different data, or have no step in common.
        InputError: if a folder is not a run.
    """
    opened = [run if isinstance(run, Run) else Run.open(run) for run in runs]
    if not common_steps or len(opened) < 2:
        return opened
    first = opened[0].config.identity.cases
    for run in opened:
        if run.config.identity.cases.content_hash != first.content_hash:
            raise ConfigError(
                f"{opened[0].location} and {run.location} are of different data: they have no step in common"
            )
    answered = [run.cases().select(_KEY) for run in opened]
    common = answered[0]
    for steps in answered[1:]:
        common = common.join(steps, on=_KEY, how="semi", maintain_order="left")
    if common.is_empty():
        raise ConfigError(f"no step was answered by all of {', '.join(run.location for run in opened)}")
    if all(steps.height == common.height for steps in answered):
        return opened
    # Where one run was asked no more than the common steps, its selection describes them.
    smallest = min(opened, key=lambda run: run.config.counts.cases).config.identity.cases
    return [CommonStepsRun(run, common, smallest) for run in opened]
