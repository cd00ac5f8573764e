"""`facsim ab`: the effect of a change of a site on simulated people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators


def command(
    site_a: str,
    site_b: str,
    predictor: str,
    /,
    *,
    sessions: Annotated[int, Parameter(name=["--sessions", "-n"], validator=validators.Number(gte=2))] = 400,
    out: Path | None = None,
    people: Path | None = None,
    train: Path | None = None,
    seed: int = 0,
    workers: int = 1,
    resume: Annotated[bool, Parameter(negative="")] = False,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    effect: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 0.1,
    format: Literal["table", "csv", "json"] = "table",
) -> int:
    """Test a change of a site with simulated people: conversion, searches, length, revenue, categories.

    The same people with the same random numbers visit both sites. Site A is visited twice first (A/A): where
    that finds an effect, the test is no good, and the exit code is 1. With --dry-run nothing is asked: the
    plan says what the test can find and how many sessions an effect needs, from sessions of people.

    Args:
        site_a: The site as it is, such as `shop`.
        site_b: The site with the change, such as `shop:few_filters`.
        predictor: Who visits it, as for `facsim evaluate`.
        sessions: Sessions in each of the three arms. Four times as many halve the errors.
        out: A folder for the three data sets of sessions.
        people: Whose personas and intents the sessions have: a data set, or a personas file. Default: the
            shop's own people.
        train: A data set that the predictor is fitted on, if it learns.
        seed: Seed of the random numbers.
        workers: Number of processes.
        resume: Continue an unfinished test.
        overwrite: Replace a test with other settings in the same folder.
        dry_run: Only plan. Needs --people, a data set.
        effect: For the plan: the effect to be found, as a share of the mean.
        format: A table for the terminal, or every number as CSV or JSON.
    """
    import sys

    from facsim.cli.console import console, progress_bar
    from facsim.fidelity import ab_test, plan_ab_test
    from facsim.report import ab_csv, ab_plan_table, ab_table
    from facsim.util.errors import ConfigError

    if dry_run:
        if people is None or format == "csv":
            raise ConfigError("--dry-run needs --people DATA, sessions of people, and prints a table or JSON")
        plan = plan_ab_test(site_a, site_b, predictor, sessions=sessions, people=people, relative=effect)
        if format == "json":
            sys.stdout.write(plan.to_json())
        else:
            console.print(ab_plan_table(plan))
        return 0
    if out is None:
        raise ConfigError("where to? Give --out FOLDER for the sessions, or --dry-run for a plan")
    with progress_bar("Testing") as progress:
        report = ab_test(
            site_a,
            site_b,
            predictor,
            sessions=sessions,
            out=out,
            people=people,
            train=train,
            seed=seed,
            workers=workers,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
        )
    if format == "table":
        console.print(ab_table(report))
    else:
        sys.stdout.write(ab_csv(report) if format == "csv" else report.to_json())
    return 1 if report.found_in_aa else 0
