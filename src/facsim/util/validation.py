"""Turn a pydantic `ValidationError` into one sentence for the person who wrote the value."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from facsim.util.errors import ConfigError, InputError

Options = TypeVar("Options", bound=BaseModel)

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field.

    Attributes:
        field: dotted path of the field; empty for the whole input.
        message: what is wrong, in pydantic's or the validator's words.
        value: the value as given, as `repr`, shortened.
        is_unknown: whether the model has no such field.
    """

    field: str
    message: str
    value: str
    is_unknown: bool

    def __str__(self) -> str:
        return f"field {self.field}: {self.message}" if self.field else self.message


def field_problems(error: ValidationError, prefix: str = "") -> list[FieldProblem]:
    """Every problem of a validation error, in pydantic's order.

    Args:
        error: what pydantic raised.
        prefix: path of the validated value within its file, prepended to every field.
    """
    return [_problem(details, prefix) for details in error.errors(include_url=False)]


def first_problem(error: ValidationError, prefix: str = "") -> FieldProblem:
    """The first of `field_problems`."""
    return field_problems(error, prefix)[0]


def option_error(error: ValidationError, prefix: str = "") -> ConfigError:
    """The error for an option with an unusable value: `temperature 'hot': …`."""
    problem = first_problem(error, prefix)
    return ConfigError(f"{problem.field} {problem.value}: {problem.message}")


def checked_options(kind: type[Options], fields: Mapping[str, object]) -> Options:
    """A model of options with these fields.

    Raises:
        ConfigError: if a value is invalid.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise option_error(error) from None


def file_error(
    error: ValidationError, file: Path, *, prefix: str = "", remedy: str | None = None
) -> InputError:
    """The error for a file whose content does not fit: `FILE, field seed: …`."""
    problem = first_problem(error, prefix)
    where = f"field {problem.field}" if problem.field else "the whole file"
    return InputError(problem.message, file=file, where=where, remedy=remedy)


def _problem(details: ErrorDetails, prefix: str) -> FieldProblem:
    path = [part for part in (prefix, *map(str, details["loc"])) if part]
    return FieldProblem(
        field=".".join(path),
        message=details["msg"].removeprefix("Value error, "),
        value=_SHORT.repr(details["input"]),
        is_unknown=details["type"] == "extra_forbidden",
    )
