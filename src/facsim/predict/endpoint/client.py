"""The client of one model: each question is paid for once, and every fault is judged.

Faults are judged here only. A fault that makes continuing pointless (no access, no such model, nobody
listening, no credit, many failures in a row) stops the work with a `FacsimError`; the work can be resumed.
Any other fault is data, counted by the caller. The first kind can be fixed by a person, so it never counts
against a model.

The caller makes one or more calls of `complete`. It then reports `record_success`, or `record_failure` if one
raised `CallFailed`.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facsim.predict.endpoint.completion import CallFailed, Completion
from facsim.predict.endpoint.options import EndpointOptions, EndpointTarget
from facsim.predict.endpoint.prices import Tokens, cost
from facsim.predict.endpoint.providers import secrets_in_environment
from facsim.predict.endpoint.redaction import Redactor, check_address
from facsim.predict.endpoint.response_cache import ResponseCache, request_key
from facsim.predict.endpoint.supported_options import supported_options
from facsim.schema import Usage
from facsim.util.errors import ConfigError, FacsimError

if TYPE_CHECKING:
    from facsim.predict.endpoint.transport import Transport
    from facsim.prompt import Prompt

FAILURES_IN_A_ROW = 20
"""So many failed calls in a row, without a success between them, stop the run."""

_POLL_S = 0.05
_LONGEST_POLL_S = 1.0
_KEY_OF = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "bedrock": "the AWS credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)",
    "endpoint": "FACSIM_ENDPOINT_API_KEY",
}
_ADDRESS_OF = {
    "openai": "OPENAI_BASE_URL",
    "anthropic": "ANTHROPIC_BASE_URL",
    "bedrock": "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
}
_OPTION_OF_WORD = {
    "temperature": "temperature",
    "seed": "seed",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "thinking",
    "thinking": "thinking",
}
_NO_SUCH_MODEL = re.compile(
    r"(unknown|invalid|no such) model|model\b.{0,80}(not exist|not found|invalid|unknown)"
)


@dataclass(frozen=True, slots=True)
class EndpointResponse:
    """A completion, the seconds that it took when it was paid for, and whether it came from the cache."""

    completion: Completion
    seconds: float
    from_cache: bool = False


class EndpointClient:
    """One model and how it is called. Connects on the first call, in the event loop of that call.

    Args:
        target: the model.
        options: how it is called.

    Raises:
        ConfigError: if the address of the provider is unusable or contains credentials.
    """

    def __init__(self, target: EndpointTarget, options: EndpointOptions | None = None) -> None:
        self.target = target
        self.options = options or EndpointOptions()
        self.spec = target.spec
        self._address = target.base_url or _provider_address(target)
        self._check_for_secrets()
        self._transport: Transport | None = None
        self._cache: ResponseCache | None = None
        self._running: dict[str, asyncio.Future[EndpointResponse]] = {}
        self._without_schema = False
        self._succeeded = False
        self._failed_in_a_row = 0
        self._last_failure: CallFailed | None = None
        self._stop: FacsimError | None = None

    def settings(self) -> dict[str, Any]:
        """Everything that changes the answers to given messages: model, address and sampling."""
        return {
            "provider": self.target.provider,
            "model": self.target.model,
            "address": self._address,
            **self._sampling,
        }

    def key(self, prompt: Prompt, schema: Mapping[str, Any] | None = None) -> str:
        """The cache key of a question."""
        return request_key({**self.settings(), "schema": schema}, prompt.messages)

    async def complete(
        self,
        prompt: Prompt,
        schema: Mapping[str, Any] | None = None,
        *,
        cache: ResponseCache | None = None,
    ) -> EndpointResponse:
        """The answer from the cache, from the same question in flight, or from the model.

        Args:
            prompt: the messages.
            schema: JSON Schema that the server must enforce where it can; see `EndpointOptions.structured`.
            cache: used instead of the cache of the options, if there is none.

        Raises:
            CallFailed: if there is none; pass it to `record_failure`.
            FacsimError: when continuing is pointless.
        """
        if self._stop is not None:
            raise self._stop
        if self.options.cache is not None:
            cache = self._opened_cache(self.options.cache)
        if cache is None:
            return await self._send(prompt, schema)
        key = self.key(prompt, schema)
        while (running := self._running.get(key)) is not None:
            await asyncio.wait([running])
            if not running.cancelled():  # otherwise its caller was cancelled, and the next one asks
                return replace(running.result(), from_cache=True)
        running = self._running[key] = asyncio.get_running_loop().create_future()
        try:
            response = await self._complete_once(cache, key, prompt, schema)
        except Exception as error:
            running.set_exception(error)
            running.exception()  # retrieved: nobody may be waiting
            raise
        else:
            running.set_result(response)
        finally:
            running.cancel()  # no effect unless neither has happened
            del self._running[key]
        return response

    def record_success(self, responses: Sequence[EndpointResponse]) -> None:
        """Record a successful exchange. Cached responses say nothing about the server."""
        if not all(response.from_cache for response in responses):
            self._succeeded, self._failed_in_a_row = True, 0

    def record_failure(self, failure: CallFailed) -> None:
        """Record a failed call.

        Raises:
            FacsimError: when continuing is pointless. Every later `complete` raises it, too.
        """
        if failure is not self._last_failure:  # sessions that wait for one question share its failure
            self._failed_in_a_row += 1
        self._last_failure = failure
        remedy = self._remedy(failure)
        if remedy is None and self._failed_in_a_row >= FAILURES_IN_A_ROW:
            what = "Lower budget_tokens" if failure.kind == "too_long" else "Fix the server, then resume"
            remedy = f"{self._failed_in_a_row} calls in a row failed. {what}"
        if remedy is not None:
            self._stop = FacsimError(f"{self.spec}: {failure.message}. {remedy}")
            raise self._stop from None

    def usage(self, responses: Sequence[EndpointResponse], seconds: float) -> Usage:
        """Tokens and cost of these responses, with `seconds` of time."""
        completions = [response.completion for response in responses]
        costs = [self._cost(completion) for completion in completions]
        known = [dollars for dollars in costs if dollars is not None]
        return Usage(
            input_tokens=sum(completion.input_tokens for completion in completions),
            cached_tokens=sum(completion.cached_tokens for completion in completions),
            output_tokens=sum(completion.output_tokens for completion in completions),
            # A failed call may or may not be billed.
            cost=sum(known) if costs and len(known) == len(costs) else None,
            seconds=seconds,
        )

    async def close(self) -> None:
        """Close the connections and the cache."""
        if self._transport is not None:
            await self._transport.close()
            self._transport = None
        if self._cache is not None:
            self._cache.close()
            self._cache = None

    def _opened_cache(self, file: Path) -> ResponseCache:
        if self._cache is None:
            self._cache = ResponseCache(file)
        return self._cache

    async def _complete_once(
        self, cache: ResponseCache, key: str, prompt: Prompt, schema: Mapping[str, Any] | None
    ) -> EndpointResponse:
        """The cached answer, or the model's; of all processes that share the cache, one asks."""
        pause = _POLL_S
        while True:
            cached = cache.get(key)
            if cached is not None:
                return EndpointResponse(*cached, from_cache=True)
            if cache.try_lock(key):
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL_S)
        try:
            cached = cache.get(key)  # another process may have answered just before it released the lock
            if cached is not None:
                return EndpointResponse(*cached, from_cache=True)
            response = await self._send(prompt, schema)
            try:
                cache.put(key, response.completion, response.seconds)
            except FacsimError as error:
                self._stop = error  # this answer is paid for and is returned; no further question is sent
            return response
        finally:
            cache.unlock(key)

    async def _send(self, prompt: Prompt, schema: Mapping[str, Any] | None) -> EndpointResponse:
        """Call the model. With `auto`, drop a schema that is not supported or was rejected."""
        from facsim.predict.endpoint.transport import Transport  # noqa: PLC0415

        if self._transport is None:
            self._transport = Transport(self.target, self.options)
            if not self._transport.offers_structured_output:
                if self.options.structured == "native":
                    raise ConfigError(f"{self.spec} offers no structured output: use structured=auto or off")
                self._without_schema = True
        if self._without_schema:
            schema = None
        began = time.perf_counter()
        try:
            completion = await self._transport.send(prompt, schema)
        except CallFailed as failure:
            if failure.kind != "rejected" or schema is None or self.options.structured == "native":
                raise
            completion = await self._transport.send(prompt)
            self._without_schema = (
                True  # rejected with the schema, accepted without: the schema is the reason
            )
        return EndpointResponse(completion, time.perf_counter() - began)

    def _cost(self, completion: Completion) -> float | None:
        """US dollars; None if the price or the usage is unknown."""
        if not completion.has_usage:
            return None
        tokens = Tokens(
            completion.input_tokens,
            completion.cached_tokens,
            completion.written_tokens,
            completion.output_tokens,
        )
        target = self.target
        return cost(tokens, target.provider, target.model, target.base_url, self.options.price)

    @cached_property
    def _sampling(self) -> Mapping[str, object]:
        """The sampling parameters that the model receives."""
        return supported_options(self.target, self.options).sampling_parameters()

    def _check_for_secrets(self) -> None:
        """Refuse a target whose spec or address contains a key: both are written into every run's config."""
        redact = Redactor(secrets_in_environment(self.target.provider))
        if redact.contains_secret(f"{self.spec} {self._address or ''}"):
            raise ConfigError(
                f"{self.target.provider}: the model or its address contains the key. Leave it out; "
                f"{_KEY_OF[self.target.provider]} is enough"
            )

    def _remedy(self, failure: CallFailed) -> str | None:
        """What a person can do about `failure`; None if the model or the prompt is its reason.

        A gateway may answer 403 or 404 to one odd page in thousands. Only before the first success do they
        mean that no call will ever work.
        """
        provider, first = self.target.provider, not self._succeeded
        match failure.kind:
            case "denied" if first or failure.status == 401:
                return f"Check {_KEY_OF[provider]} and what it may use"
            case "missing" if first:
                return "Check the name of the model and the address"
            case "refused":
                return f"Nobody answers at {self._address or provider}. Start the server, then resume"
            case "quota":
                return "Top up the account, then resume"
            case "rejected" if first:
                return _remedy_of_rejection(failure.message.lower())
        return None


def _remedy_of_rejection(words: str) -> str | None:
    if _NO_SUCH_MODEL.search(words):
        return "Check the name of the model"
    option = next((option for word, option in _OPTION_OF_WORD.items() if word in words), None)
    return option and f"Change or unset the option {option}"


def _provider_address(target: EndpointTarget) -> str | None:
    """The address of the provider, if the environment changes the SDK's default."""
    variable = _ADDRESS_OF[target.provider]
    address = os.environ.get(variable)
    if not address:
        return None
    check_address(address, variable, _KEY_OF[target.provider])
    return address
