"""From the report back to the commands: what opens its sessions, and what made its runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from facsim.evaluation import Run
from facsim.evaluation.config import Identity
from facsim.predict.endpoint.options import EndpointOptions
from facsim.predict.local.options import LocalOptions
from facsim.prompt import PromptConfig

_PROMPT_FLAGS: Final = (
    "style",
    "budget_tokens",
    "budget_policy",
    "tokenizer",
    "chars_per_token",
    "persona",
    "person_after_pages",
    "page_text",
    "pages",
)
_MODEL_FLAGS: Final[Mapping[str, str]] = {
    "temperature": "--temperature",
    "max_output_tokens": "--max-output-tokens",
    "seed": "--sampling-seed",
    "thinking": "--thinking",
    "structured": "--structured",
    "replicate": "--replicate",
}
_LOCAL_FLAGS: Final = ("decoding", "max_output_tokens", "device", "dtype")


def view_command(runs: Sequence[Run]) -> str:
    """The command that opens the sessions of these runs."""
    return shlex.join(["facsim", "view", runs[0].config.data_path, *(run.location for run in runs)])


def evaluate_command(run: Run) -> str:
    """The command that makes a run again, with every option that is not the default."""
    identity = run.config.identity
    cases = identity.cases
    words = ["facsim", "evaluate", run.config.data_path, identity.predictor]
    words += ["--run-dir", run.location]
    given: dict[str, Any] = {}
    if cases.part != "test":
        given["--part"] = cases.part
    if cases.split_by != "user":
        given["--split-by"] = cases.split_by
    if cases.seed:
        given["--seed"] = cases.seed
    if cases.first_step != "exclude":
        given["--first-step"] = cases.first_step
    if cases.limit is not None:
        given["--limit"] = cases.limit
    given |= _asking_flags(identity)
    for flag, value in given.items():
        words += [flag] if value is True else [flag, str(value)]
    return shlex.join(words)


def _asking_flags(identity: Identity) -> dict[str, Any]:
    """The flags for how a model was asked; none for a predictor that asks no model."""
    prompt = identity.settings.get("prompt")
    if not isinstance(prompt, Mapping):
        return {}
    prompt = {"page_text": "stored", **prompt}  # as runs were before there was a choice
    if identity.predictor.startswith("local:"):
        return _local_flags(identity.settings, prompt)
    usual = PromptConfig().model_dump(mode="json")
    wording = {name: prompt.get(name, usual[name]) for name in _PROMPT_FLAGS}
    flags = _prompt_flags({name: value for name, value in wording.items() if value != usual[name]})
    asked = EndpointOptions().sampling_parameters()
    for name, flag in _MODEL_FLAGS.items():
        if name in identity.settings and identity.settings[name] != asked[name]:
            flags[flag] = "unset" if identity.settings[name] is None else identity.settings[name]
    return flags


def _local_flags(settings: Mapping[str, Any], prompt: Mapping[str, Any]) -> dict[str, Any]:
    """The flags of a model that ran here: its checkpoint has defaults of its own, so all of the prompt's.

    Those that count tokens are not among them: a checkpoint counts with its own tokenizer.
    """
    counted = ("tokenizer", "chars_per_token")
    flags = _prompt_flags({name: prompt.get(name) for name in _PROMPT_FLAGS if name not in counted})
    usual = LocalOptions().model_dump(mode="json")
    for name in _LOCAL_FLAGS:
        if settings.get(name, usual[name]) != usual[name]:
            flags["--" + name.replace("_", "-")] = settings[name]
    return flags


def _prompt_flags(wording: Mapping[str, Any]) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    for name, value in wording.items():
        if isinstance(value, bool):
            flag = name.replace("_", "-")
            flags[f"--{flag}" if value else f"--no-{flag}"] = True
        elif value is not None:
            flags["--" + name.replace("_", "-")] = value
    return flags
