"""Estimate tokens and cost of a run before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from facsim.predict.endpoint.options import EXPLICIT_CACHE_PROVIDERS, EndpointOptions, EndpointTarget
from facsim.predict.endpoint.prices import Tokens, cost
from facsim.prompt import Pages, Prompt, PromptConfig, Style, action_turn, build_prompt, count_tokens
from facsim.prompt.tokens import MESSAGE_TOKENS
from facsim.schema import SessionSoFar

ANSWER_TOKENS: dict[Style, int] = {"action": 30, "rationale": 70, "think": 80, "two_turn": 70}
"""Tokens of a typical answer, all turns together: an action with a dotted name, and one sentence."""

_RATIONALE = "I want to see the details before I decide, because this one seems to be what I need."


@dataclass(frozen=True, slots=True)
class OtherPages:
    """What the same run takes under the other setting of `PromptConfig.pages`.

    Attributes:
        pages: that setting.
        input_tokens: of all prompts.
        cost: expected cost in US dollars; None if the price is unknown.
    """

    pages: Pages
    input_tokens: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Estimated tokens and cost of a number of steps.

    `cost` assumes prefix caching and answers of typical length without hidden reasoning. `cost_at_most`
    assumes no caching and answers of maximum length. Both are None if the price is unknown.

    Attributes:
        steps: number of predictions.
        calls: number of requests; the style `two_turn` needs two per step.
        input_tokens: of all prompts, counted as the prompt config says.
        cached_tokens: input tokens that the provider's cache can serve.
        longest: tokens of the longest prompt.
        output_tokens: of all answers, at typical length.
        output_tokens_at_most: of all answers, at maximum length.
        cost: expected US dollars.
        cost_at_most: US dollars at most.
        example: the longest prompt of the first session; None without steps.
        otherwise: what the other setting of `PromptConfig.pages` takes.
    """

    steps: int
    calls: int
    input_tokens: int
    cached_tokens: int
    longest: int
    output_tokens: int
    output_tokens_at_most: int
    cost: float | None
    cost_at_most: float | None
    example: Prompt | None
    otherwise: OtherPages


class UsageEstimator:
    """Accumulates the token usage of prompts, in the order in which they will be sent.

    Args:
        target: the model.
        config: how tokens are counted.
        options: the answer limit, and the price if given.
    """

    def __init__(self, target: EndpointTarget, config: PromptConfig, options: EndpointOptions) -> None:
        self._target, self._config, self._options = target, config, options
        self.calls = self.input = self.cached = self.written = self.longest = 0

    def add(self, prompt: Prompt, before: Prompt | None) -> None:
        """Count `prompt`, with cache reads of the prefix that it shares with the prompt `before`."""
        target, cached, written = self._target, 0, 0
        if before is not None:
            pairs = enumerate(zip(before.messages, prompt.messages, strict=False))
            common = next((at for at, (old, new) in pairs if old != new), len(before.messages))
            if target.provider in EXPLICIT_CACHE_PROVIDERS and common < len(before.messages):
                # Only prefixes that end at a breakpoint are cached: history, or the system message.
                common = before.cache_boundary if common >= before.cache_boundary else min(common, 1)
            cached = self._tokens(prompt, common)
        if target.provider in EXPLICIT_CACHE_PROVIDERS:
            end = prompt.cache_boundary + (prompt.shown is None)
            written = max(0, self._tokens(prompt, end) - cached)
        self.calls += 1
        self.input += prompt.tokens
        self.cached += cached
        self.written += written
        self.longest = max(self.longest, prompt.tokens)

    def cost(self, output: int) -> float | None:
        """US dollars with prefix caching, if all answers together have `output` tokens."""
        return self._price(Tokens(self.input, self.cached, self.written, output))

    def cost_at_most(self, output: int) -> float | None:
        """US dollars without cache hits, if all answers together have `output` tokens.

        Where cache writes are billed, a prefix that is written and never read costs most.
        """
        return self._price(Tokens(self.input, 0, self.written + self.cached, output))

    def _price(self, tokens: Tokens) -> float | None:
        target = self._target
        return cost(tokens, target.provider, target.model, target.base_url, self._options.price)

    def _tokens(self, prompt: Prompt, messages: int) -> int:
        """Tokens of the first `messages` messages."""
        counted = sum(
            MESSAGE_TOKENS + count_tokens(message.content, self._config)
            for message in prompt.messages[:messages]
        )
        return min(counted, prompt.tokens)


def estimate(
    steps: Iterable[SessionSoFar], target: EndpointTarget, config: PromptConfig, options: EndpointOptions
) -> CostEstimate:
    """Build and count every prompt, without sending any.

    Args:
        steps: the steps in the order of a run, with the steps of a session together.
        target: the model.
        config: how sessions become prompts.
        options: the answer limit, and the price if given.
    """
    run = _RunEstimator(target, config, options)
    other: Pages = "full" if config.pages == "changes" else "changes"
    otherwise = _RunEstimator(target, config.model_copy(update={"pages": other}), options)
    example, example_session = None, None
    for so_far in steps:
        prompt = run.add(so_far)
        otherwise.add(so_far)
        example_session = example_session or so_far.session_id
        if so_far.session_id == example_session:
            example = prompt
    count = run.count
    typical = run.steps * ANSWER_TOKENS[config.style]
    most = count.calls * options.max_output_tokens
    return CostEstimate(
        steps=run.steps,
        calls=count.calls,
        input_tokens=count.input,
        cached_tokens=count.cached,
        longest=count.longest,
        output_tokens=typical,
        output_tokens_at_most=most,
        cost=count.cost(typical),
        cost_at_most=count.cost_at_most(most),
        example=example,
        otherwise=OtherPages(other, otherwise.count.input, otherwise.count.cost(typical)),
    )


class _RunEstimator:
    """Count the prompts of a run under one config, step by step."""

    def __init__(self, target: EndpointTarget, config: PromptConfig, options: EndpointOptions) -> None:
        self.count = UsageEstimator(target, config, options)
        self.steps = 0
        self._config = config
        self._before: tuple[str, Prompt] | None = None

    def add(self, so_far: SessionSoFar) -> Prompt:
        """Count the calls of a step. Returns its prompt, in `two_turn` the first of its two."""
        prompt = build_prompt(so_far, self._config)
        same_session = self._before is not None and self._before[0] == so_far.session_id
        self.count.add(prompt, self._before[1] if self._before is not None and same_session else None)
        if self._config.style == "two_turn":
            self.count.add(action_turn(prompt, _RATIONALE, self._config), prompt)
        self._before = (so_far.session_id, prompt)
        self.steps += 1
        return prompt
