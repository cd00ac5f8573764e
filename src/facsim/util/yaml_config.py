"""Configuration files: YAML into a typed model, or a sentence that says where it is wrong and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from facsim.util.errors import ConfigError

_Model = TypeVar("_Model", bound=BaseModel)
_Path = tuple[int | str, ...]
_UNQUOTED = re.compile(r"^[^#\n]*[:\[,-]\s*[#*]\S", re.MULTILINE)
_EXPECTED = {
    "tuple_type": "expected a list, for example [first, second]",
    "list_type": "expected a list, for example [first, second]",
    "dict_type": "expected `key: value` lines",
    "model_type": "expected `key: value` lines",
    "string_type": "expected text",
}


def read_yaml(model: type[_Model], file: Path) -> _Model:
    """Read one YAML file.

    Raises:
        ConfigError: if it is missing, is no YAML, or does not fit the model; with file, line and field.
    """
    try:
        text = file.read_text(encoding="utf-8")
        root = yaml.compose(text, yaml.SafeLoader)
        _refuse_twins(file, root)
        return model.model_validate(yaml.safe_load(text) or {})
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(
            f"{file}{line}: not YAML: {error.problem or error.context}{_quoting(text)}"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        path: _Path = tuple(part for part in first["loc"] if part != "[key]")
        line = f", line {_line(root, path)}" if root is not None else ""
        field = f", field {'.'.join(map(str, path))}" if path else ""
        hint = _quoting(text) if first["type"] in ("tuple_type", "string_type", "dict_type") else ""
        raise ConfigError(f"{file}{line}{field}: {_problem(model, first, path)}{hint}") from None


def _problem(model: type[BaseModel], error: ErrorDetails, path: _Path) -> str:
    """What is wrong, in words."""
    if error["type"] == "extra_forbidden":
        known = list(_model_at(model, path[:-1]).model_fields)
        near = get_close_matches(str(path[-1]), known, n=1)
        meant = f"; did you mean {near[0]}?" if near else "."
        return f"no such field{meant} Known fields: {', '.join(known)}"
    if error["type"] == "missing":
        return "is missing"
    expected = _EXPECTED.get(error["type"])
    if expected:
        return f"{error['input']!r:.80}: {expected}"
    return error["msg"].removeprefix("Value error, ")


def _model_at(model: type[BaseModel], path: _Path) -> type[BaseModel]:
    """The model of what stands at a place of the file."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models_in(model.model_fields[part].annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _line(root: yaml.Node, path: Sequence[int | str]) -> int:
    """The line, from 1, of what is at `path`, or of the last part of it that is there."""
    node, line = root, root.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next((pair for pair in pairs if pair[0].value == str(part)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _refuse_twins(file: Path, root: yaml.Node | None) -> None:
    """Of two equal keys YAML would keep the last and say nothing."""
    waiting = [root] if root is not None else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[object, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if isinstance(key, yaml.ScalarNode) and lines.setdefault(key.value, line) != line:
                    first = lines[key.value]
                    raise ConfigError(f"{file}, line {line}: {key.value!r} stands in line {first} already")
                waiting.append(value)


def _quoting(text: str) -> str:
    """What most often goes wrong with selectors."""
    if _UNQUOTED.search(text):
        return '. Quote selectors that begin with # or *, for example "#banner"'
    return ""
