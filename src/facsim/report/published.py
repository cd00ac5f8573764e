"""Numbers that others published, as reference rows: data in `published.yaml`, with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from facsim.util.errors import ConfigError


class PublishedRow(BaseModel):
    """One model in one publication. Numbers in per cent, as printed there; None where it prints none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    how: str
    """`prompted`, `fine-tuned` or `fine-tuned with rationales`."""
    source: str
    """Key in the board's `sources`."""
    accuracy: float
    type_f1_macro: float | None = None
    category_f1_weighted: float | None = None
    outcome_f1: float | None = None
    outcome_f1_weighted: float | None = None

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers that there are, by metric."""
        found = self.model_dump(exclude={"name", "how", "source"}, exclude_none=True)
        return {metric: float(value) for metric, value in found.items()}


class PublishedBoard(BaseModel):
    """What was published about one data set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    sources: Mapping[str, str]
    rows: tuple[PublishedRow, ...]


def published_board(name: str) -> PublishedBoard:
    """The published numbers about a data set.

    Raises:
        ConfigError: if none are known under this name.
    """
    boards = published_boards()
    if name not in boards:
        raise ConfigError(f"no published numbers for {name!r}: known are {', '.join(boards)}")
    return boards[name]


def published_boards() -> dict[str, PublishedBoard]:
    """All that is known, by name."""
    text = resources.files("facsim.report").joinpath("published.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, PublishedBoard]).validate_python(yaml.safe_load(text))
