"""One answer of a predictor in a rollout, as it is kept in the journal."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from facsim.evaluation.records import ANSWER_CHARACTERS, call_failed, usage_facts
from facsim.rollout.web_environment import EndKind, FailureKind
from facsim.schema import Action, Prediction, Truth

ActionProbabilities = tuple[tuple[Action, float], ...]
"""Actions with their probabilities, the most probable first."""

_KEPT_PROBABILITIES: Final = 8


@dataclass(frozen=True, slots=True)
class RolloutAnswer:
    """What a predictor answered on a page, and what became of it.

    Attributes:
        step: index of the step in its session.
        attempt: how many unusable answers came before this one at this step.
        page_id: content hash of the page.
        url: address of the page.
        action: the action drawn or answered; None if there is none.
        category: the action's category.
        rationale: the predictor's.
        truth: the probabilities that the action was drawn from; None if it was not drawn.
        failure: why it was not carried out; None if it was.
        message: the failure in words.
        answer: the raw answer, unless it was read strictly.
        usage: tokens, cost and seconds.
        probabilities: of the most probable actions; empty if the predictor has none.
    """

    step: int
    attempt: int
    page_id: str
    url: str
    action: Action | None = None
    category: str | None = None
    rationale: str | None = None
    truth: Truth | None = None
    failure: FailureKind | None = None
    message: str | None = None
    answer: str | None = None
    usage: dict[str, Any] | None = None
    probabilities: ActionProbabilities = ()

    @classmethod
    def of(cls, prediction: Prediction, **fields: Any) -> Self:
        """An answer with the facts of its prediction."""
        usage = {name: value for name, value in usage_facts(prediction.usage).items() if value}
        answer = _unicode(prediction.answer and prediction.answer[:ANSWER_CHARACTERS])
        rationale = _unicode(prediction.rationale)
        return cls(rationale=rationale, answer=answer, usage=usage or None, **fields)

    def failed(self, failure: FailureKind, message: str) -> RolloutAnswer:
        """The same answer, which could not be carried out."""
        return replace(self, failure=failure, message=_unicode(message))

    def to_json(self) -> str:
        """The fields as JSON."""
        fields = {name: value for name, value in asdict(self).items() if value is not None}
        if self.action is not None:
            fields["action"] = self.action.to_dict()
        if self.truth is not None:
            fields["truth"] = asdict(self.truth) | {"best": self.truth.best.to_dict()}
        del fields["probabilities"]
        if self.probabilities:
            fields["probabilities"] = [[one.to_dict(), round(p, 6)] for one, p in self.probabilities]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`."""
        fields = json.loads(text)
        if "action" in fields:
            fields["action"] = Action.from_dict(fields["action"])
        if "truth" in fields:
            truth = fields["truth"]
            fields["truth"] = Truth(**truth | {"best": Action.from_dict(truth["best"])})
        if "probabilities" in fields:
            pairs = fields["probabilities"]
            fields["probabilities"] = tuple((Action.from_dict(action), p) for action, p in pairs)
        return cls(**fields)


def most_probable(probabilities: Mapping[Action, float]) -> ActionProbabilities:
    """The few most probable actions of a distribution, which need not sum to one."""
    total = sum(probabilities.values())
    found = heapq.nlargest(_KEPT_PROBABILITIES, probabilities.items(), key=lambda pair: pair[1])
    return tuple((action, probability / total) for action, probability in found if probability > 0)


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How a session ended.

    Attributes:
        kind: how.
        message: why in words, if that needs any.
        can_retry: whether another attempt may end otherwise, because only the browser was lost.
    """

    kind: EndKind
    message: str | None = None
    can_retry: bool = False


def unusable(prediction: Prediction) -> tuple[FailureKind, str]:
    """Why a prediction without an action has none."""
    if call_failed(prediction):
        return "call_failed", prediction.error or ""
    return "unparseable", prediction.error or "the answer names no action"


def clean_action(action: Action) -> Action:
    """The action with lone surrogates replaced, which a model may write and UTF-8 cannot hold."""
    name, text = _unicode(action.name), _unicode(action.text)
    return action if (name, text) == (action.name, action.text) else Action(action.type, name, text)


def _unicode(text: str | None) -> str | None:
    return text if text is None else text.encode("utf-8", "replace").decode("utf-8")
