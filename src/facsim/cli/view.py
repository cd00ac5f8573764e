"""`facsim view`: sessions replayed, predictions side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def command(
    data: Path,
    *runs: Path,
    port: int = 8421,
    open: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Replay sessions in a browser on this machine, at http://127.0.0.1:PORT/. Ctrl-C ends it.

    Every step shows the page as the person saw it, what they did there, and what every run predicted.

    Args:
        data: The data set folder.
        runs: Run folders over the same data set.
        port: Of 127.0.0.1; 0 takes one that is free.
        open: Open it in the browser.
    """
    from facsim.cli.console import console
    from facsim.view import serve

    def announce(line: str) -> None:
        console.print(f"{line}  (Ctrl-C ends it)", highlight=False, markup=False)

    serve(data, runs, port=port, open_browser=open, announce=announce)
    return 0
