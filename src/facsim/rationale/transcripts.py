"""Think-aloud transcripts: few-shot examples for the teacher, from a YAML file."""

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
"""The transcripts that ship with Facsim. They were written for it; nobody was recorded."""


class TranscribedAction(BaseModel):
    """The person's action, in the wire form."""

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
        """The action as a schema object."""
        return Action(self.type, self.name, self.text)


class Transcript(BaseModel):
    """One step of a session, and what the person said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(min_length=1)
    """Kind of page, for readers of the file: results, product page, cart."""
    page: str = Field(min_length=1)
    """An excerpt of the simplified page that contains the element acted upon."""
    action: TranscribedAction
    transcript: str = Field(min_length=1)
    """What the person said, verbatim."""
    rationale: str | None = Field(default=None, min_length=1)
    """The rationale, in one to three sentences, as the teacher should write it."""
    earlier: tuple[str, ...] = ()
    """Earlier actions, in a few words each."""

    @model_validator(mode="after")
    def _shows_the_target(self) -> Self:
        if self.action.name is not None and self.action.name not in names_in(self.page):
            raise ValueError(f"the action's element {self.action.name!r} is not in the page excerpt")
        return self


class Transcripts(BaseModel):
    """A file of examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transcripts: tuple[Transcript, ...] = Field(min_length=1)

    @classmethod
    def read(cls, file: Path | None = None) -> Self:
        """Read a file of examples; by default those that ship with Facsim.

        Raises:
            ConfigError: if it is missing, is not YAML, or is invalid; with line and field.
        """
        return read_yaml(cls, file or SHIPPED)

    @property
    def hash(self) -> str:
        """Hash of the examples, independent of the file."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]
