"""Send a prompt to a provider and return its completion, with timeouts and retries.

Above this module there are messages in, and a `Completion` or a `CallFailed` out. Only the modules of this
package import pydantic-ai, and only when a model is called.

One module decides about retries: this one. Transient failures (connection errors, timeouts, 408, 409, 429,
5xx) are retried after a growing pause, or after the time that the server asks for. Each attempt ends after
`timeout_s`, body included. A long wait is logged.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from facsim.predict.endpoint.completion import CallFailed, Completion, FailureKind
from facsim.predict.endpoint.messages import message_history, openai_body, output_parameters
from facsim.predict.endpoint.options import EXPLICIT_CACHE_PROVIDERS, EndpointOptions, EndpointTarget
from facsim.predict.endpoint.providers import connect
from facsim.predict.endpoint.supported_options import supported_options
from facsim.util.display_text import format_seconds, one_line
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

    from facsim.prompt import Prompt

MAX_RETRY_AFTER_S = 600.0
"""Longest `Retry-After` that is waited for. A call whose server asks for more fails at once."""

_LOGGED_WAIT_S = 5.0
_LONGEST_PAUSE_S = 8.0
_LONGEST_MESSAGE = 300
_LONGEST_INPUT = 20_000
_TRANSIENT_STATUS = frozenset({408, 409, 429})
_log = logging.getLogger(__name__)


class Transport:
    """A connection to one model. Create it in the event loop that uses it.

    Args:
        target: the model.
        options: how it is called.

    Raises:
        ConfigError: if a key or other configuration is missing.
    """

    def __init__(self, target: EndpointTarget, options: EndpointOptions) -> None:
        self.target, self.options = target, supported_options(target, options)
        self._connection = connect(target, self.options)
        self._settings = self._model_settings()
        self._logged_until = 0.0

    @property
    def offers_structured_output(self) -> bool:
        """Whether a JSON Schema can be sent along, according to the profile of the model."""
        return bool(self._connection.model.profile.get("supports_json_schema_output", False))

    async def send(self, prompt: Prompt, schema: Mapping[str, Any] | None = None) -> Completion:
        """Send a prompt, with retries.

        Args:
            prompt: messages that start with the system message and end with a user message.
            schema: JSON Schema that the server must enforce.

        Raises:
            CallFailed: if there is no completion after all retries.
            ConfigError: if the model cannot be called in this way at all.
        """
        retries = 0
        while True:
            try:
                return await self._attempt(prompt, schema)
            except CallFailed as failure:
                if not failure.is_transient or retries >= self.options.retries:
                    raise
                pause = self._pause(failure, retries)
            retries += 1
            await asyncio.sleep(pause)

    def clean(self, text: str) -> str:
        """Text from outside on one line of at most 300 characters, without secrets and control characters."""
        return one_line(self._connection.redact.message(text[:_LONGEST_INPUT]), _LONGEST_MESSAGE).rstrip(".")

    async def close(self) -> None:
        """Close the connections."""
        if self._connection.http is not None:
            await self._connection.http.aclose()

    async def _attempt(self, prompt: Prompt, schema: Mapping[str, Any] | None) -> Completion:
        from pydantic_ai.direct import model_request  # noqa: PLC0415
        from pydantic_ai.exceptions import UserError  # noqa: PLC0415

        history, settings, parameters = self._request(prompt, schema)
        model, limit = self._connection.model, self.options.timeout_s
        try:
            async with asyncio.timeout(limit):
                response = await model_request(
                    model, history, model_settings=settings, model_request_parameters=parameters
                )
        except UserError as error:
            raise ConfigError(f"{self.target.spec}: {self.clean(str(error))}") from None
        except TimeoutError:
            raise CallFailed("slow", f"no complete answer within {limit:g} s", is_transient=True) from None
        except (
            Exception
        ) as error:  # whatever a client library raises on an odd response is the server's fault
            raise self._failure(error) from None
        return self._completion(response)

    def _pause(self, failure: CallFailed, retries: int) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            CallFailed: if the server asks for more than `MAX_RETRY_AFTER_S`.
        """
        asked = failure.retry_after
        if asked is None or asked <= 0:
            jitter = random.uniform(0.75, 1.0)  # noqa: S311
            return jitter * min(0.5 * 2.0**retries, _LONGEST_PAUSE_S)
        if asked > MAX_RETRY_AFTER_S:
            raise CallFailed(
                failure.kind,
                f"{failure.message}. The server asks to wait {format_seconds(asked)}, longer than the "
                f"{format_seconds(MAX_RETRY_AFTER_S)} that Facsim waits",
                failure.status,
            ) from None
        now = time.monotonic()
        if asked >= _LOGGED_WAIT_S and now >= self._logged_until:
            self._logged_until = now + asked  # one line, however many sessions wait
            _log.warning(
                "%s: HTTP %s, waiting %s as the server asks (Retry-After), then attempt %d of %d",
                self.target.spec,
                failure.status,
                format_seconds(asked),
                retries + 2,
                self.options.retries + 1,
            )
        return asked

    def _request(
        self, prompt: Prompt, schema: Mapping[str, Any] | None
    ) -> tuple[list[ModelMessage], ModelSettings, ModelRequestParameters | None]:
        """The arguments of `model_request`."""
        if self.target.provider in EXPLICIT_CACHE_PROVIDERS:
            return message_history(prompt), self._settings, output_parameters(schema)
        role = self._connection.model.profile.get("openai_system_prompt_role") or "system"
        body = openai_body(prompt, schema, str(role))
        return [], {**self._settings, "extra_body": body}, None

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
        return settings  # type: ignore[return-value]  # a TypedDict with one key specific to its provider

    def _failure(self, error: Exception) -> CallFailed:
        """What an exception of a client library means."""
        from pydantic_ai import exceptions as known  # noqa: PLC0415

        ours = _cause(error)
        if ours is not None:
            return CallFailed(
                ours.kind, self.clean(ours.message), ours.status, is_transient=ours.is_transient
            )
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
        kind: FailureKind = "missing" if status == 404 else "broken"
        kind = next((kind for kind_of_error, kind in kinds if isinstance(error, kind_of_error)), kind)
        is_connection = isinstance(error, known.ModelConnectionError)
        if is_connection and getattr(error, "phase", None) == "connect":
            kind = "refused"
        is_transient = is_connection or status in _TRANSIENT_STATUS or (status or 0) >= 500
        return CallFailed(
            kind,
            message,
            status,
            is_transient=is_transient and kind != "quota",
            retry_after=getattr(error, "retry_after", None),
        )

    def _completion(self, response: ModelResponse) -> Completion:
        from pydantic_ai.messages import TextPart, ThinkingPart  # noqa: PLC0415

        text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
        thinking = "\n".join(
            part.content for part in response.parts if isinstance(part, ThinkingPart) and part.content
        )
        usage, redact = response.usage, self._connection.redact.answer
        cached, written = usage.cache_read_tokens, usage.cache_write_tokens
        return Completion(
            # A server may echo the key: nothing of it reaches a run or a cache.
            text=redact(text),
            thinking=redact(thinking) or None,
            finish=response.finish_reason,
            input_tokens=usage.input_tokens,
            cached_tokens=cached if cached + written <= usage.input_tokens else 0,
            written_tokens=written if cached + written <= usage.input_tokens else 0,
            output_tokens=usage.output_tokens,
        )


def _cause(error: BaseException | None) -> CallFailed | None:
    """The `CallFailed` that a client library wrapped in exceptions of its own."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, CallFailed):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _words(error: Exception) -> str:
    """What the server said, if anything; else what the library says."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        text = (inner.get("message") or inner.get("detail")) if isinstance(inner, Mapping) else inner
        if isinstance(text, str) and text:
            return f"{getattr(error, 'status_code', None) or 'error'}: {text}"
    return f"{type(error).__name__}: {error}"
