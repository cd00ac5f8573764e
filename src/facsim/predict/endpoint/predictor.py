"""Language models behind an API, as predictors: prompt out, answer in, action read.

What a fault means is decided in `facsim.predict.endpoint.client`: it stops the run, resumable, or it is
a `Prediction` without an action, counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from facsim.predict.endpoint.client import FAILURES_IN_A_ROW, EndpointClient, EndpointResponse
from facsim.predict.endpoint.options import EndpointOptions, EndpointTarget
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


class EndpointPredictor:
    """A language model behind an API. Makes connections when first asked, in the loop that asks.

    Args:
        target: which model.
        prompt: how a session becomes messages.
        options: how the model is asked.
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
        # A schema would forbid the <think> block.
        unbound = self.options.structured == "off" or self.prompt.style == "think"
        self._schema = (
            None
            if unbound
            else answer_schema(self.prompt.style, object_root=self.target.provider != "endpoint")
        )

    def settings(self) -> Mapping[str, Any]:
        """What changes the answers: the model, where it is asked, the prompt and the sampling."""
        return {**self._client.settings(), "prompt": self.prompt.model_dump(mode="json")}

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """Ask for the next action.

        Raises:
            FacsimError: when going on makes no sense; see `facsim.predict.endpoint.client`.
        """
        from facsim.predict.endpoint.transport import CallFailed  # noqa: PLC0415

        prompt = build_prompt(so_far, self.prompt)
        answers: list[EndpointResponse] = []
        began = time.perf_counter()
        try:
            rationale = await self._converse(prompt, answers)
        except CallFailed as failure:
            self._client.record_failure(failure)
            return Prediction(
                action=None,
                parse="failed",
                error=f"{failure.kind}: {failure.message}",
                shown=prompt.shown,
                usage=self._client.usage(answers, time.perf_counter() - began),
            )
        self._client.record_success(answers)
        return self._read(prompt, answers, rationale)

    async def close(self) -> None:
        """Close the connections and the cache."""
        await self._client.close()

    def estimate(self, steps: Iterable[SessionSoFar]) -> CostEstimate:
        """Tokens and money that asking for `steps` will take, without asking. Needs no key and no network."""
        from facsim.predict.endpoint.estimate import estimate  # noqa: PLC0415

        return estimate(steps, self.target, self.prompt, self.options)

    async def _converse(self, prompt: Prompt, answers: list[EndpointResponse]) -> str | None:
        """Fill `answers`, whose last holds the action; the rationale that an earlier turn gave."""
        rationale = None
        if self.prompt.style == "two_turn":
            answers.append(await self._client.complete(prompt))
            rationale = parse_rationale(answers[-1].completion.text)
            prompt = action_turn(prompt, rationale, self.prompt)
        answers.append(await self._client.complete(prompt, self._schema))
        return rationale

    def _read(self, prompt: Prompt, answers: Sequence[EndpointResponse], rationale: str | None) -> Prediction:
        completion, style = answers[-1].completion, self.prompt.style
        text = completion.text
        if style == "think" and completion.thinking and "</think>" not in text:
            text = f"<think>\n{completion.thinking}\n</think>\n\n{text}"
        read = parse_answer(text, style)
        refused = completion.finish == "content_filter" and read.action is None
        return Prediction(
            action=read.action,
            rationale=rationale if style == "two_turn" else read.rationale,
            parse=read.level,
            forgiven=read.forgiven,
            answer=None if read.level == "strict" else text,
            error="refused: the provider's content filter" if refused else None,
            shown=prompt.shown,
            usage=self._client.usage(answers, sum(answer.seconds for answer in answers)),
            from_cache=all(answer.from_cache for answer in answers),
        )


def endpoint_predictor(
    spec: str, prompt: PromptConfig | None = None, options: EndpointOptions | None = None
) -> EndpointPredictor:
    """The predictor that `spec` names: `openai:…`, `anthropic:…`, `bedrock:…` or `endpoint:URL#MODEL`.

    Raises:
        ConfigError: if `spec` is none of them.
    """
    return EndpointPredictor(EndpointTarget.parse(spec), prompt, options)
