"""How a request leaves this machine and an answer comes back, by pydantic-ai.

Everything a provider does differently ends here and in `supported_options`: no other
file imports pydantic-ai. Above this file there are messages in, a `Completion` or a `CallFailed` out.

Retries have one authority, the provider's own SDK: it knows which failures may pass and honours
`Retry-After`. pydantic-ai and the HTTP client retry nothing. Every call ends: each attempt has a timeout of
its own, and all attempts with their waits have one together.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from facsim.predict.endpoint.options import EXPLICIT_CACHE_PROVIDERS, EndpointOptions, EndpointTarget
from facsim.predict.endpoint.supported_options import supported_options
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse, UserContent
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

    from facsim.prompt import Prompt

FailureKind = Literal[
    "refused", "denied", "missing", "quota", "rejected", "too_long", "limited", "slow", "broken"
]

MAX_WAIT_S = 60.0
"""The longest that the SDKs wait for one `Retry-After`."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer.

    Attributes:
        text: what the model wrote, without its separate reasoning.
        thinking: the reasoning that came in a field of its own.
        finish: why it stopped: `stop`, `length`, `content_filter`, `error`, or None where unsaid.
        input_tokens: all prompt tokens, those read from or written to a cache included.
        cached_tokens: of these, read from the provider's cache.
        written_tokens: of these, written to it.
        output_tokens: generated tokens, hidden reasoning included.
    """

    text: str
    thinking: str | None = None
    finish: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    output_tokens: int = 0


class CallFailed(Exception):
    """A call that failed for good, after the SDK's retries. What it means is decided by the predictor.

    Args:
        kind: `refused` (nobody listens), `denied` (401, 403), `missing` (404), `quota` (the money is out),
            `rejected` (400, 422: this request), `too_long` (over the context window), `limited` (429),
            `slow` (a timeout), `broken` (5xx, a torn or senseless body).
        message: the server's words, shortened, without secrets.
        status: the HTTP status where there was one.
    """

    def __init__(self, kind: FailureKind, message: str, status: int | None = None) -> None:
        self.kind, self.message, self.status = kind, message, status
        super().__init__(message)


class Transport:
    """An open line to one model. Made on first use, in the event loop that uses it."""

    def __init__(self, target: EndpointTarget, options: EndpointOptions) -> None:
        self.target, self.options = target, supported_options(target, options)
        self._secrets: tuple[str, ...] = ()
        self._http: Any = None
        self._model = self._open()
        self._settings = self._model_settings()

    @property
    def offers_structured_output(self) -> bool:
        """Whether a JSON Schema can be sent along, as far as the model's name tells."""
        return bool(self._model.profile.get("supports_json_schema_output", False))

    async def send(self, prompt: Prompt, schema: Mapping[str, Any] | None = None) -> Completion:
        """One answer to `prompt`.

        Args:
            prompt: messages that begin with the system message and end with a user's, and where their
            stable
                prefix ends.
            schema: JSON Schema that the server is to enforce.

        Raises:
            CallFailed: when there is none.
            ConfigError: when the model cannot be asked like this at all.
        """
        from pydantic_ai.direct import model_request  # noqa: PLC0415
        from pydantic_ai.exceptions import UserError  # noqa: PLC0415

        attempts = self.options.retries + 1
        deadline = attempts * self.options.timeout_s + self.options.retries * MAX_WAIT_S
        history, settings, parameters = self._request(prompt, schema)
        try:
            async with asyncio.timeout(deadline):
                response = await model_request(
                    self._model, history, model_settings=settings, model_request_parameters=parameters
                )
        except UserError as error:
            raise ConfigError(f"{self.target.spec}: {self.clean(str(error))}") from None
        except TimeoutError:
            raise CallFailed("slow", f"no whole answer within {deadline:g} s") from None
        except Exception as error:  # whatever an odd body makes a client library raise is the server's doing
            raise self._failure(error) from None
        return _reply(response)

    def _request(
        self, prompt: Prompt, schema: Mapping[str, Any] | None
    ) -> tuple[list[ModelMessage], ModelSettings, ModelRequestParameters | None]:
        """The arguments of `model_request`.

        On the OpenAI wire, messages and schema go as `extra_body`, which the SDK sends as it is and which
        takes precedence. As arguments, the SDK would walk each of them through every type that a message
        may have: 0.5 ms of CPU a message, ten times the rest of the request in a long session, and nothing
        to find there.
        """
        if self.target.provider in EXPLICIT_CACHE_PROVIDERS:
            return _history(prompt), self._settings, _parameters(schema)
        role = self._model.profile.get("openai_system_prompt_role") or "system"
        body: dict[str, Any] = {
            "messages": [
                {"role": role if message.role == "system" else message.role, "content": message.content}
                for message in prompt.messages
            ]
        }
        if schema is not None:
            answer = {"name": "answer", "schema": schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": answer}
        return [], {**self._settings, "extra_body": body}, None

    def clean(self, text: str) -> str:
        """`text` in one line of at most 300 characters, without the secrets in use here."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = " ".join(text.split()).rstrip(".")
        return text if len(text) <= 300 else text[:299] + "…"

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    def _open(self) -> Model[Any]:
        match self.target.provider:
            case "openai":
                return self._openai()
            case "endpoint":
                return self._compatible()
            case "anthropic":
                return self._anthropic()
            case "bedrock":
                return self._bedrock()

    def _secret(self, *variables: str, default: str | None = None) -> str:
        for variable in variables:
            if value := os.environ.get(variable):
                self._secrets = (*self._secrets, value)
                return value
        if default is None:
            raise ConfigError(
                f"{self.target.spec}: no API key. Set the environment variable {' or '.join(variables)}"
            )
        return default

    def _http_client(self) -> Any:
        import httpx2  # noqa: PLC0415
        from pydantic_ai.models import create_async_httpx2_client  # noqa: PLC0415

        # Who asks bounds the calls in flight: the pool keeps connections alive and never makes one wait.
        self._http = create_async_httpx2_client(
            timeout=httpx2.Timeout(self.options.timeout_s, connect=min(10.0, self.options.timeout_s)),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
        )
        return self._http

    def _openai(self) -> Model[Any]:
        from openai import AsyncOpenAI  # noqa: PLC0415
        from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
        from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

        client = AsyncOpenAI(
            api_key=self._secret("OPENAI_API_KEY"),
            http_client=self._http_client(),
            timeout=self.options.timeout_s,
            max_retries=self.options.retries,
        )
        return OpenAIChatModel(self.target.model, provider=OpenAIProvider(openai_client=client))

    def _compatible(self) -> Model[Any]:
        from openai import AsyncOpenAI  # noqa: PLC0415
        from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
        from pydantic_ai.profiles.openai import OpenAIModelProfile  # noqa: PLC0415
        from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider  # noqa: PLC0415

        client = AsyncOpenAI(
            base_url=self.target.base_url,
            api_key=self._secret("FACSIM_ENDPOINT_API_KEY", default="none"),
            http_client=self._http_client(),
            timeout=self.options.timeout_s,
            max_retries=self.options.retries,
        )
        # `max_tokens` is the name that every compatible server knows. Whether a model thinks, only those who
        # serve it know.
        profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False, supports_thinking=True)
        provider = OpenAICompatibleProvider("endpoint", openai_client=client, profile=profile)
        return OpenAIChatModel(self.target.model, provider=provider)

    def _anthropic(self) -> Model[Any]:
        from anthropic import AsyncAnthropic  # noqa: PLC0415
        from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
        from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

        client = AsyncAnthropic(
            api_key=self._secret("ANTHROPIC_API_KEY"),
            http_client=self._http_client(),
            timeout=self.options.timeout_s,
            max_retries=self.options.retries,
        )
        return AnthropicModel(self.target.model, provider=AnthropicProvider(anthropic_client=client))

    def _bedrock(self) -> Model[Any]:
        import boto3  # type: ignore[import-untyped]  # noqa: PLC0415
        from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]  # noqa: PLC0415
        from pydantic_ai.models.bedrock import BedrockConverseModel  # noqa: PLC0415
        from pydantic_ai.providers.bedrock import BedrockProvider  # noqa: PLC0415

        config = Config(
            read_timeout=self.options.timeout_s,
            connect_timeout=min(10.0, self.options.timeout_s),
            max_pool_connections=256,
            retries={"total_max_attempts": self.options.retries + 1, "mode": "standard"},
        )
        session = boto3.Session()
        credentials = session.get_credentials()
        bearer = os.environ.get("AWS_BEARER_TOKEN_BEDROCK")
        if credentials is not None:
            frozen = credentials.get_frozen_credentials()
            found = (frozen.secret_key, frozen.token, frozen.access_key, bearer)
            self._secrets = tuple(secret for secret in found if secret)
        elif bearer:
            self._secrets = (bearer,)
        else:
            raise ConfigError(
                f"{self.target.spec}: no AWS credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "AWS_PROFILE or AWS_BEARER_TOKEN_BEDROCK"
            )
        try:
            client = session.client("bedrock-runtime", config=config)
        except BotoCoreError as error:
            remedy = "Set AWS_DEFAULT_REGION, for example to us-east-1"
            raise ConfigError(f"{self.target.spec}: {self.clean(str(error))} {remedy}") from None
        return BedrockConverseModel(self.target.model, provider=BedrockProvider(bedrock_client=client))

    def _model_settings(self) -> ModelSettings:
        options = self.options
        settings: dict[str, Any] = {"max_tokens": options.max_output_tokens}
        if options.temperature is not None:
            settings["temperature"] = options.temperature
        if options.seed is not None:
            settings["seed"] = options.seed
        if options.thinking is not None:
            settings["thinking"] = options.thinking if options.thinking != "off" else False
        if self.target.provider in EXPLICIT_CACHE_PROVIDERS:
            # The task and the persona are the same at every step of a session.
            settings[f"{self.target.provider}_cache_instructions"] = True
        return settings  # type: ignore[return-value]  # a TypedDict with one key of its provider's own

    def _failure(self, error: Exception) -> CallFailed:
        """What `error` means, in our words."""
        from pydantic_ai import exceptions as known  # noqa: PLC0415

        status = getattr(error, "status_code", None)
        message = self.clean(_words(error))
        kinds: tuple[tuple[type[Exception], FailureKind], ...] = (
            (known.ModelAuthenticationError, "denied"),
            (known.ModelNotFoundError, "missing"),
            (known.ModelContextWindowExceededError, "too_long"),
            (known.ModelRequestRejectedError, "rejected"),
            (known.ModelQuotaExceededError, "quota"),
            (known.ModelRateLimitError, "limited"),
            (known.ModelTimeoutError, "slow"),
        )
        if isinstance(error, known.ModelConnectionError) and error.phase == "connect":
            return CallFailed("refused", message)
        for kind_of_error, kind in kinds:
            if isinstance(error, kind_of_error):
                return CallFailed(kind, message, status)
        if status == 404:
            return CallFailed("missing", message, status)
        return CallFailed("broken", message, status)


def _words(error: Exception) -> str:
    """What the server said, if it said something; else what the library says."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        said = (inner.get("message") or inner.get("detail")) if isinstance(inner, Mapping) else inner
        if isinstance(said, str) and said:
            return f"{getattr(error, 'status_code', None) or 'error'}: {said}"
    return f"{type(error).__name__}: {error}"


def _history(prompt: Prompt) -> list[ModelMessage]:
    """The messages in pydantic-ai's words, with cache marks before and after the current page.

    The mark before it closes the history, the stable prefix. The one after it lets the next step read the
    page from the cache as well: a page is then written once, at 1.25 times its price, instead of being sent
    once at full price and written at the next step. A page that had to be cut will not come again like
    this: no mark.
    """
    from pydantic_ai.messages import (  # noqa: PLC0415
        CachePoint,
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    history: list[ModelMessage] = []
    for index, message in enumerate(prompt.messages):
        if message.role == "system":
            history.append(ModelRequest(parts=[SystemPromptPart(content=message.content)]))
        elif message.role == "assistant":
            history.append(ModelResponse(parts=[TextPart(content=message.content)]))
        else:
            content: str | list[UserContent] = message.content
            if index == prompt.cache_boundary:
                # A mark closes what stands before it. The system message has a mark of its own.
                before = [CachePoint()] if prompt.messages[index - 1].role != "system" else []
                after = [CachePoint()] if prompt.shown is None else []
                content = [*before, message.content, *after]
            history.append(ModelRequest(parts=[UserPromptPart(content=content)]))
    return history


def _parameters(schema: Mapping[str, Any] | None) -> ModelRequestParameters | None:
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415
    from pydantic_ai.output import OutputObjectDefinition  # noqa: PLC0415

    if schema is None:
        return None
    answer = OutputObjectDefinition(json_schema=dict(schema), name="answer", strict=True)
    return ModelRequestParameters(output_mode="native", output_object=answer, allow_text_output=True)


def _reply(response: ModelResponse) -> Completion:
    from pydantic_ai.messages import TextPart, ThinkingPart  # noqa: PLC0415

    text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    thinking = "\n".join(
        part.content for part in response.parts if isinstance(part, ThinkingPart) and part.content
    )
    return Completion(
        text=text,
        thinking=thinking or None,
        finish=response.finish_reason,
        input_tokens=response.usage.input_tokens,
        cached_tokens=response.usage.cache_read_tokens,
        written_tokens=response.usage.cache_write_tokens,
        output_tokens=response.usage.output_tokens,
    )
