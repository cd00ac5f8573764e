"""Stores the visitors of a running shop in SQLite."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from dataclasses import asdict
from pathlib import Path

from facsim.shop.storefront.views import Visitor
from facsim.util.errors import ConfigError

COOKIE = "shop_visitor"
"""Name of the cookie with a visitor's id."""

_KEPT_SECONDS = 30 * 24 * 3600
_TABLE = "CREATE TABLE IF NOT EXISTS visitors (id TEXT PRIMARY KEY, state TEXT NOT NULL, seen REAL NOT NULL)"


class VisitorStore:
    """Visitors of a shop by an id that cannot be guessed.

    Args:
        path: database file; created if missing. Visitors not seen for a month are deleted.

    Raises:
        ConfigError: if the file cannot be opened or is not a visitor database.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            # A power cut may lose the last clicks, not the file.
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(_TABLE)
            self._database.execute("DELETE FROM visitors WHERE seen < ?", (time.time() - _KEPT_SECONDS,))
        except sqlite3.Error as error:
            raise ConfigError(
                f"{path}: cannot store visitors: {error}; expected a file written by an earlier shop, "
                "or a path where one can be created"
            ) from None

    def get(self, key: str) -> Visitor | None:
        """Return the visitor with an id; None if there is none or the stored record cannot be read."""
        row = self._database.execute("SELECT state FROM visitors WHERE id = ?", (key,)).fetchone()
        return visitor_of(row[0]) if row else None

    def put(self, key: str, visitor: Visitor) -> None:
        """Store a visitor."""
        self._database.execute(
            "INSERT OR REPLACE INTO visitors VALUES (?, ?, ?)", (key, json_of(visitor), time.time())
        )

    @staticmethod
    def new_key() -> str:
        """Generate an id for a new visitor."""
        return secrets.token_urlsafe(24)

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def json_of(visitor: Visitor) -> str:
    """Serialize a visitor to JSON."""
    return json.dumps(asdict(visitor), ensure_ascii=False, separators=(",", ":"))


def visitor_of(text: str) -> Visitor | None:
    """Parse a visitor from the JSON of `json_of`; None if it is anything else."""
    try:
        fields = json.loads(text)
        return Visitor(
            lines=_lines(fields["lines"]),
            recent=tuple(int(product) for product in fields["recent"]),
            order=int(fields["order"]),
            results=str(fields["results"]),
            bought=_lines(fields["bought"]),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _lines(rows: list[tuple[int, str, str, int]]) -> tuple[tuple[int, str, str, int], ...]:
    return tuple(
        (int(product), str(size), str(colour), int(quantity)) for product, size, colour, quantity in rows
    )
