"""Language models behind an API as predictors: build the prompt, call the model, parse the action.

`facsim.predict.endpoint.client` decides what a fault means. It stops the run, which can be resumed, or it
becomes a `Prediction` without an action, and is counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facsim.predict.endpoint.client import FAILURES_IN_A_ROW, EndpointClient, EndpointResponse
from facsim.predict.endpoint.completion import CallFailed
from facsim.predict.endpoint.options import EndpointOptions, EndpointTarget
from facsim.predict.endpoint.response_cache import ResponseCache
from facsim.prompt import (
    Prompt,
    PromptConfig,
    action_turn,
    answer_schema,
    build_prompt,
    parse_answer,
    parse_rationale,
)
from facsim.schema import Prediction, SessionSoFar

if TYPE_CHECKING:
    from facsim.predict.endpoint.estimate import CostEstimate

__all__ = [
    "FAILURES_IN_A_ROW",
    "EndpointOptions",
    "EndpointPredictor",
    "EndpointTarget",
    "endpoint_predictor",
]

FIRST_TURNS = "first_turns.sqlite"
"""File in a run folder with first turns of `two_turn` whose second turn is outstanding."""


class EndpointPredictor:
    """A language model behind an API. Connects on the first call, in the event loop of that call.

    Args:
        target: the model.
        prompt: how a session becomes messages.
        options: how the model is called.
    """

    def __init__(
        self,
        target: EndpointTarget,
        prompt: PromptConfig | None = None,
        options: EndpointOptions | None = None,
    ) -> None:
        self.target = target
        self.prompt = prompt or PromptConfig()
        self.options = options or EndpointOptions()
        self.spec = target.spec
        self.concurrency = self.options.concurrency
        self._client = EndpointClient(target, self.options)
        self._first_turns: ResponseCache | None = None
        # A schema would forbid the <think> block.
        without_schema = self.options.structured == "off" or self.prompt.style == "think"
        self._schema = (
            None
            if without_schema
            else answer_schema(self.prompt.style, object_root=self.target.provider != "endpoint")
        )

    def settings(self) -> Mapping[str, Any]:
        """Everything that changes the answers: model, address, prompt and sampling."""
        return {**self._client.settings(), "prompt": self.prompt.model_dump(mode="json")}

    def keep_partial_answers(self, folder: Path) -> None:
        """Keep first turns of `two_turn` in a run folder until their second turn has succeeded.

        Without it, a run without a response cache would pay for them again when it is resumed.
        """
        if self.prompt.style == "two_turn" and self.options.cache is None and self._first_turns is None:
            self._first_turns = ResponseCache(folder / FIRST_TURNS)

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """Ask the model for the next action.

        Raises:
            FacsimError: when continuing is pointless; see `facsim.predict.endpoint.client`.
        """
        prompt = build_prompt(so_far, self.prompt)
        responses: list[EndpointResponse] = []
        began = time.perf_counter()
        try:
            rationale = await self._converse(prompt, responses)
        except CallFailed as failure:
            self._client.record_failure(failure)
            return Prediction(
                action=None,
                parse="failed",
                error=f"{failure.kind}: {failure.message}",
                shown=prompt.shown,
                usage=self._client.usage(responses, time.perf_counter() - began),
            )
        self._client.record_success(responses)
        return self._read(prompt, responses, rationale)

    async def close(self) -> None:
        """Close the connections and the cache."""
        await self._client.close()
        if self._first_turns is not None:
            if len(self._first_turns):
                self._first_turns.close()
            else:
                self._first_turns.remove()
            self._first_turns = None

    def estimate(self, steps: Iterable[SessionSoFar]) -> CostEstimate:
        """Estimate tokens and cost for `steps`. Needs no key and no network."""
        from facsim.predict.endpoint.estimate import estimate  # noqa: PLC0415

        return estimate(steps, self.target, self.prompt, self.options)

    async def _converse(self, prompt: Prompt, responses: list[EndpointResponse]) -> str | None:
        """Fill `responses`, whose last one has the action. Returns the rationale of an earlier turn."""
        if self.prompt.style != "two_turn":
            responses.append(await self._client.complete(prompt, self._schema))
            return None
        responses.append(await self._client.complete(prompt, cache=self._first_turns))
        rationale = parse_rationale(responses[-1].completion.text)
        second = action_turn(prompt, rationale, self.prompt)
        responses.append(await self._client.complete(second, self._schema))
        if self._first_turns is not None:
            self._first_turns.delete(self._client.key(prompt))
        return rationale

    def _read(
        self, prompt: Prompt, responses: Sequence[EndpointResponse], rationale: str | None
    ) -> Prediction:
        completion, style = responses[-1].completion, self.prompt.style
        text = completion.text
        if style == "think" and completion.thinking and "</think>" not in text:
            text = f"<think>\n{completion.thinking}\n</think>\n\n{text}"
        parsed = parse_answer(text, style)
        error = None
        if completion.finish == "length" and parsed.level != "strict":
            # What is there may be reasoning or a beginning; only a complete answer counts.
            parsed = parse_answer("", style)
            error = f"cut off at the limit of {self.options.max_output_tokens} output tokens"
        elif completion.finish == "content_filter" and parsed.action is None:
            error = "refused: the provider's content filter"
        return Prediction(
            action=parsed.action,
            rationale=rationale if style == "two_turn" else parsed.rationale,
            parse=parsed.level,
            forgiven=parsed.forgiven,
            answer=None if parsed.level == "strict" else text,
            error=error,
            shown=prompt.shown,
            usage=self._client.usage(responses, sum(response.seconds for response in responses)),
            from_cache=all(response.from_cache for response in responses),
        )


def endpoint_predictor(
    spec: str, prompt: PromptConfig | None = None, options: EndpointOptions | None = None
) -> EndpointPredictor:
    """The predictor that `spec` names: `openai:…`, `anthropic:…`, `bedrock:…` or `endpoint:URL#MODEL`.

    Raises:
        ConfigError: if `spec` is none of them.
    """
    return EndpointPredictor(EndpointTarget.parse(spec), prompt, options)
