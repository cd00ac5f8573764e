"""The report with its outputs: HTML, Markdown, CSV, LaTeX and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from facsim.report.exports import csv, latex, markdown
from facsim.report.figures import save_figures
from facsim.report.html_page import html_page
from facsim.report.report_data import ReportData
from facsim.util.errors import ConfigError
from facsim.util.files import write_atomically

Format = Literal["html", "md", "csv", "tex"]

FORMATS: Final[Mapping[str, Format]] = {
    ".html": "html",
    ".htm": "html",
    ".md": "md",
    ".csv": "csv",
    ".tex": "tex",
}
"""What is written to a file, by the end of its name."""


@dataclass(frozen=True)
class Report(ReportData):
    """Everything there is to say about runs over the same steps. Made by `build_report`.

    The attributes are those of `ReportData`.
    """

    def to_html(self) -> str:
        """One HTML file that needs nothing else: no network, no script to be read, now or in ten years."""
        return html_page(self)

    def to_markdown(self) -> str:
        """The headline and the tables as GitHub-flavoured Markdown."""
        return markdown(self)

    def to_csv(self) -> str:
        """Every number of every run, one a line: run, table, row, metric, value, low, high, n."""
        return csv(self)

    def to_latex(self) -> str:
        """The leaderboard and the breakdown as LaTeX tables (booktabs)."""
        return latex(self)

    def render(self, format: Format) -> str:
        """As `html`, `md`, `csv` or `tex`."""
        made = {"html": self.to_html, "md": self.to_markdown, "csv": self.to_csv, "tex": self.to_latex}
        return made[format]()

    def save(self, file: str | Path, format: Format | None = None) -> Path:
        """Write one output to a file: whole, or not at all.

        Args:
            file: where to.
            format: `html`, `md`, `csv` or `tex`; as the file's name ends by default.

        Raises:
            ConfigError: if no format is given and the name does not tell one.
            FacsimError: if the file cannot be written.
        """
        file = Path(file)
        chosen = format or FORMATS.get(file.suffix.lower())
        if chosen is None:
            known = ", ".join(FORMATS)
            raise ConfigError(f"{file}: what to write is not known from its name; expected one of {known}")
        if not file.parent.is_dir():
            raise ConfigError(f"{file}: there is no folder {file.parent}. Make it first")
        write_atomically(file, self.render(chosen))
        return file

    def save_figures(self, folder: str | Path) -> list[Path]:
        """Write the figures as SVG, fit for a paper.

        Returns:
            The files written.

        Raises:
            FacsimError: if one cannot be written.
        """
        return save_figures(self, Path(folder))
