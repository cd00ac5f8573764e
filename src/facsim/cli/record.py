"""`facsim record`: a person's browsing, with their consent, to a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="record", help="Record people's browsing, with their consent, as a data set.")


@app.default
def command(
    study: Path,
    *,
    out: Path,
    browser: Annotated[bool, Parameter(negative="")] = False,
    participant: str | None = None,
) -> int:
    """Record people's browsing, with their consent, as a data set.

    The browser extension sends what it records to this program, on this machine only. Ctrl-C (or SIGTERM)
    ends the recording and writes the data set. The same command continues it later.

    Args:
        study: YAML file of the study: its sites and what participants are told.
        out: The data set folder. The recorded events are kept beside it, in OUT.recording.
        browser: Start Chromium with a clean profile and the extension. Closing it ends the recording.
        participant: Name or number suggested on the consent page, with --browser.
    """
    import signal
    import threading

    from rich.markdown import Markdown

    from facsim.cli.console import console, progress_bar
    from facsim.record import Study, record
    from facsim.util.errors import ConfigError

    def announce(line: str) -> None:
        console.print(line, highlight=False, markup=False)

    if participant is not None and not browser:
        raise ConfigError("--participant is for --browser; elsewhere people enter it on the consent page")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with progress_bar("Writing sessions") as progress:
        report = record(
            Study.read(study),
            out,
            browser=browser,
            participant=participant,
            stop=stop,
            announce=announce,
            progress=progress,
        )
    if report is None:
        announce("Nothing was recorded, so no data set was written.")
        return 0
    console.print(Markdown(report.to_markdown()))
    announce(f"The data set is in {out}. Next: facsim audit {out}")
    return 0


@app.command
def export(study: Path, *, out: Path, overwrite: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Pack the extension for people who use their own browser.

    They unpack it, load it at chrome://extensions in developer mode, and run `facsim record` on the same
    machine. The consent page asks for the connection code that it prints.

    Args:
        study: YAML file of the study.
        out: The zip file to create.
        overwrite: Replace an existing file.
    """
    from facsim.cli.console import console
    from facsim.record import Study, export_extension

    file = export_extension(Study.read(study), out, overwrite=overwrite)
    console.print(f"The extension is in {file}.", highlight=False, markup=False)
    return 0
