"""Map spec strings to predictors. The only module that knows every kind."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from facsim.predict.baselines import (
    AlwaysTerminate,
    Baseline,
    MajorityType,
    MostFrequentName,
    RandomElement,
    RepeatLast,
)
from facsim.predict.endpoint.redaction import redact_addresses
from facsim.predict.markov import MarkovCategory, MarkovOne, MarkovTwo
from facsim.predict.protocol import Predictor
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from facsim.prompt import PromptConfig

_BASELINES: tuple[type[Baseline], ...] = (
    AlwaysTerminate,
    MajorityType,
    RepeatLast,
    MostFrequentName,
    RandomElement,
    MarkovCategory,
    MarkovOne,
    MarkovTwo,
)
BASELINES: dict[str, type[Baseline]] = {kind.spec: kind for kind in _BASELINES}
"""The baselines by spec string, in the order of a leaderboard."""

ORACLE = "oracle:"
"""Spec of the predictor that returns the true probabilities, where they are known."""

ENDPOINT_KINDS = ("openai", "anthropic", "bedrock", "endpoint")

LOCAL = "local"
"""Kind of the models that run in this process."""

SPEC_FORMS = (
    *BASELINES,
    "choice",
    "choice:PATH",
    ORACLE,
    "openai:MODEL",
    "anthropic:MODEL",
    "bedrock:MODEL",
    "endpoint:http://HOST:PORT/v1#MODEL",
    "local:PATH_OR_HUB_ID",
)
"""Every form of spec string, for help texts."""


def calls_endpoint(spec: str) -> bool:
    """Whether a spec string names a model behind an API.

    >>> calls_endpoint("openai:gpt-4.1"), calls_endpoint("local:tiny"), calls_endpoint("choice")
    (True, False, False)
    """
    return spec.partition(":")[0] in ENDPOINT_KINDS


def load_predictor(spec: str, *, prompt: PromptConfig | None = None, **options: Any) -> Predictor:
    """Create the predictor that a spec string names.

    A `Trainable` predictor must be fitted on the train part before it answers: the baselines, `choice`,
    and `oracle:`, which only reads which shop the data came from. `choice:PATH` reads a folder that
    `ChoiceModel.save` wrote.

    Args:
        spec: one of `SPEC_FORMS`.
        prompt: how sessions become chat messages; used by language models only. A local model takes the
            fields that were set, and the others from its checkpoint.
        **options: fields of `facsim.predict.endpoint.options.EndpointOptions` for an endpoint, and of
            `facsim.predict.local.options.LocalOptions` for a local model.

    Raises:
        ConfigError: if the spec string names no predictor, an option is unusable, or a local model
            cannot answer.
        InputError: if a saved model cannot be read.
    """
    kind, _, rest = spec.partition(":")
    if spec in BASELINES:
        return BASELINES[spec]()
    if kind == "choice" and (rest or spec == kind):
        from facsim.predict.choice import ChoiceModel  # noqa: PLC0415

        return ChoiceModel.load(rest) if rest else ChoiceModel()
    if kind == "oracle" and not rest:
        from facsim.predict.oracle import Oracle  # noqa: PLC0415

        return Oracle()
    if kind in ENDPOINT_KINDS and rest:
        from facsim.predict.endpoint.options import EndpointOptions  # noqa: PLC0415
        from facsim.predict.endpoint.predictor import endpoint_predictor  # noqa: PLC0415

        return endpoint_predictor(spec, prompt, EndpointOptions.of(**options))
    if kind == LOCAL and rest:
        from facsim.predict.local.options import LocalOptions  # noqa: PLC0415
        from facsim.predict.local.predictor import LocalPredictor  # noqa: PLC0415

        return LocalPredictor(rest, prompt, LocalOptions.of(**options))
    raise ConfigError(_unknown(spec))


def _unknown(spec: str) -> str:
    meant = _meant(spec)
    hint = f" Did you mean {meant}?" if meant else ""
    # A spec may be typed wrong and contain a password.
    shown, hint = redact_addresses(spec), redact_addresses(hint)
    return f"unknown predictor {shown!r}.{hint} Known: {', '.join(SPEC_FORMS)}"


_MEANT = (
    (r"https?://.*#.", "endpoint:{}"),
    (r"https?://", "endpoint:{}#MODEL"),
    (r"((us|eu)\.)?(anthropic|amazon|meta)\.", "bedrock:{}"),
    (r"gpt-|chatgpt|o\d\b", "openai:{}"),
    (r"claude", "anthropic:{}"),
    (r"tiny$|[\w.-]+/[\w.-]+$", "local:{}"),
)
"""What names of models without a kind look like, and the spec string that each stands for."""


def _meant(spec: str) -> str | None:
    """The spec string that is most likely meant.

    >>> [_meant(spec) for spec in ("gpt-4.1", "claude-sonnet-4-5", "http://127.0.0.1:8000/v1#m")]
    ['openai:gpt-4.1', 'anthropic:claude-sonnet-4-5', 'endpoint:http://127.0.0.1:8000/v1#m']
    >>> [_meant(spec) for spec in ("markov-2", "baseline:markov2", "Qwen/Qwen2.5-7B-Instruct", "http://x/v1")]
    ['baseline:markov-2', 'baseline:markov-2', 'local:Qwen/Qwen2.5-7B-Instruct', 'endpoint:http://x/v1#MODEL']
    """
    name = spec.strip()
    for pattern, form in _MEANT:
        if re.match(pattern, name):
            return form.format(name)
    known = [*BASELINES, "choice", ORACLE]
    for written, cutoff in ((name, 0.6), (f"baseline:{name}", 0.8)):
        close = get_close_matches(written, known, n=1, cutoff=cutoff)
        if close:
            return close[0]
    return None
