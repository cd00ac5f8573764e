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
    """Replay sessions in a local browser, at http://127.0.0.1:PORT/. Ctrl-C stops it.

    Every step shows the observed page, the true action, and the prediction of every run. A rollout that is
    still running is shown as far as it is, and followed.

    Args:
        data: The data set folder; also the one that a running rollout will write.
        runs: Run folders over the same data set.
        port: Port on 127.0.0.1; 0 picks a free one.
        open: Open the page in the browser.
    """
    from facsim.cli.console import console
    from facsim.cli.run_folders import existing_runs
    from facsim.view import serve

    def announce(line: str) -> None:
        console.print(f"{line}  (Ctrl-C stops it)", highlight=False, markup=False)

    serve(data, existing_runs(runs), port=port, open_browser=open, announce=announce)
    return 0
