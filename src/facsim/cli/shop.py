"""`facsim shop`: the embedded shop and its simulated shoppers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="shop", help="The embedded shop and its simulated shoppers.")


@app.command
def sample(
    *,
    out: Path,
    sessions: Annotated[int, Parameter(name=["--sessions", "-n"])] = 400,
    seed: int = 0,
    workers: int = 1,
    overwrite: bool = False,
) -> int:
    """Write a data set of simulated shoppers: pages, actions and reasons.

    Args:
        out: the folder to write.
        sessions: how many visits.
        seed: decides everything: same seed, same bytes, on any number of workers.
        workers: processes.
        overwrite: replace a data set that is there.
    """
    from facsim.cli.console import console, progress_bar
    from facsim.shop import sample as sample_shop

    with progress_bar("Shopping") as progress:
        data = sample_shop(sessions, seed, out, workers=workers, overwrite=overwrite, progress=progress)
    card = data.card
    console.print(
        f"{out}: {card.sessions} sessions, {card.steps} steps, {card.pages} pages, {card.users} shoppers",
        highlight=False,
    )
    return 0
