"""Several predictors in one call: each spec string with its run folder, checked before any of them begins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from facsim.evaluation.evaluate import check_folder
from facsim.predict.endpoint.options import EndpointOptions
from facsim.predict.local.options import LocalOptions
from facsim.predict.protocol import Predictor
from facsim.predict.registry import ENDPOINT_KINDS, LOCAL, load_predictor
from facsim.prompt import PromptConfig
from facsim.util.errors import ConfigError
from facsim.util.validation import option_error

Options = TypeVar("Options", bound=BaseModel)


def named_predictors(
    specs: Sequence[str],
    out: str | Path,
    *,
    name: str | None = None,
    resume: bool = False,
    prompt: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[Path, Predictor]:
    """The predictors that spec strings name, each under the folder of its run: `out/NAME`.

    Args:
        specs: spec strings.
        out: the folder that holds the runs.
        name: name of the run, for a single spec string; made from the spec string by default.
        resume: whether runs that are there already may be continued.
        prompt: fields of `PromptConfig`; they reach models only.
        **options: fields of `EndpointOptions` and of `LocalOptions`; they reach the models that have them.

    Raises:
        ConfigError: if a spec string names no predictor, two runs would share a folder, a folder is there
            already, or an option has no usable value or reaches no predictor.
    """
    if not specs:
        raise ConfigError("no predictor given, for example baseline:markov-2")
    if name is not None and len(specs) > 1:
        raise ConfigError(f"one name ({name}) for {len(specs)} runs. Leave it out, or evaluate one by one")
    if name is not None and Path(name).name != name:
        raise ConfigError(f"{name!r} is no name for a folder")
    known = {spec: _options_of(spec) for spec in specs}
    given = [*(prompt or {}), *options]
    kinds = [kind for kind in known.values() if kind is not None]
    if given and not kinds:
        raise ConfigError(f"none of {', '.join(specs)} calls a model: they take no {', '.join(given)}")
    lost = [name for name in options if all(name not in kind.model_fields for kind in kinds)]
    if lost:
        raise ConfigError(f"none of {', '.join(specs)} takes {', '.join(lost)}")
    wording = _checked(PromptConfig, prompt or {})
    named: dict[Path, Predictor] = {}
    for spec in specs:
        folder = Path(out) / (name or run_name(spec))
        if folder in named:
            raise ConfigError(
                f"{named[folder].spec} and {spec} would both be written to {folder}. "
                "Evaluate them one by one, with --name"
            )
        check_folder(folder, resume=resume)
        kind = known[spec]
        if kind is None:
            named[folder] = load_predictor(spec)
        else:
            mine = {key: value for key, value in options.items() if key in kind.model_fields}
            _checked(kind, mine)
            named[folder] = load_predictor(spec, prompt=wording, **mine)
    return named


def _options_of(spec: str) -> type[EndpointOptions] | type[LocalOptions] | None:
    """The options of a model; None for a predictor that is none."""
    kind = spec.partition(":")[0]
    return EndpointOptions if kind in ENDPOINT_KINDS else LocalOptions if kind == LOCAL else None


def _checked(kind: type[Options], fields: Mapping[str, Any]) -> Options:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise option_error(error) from None


def run_name(spec: str) -> str:
    """A folder name for a spec string.

    >>> run_name("baseline:markov-2"), run_name("openai:gpt-4.1"), run_name("choice:runs/choice/choice/")
    ('baseline-markov-2', 'openai-gpt-4.1', 'choice-choice')
    >>> run_name("endpoint:http://127.0.0.1:8000/v1#org/My Model")
    'endpoint-My-Model'
    """
    kind, _, rest = spec.partition(":")
    last = rest.rpartition("#")[2].rstrip("/").rpartition("/")[2]
    safe = re.sub(r"[^\w.-]+", "-", last).strip("-.")
    return f"{kind}-{safe}" if safe else kind
