"""From the report to the viewer, and back to the commands that made the runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from facsim.evaluation import Run
from facsim.predict.endpoint_options import EndpointOptions
from facsim.prompt import PromptConfig

VIEW_PORT: Final = 8421
"""Where `facsim view` listens unless told otherwise."""

_PROMPT_FLAGS: Final = ("style", "budget_tokens", "budget_policy", "tokenizer", "persona")
_MODEL_FLAGS: Final[Mapping[str, str]] = {
    "temperature": "--temperature",
    "max_output_tokens": "--max-output-tokens",
    "seed": "--sampling-seed",
    "thinking": "--thinking",
    "structured": "--structured",
    "replicate": "--replicate",
}


def replay_address(session_id: str, step: int) -> str:
    """Where a local `facsim view` shows a step.

    >>> replay_address("a/b", 3)
    'http://127.0.0.1:8421/session?id=a%2Fb&step=3'
    """
    return f"http://127.0.0.1:{VIEW_PORT}/session?{urlencode({'id': session_id, 'step': step})}"


def view_command(runs: Sequence[Run]) -> str:
    """The command that opens the sessions of these runs."""
    return shlex.join(["facsim", "view", runs[0].config.data_path, *(str(run.path) for run in runs)])


def evaluate_command(run: Run) -> str:
    """The command that makes a run again, with every option that is not the default."""
    identity = run.config.identity
    cases = identity.cases
    words = ["facsim", "evaluate", run.config.data_path, identity.predictor]
    words += ["--out", str(run.path.parent), "--name", run.name]
    given: dict[str, Any] = {}
    if cases.part != "test":
        given["--split"] = cases.part
    if cases.split_by != "user":
        given["--split-by"] = cases.split_by
    if cases.seed:
        given["--seed"] = cases.seed
    if cases.first_step != "exclude":
        given["--first-step"] = cases.first_step
    if cases.limit is not None:
        given["--limit"] = cases.limit
    given |= _asking_flags(identity.settings)
    for flag, value in given.items():
        words += [flag] if value is True else [flag, str(value)]
    return shlex.join(words)


def _asking_flags(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The flags for how a model was asked; none for a predictor that asks no model."""
    prompt = settings.get("prompt")
    if not isinstance(prompt, Mapping):
        return {}
    flags: dict[str, Any] = {}
    usual = PromptConfig().model_dump(mode="json")
    for name in _PROMPT_FLAGS:
        value = prompt.get(name, usual[name])
        if value == usual[name] or value is None:
            continue
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            flags[flag if value else f"--no-{name}"] = True
        else:
            flags[flag] = value
    asked = EndpointOptions().answering()
    for name, flag in _MODEL_FLAGS.items():
        if name in settings and settings[name] != asked[name]:
            flags[flag] = "unset" if settings[name] is None else settings[name]
    return flags
