"""`facsim record` as a function: collect, then write the data set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from facsim.data.ingest_report import IngestReport
from facsim.record.browser import LabBrowser, require_chromium
from facsim.record.recording import Recording
from facsim.record.study import Study
from facsim.util.files import FolderLock
from facsim.util.localhost import HOST
from facsim.util.progress import Progress, no_progress


def record(
    study: Study,
    out: str | Path,
    *,
    browser: bool = False,
    participant: str | None = None,
    browser_flags: Sequence[str] = (),
    stop: threading.Event | None = None,
    announce: Callable[[str], None] = lambda _: None,
    progress: Progress = no_progress,
) -> IngestReport | None:
    """Collect what the extension records, then write the data set.

    Running it again with the same `out` continues the recording.

    Args:
        study: the study.
        out: the data set folder to write.
        browser: whether to start Chromium with a clean profile; closing it ends the recording.
        participant: suggested on the consent page of that browser.
        browser_flags: further flags for Chromium.
        stop: ends the recording when set, as Ctrl-C does.
        announce: called with lines for the person at the terminal.
        progress: called while the data set is written.

    Returns:
        What was written; None if nothing was recorded.

    Raises:
        ConfigError: if `out` holds another data set, the port is taken, or there is no Chromium.
    """
    if browser:
        require_chromium()  # before anything is created
    stop = stop or threading.Event()
    with ExitStack() as stack:
        recording = Recording(study, out)
        stack.callback(recording.store.close)
        stack.enter_context(FolderLock(recording.folder))
        with recording.collector(stored=_counter(announce)) as port, suppress(KeyboardInterrupt):
            announce(f"The collector listens on {HOST}:{port}. Ctrl-C ends the recording.")
            if browser:
                LabBrowser(recording, port, flags=browser_flags, announce=announce).run(participant, stop)
            else:
                announce(f"Connection code for the consent page: {recording.token}")
                while not stop.wait(0.2):
                    pass
        return recording.write(progress)


def _counter(announce: Callable[[str], None]) -> Callable[[int], None]:
    told = 0

    def stored(actions: int) -> None:
        nonlocal told
        if actions // 10 != told // 10:
            announce(f"{actions} actions stored")
        told = actions

    return stored
