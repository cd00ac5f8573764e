"""`facsim report`: the leaderboard of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def command(
    *runs: Path,
    rule: Literal["exact", "equivalent", "target"] = "exact",
    format: Literal["table", "md"] = "table",
    published: str | None = None,
) -> int:
    """Print the leaderboard of runs over the same steps.

    The best run is marked, and every run that a paired test cannot tell from it.

    Args:
        runs: One or more run folders.
        rule: By which a prediction counts as right: type, name and text; or, equivalent, the same destination
            and folded text; or, target, type and name.
        format: A table for the terminal, or Markdown.
        published: Also show what others published about shopcart or opera, apart and never ranked.
    """
    import sys

    from facsim.cli.console import console
    from facsim.report import leaderboard

    board = leaderboard(runs, rule=rule, published=published)
    if format == "md":
        sys.stdout.write(board.to_markdown())
    else:
        console.print(board.to_table())
    return 0
