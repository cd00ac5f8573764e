"""Numbers that others published, as reference rows: data in `published.yaml`, with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from facsim.util.errors import ConfigError


class PublishedRow(BaseModel):
    """One model in one publication. Numbers in percent, as printed there; None where it prints none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    how: str
    """How the model was made: `prompted`, `fine-tuned`, `fine-tuned with rationales`, …"""
    source: str
    """Key in the board's `sources`."""
    derived: bool = False
    """Whether the numbers are ours, computed from counts that the source publishes: a trivial rule."""
    accuracy: float | None = None
    type_accuracy: float | None = None
    type_f1_macro: float | None = None
    category_f1_weighted: float | None = None
    outcome_f1: float | None = None
    outcome_f1_weighted: float | None = None

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers the source prints, by metric."""
        found = self.model_dump(exclude={"name", "how", "source", "derived"}, exclude_none=True)
        return {metric: float(value) for metric, value in found.items()}


class PublishedBoard(BaseModel):
    """Published results on one data set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    sources: Mapping[str, str]
    rows: tuple[PublishedRow, ...]


def published_board(name: str) -> PublishedBoard:
    """The published results on a data set.

    Raises:
        ConfigError: if there are none under this name.
    """
    boards = published_boards()
    if name not in boards:
        raise ConfigError(f"no published numbers for {name!r}: known are {', '.join(boards)}")
    return boards[name]


def published_boards() -> dict[str, PublishedBoard]:
    """All published results, by name of the board."""
    text = resources.files("facsim.report").joinpath("published.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, PublishedBoard]).validate_python(yaml.safe_load(text))
