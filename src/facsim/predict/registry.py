"""Map spec strings to predictors. The only module that knows every kind."""

from __future__ import annotations

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


def load_predictor(spec: str, *, prompt: PromptConfig | None = None, **options: Any) -> Predictor:
    """Create the predictor that a spec string names.

    A `Trainable` predictor must be fitted on the training split before it answers: the baselines, `choice`,
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
    close = get_close_matches(spec, [*BASELINES, "choice", ORACLE], n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    # A spec may be typed wrong and contain a password.
    return f"unknown predictor {redact_addresses(spec)!r}.{hint} Known: {', '.join(SPEC_FORMS)}"
