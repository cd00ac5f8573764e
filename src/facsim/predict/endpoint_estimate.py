"""What a run will take, told before anything is asked or paid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from facsim.predict.endpoint_options import MARKED, EndpointOptions, Target
from facsim.predict.prices import Tokens, cost
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


@dataclass
class _Sum:
    steps: int = 0
    calls: int = 0
    input: int = 0
    cached: int = 0
    written: int = 0
    longest: int = 0


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
    total, example, example_session = _Sum(), None, None
    before: Prompt | None = None
    session = None
    for so_far in steps:
        prompt = build_prompt(so_far, config)
        before = before if so_far.session_id == session else None
        session = so_far.session_id
        example_session = example_session or session
        if session == example_session:
            example = prompt
        total.steps += 1
        _add(total, prompt, before, target, config)
        if config.style == "two_turn":
            second = action_turn(prompt, _RATIONALE, config)
            _add(total, second, prompt, target, config)
        before = prompt
    typical = total.steps * ANSWER_TOKENS[config.style]
    most = total.calls * options.max_output_tokens

    def price(tokens: Tokens) -> float | None:
        return cost(tokens, target.provider, target.model, target.base_url, options.price)

    return CostEstimate(
        steps=total.steps,
        calls=total.calls,
        input_tokens=total.input,
        cached_tokens=total.cached,
        longest=total.longest,
        output_tokens=typical,
        output_tokens_at_most=most,
        cost=price(Tokens(total.input, total.cached, total.written, typical)),
        # Where writing to the cache is billed, a prefix that is written and never read is the dearest.
        cost_at_most=price(Tokens(total.input, 0, total.written + total.cached, most)),
        example=example,
    )


def _add(total: _Sum, prompt: Prompt, before: Prompt | None, target: Target, config: PromptConfig) -> None:
    """Count `prompt`, and of it what the cache still holds of the prompt `before`."""
    cached = written = 0
    if before is not None:
        pairs = enumerate(zip(before.messages, prompt.messages, strict=False))
        common = next((at for at, (old, new) in pairs if old != new), len(before.messages))
        if target.provider in MARKED and common < len(before.messages):
            # Only what ends at a mark was kept: the history of then, or the system message.
            common = before.cache_boundary if common >= before.cache_boundary else min(common, 1)
        cached = _tokens(prompt, common, config)
    if target.provider in MARKED:
        end = prompt.cache_boundary + (prompt.shown is None)
        written = max(0, _tokens(prompt, end, config) - cached)
    total.calls += 1
    total.input += prompt.tokens
    total.cached += cached
    total.written += written
    total.longest = max(total.longest, prompt.tokens)


def _tokens(prompt: Prompt, messages: int, config: PromptConfig) -> int:
    """Tokens of the first `messages` messages."""
    counted = sum(
        MESSAGE_TOKENS + count_tokens(message.content, config) for message in prompt.messages[:messages]
    )
    return min(counted, prompt.tokens)
