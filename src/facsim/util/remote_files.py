"""Files on an object store: small ones copied to a temporary folder, large ones read in ranges."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.store_addresses import name_of, open_store, store_errors

_VERSION_FIELDS: Final = ("ETag", "etag", "generation", "md5", "mtime", "LastModified", "created")
"""What tells versions of a file apart; each store has one of these. A time is the last resort."""
_CHANGED: Final = "A copy on a store must not change: read it again, and write new versions to new addresses"


class RemoteFile:
    """One file on a store, as it was when it was found. Any process can read it: it pickles as its address.

    Attributes:
        url: its address.
        size: in bytes.
    """

    def __init__(self, url: str, size: int, version: str) -> None:
        self.url, self.size, self._version = url, size, version
        self._opened: tuple[int, Any, str] | None = None

    @classmethod
    def of(cls, url: str, entry: Mapping[str, Any]) -> RemoteFile:
        """A file from what the store says of it."""
        return cls(url, int(entry["size"] or 0), _version(entry))

    def __str__(self) -> str:
        return self.url

    def __reduce__(self) -> tuple[type[RemoteFile], tuple[str, int, str]]:
        return RemoteFile, (self.url, self.size, self._version)

    def read_ranges(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of ranges (start, end), fetched side by side where the store can.

        Raises:
            InputError: if the file is not what it was, or the store cannot be read.
        """
        if not spans:
            return []
        starts, ends = zip(*spans, strict=True)
        try:
            store, path = self._store()
            with store_errors(self.url):
                found: list[Any] = store.cat_ranges(
                    [path] * len(spans), list(starts), list(ends), on_error="return"
                )
                failed = next((one for one in found if isinstance(one, Exception)), None)
                if failed is not None:
                    raise failed
        except ConfigError as error:
            self.check()  # a file that was replaced by a shorter one lacks the range
            raise InputError(str(error).removeprefix(f"{self.url}: "), file=self.url) from None
        self.check()
        return found

    def check(self) -> None:
        """Check that the file is what it was.

        Raises:
            InputError: if it is not, or the store cannot be read.
        """
        try:
            store, path = self._store()
            with store_errors(self.url):
                version = _version(store.info(path))
        except ConfigError as error:
            raise InputError(str(error).removeprefix(f"{self.url}: "), file=self.url) from None
        if version != self._version:
            raise InputError("has changed since it was opened", file=self.url, remedy=_CHANGED)

    def copy_to(self, file: Path) -> None:
        """Write the content to a file here.

        Raises:
            ConfigError: if the store cannot be read.
            InputError: if the file is not what it was.
        """
        store, path = self._store()
        with store_errors(self.url):
            store.get_file(path, str(file))
        self.check()

    def _store(self) -> tuple[Any, str]:
        """The file system and the path on it, opened once per process: connections do not survive a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            with open_store(self.url) as (store, path):
                self._opened = (os.getpid(), store, path)
        return self._opened[1:]


class RemoteFolder:
    """A data set or a run on a store, with its small files in a temporary folder.

    The folder is removed with this object, or at exit.

    Args:
        url: the address.
        last: the file that completes what is there.
        patterns: the files to read.
        in_ranges: those of them that are not copied.

    Attributes:
        url: the address.
        path: the temporary folder; it has the name of what is at the address.
        large: the files that are not copied, by name.

    Raises:
        ConfigError: if there is no complete copy at the address, or the store cannot be read.
    """

    def __init__(
        self, url: str, *, last: str, patterns: Collection[str], in_ranges: Collection[str] = ()
    ) -> None:
        self.url = url
        with open_store(url) as (store, root):
            before = _listing(store, root, patterns)
            if last not in before:
                raise ConfigError(
                    f"{url}: no complete copy: {last} is not there. It is written last; was the upload "
                    "interrupted, or is this another address?"
                )
            folder = mkdtemp(prefix="facsim-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self.path = Path(folder) / name_of(url)
            self.path.mkdir()
            for name in before.keys() - set(in_ranges):
                store.get_file(f"{root}/{name}", str(self.path / name))
            if _versions(_listing(store, root, patterns)) != _versions(before):
                raise ConfigError(f"{url}: changed while it was read. {_CHANGED}")
            self.large = {
                name: RemoteFile.of(f"{url}/{name}", store.info(f"{root}/{name}"))
                for name in in_ranges
                if name in before
            }

    def renamed(self, error: FacsimError) -> FacsimError:
        """An error with the address in place of the temporary folder."""
        return type(error)(str(error).replace(str(self.path), self.url))


def holds_file(url: str, name: str) -> bool:
    """Whether a file is there.

    Raises:
        ConfigError: if the store cannot be read.
    """
    with open_store(url) as (store, root):
        return bool(store.isfile(f"{root}/{name}"))


def _listing(store: Any, root: str, patterns: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """The files directly in a folder whose names match, with what the store says of each."""
    entries = ((str(entry["name"]).rpartition("/")[2], entry) for entry in store.ls(root, detail=True))
    return {
        name: entry
        for name, entry in entries
        if entry["type"] == "file"
        and name == Path(name).name
        and any(fnmatch(name, pattern) for pattern in patterns)
    }


def _versions(listing: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {name: _version(entry) for name, entry in listing.items()}


def _version(entry: Mapping[str, Any]) -> str:
    """What the store says of a file that changes with its content."""
    known: Any = next((entry[name] for name in _VERSION_FIELDS if entry.get(name) is not None), None)
    if isinstance(known, datetime):  # a listing may have the number instead
        known = known.timestamp()
    return f"{known}, {entry['size']} bytes"
