"""Pages that lie in files beside a log."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from pathlib import Path

from facsim.page.decode import decode
from facsim.util.errors import InputError

MAX_BYTES = 64 * 2**20
"""Largest page file that is read, unpacked."""


class PageFiles:
    """Reads pages from files within one folder. The last few are cached.

    Args:
        folder: where they are. Paths that lead out of it are refused: a log is not to be trusted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._cached = lru_cache(maxsize=64)(self._read)

    def read(self, name: str) -> str:
        """The HTML in a file, decoded as browsers do.

        Raises:
            ValueError: if there is no such file in the folder, or it cannot be read; the clause says why.
        """
        return self._cached(name)

    def _read(self, name: str) -> str:
        if "\0" in name:
            raise ValueError("no such page file")
        try:
            file = (self._folder / name).resolve()
            if not file.is_relative_to(self._folder):
                raise ValueError("page file is outside of its folder")
            if not file.is_file():
                raise ValueError("no such page file")
            with file.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
            if content.startswith(b"\x1f\x8b"):
                with gzip.open(file, "rb") as packed:
                    content = packed.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise ValueError("page file cannot be read") from None
        if len(content) > MAX_BYTES:
            raise ValueError(f"page file is larger than {MAX_BYTES // 2**20} MiB")
        try:
            return decode(content)
        except InputError as error:
            raise ValueError(f"page file is not a page: {error.problem}") from None
