"""The report with its outputs: HTML, Markdown, CSV, LaTeX and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from facsim.report.exports import csv, json_text, latex, markdown
from facsim.report.figures import save_figures
from facsim.report.html_page import html_page
from facsim.report.report_data import ReportData
from facsim.util.errors import ConfigError
from facsim.util.files import write_atomically
from facsim.util.notebook_html import figure, paragraph

Format = Literal["html", "md", "csv", "json", "tex"]

FORMATS: Final[Mapping[str, Format]] = {
    ".html": "html",
    ".htm": "html",
    ".md": "md",
    ".csv": "csv",
    ".json": "json",
    ".tex": "tex",
}
"""Output formats by file suffix."""


@dataclass(frozen=True)
class Report(ReportData):
    """Runs over the same steps, compared in every respect. Made by `build_report`.

    The attributes are those of `ReportData`.
    """

    def to_html(self) -> str:
        """One self-contained HTML file: no network, and readable without scripts."""
        return html_page(self)

    def to_markdown(self) -> str:
        """The headline and the tables as GitHub-flavoured Markdown."""
        return markdown(self)

    def to_csv(self) -> str:
        """Every number of every run, one per line: run, table, row, metric, value, low, high, n."""
        return csv(self)

    def to_json(self) -> str:
        """Headline, leaderboard, comparisons and all metrics with their intervals, as JSON."""
        return json_text(self)

    def to_latex(self) -> str:
        """The leaderboard and the breakdown as LaTeX tables (booktabs)."""
        return latex(self)

    def __repr__(self) -> str:
        return f"Report({self.headline.title!r}, {len(self.entries)} runs)"

    def _repr_html_(self) -> str:
        """For notebooks: the result in words, and the leaderboard."""
        title = paragraph("", strong=self.headline.title)
        sentences = "".join(paragraph(sentence) for sentence in self.headline.sentences)
        return figure(title, sentences, self.board._repr_html_())

    def render(self, format: Format) -> str:
        """The output in a format: `html`, `md`, `csv`, `json` or `tex`."""
        outputs = {
            "html": self.to_html,
            "md": self.to_markdown,
            "csv": self.to_csv,
            "json": self.to_json,
            "tex": self.to_latex,
        }
        return outputs[format]()

    def save(self, file: str | Path, format: Format | None = None) -> Path:
        """Write one output to a file, atomically.

        Args:
            file: the file to write.
            format: `html`, `md`, `csv`, `json` or `tex`; by default the suffix of the file decides.

        Raises:
            ConfigError: if no format is given and the suffix is unknown.
            FacsimError: if the file cannot be written.
        """
        file = Path(file)
        chosen = format or FORMATS.get(file.suffix.lower())
        if chosen is None:
            known = ", ".join(FORMATS)
            raise ConfigError(f"{file}: unknown suffix; expected one of {known}, or give a format")
        if not file.parent.is_dir():
            raise ConfigError(f"{file}: there is no folder {file.parent}. Make it first")
        write_atomically(file, self.render(chosen))
        return file

    def save_figures(self, folder: str | Path) -> list[Path]:
        """Write the figures as SVG files for a paper.

        Returns:
            The files written.

        Raises:
            FacsimError: if one cannot be written.
        """
        return save_figures(self, Path(folder))
