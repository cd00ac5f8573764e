"""Drop options that a model does not support, by pydantic-ai's model profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from facsim.predict.endpoint.options import (
    EXPLICIT_CACHE_PROVIDERS,
    EndpointOptions,
    EndpointTarget,
    Thinking,
)


def supported_options(target: EndpointTarget, options: EndpointOptions) -> EndpointOptions:
    """The options that the model really receives: for requests, the run's settings and the cache key.

    Unsupported options become None: a temperature that the model is known to refuse, thinking for a model
    without it, a seed for an API without seeds.
    """
    dropped: dict[str, None] = {}
    if target.provider in EXPLICIT_CACHE_PROVIDERS:
        dropped["seed"] = None
    if options.temperature is not None or options.thinking is not None:
        profile = _profile(target)
        if target.provider != "endpoint" and not profile.get("supports_thinking"):
            dropped["thinking"] = None
        if _refuses_temperature(profile, options.thinking):
            dropped["temperature"] = None
    return options.model_copy(update=dropped)


def _profile(target: EndpointTarget) -> Mapping[str, Any]:
    """Pydantic-ai's profile of the model, looked up by name."""
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
    """Whether pydantic-ai would drop the temperature. OpenAI's models refuse it while they reason."""
    if profile.get("anthropic_disallows_sampling_settings") or profile.get(
        "bedrock_disallows_sampling_settings"
    ):
        return True
    if not profile.get("openai_supports_reasoning"):
        return False
    if not profile.get("openai_supports_reasoning_effort_none"):
        return True
    return thinking != "off" if thinking is not None else bool(profile.get("thinking_enabled_by_default"))
