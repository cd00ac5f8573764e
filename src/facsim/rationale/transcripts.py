"""People thinking aloud while they shop: examples for the teacher, from a YAML file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from facsim.page import names_in
from facsim.schema import Action, ActionType
from facsim.util.yaml_config import read_yaml

SHIPPED = Path(__file__).parent / "examples.yaml"
"""The transcripts that come with Facsim. They were written for it; nobody was recorded."""


class Done(BaseModel):
    """What the person did, in the wire form of an action."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ActionType
    name: str | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _is_action(self) -> Self:
        _ = self.action
        return self

    @property
    def action(self) -> Action:
        """As an action."""
        return Action(self.type, self.name, self.text)


class Transcript(BaseModel):
    """One moment of a visit, and what the person said aloud in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(min_length=1)
    """What kind of page it is, for whoever reads the file: results, product page, cart."""
    page: str = Field(min_length=1)
    """An excerpt of the simplified page, with the element that was acted on."""
    action: Done
    transcript: str = Field(min_length=1)
    """What the person said, as it was spoken."""
    rationale: str | None = Field(default=None, min_length=1)
    """The same in one to three sentences, as the teacher is to write it."""
    earlier: tuple[str, ...] = ()
    """What the person had done before, in a few words each."""

    @model_validator(mode="after")
    def _shows_the_target(self) -> Self:
        if self.action.name is not None and self.action.name not in names_in(self.page):
            raise ValueError(f"the action's element {self.action.name!r} is not on the page of the example")
        return self


class Transcripts(BaseModel):
    """A file of examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transcripts: tuple[Transcript, ...] = Field(min_length=1)

    @classmethod
    def read(cls, file: Path | None = None) -> Self:
        """Read a file of examples; without one, those that come with Facsim.

        Raises:
            ConfigError: if it is missing, is no YAML, or does not fit; with line and field.
        """
        return read_yaml(cls, file or SHIPPED)

    @property
    def hash(self) -> str:
        """Identifies the examples, whatever file they stand in."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]
