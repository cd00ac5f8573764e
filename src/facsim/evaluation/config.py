"""config.json of a run: what identifies the run, and its environment.

The identity is what determines the answers and the test cases. A run is resumed only with the same identity.
Times, paths and versions are recorded for every start; they are not part of the identity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facsim.data import DataSet
from facsim.data.splits import Part, SplitBy, split
from facsim.evaluation.environment import Environment
from facsim.predict.protocol import Predictor
from facsim.prompt import PromptConfig, prompt_hash
from facsim.util.errors import InputError
from facsim.util.files import write_atomically
from facsim.util.setting_differences import check_same_settings
from facsim.util.validation import file_error, option_error

FORMAT_VERSION = 1

FirstStep = Literal["exclude", "include"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CaseSelection(_Frozen):
    """Which steps are test cases. Runs with the same selection answer the same steps."""

    data: str
    """Name of the data set."""
    content_hash: str
    """Hash of the data set's content."""
    part: Part
    """Which part of the split is evaluated."""
    split_by: SplitBy
    """How the data set is split."""
    seed: int
    """Seed of the split, of training, and of the sample of sessions under `limit`."""
    first_step: FirstStep
    """Whether a session's first step is a test case."""
    limit: int | None = Field(ge=1)
    """At most this many sessions; None for all."""

    @classmethod
    def of(cls, data: DataSet, **options: Any) -> Self:
        """The selection of test cases from `data` with these options.

        Raises:
            ConfigError: if an option has an invalid value.
            InputError: if the data set has no pages.
        """
        data.require_pages()
        try:
            return cls(data=data.card.name, content_hash=data.content_hash, **options)
        except ValidationError as error:
            raise option_error(error) from None

    @property
    def first(self) -> int:
        """Index of a session's first test case."""
        return 1 if self.first_step == "exclude" else 0

    def sessions(self, data: DataSet) -> DataSet:
        """The selected sessions, in stored order.

        Raises:
            ConfigError: if the part is empty.
        """
        selection = split(data, self.part, self.split_by, self.seed)
        if self.limit is None or len(selection) <= self.limit:
            return selection
        by_chance = sorted(selection.session_ids, key=self._draw)
        return selection.select(by_chance[: self.limit])

    def _draw(self, session_id: str) -> bytes:
        """The session's sort key in the sample, which depends on nothing but its id and the seed."""
        return hashlib.blake2b(f"limit:{self.seed}:{session_id}".encode(), digest_size=8).digest()


class Identity(_Frozen):
    """What determines a run's answers."""

    predictor: str
    """The spec string."""
    settings: dict[str, Any]
    """The predictor's own settings."""
    prompt_hash: str | None
    """Hash of the prompt templates, for predictors that use prompts."""
    cases: CaseSelection

    @classmethod
    def of(cls, predictor: Predictor, cases: CaseSelection) -> Self:
        """The identity of a run of `predictor` over `cases`."""
        settings = json.loads(json.dumps(dict(predictor.settings())))
        prompt = getattr(predictor, "prompt", None)
        wording = prompt_hash(prompt) if isinstance(prompt, PromptConfig) else None
        return cls(predictor=predictor.spec, settings=settings, prompt_hash=wording, cases=cases)

    @property
    def digest(self) -> str:
        """128-bit hash of all fields, in hex."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


class Counts(_Frozen):
    """The size of a run."""

    sessions: int
    """Sessions in the selection."""
    cases: int
    """Test cases."""
    sessions_without_case: int
    """Sessions whose only step is excluded."""
    censored_sessions: int = 0
    """Sessions whose recording just ends, with at least one test case. Outcome metrics leave them out."""
    train_sessions: int | None = None
    """Sessions that the predictor was fitted on; None if it was not fitted."""


class RunConfig(_Frozen):
    """A run's config.json."""

    format_version: int = FORMAT_VERSION
    identity: Identity
    digest: str
    data_path: str
    """Path of the data set."""
    source: str | None = None
    """Source of the data set, as in its card; None in runs that were made before this was recorded."""
    counts: Counts
    starts: tuple[Environment, ...] = Field(min_length=1)
    """When, and with which versions, the run was started and each time resumed."""

    @classmethod
    def read(cls, folder: Path) -> RunConfig:
        """The config of a run folder.

        Raises:
            InputError: if there is none, or it is not the config of a run.
        """
        file = folder / "config.json"
        try:
            return cls.model_validate_json(file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                "no such file", file=file, expected="the folder of a run", remedy=_what_instead(folder)
            ) from None
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", file=file) from None
        except ValidationError as error:
            raise file_error(error, file) from None

    def write(self, folder: Path) -> None:
        """Write config.json, whole or not at all.

        Raises:
            FacsimError: if it cannot be written.
        """
        write_atomically(folder / "config.json", self.model_dump_json(indent=2) + "\n")

    def check_same(self, folder: Path, **fields: Any) -> None:
        """Check that these fields of an identity are those of this run.

        Raises:
            ConfigError: if they are not, with every field that differs and both values.
        """
        mine = {name: getattr(self.identity, name) for name in fields}
        check_same_settings(folder, _plain(mine), _plain(fields))


def count_cases(selection: DataSet, cases: CaseSelection, train_sessions: int | None = None) -> Counts:
    """The size of a run over the selected sessions."""
    by_session = lengths_of(selection)
    lengths = by_session.values()
    censored = selection.sessions.filter(pl.col("censored").fill_null(False))["session_id"]
    return Counts(
        sessions=len(lengths),
        cases=sum(max(0, length - cases.first) for length in lengths),
        sessions_without_case=sum(length <= cases.first for length in lengths),
        censored_sessions=sum(by_session[session_id] > cases.first for session_id in censored),
        train_sessions=train_sessions,
    )


def lengths_of(data: DataSet) -> dict[str, int]:
    """Steps of each session, in stored order."""
    return dict(data.steps.group_by("session_id", maintain_order=True).len().iter_rows())


def _what_instead(folder: Path) -> str:
    """What a person who named a folder that is not a run most likely wants."""
    if any(folder.glob("*/config.json")):
        return f"It has runs in it: did you mean {folder}/*?"
    return "Create a run with `facsim evaluate`"


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        for name, value in fields.items()
    }
