"""What a predictor says a person will do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from facsim.schema.action import Action
from facsim.schema.page import Page

ParseLevel = Literal["strict", "lenient", "failed"]


@dataclass(frozen=True, slots=True)
class PastStep:
    """A step that has happened: what was seen, what was done, and why if that is known."""

    page: Page
    action: Action
    rationale: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class SessionSoFar:
    """Everything a predictor may know when it answers: the session up to the current page, never beyond.

    Attributes:
        session_id: identifies the session (for seeds and caches, not as a feature).
        page: the current observation.
        past: the earlier steps with their true actions, oldest first (teacher forcing).
        persona: what is known of the person.
        intent: what the person came for.
        site: which site.
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
    """What one answer took.

    Attributes:
        input_tokens: all prompt tokens, those read from a cache included.
        cached_tokens: of these, read from the provider's cache.
        output_tokens: generated tokens, hidden reasoning included.
        cost: US dollars, None where no price is known.
        seconds: wall time from sending to the whole answer.
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
        action: the predicted action; None when the answer could not be read or the call failed for good.
        rationale: the reason given, if any.
        probabilities: a distribution over actions, where the predictor has one; sums to at most 1, the rest
            is the mass of all actions not listed.
        confidence: the probability of `action`, where the predictor knows that one and no distribution.
        parse: how the answer was read: `strict`, `lenient`, or `failed`. Predictors that do not write text
            leave `strict`.
        forgiven: names of the leniencies that reading a `lenient` answer took (`facsim.prompt`).
        answer: the raw answer of a model, kept when it was not read strictly.
        error: why there is no answer (the server's words, shortened).
        shown: names on the current page that were in the prompt, when the page had to be shortened;
            None when all of it was shown.
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
