"""What can be chosen about a model that runs in this process."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facsim.schema import ConfigError

Decoding = Literal["greedy", "constrained", "candidates"]


class LocalOptions(BaseModel):
    """How a local model is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    decoding: Decoding = "greedy"
    """How an answer is found. `greedy`: the most probable token, again and again. `constrained`: the same
    among the tokens that continue an action possible on the page. `candidates`: every action possible on the
    page gets its probability, and the most probable one is the answer."""
    max_output_tokens: int = Field(default=512, ge=1)
    """The most tokens of one answer; of each turn in the style `two_turn`."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`: a GPU if there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the weights. `auto`: float32 on a CPU, else as they are stored."""
    batch_tokens: int = Field(default=16_384, ge=1)
    """Sessions go through the model together up to so many tokens, padding counted. Answers do not depend on
    it; memory and speed do."""

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """The options with these fields.

        Raises:
            ConfigError: if one is unknown or has no usable value.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            known = f". Known: {', '.join(cls.model_fields)}" if first["type"] == "extra_forbidden" else ""
            raise ConfigError(f"local option {name} {first['input']!r}: {first['msg']}{known}") from None
