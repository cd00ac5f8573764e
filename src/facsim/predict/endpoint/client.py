"""A language model behind an API: messages out, a reply in, each question paid for once, faults judged.

A fault is judged once, here. What makes going on senseless (no access, no such model, nobody there, no
money left, or failure upon failure) stops the work with a `FacsimError`, resumable. Any other fault is data,
counted by who asks. The line between them: a person can put the first kind right, and nothing of it may count
against the model.

Who asks does it in three steps: `ask`, once or more often; then `answered`, or `failed` where it raised.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from facsim.predict.endpoint.options import EndpointOptions, EndpointTarget
from facsim.predict.endpoint.prices import Tokens, cost
from facsim.predict.endpoint.response_cache import ResponseCache, request_key
from facsim.predict.endpoint.supported_options import supported_options
from facsim.schema import Usage
from facsim.util.errors import ConfigError, FacsimError

if TYPE_CHECKING:
    from facsim.predict.endpoint.transport import CallFailed, Completion, Transport
    from facsim.prompt import Prompt

FAILURES_IN_A_ROW = 20
"""So many failed calls without a good one between them stop the run."""

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
    """A completion, how long it took when it was asked, and whether that was now."""

    completion: Completion
    seconds: float
    from_cache: bool = False


class EndpointClient:
    """One model and how it is asked. Makes connections when first asked, in the loop that asks.

    Args:
        target: which model.
        options: how it is asked.
    """

    def __init__(self, target: EndpointTarget, options: EndpointOptions | None = None) -> None:
        self.target = target
        self.options = options or EndpointOptions()
        self.spec = target.spec
        self._address = target.base_url or _address(target)
        self._transport: Transport | None = None
        self._cache: ResponseCache | None = None
        self._running: dict[str, asyncio.Future[EndpointResponse]] = {}
        self._plain = False
        self._succeeded = False
        self._failed_in_a_row = 0
        self._stop: FacsimError | None = None

    def settings(self) -> dict[str, Any]:
        """What changes the answers to given messages: the model, where it is asked, and the sampling."""
        return {
            "provider": self.target.provider,
            "model": self.target.model,
            "address": self._address,
            **self._sent,
        }

    async def complete(self, prompt: Prompt, schema: Mapping[str, Any] | None = None) -> EndpointResponse:
        """The answer from the cache, from the same question in flight, or from the model.

        Args:
            prompt: the messages.
            schema: JSON Schema that the server is to enforce where it can; see `EndpointOptions.structured`.

        Raises:
            CallFailed: when there is none; tell `failed`.
            FacsimError: when going on makes no sense.
        """
        if self._stop is not None:
            raise self._stop
        if self.options.cache is None:
            return await self._ask(prompt, schema)
        if self._cache is None:
            self._cache = ResponseCache(self.options.cache)
        key = request_key({**self.settings(), "schema": schema}, prompt.messages)
        while (running := self._running.get(key)) is not None:
            await asyncio.wait([running])
            if not running.cancelled():  # else who asked was cancelled, and the next one asks
                return replace(running.result(), from_cache=True)
        if (kept := self._cache.get(key)) is not None:
            return _unpacked(kept)
        running = self._running[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await self._ask(prompt, schema)
        except Exception as error:
            running.set_exception(error)
            running.exception()  # retrieved: nobody may be waiting
            raise
        else:
            running.set_result(answer)
        finally:
            running.cancel()  # only where neither has happened
            del self._running[key]
        try:
            self._cache.put(key, {"seconds": answer.seconds, **asdict(answer.completion)})
        except FacsimError as error:
            self._stop = error  # this answer is paid for and goes out; the next question is not asked
        return answer

    def record_success(self, answers: Sequence[EndpointResponse]) -> None:
        """Count that these answers came and all was well. What the cache says tells nothing of the server."""
        if not all(answer.from_cache for answer in answers):
            self._succeeded, self._failed_in_a_row = True, 0

    def record_failure(self, failure: CallFailed) -> None:
        """Count a failed call.

        Raises:
            FacsimError: where going on makes no sense; every later `ask` raises it, too.
        """
        self._failed_in_a_row += 1
        remedy = self._remedy(failure)
        if remedy is None and self._failed_in_a_row >= FAILURES_IN_A_ROW:
            what = (
                "Lower budget_tokens" if failure.kind == "too_long" else "Put the server right, then resume"
            )
            remedy = f"{self._failed_in_a_row} calls in a row failed. {what}"
        if remedy is not None:
            self._stop = FacsimError(f"{self.spec}: {failure.message}. {remedy}")
            raise self._stop from None

    def usage(self, answers: Sequence[EndpointResponse], seconds: float) -> Usage:
        """What these answers took, and `seconds` of time."""
        completions = [answer.completion for answer in answers]
        costs = [self._cost(completion) for completion in completions]
        known = [dollars for dollars in costs if dollars is not None]
        return Usage(
            input_tokens=sum(completion.input_tokens for completion in completions),
            cached_tokens=sum(completion.cached_tokens for completion in completions),
            output_tokens=sum(completion.output_tokens for completion in completions),
            # A call that failed may or may not be billed.
            cost=sum(known) if costs and len(known) == len(costs) else None,
            seconds=seconds,
        )

    def _cost(self, completion: Completion) -> float | None:
        tokens = Tokens(
            completion.input_tokens,
            completion.cached_tokens,
            completion.written_tokens,
            completion.output_tokens,
        )
        target = self.target
        return cost(tokens, target.provider, target.model, target.base_url, self.options.price)

    async def close(self) -> None:
        """Close the connections and the cache."""
        if self._transport is not None:
            await self._transport.close()
            self._transport = None
        if self._cache is not None:
            self._cache.close()
            self._cache = None

    async def _ask(self, prompt: Prompt, schema: Mapping[str, Any] | None) -> EndpointResponse:
        """Ask the model; with `auto`, plainly where a schema cannot be sent along or was rejected."""
        from facsim.predict.endpoint.transport import CallFailed, Transport  # noqa: PLC0415

        if self._transport is None:
            self._transport = Transport(self.target, self.options)
            if not self._transport.offers_structured_output:
                if self.options.structured == "native":
                    raise ConfigError(f"{self.spec} offers no structured output: use structured=auto or off")
                self._plain = True
        if self._plain:
            schema = None
        began = time.perf_counter()
        try:
            completion = await self._transport.send(prompt, schema)
        except CallFailed as failure:
            if failure.kind != "rejected" or schema is None or self.options.structured == "native":
                raise
            completion = await self._transport.send(prompt)
            self._plain = True  # what it rejects with the schema and takes without, it rejects for the schema
        return EndpointResponse(completion, time.perf_counter() - began)

    @cached_property
    def _sent(self) -> Mapping[str, object]:
        """The options that change answers, as the model gets them."""
        return supported_options(self.target, self.options).sampling_parameters()

    def _remedy(self, failure: CallFailed) -> str | None:
        """What a person can do about `failure`; None if it is the model's or the prompt's own.

        A gateway may answer 403 or 404 to one odd page in thousands. Only before the first success do they
        mean that nothing will ever work.
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


def _address(target: EndpointTarget) -> str | None:
    """Where the SDK was told to find the provider, if not at its usual place."""
    address = os.environ.get(_ADDRESS_OF[target.provider])
    if address and "@" in address:
        raise ConfigError(f"{_ADDRESS_OF[target.provider]} must not hold a user or a password")
    return address or None


def _unpacked(kept: Mapping[str, Any]) -> EndpointResponse:
    from facsim.predict.endpoint.transport import Completion  # noqa: PLC0415

    fields = dict(kept)
    seconds = fields.pop("seconds")
    return EndpointResponse(Completion(**fields), seconds, from_cache=True)
