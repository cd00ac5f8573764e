"""`facsim compare`: runs against each other, on the same steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def command(
    *runs: Path,
    common_steps: Annotated[bool, Parameter(negative="")] = False,
    pairs: Literal["all", "best"] = "all",
    rule: Literal["exact", "equivalent", "target"] = "exact",
    cluster: Literal["session", "user"] = "session",
    resamples: int = 10_000,
    seed: int = 0,
) -> int:
    """Compare runs pairwise on the same steps.

    Prints each pair's difference in accuracy with its interval, McNemar's test, and a permutation test that
    respects sessions, Holm-corrected over the pairs. Runs that answered different steps are refused.

    Args:
        runs: Two or more run folders.
        common_steps: Compare runs that answered different steps of the same data, as with --limit, on those
            that all answered.
        pairs: Every pair, or only the best run with each other one.
        rule: By which a prediction counts as right.
        cluster: What is not independent of itself.
        resamples: Of the bootstrap and of the permutation test.
        seed: Of both.
    """
    from facsim.cli.console import console
    from facsim.evaluation import compare
    from facsim.report import comparison_table

    found = compare(
        runs,
        common_steps=common_steps,
        pairs=pairs,
        rule=rule,
        cluster=cluster,
        resamples=resamples,
        seed=seed,
    )
    console.print(comparison_table(found, common_steps=common_steps))
    return 0
