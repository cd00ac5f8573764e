"""The targets of one command: several predictors, each with its run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facsim.evaluation.run_dir import RUNS_DIR, check_run_dir, run_name
from facsim.predict.endpoint.options import EndpointOptions, EndpointTarget
from facsim.predict.local.options import LocalOptions
from facsim.predict.protocol import Predictor
from facsim.predict.registry import LOCAL, calls_endpoint, load_predictor
from facsim.prompt import PromptConfig
from facsim.util.errors import ConfigError
from facsim.util.validation import checked_options


def resolve_targets(
    specs: Sequence[str],
    *,
    runs_dir: str | Path = RUNS_DIR,
    run_dir: str | Path | None = None,
    prompt: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[Path, Predictor]:
    """The predictors that spec strings name, by run folder.

    Args:
        specs: spec strings.
        runs_dir: the folder for the run folders, each named after its predictor.
        run_dir: the run folder itself, for a single spec string.
        prompt: fields of `PromptConfig`, for models.
        **options: fields of `EndpointOptions` and of `LocalOptions`, each for the models that have it.

    Raises:
        ConfigError: if a spec string names no predictor, two runs would share a folder, a folder holds
            something else than a run, or an option is invalid or applies to no predictor.
    """
    if not specs:
        raise ConfigError("no predictor given, for example baseline:markov-2")
    if run_dir is not None and len(specs) > 1:
        raise ConfigError(
            f"one run folder ({run_dir}) for {len(specs)} predictors. "
            "Use --runs-dir: each run gets a folder in it"
        )
    known = {spec: _options_of(spec) for spec in specs}
    for spec, kind in known.items():
        if kind is EndpointOptions:
            EndpointTarget.parse(spec)  # refuses addresses with credentials before any message quotes them
    given = [*(prompt or {}), *options]
    kinds = [kind for kind in known.values() if kind is not None]
    if given and not kinds:
        raise ConfigError(f"none of {', '.join(specs)} calls a model: they take no {', '.join(given)}")
    unused = [name for name in options if all(name not in kind.model_fields for kind in kinds)]
    if unused:
        raise ConfigError(f"none of {', '.join(specs)} takes {', '.join(unused)}")
    prompt_config = checked_options(PromptConfig, prompt or {})
    targets: dict[Path, Predictor] = {}
    for spec in specs:
        folder = Path(runs_dir) / run_name(spec) if run_dir is None else Path(run_dir)
        if folder in targets:
            raise ConfigError(
                f"{targets[folder].spec} and {spec} would both be written to {folder}. "
                "Evaluate them one by one, with --run-dir"
            )
        check_run_dir(folder)
        kind = known[spec]
        if kind is None:
            targets[folder] = load_predictor(spec)
        else:
            mine = {key: value for key, value in options.items() if key in kind.model_fields}
            checked_options(kind, mine)
            targets[folder] = load_predictor(spec, prompt=prompt_config, **mine)
    return targets


def _options_of(spec: str) -> type[EndpointOptions] | type[LocalOptions] | None:
    """The options of a model; None for other predictors."""
    if calls_endpoint(spec):
        return EndpointOptions
    return LocalOptions if spec.partition(":")[0] == LOCAL else None
