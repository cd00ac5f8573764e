"""`facsim score`: recomputes the metrics of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def command(
    *runs: Path,
    resamples: int = 2000,
    seed: int = 0,
    cluster: Literal["session", "user"] = "session",
    level: float = 0.95,
) -> int:
    """Recompute the metrics of runs, without model calls.

    Reads predictions.jsonl and config.json, writes metrics.json. The data set is not needed.

    Args:
        runs: One or more run folders.
        resamples: Bootstrap resamples for the intervals.
        seed: Seed of the resampling.
        cluster: The unit of resampling.
        level: Confidence level of the intervals.
    """
    from facsim.cli.console import console
    from facsim.cli.run_folders import existing_runs
    from facsim.evaluation import score
    from facsim.report import run_summary
    from facsim.util.errors import ConfigError

    if not runs:
        raise ConfigError("no run given, for example runs/choice")
    for run in existing_runs(runs):
        scored = score(run, resamples=resamples, seed=seed, cluster=cluster, level=level)
        console.print(run_summary(scored))
    return 0
