"""What options of predictors have in common: read with a sentence about what is wrong."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from facsim.util.errors import ConfigError


class Options(BaseModel):
    """How a predictor is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str]
    """What they are options of, for errors."""

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
            raise ConfigError(f"{cls.kind} option {name} {first['input']!r}: {first['msg']}{known}") from None
