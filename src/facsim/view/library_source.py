"""What the viewer shows now: a data set, or a rollout that is running, until it is a data set."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from facsim.data import DataSet
from facsim.evaluation import Run
from facsim.rollout.running_rollout import RolloutStatus, RunningRollout
from facsim.util.errors import FacsimError
from facsim.view.library import Library


class LibrarySource:
    """Gives the library to show. Safe to use from several threads.

    Args:
        data: a data set, its folder, or the folder that a running rollout will write.
        runs: runs over it, or their folders.

    Raises:
        ConfigError: if a run was made on another data set, or is given twice.
        InputError: if a file is missing or damaged.
    """

    def __init__(self, data: DataSet | str | Path, runs: Sequence[Run | str | Path] = ()) -> None:
        self._lock = threading.Lock()
        self._running = None if isinstance(data, DataSet) else RunningRollout.find(data)
        self._runs = runs
        if self._running is None:
            self._library = Library(data, runs)
        else:
            self._library = self._library_of(self._running)

    def current(self) -> Library:
        """The library as of now."""
        with self._lock:
            if self._running is None:
                return self._library
            if self._running.is_over:
                # Without a data set the work folder was removed: the last state is all there is.
                with suppress(FacsimError):
                    self._library = Library(self._running.out, self._runs)
                    self._running = None
                return self._library
            if self._library.details is not self._running.snapshot():
                self._library = self._library_of(self._running)
            return self._library

    @property
    def last(self) -> Library:
        """What was shown last, whatever has become of it since."""
        return self._library

    def _library_of(self, running: RunningRollout) -> Library:
        snapshot = running.snapshot()
        return Library(snapshot.data, self._runs, details=snapshot)

    def status(self) -> RolloutStatus | None:
        """How far the rollout is; None if none is running."""
        running = self._running
        return None if running is None or running.is_over else running.status()

    def version(self) -> str:
        """Changes whenever there may be something new to show; empty if nothing will change any more."""
        running = self._running
        if running is None:
            return ""
        return "over" if running.is_over else str(running.version)
