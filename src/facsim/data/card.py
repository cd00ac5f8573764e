"""card.json: what a data set says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facsim.util.errors import InputError
from facsim.util.validation import file_error

SCHEMA_VERSION = 1


class Card(BaseModel):
    """Origin, licence, counts and content hash of a data set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    name: str
    """Short name, shown in leaderboards."""
    source: str
    """Which source made it: `miniwob`, `opera`, `jsonl`, `parquet`, `shop`, `rollout`."""
    origin: str
    """Where the sessions come from, for a reader."""
    licence: str = "not stated"
    citation: str | None = None
    sessions: int = 0
    steps: int = 0
    pages: int | Literal["none"] = 0
    """The number of pages; `none` if the log had none, and only its actions are known."""
    users: int = 0
    content_hash: str = ""
    """Hash over every session and step (pages enter by their ids)."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """What made it: the ingest options, or the seed and options of a simulation."""

    @classmethod
    def read(cls, file: Path) -> Card:
        """Read a card.

        Raises:
            InputError: if the file is missing, does not hold a card, or is of another schema version.
        """
        try:
            found = json.loads(file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                "no such file",
                file=file,
                expected="a data set folder",
                remedy="Make one with `facsim ingest` or `facsim shop sample`",
            ) from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"not JSON: {error}", file=file) from None
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", file=file) from None
        # Before the fields: a card of another version may well have others.
        if isinstance(found, dict) and found.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
            raise InputError(
                f"schema version {found['schema_version']}",
                file=file,
                expected=f"version {SCHEMA_VERSION}",
                remedy="Ingest the source again with this version of facsim",
            )
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            raise file_error(error, file) from None
