"""What a run will take, told before anything is asked or paid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from facsim.predict.endpoint.options import MARKED, EndpointOptions, Target
from facsim.predict.endpoint.prices import Tokens, cost
from facsim.prompt import Prompt, PromptConfig, Style, action_turn, build_prompt, count_tokens
from facsim.prompt.tokens import MESSAGE_TOKENS
from facsim.schema import SessionSoFar

ANSWER_TOKENS: dict[Style, int] = {"action": 30, "rationale": 70, "think": 80, "two_turn": 70}
"""A typical answer, all turns together: an action with a dotted name, and one sentence."""

_RATIONALE = "I want to see the details before I decide, because this one seems to be what I need."


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Tokens and money for a number of steps.

    Two figures of money, both None where no price is known. `cost`: what to expect, where prefixes are read
    from the provider's cache and answers have a typical length, without hidden reasoning. `cost_at_most`:
    no cache helps and every answer takes all the tokens it may.

    Attributes:
        steps: how many predictions.
        calls: how many requests; the style `two_turn` makes two a step.
        input_tokens: all prompts together, counted as the prompt's config says.
        cached_tokens: of these, what a provider's cache can serve.
        longest: tokens of the longest prompt.
        output_tokens: all answers together, if typical.
        output_tokens_at_most: if every answer is as long as it may be.
        cost: US dollars to expect.
        cost_at_most: US dollars at the very most.
        example: the longest prompt seen in the first session; None without steps.
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


class CallCount:
    """Counts prompts one by one, in the order in which they will be asked.

    Args:
        target: which model.
        config: how tokens are counted.
        options: how it is asked: the longest answer, and the price if given.
    """

    def __init__(self, target: Target, config: PromptConfig, options: EndpointOptions) -> None:
        self._target, self._config, self._options = target, config, options
        self.calls = self.input = self.cached = self.written = self.longest = 0

    def add(self, prompt: Prompt, before: Prompt | None) -> None:
        """Count `prompt`, and of it what the provider's cache still holds of the prompt `before`."""
        target, cached, written = self._target, 0, 0
        if before is not None:
            pairs = enumerate(zip(before.messages, prompt.messages, strict=False))
            common = next((at for at, (old, new) in pairs if old != new), len(before.messages))
            if target.provider in MARKED and common < len(before.messages):
                # Only what ends at a mark was kept: the history of then, or the system message.
                common = before.cache_boundary if common >= before.cache_boundary else min(common, 1)
            cached = self._tokens(prompt, common)
        if target.provider in MARKED:
            end = prompt.cache_boundary + (prompt.shown is None)
            written = max(0, self._tokens(prompt, end) - cached)
        self.calls += 1
        self.input += prompt.tokens
        self.cached += cached
        self.written += written
        self.longest = max(self.longest, prompt.tokens)

    def cost(self, output: int) -> float | None:
        """US dollars, where prefixes are read from the cache and all answers have `output` tokens."""
        return self._price(Tokens(self.input, self.cached, self.written, output))

    def cost_at_most(self, output: int) -> float | None:
        """US dollars, where no cache helps.

        Where writing to the cache is billed, a prefix that is written and never read is the dearest.
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
    steps: Iterable[SessionSoFar], target: Target, config: PromptConfig, options: EndpointOptions
) -> CostEstimate:
    """Build every prompt, count, ask nobody.

    Args:
        steps: what will be asked, the steps of a session in order and together, as a run asks them.
        target: which model.
        config: how sessions become prompts.
        options: how it is asked: the longest answer, and the price if given.
    """
    count = CallCount(target, config, options)
    steps_counted, example, example_session = 0, None, None
    before: Prompt | None = None
    session = None
    for so_far in steps:
        prompt = build_prompt(so_far, config)
        before = before if so_far.session_id == session else None
        session = so_far.session_id
        example_session = example_session or session
        if session == example_session:
            example = prompt
        steps_counted += 1
        count.add(prompt, before)
        if config.style == "two_turn":
            count.add(action_turn(prompt, _RATIONALE, config), prompt)
        before = prompt
    typical = steps_counted * ANSWER_TOKENS[config.style]
    most = count.calls * options.max_output_tokens
    return CostEstimate(
        steps=steps_counted,
        calls=count.calls,
        input_tokens=count.input,
        cached_tokens=count.cached,
        longest=count.longest,
        output_tokens=typical,
        output_tokens_at_most=most,
        cost=count.cost(typical),
        cost_at_most=count.cost_at_most(most),
        example=example,
    )
