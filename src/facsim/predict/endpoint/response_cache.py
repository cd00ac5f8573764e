"""Response cache: paid answers in one SQLite file that many coroutines and processes may share.

The key of an entry is a hash of everything that may change the answer (`request_key`). Every entry has a
checksum: an entry that was changed on disk is never served. Failed calls and secrets are not stored. A write
is one short transaction on the caller's thread on purpose. Once an answer has arrived, no cancelled task and
no killed process can lose it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import sqlite3
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from facsim.predict.endpoint.completion import Completion
from facsim.util.errors import FacsimError

if TYPE_CHECKING:
    from facsim.prompt import Message

KEY_VERSION: Final = 1
"""Part of every key: raise it when an entry's meaning changes."""

FILE_VERSION: Final = 2
"""The layout of the file. Version 1 had no checksums; it is upgraded in place."""

_REMOVE = "Remove the file (its answers are then paid for again) or choose another with --cache"

# Sqlite3 decodes some messages of a damaged file itself, and may fail to.
_FAULTS = (sqlite3.Error, ValueError, OverflowError)

BUSY_S = 30.0
"""How long to wait for another process's transaction. Transactions take milliseconds."""


def request_key(settings: Mapping[str, Any], messages: Sequence[Message]) -> str:
    """SHA-256 over `messages` and all `settings`: endpoint, model, sampling, schema, replicate."""
    digest = hashlib.sha256()
    head = json.dumps({"version": KEY_VERSION, **settings}, sort_keys=True, ensure_ascii=False)
    for part in (head, *(text for message in messages for text in (message.role, message.content))):
        # A page may contain lone surrogates, which UTF-8 cannot encode.
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


class ResponseCache:
    """The cache file. It is created, with its folder, if missing.

    Raises:
        FacsimError: from every method, if the file or an entry is damaged, or cannot be read or written. A
            cache that silently forgets would make people pay twice.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._locks: int | None = None
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)
        except (OSError, *_FAULTS) as error:
            raise self._error(error) from None
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        try:
            run = self._connection.execute
            if self._version() != FILE_VERSION:
                # All or nothing: another process may be opening the file, or this one be killed.
                run("BEGIN IMMEDIATE")
                version = self._version()
                (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
                if version == 0 and not tables:
                    run("CREATE TABLE answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL, checksum TEXT)")
                elif version == 1:
                    run("ALTER TABLE answers ADD COLUMN checksum TEXT")
                if version == 1 or (version == 0 and not tables):
                    run(f"PRAGMA user_version = {FILE_VERSION}")
                run("COMMIT")
                if self._version() != FILE_VERSION:
                    raise FacsimError(
                        f"{self.file} is not a response cache of this version of Facsim. "
                        "Choose another file with --cache"
                    )
            run("PRAGMA journal_mode = WAL")
            # A killed process loses nothing. A power cut loses at worst the last entries, never the file.
            run("PRAGMA synchronous = NORMAL")
        except _FAULTS as error:
            raise self._error(error) from None

    def _version(self) -> int:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        return int(version)

    def get(self, key: str) -> tuple[Completion, float] | None:
        """The completion stored under `key` and the seconds that it took, or None."""
        try:
            row = self._connection.execute(
                "SELECT answer, checksum FROM answers WHERE key = ?", (key,)
            ).fetchone()
        except _FAULTS as error:
            raise self._error(error) from None
        if row is None:
            return None
        answer, checksum = row
        # An entry of file version 1 has no checksum. Its shape is checked all the same.
        if not isinstance(answer, str) or (checksum is not None and checksum != _checksum(key, answer)):
            raise self._damaged(key, "the checksum does not match")
        try:
            fields = json.loads(answer)
            seconds = fields.pop("seconds")
            if not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
                raise ValueError("field seconds has no usable value")
            return Completion.of_json(fields), float(seconds)
        except json.JSONDecodeError:
            raise self._damaged(key, "it is not JSON") from None
        except ValueError as error:
            raise self._damaged(key, str(error)) from None
        except (TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            raise self._damaged(key, "it is not an answer") from None

    def put(self, key: str, completion: Completion, seconds: float) -> None:
        """Store a completion. The first entry of a key stays."""
        answer = json.dumps({"seconds": seconds, **asdict(completion)})
        self._write(
            "INSERT INTO answers VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (key, answer, _checksum(key, answer)),
        )

    def delete(self, key: str) -> None:
        """Remove an entry, if it exists."""
        self._write("DELETE FROM answers WHERE key = ?", (key,))

    def try_lock(self, key: str) -> bool:
        """Whether this cache may ask the question `key`. Until `unlock`, no other one on the file may.

        The lock is a byte of a lock file beside the cache. The system releases it when the process ends,
        however it ends. Where the file system has no locks, the answer is always yes.
        """
        try:
            if self._locks is None:
                path = self.file.with_name(f"{self.file.name}.lock")
                self._locks = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            _set_lock(self._locks, fcntl.F_WRLCK, _offset(key))
        except (BlockingIOError, PermissionError):  # how systems say that another process holds it
            return self._locks is None
        except OSError:
            return True
        return True

    def unlock(self, key: str) -> None:
        """Let others ask the question `key`."""
        if self._locks is not None:
            with suppress(OSError):
                _set_lock(self._locks, fcntl.F_UNLCK, _offset(key))

    def __len__(self) -> int:
        try:
            (count,) = self._connection.execute("SELECT count(*) FROM answers").fetchone()
        except _FAULTS as error:
            raise self._error(error) from None
        return int(count)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        if self._locks is not None:
            os.close(self._locks)
            self._locks = None

    def remove(self) -> None:
        """Close the cache and delete its files."""
        self.close()
        for suffix in ("", "-wal", "-shm", ".lock"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)

    def _write(self, statement: str, values: tuple[str, ...]) -> None:
        try:
            self._connection.execute(statement, values)
        except _FAULTS as error:
            raise self._error(error) from None

    def _damaged(self, key: str, problem: str) -> FacsimError:
        return FacsimError(
            f"the response cache {self.file} is damaged: entry {key[:16]}: {problem}. {_REMOVE}"
        )

    def _error(self, error: Exception) -> FacsimError:
        remedy = (
            _REMOVE
            if not isinstance(error, (sqlite3.OperationalError, OSError))
            else "Make room or give access, or choose another file with --cache"
        )
        return FacsimError(f"the response cache {self.file} cannot be used: {error}. {remedy}")


def _checksum(key: str, answer: str) -> str:
    return hashlib.blake2b(f"{key}\n{answer}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _offset(key: str) -> int:
    """The byte of the lock file that stands for a question: 62 bits of its key."""
    return int(hashlib.blake2b(key.encode(), digest_size=8).hexdigest(), 16) >> 2


def _set_lock(descriptor: int, kind: int, offset: int) -> None:
    """Lock or unlock one byte of a file for this open file alone, without waiting.

    Plain POSIX locks belong to the process: two caches of one process would both get one, and closing either
    would release those of the other.
    """
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None:  # not Linux
        lock = fcntl.LOCK_UN if kind == fcntl.F_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB
        fcntl.lockf(descriptor, lock, 1, offset)
        return
    # struct flock of 64-bit Linux: type, whence, start, length, process (0 for such locks), padding.
    fcntl.fcntl(descriptor, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, offset, 1, 0))
