"""`facsim fidelity`: how close produced sessions are to those of people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators


def command(
    real: Path,
    /,
    *rollouts: Path,
    walker: Path | None = None,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    resamples: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 2_000,
    seed: int = 0,
    format: Literal["table", "csv", "json"] = "table",
) -> int:
    """Measure how close simulated people are to real ones, from whole sessions.

    Compares length, outcome, funnel, categories, transitions, queries, filters, revisits, products and times.
    A score of 0 is as different as people from themselves, 1 as a uniform walker. Baselines are made from the
    people's own sessions: the walker, a Markov chain, and one half of the people against the other. Sessions
    are paired where rollouts took persona and intent from them. Failed and limited rollouts count.

    Args:
        real: The data set of people.
        rollouts: Data sets of produced sessions. Without any, only the baselines are compared.
        walker: A data set of a uniform walker on the same site, whose score is then 1.
        out: A folder for the report as HTML, Markdown, CSV, LaTeX and JSON.
        resamples: Resamples of the bootstrap and of the permutation tests.
        seed: Seed of both, and of the baselines.
        format: A table for the terminal, or every number as CSV or JSON.
    """
    import sys

    from facsim.cli.console import console, errors, progress_bar
    from facsim.fidelity import measure_fidelity
    from facsim.report import fidelity_csv, fidelity_table, save_fidelity

    with progress_bar("Comparing") as progress:
        report = measure_fidelity(
            real, *rollouts, walker=walker, resamples=resamples, seed=seed, progress=progress
        )
    if format == "table":
        console.print(fidelity_table(report))
    else:
        sys.stdout.write(fidelity_csv(report) if format == "csv" else report.to_json())
    for file in save_fidelity(report, out) if out is not None else ():
        errors.print(str(file), highlight=False, markup=False)
    return 0
