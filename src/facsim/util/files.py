"""Folders that one process writes at a time, and files that are there whole or not at all."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from facsim.util.errors import ConfigError, FacsimError

LOCK_FILE: Final = ".lock"
"""Name of the file in a folder by which a process holds it."""


class FolderLock:
    """Holds a folder for one writing process. Freed by the system when the process ends, however it ends.

    Raises:
        ConfigError: on entering, if another process holds it, or nothing can be written there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        try:
            self._descriptor = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigError(f"{self._folder / '.lock'} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise ConfigError(
                f"{self._folder} is being written by another process. Wait for it, or choose another folder"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def write_atomically(file: Path, content: str | bytes) -> None:
    """Put a whole file in place, or leave what was there.

    Raises:
        FacsimError: if it cannot be written.
    """
    temporary = file.with_name(f".{file.name}.partial")
    try:
        with temporary.open("wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
            out.flush()
            os.fsync(out.fileno())
        temporary.rename(file)
    except OSError as error:
        with suppress(OSError):  # the folder itself may be missing
            temporary.unlink()
        raise FacsimError(f"{file}: cannot be written: {error.strerror}") from error
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
