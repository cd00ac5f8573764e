"""One visit of one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from facsim.schema.action import Action

Outcome = Literal["purchase", "terminate"]
RationaleSource = Literal["human", "synthetic", "simulated"]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a step whose probabilities are known, because the person is simulated.

    Never part of a `SessionSoFar`, so no predictor is told.

    Attributes:
        probability: that the person would do what they did.
        best_probability: that of the most probable action.
        best: the most probable action; the first one on the page of equally probable ones.
        entropy: of the distribution over all actions, in nats.
    """

    probability: float
    best_probability: float
    best: Action
    entropy: float


@dataclass(frozen=True, slots=True)
class Step:
    """An observation, the action that the person took there, and perhaps why.

    Attributes:
        page_id: content hash of the simplified page; the data set's page store has the page itself.
        action: what the person did.
        category: what the action amounts to on that site (`search`, `filter`, `product_click`, `purchase`,
            `terminate`, `other`, or the source's own terms).
        rationale: first-person reason.
        rationale_source: who wrote it.
        timestamp: when, in UTC, where the source tells.
        elapsed: seconds since the session began, where the source tells.
        url: address of the page.
        submitted: for `type_and_submit`: whether Enter was seen. Matching ignores it. None: not recorded.
        truth: the probabilities behind it, for simulated people.
    """

    page_id: str
    action: Action
    category: str | None = None
    rationale: str | None = None
    rationale_source: RationaleSource | None = None
    timestamp: datetime | None = None
    elapsed: float | None = None
    url: str | None = None
    submitted: bool | None = None
    truth: Truth | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One visit of one person: who, what for, how it ended, and its steps in order.

    Attributes:
        session_id: unique in the data set.
        user_id: the person. Splits are disjoint and intervals are clustered by it where asked.
        persona: what is known of the person, as text.
        intent: what the person came for, as text, where the source tells (a goal given to a crowd worker).
        outcome: `purchase` or `terminate`; None where the source knows no such thing.
        site: which site or task.
        source: which data source.
        official_split: the split that the source itself assigns, for example `train`.
        persona_fields: what is known of the person as a JSON object, where the source is structured. Prompts
            show `persona` only.
    """

    session_id: str
    user_id: str
    steps: tuple[Step, ...]
    persona: str | None = None
    intent: str | None = None
    outcome: Outcome | None = None
    site: str | None = None
    source: str | None = None
    official_split: str | None = None
    persona_fields: str | None = None
