"""A fidelity report as a folder of files."""

from __future__ import annotations

from pathlib import Path

from facsim.fidelity import FidelityReport
from facsim.fidelity.fidelity_report import FIDELITY_FILE
from facsim.report.fidelity_html import fidelity_page
from facsim.report.fidelity_tables import fidelity_csv, fidelity_latex, fidelity_markdown
from facsim.util.errors import FacsimError
from facsim.util.files import write_atomically


def save_fidelity(report: FidelityReport, folder: str | Path) -> list[Path]:
    """Write `fidelity.json`, `.md`, `.csv`, `.tex` and `.html` into a folder, which is made if need be.

    Raises:
        FacsimError: if one cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FacsimError(f"{folder}: cannot be made: {error.strerror}") from error
    contents = {
        FIDELITY_FILE: report.to_json(),
        "fidelity.md": fidelity_markdown(report),
        "fidelity.csv": fidelity_csv(report),
        "fidelity.tex": fidelity_latex(report),
        "fidelity.html": fidelity_page(report),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]
