"""Which options a model gets, by what pydantic-ai knows of models by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from facsim.predict.endpoint.options import MARKED, EndpointOptions, Target, Thinking


def as_sent(target: Target, options: EndpointOptions) -> EndpointOptions:
    """The options as the model gets them, for a run's settings and the cache key as well as for requests.

    What would be dropped on the way is None: a temperature that the model is known to refuse, thinking where
    the model is known to do none, a seed where the API knows none.
    """
    dropped: dict[str, None] = {}
    if target.provider in MARKED:
        dropped["seed"] = None
    if options.temperature is not None or options.thinking is not None:
        profile = _profile(target)
        if target.provider != "endpoint" and not profile.get("supports_thinking"):
            dropped["thinking"] = None
        if _refuses_temperature(profile, options.thinking):
            dropped["temperature"] = None
    return options.model_copy(update=dropped)


def _profile(target: Target) -> Mapping[str, Any]:
    """What pydantic-ai knows of the model by its name."""
    match target.provider:
        case "openai":
            from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

            known = OpenAIProvider.model_profile(target.model)
        case "endpoint":
            from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider  # noqa: PLC0415

            known = OpenAICompatibleProvider.model_profile(target.model)
        case "anthropic":
            from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

            known = AnthropicProvider.model_profile(target.model)
        case "bedrock":
            from pydantic_ai.providers.bedrock import BedrockProvider  # noqa: PLC0415

            known = BedrockProvider.model_profile(target.model)
    return cast(Mapping[str, Any], known or {})


def _refuses_temperature(profile: Mapping[str, Any], thinking: Thinking | None) -> bool:
    """Whether pydantic-ai would leave the temperature out; OpenAI's models refuse it while they reason."""
    if profile.get("anthropic_disallows_sampling_settings") or profile.get(
        "bedrock_disallows_sampling_settings"
    ):
        return True
    if not profile.get("openai_supports_reasoning"):
        return False
    if not profile.get("openai_supports_reasoning_effort_none"):
        return True
    return thinking != "off" if thinking is not None else bool(profile.get("thinking_enabled_by_default"))
