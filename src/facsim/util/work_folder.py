"""The work folder beside a data set that is still being made: its settings, and every answer so far.

A killed process loses nothing that is in it. The folder is removed when the data set is complete.
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
from facsim.util.files import FolderLock, write_atomically
from facsim.util.setting_differences import check_same_settings


class WorkFolder:
    """`OUT.KIND/` with `settings.json`. A context manager that admits one process at a time.

    Args:
        out: the data set to write.
        kind: what is being done, for example `synthesis`.
        settings: everything that changes the answers; compared on resume.
        resume: whether to continue an existing work folder.

    Raises:
        ConfigError: on entering, if the folder exists and `resume` is false, its settings differ, or another
            process uses it.
        FacsimError: on entering, if it cannot be written.
    """

    def __init__(self, out: Path, kind: str, settings: Mapping[str, Any], *, resume: bool) -> None:
        self.folder = out.with_name(f"{out.name}.{kind}")
        self._kind = kind
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))
        self._resume = resume

    def __enter__(self) -> Self:
        file = self.folder / "settings.json"
        try:
            if file.exists() and not self._resume:
                raise ConfigError(
                    f"{self.folder} holds an unfinished {self._kind}. Continue it with --resume, or remove it"
                )
            self.folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                stack.enter_context(FolderLock(self.folder))
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
        """Compare the settings with the stored ones, or store them."""
        if not file.exists():
            write_atomically(file, json.dumps(self._settings, indent=2) + "\n")
            return
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            stored = None
        if not isinstance(stored, dict):
            raise ConfigError(f"{file} does not contain settings. Remove {self.folder} to start over")
        check_same_settings(self.folder, stored, self._settings)
