"""Compares runs on disk, on the test cases that all of them answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import polars as pl

from facsim.evaluation.common_steps import open_runs
from facsim.evaluation.run import Run
from facsim.metrics import Cluster, Comparison, Rule, compare_many
from facsim.util.errors import ConfigError
from facsim.util.setting_differences import setting_differences

_KEY = ("session_id", "step")
_OFFER = ", or only the steps that all of them answered with --common-steps (in Python common_steps=True)"


def compare(
    runs: Sequence[Run | str | Path],
    *,
    common_steps: bool = False,
    pairs: Literal["all", "best"] = "all",
    rule: Rule = "exact",
    resamples: int = 10_000,
    seed: int = 0,
    cluster: Cluster = "session",
    level: float = 0.95,
) -> tuple[Comparison, ...]:
    """Compare runs pair by pair on the same steps, with p-values Holm-corrected over the pairs.

    Args:
        runs: runs, or their folders; at least two.
        common_steps: compare runs that answered different steps of the same data on those that all answered.
        pairs: `all`, or only the `best` run with each other one.
        rule: the matching rule: `exact`, `equivalent` or `target`.
        resamples: resamples of the bootstrap and of the permutation test.
        seed: seed of both.
        cluster: the unit whose steps are not independent of each other: `session` or `user`.
        level: confidence level of the intervals.

    Returns:
        One comparison per pair, in the order of `runs`; see `facsim.metrics.compare_many`.

    Raises:
        ConfigError: if runs answered different steps, naming which and in what they differ, or one is
            unfinished.
        InputError: if a folder is not a run.
    """
    return compare_many(
        comparable_cases(open_runs(runs, common_steps=common_steps)),
        pairs=pairs,
        rule=rule,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        level=level,
    )


def comparable_cases(runs: Sequence[Run]) -> dict[str, pl.DataFrame]:
    """The test cases of each run by its label, after checking that they are the same steps.

    What counts is what was answered: runs whose splits have different names but the same sessions are
    comparable.

    Raises:
        ConfigError: if a run is unfinished, or runs answered different steps or other data.
    """
    cases = dict(zip(run_labels(runs), (run.cases() for run in runs), strict=True))
    check_comparable(runs, list(cases.values()))
    return cases


def check_comparable(runs: Sequence[Run], cases: Sequence[pl.DataFrame]) -> None:
    """Check that runs are finished and answered the same steps of the same data.

    Args:
        runs: the runs, at least one.
        cases: the test cases of each, by session and step.

    Raises:
        ConfigError: if a run is unfinished, or runs answered different steps or other data.
    """
    for run, found in zip(runs, cases, strict=True):
        if found.height < run.config.counts.cases:
            raise ConfigError(
                f"{run.location} is unfinished: {found.height} of {run.config.counts.cases} steps are "
                "answered. Finish it with --resume"
            )
    first = runs[0]
    steps = cases[0].select(_KEY)
    for run, found in zip(runs, cases, strict=True):
        one, other = first.config.identity.cases, run.config.identity.cases
        if one.content_hash == other.content_hash and steps.equals(found.select(_KEY)):
            continue
        listed = setting_differences(one.model_dump(), other.model_dump())
        what = "; ".join(f"{key} {before!r} and {after!r}" for key, before, after in listed)
        raise ConfigError(
            f"{first.location} and {run.location} did not answer the same steps: "
            f"{what or 'other steps of one data set'}. "
            "Compare runs of the same data, part, split, first step and limit"
            + (_OFFER if one.content_hash == other.content_hash else "")
        )


def run_labels(runs: Sequence[Run]) -> list[str]:
    """A short unique label for each run: its folder's name, or as much of its path as makes it unique.

    Raises:
        ConfigError: if a run is given twice.
    """
    paths = [Path(run.location).resolve() for run in runs]
    repeated = [path for path, count in Counter(paths).items() if count > 1]
    if repeated:
        raise ConfigError(f"{repeated[0]} is given twice")
    depth = 1
    while len(set(names := [_last_parts(path, depth) for path in paths])) < len(paths):
        depth += 1
    return names


def _last_parts(path: Path, depth: int) -> str:
    return "/".join(path.parts[-depth:])
