"""Open a connection to a provider: credentials from the environment, HTTP client, pydantic-ai model.

Retries are off in every SDK and HTTP client: `facsim.predict.endpoint.transport` decides about them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facsim.predict.endpoint.options import EndpointOptions, EndpointTarget, Provider
from facsim.predict.endpoint.redaction import Redactor
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

_KEY_VARIABLE = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "endpoint": "FACSIM_ENDPOINT_API_KEY",
}
_AWS_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK")
_CONNECT_S = 10.0
# Pydantic-ai splits text at thinking tags, and drops an opening tag that is never closed: reasoning would
# then read as an answer. With tags that no text contains, it leaves the text alone. Our parser reads them.
_NO_THINKING_TAGS = ("\0<think>", "\0</think>")


@dataclass(frozen=True)
class Connection:
    """An open connection.

    Attributes:
        model: the pydantic-ai model.
        redact: removes the keys in use from texts.
        http: the HTTP client to close; None for Bedrock.
    """

    model: Model[Any]
    redact: Redactor
    http: httpx2.AsyncClient | None = None


def secrets_in_environment(provider: Provider) -> tuple[str, ...]:
    """The values of the environment variables that hold the provider's keys."""
    names = _AWS_SECRETS if provider == "bedrock" else (_KEY_VARIABLE[provider],)
    return tuple(value.strip() for name in names if (value := os.environ.get(name, "")).strip())


def connect(target: EndpointTarget, options: EndpointOptions) -> Connection:
    """Open a connection. It belongs to the running event loop.

    Raises:
        ConfigError: if a key or other configuration is missing or unusable.
    """
    if target.provider == "bedrock":
        return _bedrock(target, options)
    key = _key(target)
    http = _http_client(target.provider, options)
    redact = Redactor([key] if key else [])
    if target.provider == "anthropic":
        return Connection(_anthropic(target, options, key, http), redact, http)
    return Connection(_openai(target, options, key, http), redact, http)


def _key(target: EndpointTarget) -> str:
    """The API key; empty for an endpoint without one."""
    name = _KEY_VARIABLE[target.provider]
    key = os.environ.get(name, "").strip()  # a key from a file often ends in a line break
    if not key and target.provider != "endpoint":
        raise ConfigError(f"{target.spec}: no API key. Set the environment variable {name}")
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise ConfigError(
            f"{target.spec}: {name} contains a space, a line break or another character that no key has. "
            "Set it again without them"
        )
    return key


def _http_client(provider: Provider, options: EndpointOptions) -> httpx2.AsyncClient:
    import httpx2  # noqa: PLC0415
    from pydantic_ai.models import get_user_agent  # noqa: PLC0415

    from facsim.predict.endpoint.bounded_http import BoundedClient  # noqa: PLC0415

    # The caller bounds the calls in flight. The pool keeps connections alive and never makes one wait.
    return BoundedClient(
        provider,
        timeout=httpx2.Timeout(options.timeout_s, connect=min(_CONNECT_S, options.timeout_s)),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
        headers={"User-Agent": get_user_agent()},
    )


def _openai(
    target: EndpointTarget, options: EndpointOptions, key: str, http: httpx2.AsyncClient
) -> Model[Any]:
    from openai import AsyncOpenAI  # noqa: PLC0415
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
    from pydantic_ai.profiles.openai import OpenAIModelProfile  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider  # noqa: PLC0415

    client = AsyncOpenAI(
        base_url=target.base_url,
        api_key=key or "none",
        http_client=http,
        timeout=options.timeout_s,
        max_retries=0,
    )
    if target.provider == "openai":
        profile = OpenAIModelProfile(thinking_tags=_NO_THINKING_TAGS)
        return OpenAIChatModel(target.model, provider=OpenAIProvider(openai_client=client), profile=profile)
    # Every compatible server knows `max_tokens`. Whether a model thinks, only its operator knows.
    profile = OpenAIModelProfile(
        openai_chat_supports_max_completion_tokens=False,
        supports_thinking=True,
        thinking_tags=_NO_THINKING_TAGS,
    )
    provider = OpenAICompatibleProvider("endpoint", openai_client=client, profile=profile)
    return OpenAIChatModel(target.model, provider=provider)


def _anthropic(
    target: EndpointTarget, options: EndpointOptions, key: str, http: httpx2.AsyncClient
) -> Model[Any]:
    from anthropic import AsyncAnthropic  # noqa: PLC0415
    from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
    from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

    client = AsyncAnthropic(api_key=key, http_client=http, timeout=options.timeout_s, max_retries=0)
    return AnthropicModel(target.model, provider=AnthropicProvider(anthropic_client=client))


def _bedrock(target: EndpointTarget, options: EndpointOptions) -> Connection:
    import boto3  # type: ignore[import-untyped]  # noqa: PLC0415
    from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]  # noqa: PLC0415
    from pydantic_ai.models.bedrock import BedrockConverseModel  # noqa: PLC0415
    from pydantic_ai.providers.bedrock import BedrockProvider  # noqa: PLC0415

    from facsim.predict.endpoint.bounded_http import bound_responses  # noqa: PLC0415

    config = Config(
        read_timeout=options.timeout_s,
        connect_timeout=min(_CONNECT_S, options.timeout_s),
        max_pool_connections=256,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    session = boto3.Session()
    credentials = session.get_credentials()
    bearer = os.environ.get("AWS_BEARER_TOKEN_BEDROCK")
    if credentials is not None:
        frozen = credentials.get_frozen_credentials()
        found = (frozen.secret_key, frozen.token, frozen.access_key, bearer)
        secrets = tuple(secret for secret in found if secret)
    elif bearer:
        secrets = (bearer,)
    else:
        raise ConfigError(
            f"{target.spec}: no AWS credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "AWS_PROFILE or AWS_BEARER_TOKEN_BEDROCK"
        )
    redact = Redactor(secrets)
    try:
        client = session.client("bedrock-runtime", config=config)
    except BotoCoreError as error:
        remedy = "Set AWS_DEFAULT_REGION, for example to us-east-1"
        raise ConfigError(f"{target.spec}: {redact.message(str(error))} {remedy}") from None
    bound_responses(client, options.timeout_s)
    model = BedrockConverseModel(target.model, provider=BedrockProvider(bedrock_client=client))
    return Connection(model, redact)
