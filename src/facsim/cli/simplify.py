"""`facsim simplify`: raw HTML to simplified pages with named elements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def command(
    path: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    *,
    out: Path | None = None,
    elements: Literal["json"] | None = None,
    recipe: Path | None = None,
    workers: Annotated[int | None, Parameter(name=["--workers", "-w"])] = None,
    on: str | None = None,
) -> int:
    """Simplify raw HTML and name every element that a person can act on.

    Args:
        path: An HTML file, a folder with HTML files at any depth, or `-` for standard input.
        out: Where to write: a file for one page (default: standard output), a folder for many.
        elements: Write the named elements as JSON instead of the page.
        recipe: YAML file with hints for the site.
        workers: Number of processes, for a folder. The result does not depend on it. Default: 1; with --on,
            every core of the cluster.
        on: ray, or ray://HOST:PORT: simplify a folder on a Ray cluster whose nodes all see it.
    """
    from facsim.cli.console import errors, progress_bar
    from facsim.page import Recipe
    from facsim.page.batch import simplify_folder, simplify_one
    from facsim.util.errors import ConfigError

    hints = Recipe.read(recipe) if recipe else None
    if hints and hints.sites:
        raise ConfigError(
            f"{recipe}: recipes of several sites are chosen by a page's address, and saved pages have none; "
            "give the file of one site"
        )
    if not path.is_dir():
        simplify_one(path, out, elements=elements == "json", recipe=hints)
        return 0
    with progress_bar("Simplifying") as progress:
        report = simplify_folder(
            path,
            out,
            elements=elements == "json",
            recipe=hints,
            workers=workers,
            on=on,
            progress=progress,
        )
    errors.print(f"{report.written} pages written to {out}", highlight=False)
    for file, problem in report.refused.items():
        errors.print(f"{file}: {problem}", style="red", highlight=False, markup=False)
    return 1 if report.refused else 0
