"""The folder beside the output in which an unfinished synthesis is kept: its settings and every paid answer.

`OUT.synthesis/` holds `settings.json` and `answers.sqlite` (a response cache, see
`facsim.predict.endpoint.response_cache`): a killed process loses nothing that was answered. It is
removed when the data set is in its place.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from facsim.util.errors import ConfigError, FacsimError
from facsim.util.files import Lock, write_atomically


class Workplace:
    """A context manager: one process at a time.

    Args:
        out: the data set that is to be made.
        settings: what changes the answers; compared on resuming.
        resume: whether one that is there is gone on with.

    Raises:
        ConfigError: on entering, if one is there and `resume` is false, its settings differ, or another
            process works in it.
        FacsimError: on entering, if it cannot be written.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
        self.folder = out.with_name(f"{out.name}.synthesis")
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))
        self._resume = resume

    @property
    def answers(self) -> Path:
        """The response cache."""
        return self.folder / "answers.sqlite"

    def __enter__(self) -> Self:
        file = self.folder / "settings.json"
        try:
            if file.exists() and not self._resume:
                raise ConfigError(
                    f"{self.folder} holds an unfinished synthesis. Go on with --resume, or remove it"
                )
            self.folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                stack.enter_context(Lock(self.folder))
                self._agree(file)
                self._held = stack.pop_all()
        except OSError as error:
            raise FacsimError(f"{self.folder} cannot be written: {os.strerror(error.errno or 0)}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._held.close()

    def _agree(self, file: Path) -> None:
        """Compare the settings with those there, or write them."""
        if not file.exists():
            write_atomically(file, json.dumps(self._settings, indent=2) + "\n")
            return
        try:
            there = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            there = None
        if not isinstance(there, dict):
            raise ConfigError(f"{file} does not hold settings. Remove {self.folder} to begin anew")
        differ = [key for key in {**there, **self._settings} if there.get(key) != self._settings.get(key)]
        if differ:
            told = "; ".join(f"{key}: {there.get(key)!r}, now {self._settings.get(key)!r}" for key in differ)
            raise ConfigError(
                f"{self.folder} was begun with other settings ({told}). Give the same ones to go on, or "
                "remove the folder to begin anew"
            )
