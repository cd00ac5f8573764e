"""Answers that were paid for, kept: one SQLite file that many coroutines and processes may share.

An entry is found by a key over everything that may change the answer (`request_key`). Failed calls are not
kept, and neither is any secret. Writing is a single short transaction on the caller's thread on purpose:
once an answer has arrived there is no point at which a cancelled task or a killed process could lose it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facsim.util.errors import FacsimError

if TYPE_CHECKING:
    from facsim.prompt import Message

SCHEMA_VERSION = 1
"""Part of every key and of the file: raise it when an entry's meaning changes."""

BUSY_S = 30.0
"""How long to wait for another process's transaction; they take milliseconds."""


def request_key(asked: Mapping[str, Any], messages: Sequence[Message]) -> str:
    """SHA-256 over `messages` and all else that was `asked`: endpoint, model, sampling, schema, replicate."""
    digest = hashlib.sha256()
    head = json.dumps({"version": SCHEMA_VERSION, **asked}, sort_keys=True, ensure_ascii=False)
    for part in (head, *(text for message in messages for text in (message.role, message.content))):
        # A page may hold lone surrogates, which UTF-8 has no form for.
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


class ResponseCache:
    """The file. Made, with its folder, if it is not there.

    Raises:
        FacsimError: if the file is damaged, is something else, or cannot be read or written. No method
        hides that:
            a cache that silently forgets makes people pay twice.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self._error(error) from None
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        try:
            run = self._connection.execute
            if self._version() != SCHEMA_VERSION:
                # Whole or not at all: another process may be opening it, or this one be killed.
                run("BEGIN IMMEDIATE")
                (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
                if self._version() == 0 and not tables:
                    run("CREATE TABLE answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)")
                    run(f"PRAGMA user_version = {SCHEMA_VERSION}")
                run("COMMIT")
                if self._version() != SCHEMA_VERSION:
                    raise FacsimError(
                        f"{self.file} is no response cache of this version of Facsim. "
                        "Name another with --cache"
                    )
            run("PRAGMA journal_mode = WAL")
            # A killed process loses nothing; a power cut at worst the last entries, never the file.
            run("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as error:
            raise self._error(error) from None

    def _version(self) -> int:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        return int(version)

    def get(self, key: str) -> dict[str, Any] | None:
        """The entry under `key`, or None."""
        try:
            row = self._connection.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
            return None if row is None else json.loads(row[0])
        except (sqlite3.Error, ValueError) as error:
            raise self._error(error) from None

    def put(self, key: str, entry: Mapping[str, Any]) -> None:
        """Keep `entry` (JSON values). The first entry under a key stays."""
        try:
            self._connection.execute(
                "INSERT INTO answers VALUES (?, ?) ON CONFLICT DO NOTHING", (key, json.dumps(entry))
            )
        except sqlite3.Error as error:
            raise self._error(error) from None

    def __len__(self) -> int:
        try:
            (count,) = self._connection.execute("SELECT count(*) FROM answers").fetchone()
        except sqlite3.Error as error:
            raise self._error(error) from None
        return int(count)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _error(self, error: Exception) -> FacsimError:
        remedy = (
            "Remove the file (its answers are then asked, and paid for, again) or name another with --cache"
            if isinstance(error, (sqlite3.DatabaseError, ValueError))
            and not isinstance(error, sqlite3.OperationalError)
            else "Make room or give access, or name another file with --cache"
        )
        return FacsimError(f"the response cache {self.file} cannot be used: {error}. {remedy}")
