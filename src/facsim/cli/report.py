"""`facsim report`: what is to be said of runs, on the terminal or as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def command(
    *runs: Path,
    rule: Literal["exact", "equivalent", "target"] = "exact",
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    format: Literal["table", "html", "md", "csv", "json", "tex"] | None = None,
    figures: Path | None = None,
    published: str | None = None,
    common_steps: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Report on runs over the same steps: who is best, whether that is sure, and why.

    Without options the leaderboard is printed. With `-o report.html` everything goes into one HTML file that
    opens anywhere and loads nothing.

    Args:
        runs: One or more run folders.
        rule: By which a prediction counts as right: type, name and text; or, equivalent, the same destination
            and folded text; or, target, type and name.
        out: The file to write. Its name ends in .html, .md, .csv or .tex, or --format tells.
        format: What to write or print: the leaderboard as a table, an HTML page, Markdown, CSV with every
            number, or LaTeX tables.
        figures: A folder for the figures as SVG, fit for a paper.
        common_steps: Compare runs that answered different steps of the same data, as with --limit, on those
            that all answered.
        published: Also show what others published about shopcart or opera, apart and never ranked.
    """
    import sys

    from facsim.cli.console import console, progress_bar
    from facsim.report import build_report, leaderboard
    from facsim.util.errors import ConfigError

    if out is not None and format == "table":
        raise ConfigError(f"{out}: a table is for the terminal. Leave --out or --format out")
    if out is None and figures is None and format in (None, "table"):
        console.print(leaderboard(runs, rule=rule, published=published, common_steps=common_steps).to_table())
        return 0
    with progress_bar("Reading runs") as progress:
        report = build_report(
            runs, rule=rule, published=published, common_steps=common_steps, progress=progress
        )
    if format == "table":
        console.print(report.board.to_table())
    elif out is not None:
        console.print(f"{report.save(out, format)}: {report.headline.title}", highlight=False, markup=False)
    elif format is not None:
        sys.stdout.write(report.render(format))
    for file in report.save_figures(figures) if figures is not None else ():
        console.print(str(file), highlight=False, markup=False)
    return 0
