"""The settings of `facsim evaluate`, from a YAML file and from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facsim.data.splits import Part, SplitBy
from facsim.evaluation.answer_notes import MAX_FAILED_SHARE
from facsim.evaluation.config import FirstStep
from facsim.evaluation.run_dir import RUNS_DIR
from facsim.prompt import PromptConfig
from facsim.util.ray_cluster import TIMEOUT_SECONDS, RayCluster
from facsim.util.validation import option_error
from facsim.util.yaml_config import read_yaml

_MODEL_OPTIONS: Final = (
    *("temperature", "max_output_tokens", "sampling_seed", "thinking", "structured", "replicate"),
    *("concurrency", "timeout", "retries", "cache", "price"),
    *("decoding", "device", "dtype", "batch_tokens"),
)
_RENAMED: Final = {"sampling_seed": "seed", "timeout": "timeout_s"}
"""Options of models that have another name on the command line, where `seed` is that of the split."""


class EvaluationSettings(BaseModel):
    """Every option of `facsim evaluate` by its name on the command line, with underscores.

    Options of prompts and models are checked by `PromptConfig`, `EndpointOptions` and `LocalOptions`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    predictors: tuple[str, ...] = ()
    runs_dir: Path = RUNS_DIR
    run_dir: Path | None = None
    part: Part = "test"
    split_by: SplitBy = "user"
    seed: int = 0
    first_step: FirstStep = "exclude"
    limit: int | None = None
    max_failed: float = Field(MAX_FAILED_SHARE, ge=0, le=1)
    on: str | None = None
    task_timeout: float = Field(TIMEOUT_SECONDS, gt=0)

    style: Any = None
    budget_tokens: Any = None
    budget_policy: Any = None
    tokenizer: Any = None
    chars_per_token: Any = None
    persona: Any = None
    person_after_pages: Any = None
    page_text: Any = None
    pages: Any = None

    temperature: Any = None
    max_output_tokens: Any = None
    sampling_seed: Any = None
    thinking: Any = None
    structured: Any = None
    replicate: Any = None
    concurrency: Any = None
    timeout: Any = None
    retries: Any = None
    cache: Any = None
    price: tuple[float, float] | None = None

    decoding: Any = None
    device: Any = None
    dtype: Any = None
    batch_tokens: Any = None

    @classmethod
    def of(cls, file: Path | None = None, **given: object) -> Self:
        """Settings from a YAML file, overridden by those given.

        Args:
            file: the YAML file; None for none.
            given: any of the fields; None, and no predictors, mean not given.

        Raises:
            ConfigError: if the file cannot be read, or a value is invalid.
        """
        read = {} if file is None else read_yaml(cls, file).model_dump(exclude_unset=True)
        chosen = {name: value for name, value in given.items() if value is not None and value != ()}
        try:
            return cls.model_validate(read | chosen)
        except ValidationError as error:
            raise option_error(error) from None

    @property
    def selection(self) -> dict[str, Any]:
        """The arguments of `evaluate` that select test cases."""
        return self.model_dump(include={"part", "split_by", "seed", "first_step", "limit"})

    def cluster(self, announce: Callable[[str], None] | None = None) -> RayCluster | None:
        """The cluster to run on, not connected yet; None for this machine.

        Args:
            announce: as for `RayCluster`.

        Raises:
            ConfigError: if `on` is no address of one.
        """
        if self.on is None:
            return None
        return RayCluster(self.on, timeout_s=self.task_timeout, announce=announce)

    @property
    def prompt_options(self) -> dict[str, Any]:
        """The fields of `PromptConfig` that are set."""
        return self.model_dump(include=set(PromptConfig.model_fields), exclude_none=True)

    @property
    def model_options(self) -> dict[str, Any]:
        """The fields of `EndpointOptions` and `LocalOptions` that are set."""
        given = self.model_dump(include=set(_MODEL_OPTIONS), exclude_none=True)
        options = {_RENAMED.get(name, name): value for name, value in given.items()}
        if self.price is not None:
            options["price"] = {"input": self.price[0], "output": self.price[1]}
        return options
