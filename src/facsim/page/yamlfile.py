"""Configuration files: YAML into a typed model, or a sentence that says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from facsim.schema import ConfigError

_Model = TypeVar("_Model", bound=BaseModel)


def read_yaml(model: type[_Model], file: Path) -> _Model:
    """Read one YAML file.

    Raises:
        ConfigError: if it is missing, is no YAML, or does not fit the model.
    """
    try:
        return model.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ConfigError(f"{file}, field {field}: {first['msg']}") from None
