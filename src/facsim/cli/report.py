"""`facsim report`: the leaderboard of runs on the terminal, or a report as a file."""

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
    fidelity: Path | None = None,
) -> int:
    """Report on runs over the same steps: which is best, whether that is significant, and why.

    Without options the leaderboard is printed. With `-o report.html` everything goes into one HTML file that
    opens anywhere and loads nothing. Folders that hold no run are skipped with a note.

    Args:
        runs: One or more run folders.
        rule: When a prediction counts as correct: type, name and text are equal; or, equivalent, the
            destination and the folded text; or, target, type and name.
        out: The file to write. Its suffix (.html, .md, .csv, .json or .tex) or --format gives the format.
        format: What to write or print: the leaderboard as a table, an HTML page, Markdown, every number as
            CSV or JSON, or LaTeX tables.
        figures: A folder for the figures as SVG files for a paper.
        common_steps: Compare runs that answered different steps of the same data, as with --limit, on those
            that all answered.
        fidelity: A folder that `facsim fidelity --out` wrote, to be shown as a section of the HTML page.
        published: Also show published results on shopcart, opera, opera-full or shop-r1 in a separate table.
    """
    import sys

    from facsim.cli.console import console, progress_bar
    from facsim.cli.run_folders import existing_runs
    from facsim.report import build_report, leaderboard
    from facsim.util.errors import ConfigError

    if out is not None and format == "table":
        raise ConfigError(f"{out}: a table is for the terminal. Omit --out or --format")
    folders = existing_runs(runs)
    if out is None and figures is None and format in (None, "table"):
        console.print(
            leaderboard(folders, rule=rule, published=published, common_steps=common_steps).to_table()
        )
        return 0
    with progress_bar("Reading runs") as progress:
        report = build_report(
            folders,
            rule=rule,
            published=published,
            common_steps=common_steps,
            fidelity=fidelity,
            progress=progress,
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
