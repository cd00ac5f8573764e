"""A predictor's input and its prediction of the next action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from facsim.schema.action import Action
from facsim.schema.page import Page

ParseLevel = Literal["strict", "lenient", "failed"]


@dataclass(frozen=True, slots=True)
class PastStep:
    """An earlier step: the page, the action, and the rationale if it is known."""

    page: Page
    action: Action
    rationale: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class SessionSoFar:
    """Everything that a predictor may know: the session up to the current page, and nothing later.

    Attributes:
        session_id: identifies the session (for seeds and caches, not as a feature).
        page: the current observation.
        past: the earlier steps with their true actions, oldest first (teacher forcing).
        persona: what is known about the person.
        intent: the goal of the person.
        site: name of the site.
    """

    session_id: str
    page: Page
    past: tuple[PastStep, ...] = ()
    persona: str | None = None
    intent: str | None = None
    site: str | None = None

    @property
    def step(self) -> int:
        """Index of the current step in its session, from 0."""
        return len(self.past)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, cost and time of one answer.

    Attributes:
        input_tokens: all prompt tokens, including those read from a cache.
        cached_tokens: prompt tokens read from the provider's cache.
        output_tokens: generated tokens, including hidden reasoning.
        cost: US dollars; None if the price is unknown.
        seconds: wall time from the request to the complete answer.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """A predictor's answer for one step.

    Attributes:
        action: the predicted action; None if the answer could not be parsed or all retries failed.
        rationale: the rationale in the answer, if any.
        probabilities: a distribution over actions, if the predictor has one. It sums to at most 1; the rest
            is the mass of all unlisted actions.
        confidence: the probability of `action`, if the predictor knows only that one.
        parse: how the answer was parsed: `strict`, `lenient`, or `failed`. Always `strict` for predictors
            that do not generate text.
        forgiven: names of the leniencies that a `lenient` answer needed (`facsim.prompt`).
        answer: the raw answer of a model, kept unless `parse` is `strict`.
        error: why there is no answer (the server's message, shortened).
        shown: element names of the current page that are in the prompt, if the page was shortened;
            None if the page is complete.
        usage: tokens, cost and time.
        from_cache: whether the answer came from the response cache.
    """

    action: Action | None
    rationale: str | None = None
    probabilities: Mapping[Action, float] | None = None
    confidence: float | None = None
    parse: ParseLevel = "strict"
    forgiven: tuple[str, ...] = ()
    answer: str | None = None
    error: str | None = None
    shown: frozenset[str] | None = None
    usage: Usage = field(default_factory=Usage)
    from_cache: bool = False
