"""card.json: what a data set says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facsim.schema import InputError

SCHEMA_VERSION = 1


class Card(BaseModel):
    """Origin, licence, counts and content hash of a data set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    name: str
    """Short name, shown in leaderboards."""
    source: str
    """Which source made it: `miniwob`, `opera`, `jsonl`, `parquet`, `shop`."""
    origin: str
    """Where the sessions come from, for a reader."""
    licence: str = "not stated"
    citation: str | None = None
    sessions: int = 0
    steps: int = 0
    pages: int = 0
    users: int = 0
    content_hash: str = ""
    """Hash over every session and step (pages enter by their ids)."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """What made it: the ingest options, or the seed and options of a simulation."""

    @classmethod
    def read(cls, file: Path) -> Card:
        """Read a card.

        Raises:
            InputError: if the file is missing or does not hold a card.
        """
        try:
            return cls.model_validate_json(file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                "no such file",
                file=file,
                expected="a data set folder",
                remedy="Make one with `facsim ingest` or `facsim shop sample`",
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "the whole file"
            raise InputError(first["msg"], file=file, where=f"field {field}") from None
