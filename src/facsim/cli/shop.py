"""`facsim shop`: the embedded shop and its simulated shoppers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

app = App(name="shop", help="The embedded shop and its simulated shoppers.")


@app.command
def serve(*, seed: int = 0, variant: str = "standard", port: int = 8000, state: Path | None = None) -> int:
    """Serve the shop to a browser on this machine, at http://127.0.0.1:PORT/. Ctrl-C ends it.

    Args:
        seed: Seed of the catalogue.
        variant: Name of the shop's design, such as `no_ratings`.
        port: Port on 127.0.0.1.
        state: SQLite file to keep carts and orders in. Default: a temporary one.
    """
    from facsim.cli.console import console
    from facsim.shop.storefront.server import serve as serve_shop

    def announce(line: str) -> None:
        console.print(line, highlight=False, markup=False)

    serve_shop(seed=seed, design=variant, port=port, state=state, announce=announce)
    return 0


@app.command
def sample(
    *,
    out: Path,
    sessions: Annotated[int, Parameter(name=["--sessions", "-n"])] = 400,
    seed: int = 0,
    variant: str = "standard",
    workers: int | None = None,
    on: str | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write a data set of simulated shoppers: pages, actions, rationales and their true probabilities.

    Args:
        out: The data set folder to create.
        sessions: Number of sessions.
        seed: Determines everything: same seed, same bytes, on any number of workers.
        variant: Name of the shop's design, such as `no_ratings`. The same people visit each design.
        workers: Number of processes. Default: 1; with --on, every core of the cluster.
        on: ray, or ray://HOST:PORT: simulate on a Ray cluster.
        overwrite: Replace an existing data set.
    """
    from facsim.cli.console import console, progress_bar
    from facsim.shop import write_sample

    with progress_bar("Sampling sessions") as progress:
        card = write_sample(
            sessions,
            seed,
            out,
            variant=variant,
            workers=workers,
            on=on,
            overwrite=overwrite,
            progress=progress,
        )
    console.print(
        f"{out}: {card.sessions} sessions, {card.steps} steps, {card.pages} pages, {card.users} shoppers",
        highlight=False,
    )
    return 0


@app.command
def effect(
    a: str,
    b: str,
    /,
    *,
    sessions: Annotated[int, Parameter(name=["--sessions", "-n"])] = 5_000,
    seed: int = 0,
    workers: int = 1,
    format: Literal["table", "json"] = "table",
) -> int:
    """The effect of design B compared with design A on conversion, searches, session length and revenue.

    The same shoppers visit both designs with the same random numbers, so errors are those of paired
    differences.

    Args:
        a: Name of the first design, such as `standard`.
        b: Name of the second, such as `no_ratings`.
        sessions: Sessions to simulate in each design. Four times as many halve the errors.
        seed: Seed of the shop, its people and their random numbers.
        workers: Number of processes. The result does not depend on it.
        format: A table, or JSON.
    """
    import json

    from facsim.cli.console import console, progress_bar
    from facsim.report import effect_table
    from facsim.shop import design_effect

    with progress_bar(f"{a} and {b}") as progress:
        found = design_effect(a, b, sessions=sessions, seed=seed, workers=workers, progress=progress)
    if format == "json":
        console.print_json(json.dumps(found.to_dict()))
    else:
        console.print(effect_table(found))
    return 0


@app.command
def designs() -> int:
    """List the designs of the shop."""
    from facsim.cli.console import console
    from facsim.shop import DESIGNS

    for design in DESIGNS.values():
        console.print(f"{design.name:<16}{design.about}", highlight=False)
    return 0
