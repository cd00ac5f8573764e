"""Base class of predictor options: validated, with a sentence for an unusable value."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from facsim.util.errors import ConfigError
from facsim.util.validation import first_problem


class PredictorOptions(BaseModel):
    """Options of one kind of predictor."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str]
    """Kind of predictor, for error messages."""

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """Validate the fields.

        Raises:
            ConfigError: if a field is unknown or its value unusable.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            problem = first_problem(error)
            known = f". Known: {', '.join(cls.model_fields)}" if problem.is_unknown else ""
            raise ConfigError(
                f"{cls.kind} option {problem.field} {problem.value}: {problem.message}{known}"
            ) from None
