"""`facsim compare`: runs against each other, on the same steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators


def command(
    *runs: Path,
    common_steps: Annotated[bool, Parameter(negative="")] = False,
    pairs: Literal["all", "best"] = "all",
    rule: Literal["exact", "equivalent", "target"] = "exact",
    cluster: Literal["session", "user"] = "session",
    resamples: int = 10_000,
    seed: int = 0,
    level: Annotated[float, Parameter(validator=validators.Number(gt=0, lt=1))] = 0.95,
    format: Literal["table", "csv", "json"] = "table",
) -> int:
    """Compare runs pairwise on the same steps.

    Prints each pair's difference in accuracy with its interval, McNemar's test, and a permutation test that
    respects sessions, Holm-corrected over the pairs. Runs that answered different steps are refused.

    Args:
        runs: Two or more run folders.
        common_steps: Compare runs that answered different steps of the same data, as with --limit, on those
            that all answered.
        pairs: Every pair, or only the best run with each other one.
        rule: When a prediction counts as correct.
        cluster: The unit whose steps are not independent of each other.
        resamples: Resamples of the bootstrap and of the permutation test.
        seed: Seed of both.
        level: Confidence level of the intervals.
        format: A table for the terminal, or every number as CSV or JSON.
    """
    import sys

    from facsim.cli.console import console
    from facsim.cli.run_folders import existing_runs
    from facsim.evaluation import compare
    from facsim.report import comparison_table
    from facsim.report.comparison_exports import comparisons_csv, comparisons_json

    found = compare(
        existing_runs(runs),
        common_steps=common_steps,
        pairs=pairs,
        rule=rule,
        cluster=cluster,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    if format == "table":
        console.print(comparison_table(found, common_steps=common_steps))
    else:
        sys.stdout.write(comparisons_csv(found) if format == "csv" else comparisons_json(found))
    return 0
