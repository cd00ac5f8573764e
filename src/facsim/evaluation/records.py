"""From a prediction to its line in predictions.jsonl: the truth, the answer, and the facts that metrics need.

Everything that needs the page or the data set is settled here, once. A line then stands alone: scoring,
comparing and reporting read no data set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from facsim.data import DataSet
from facsim.data.categorizer import Categorizer
from facsim.evaluation.journal import Line
from facsim.metrics.match import normalize_text
from facsim.schema import Action, Page, Prediction, Session, SessionSoFar, Step

PROBABILITY_FLOOR = 1e-6
"""The least probability that a true action is credited with.

A predictor lists finitely many actions, and the true one may not be among them. Without a floor one such step
would make the mean log-likelihood of a whole run infinite. With it a step costs at most 13.8 nats.
"""

ANSWER_CHARACTERS = 4_000
"""How much is kept of an answer that was not read strictly."""


class Scorer:
    """Makes the lines of one run.

    Args:
        data: the data set, for the categories that its source gives to names.
    """

    def __init__(self, data: DataSet) -> None:
        self._categorizer = Categorizer(data)

    def line(
        self,
        session: Session,
        so_far: SessionSoFar,
        step: Step,
        prediction: Prediction,
        log_probability: float | None = None,
    ) -> Line:
        """The line of one step: the columns of `facsim.metrics.CASES_SCHEMA`, and what a reader wants beside.

        Beside: `forgiven` (leniencies that reading the answer took), `rationale`, `answer` (raw, where it was
        not read strictly), `error`, `from_cache`.
        """
        page, truth, answer = so_far.page, step.action, prediction.action
        usage = prediction.usage
        return {
            "session_id": session.session_id,
            "user_id": session.user_id,
            "step": so_far.step,
            "is_last": so_far.step == len(session.steps) - 1,
            "outcome": session.outcome,
            "true_type": truth.type,
            "true_name": truth.name,
            "true_text": truth.text,
            "true_category": step.category or self._categorizer.category(truth, page, step.url),
            "pred_type": answer.type if answer else None,
            "pred_name": _unicode(answer.name) if answer else None,
            "pred_text": _unicode(answer.text) if answer else None,
            "pred_category": self._categorizer.category(answer, page, step.url) if answer else None,
            "parse": "failed" if answer is None else prediction.parse,
            "failed": call_failed(prediction),
            **page_facts(page, truth, prediction),
            **probability_facts(truth, prediction, log_probability),
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "output_tokens": usage.output_tokens,
            "cost": usage.cost,
            "seconds": round(usage.seconds, 6),
            "forgiven": prediction.forgiven,
            "rationale": _unicode(prediction.rationale),
            "answer": _unicode(prediction.answer and prediction.answer[:ANSWER_CHARACTERS]),
            "error": _unicode(prediction.error),
            "from_cache": prediction.from_cache,
        }


def call_failed(prediction: Prediction) -> bool:
    """Whether there is no answer at all, as against one that could not be read."""
    return prediction.action is None and prediction.answer is None and prediction.error is not None


def page_facts(page: Page, truth: Action, prediction: Prediction) -> dict[str, bool | None]:
    """What the page says of the true and the predicted target.

    Returns:
        on_page: the predicted name is on the page; None for `terminate` and where there is no answer.
        same_destination: the predicted and the true element are different, and one lists the other as
            equivalent.
        reachable: the true target has a name and it is on the page; true for `terminate`.
        shown: it was in the prompt, too; true for `terminate`.
    """
    answer = prediction.action
    on_page = None if answer is None or answer.type == "terminate" else answer.name in page
    reachable = truth.type == "terminate" or truth.name in page
    shown = reachable
    if truth.type != "terminate" and prediction.shown is not None:
        shown = reachable and truth.name in prediction.shown
    return {
        "on_page": on_page,
        "same_destination": _same_destination(page, truth.name, answer.name if answer else None),
        "reachable": reachable,
        "shown": shown,
    }


def _same_destination(page: Page, one: str | None, other: str | None) -> bool:
    if one is None or other is None or one == other or one not in page or other not in page:
        return False
    return other in page.by_name[one].equivalents or one in page.by_name[other].equivalents


def probability_facts(
    truth: Action, prediction: Prediction, log_probability: float | None = None
) -> dict[str, float | int | None]:
    """What the predicted distribution says of the true and the predicted action.

    Actions that the exact rule holds equal (text after NFC and outer trim) are one action, and their
    probabilities are added up.

    Args:
        truth: what the person did.
        prediction: the answer.
        log_probability: natural log of the true action's probability, where the predictor told it apart from
            the distribution.

    Returns:
        log_probability: natural log of the true action's probability, at least `PROBABILITY_FLOOR`.
        rank: how many listed actions are at least as probable as the true one, itself included: ties count
            against, so that a uniform distribution earns nothing. None if the true action is not listed.
        confidence: probability of the predicted action.
        All None where the predictor does not tell.
    """
    if log_probability is not None:
        log_probability = min(0.0, max(log_probability, math.log(PROBABILITY_FLOOR)))
    if prediction.probabilities is None:
        return {"log_probability": log_probability, "rank": None, "confidence": prediction.confidence}
    mass = _folded(prediction.probabilities)
    true_mass = mass.get(_fold(truth))
    rank = None if true_mass is None else sum(other >= true_mass for other in mass.values())
    return {
        "log_probability": math.log(min(1.0, max(float(true_mass or 0.0), PROBABILITY_FLOOR)))
        if log_probability is None
        else log_probability,
        "rank": rank,
        "confidence": None
        if prediction.action is None
        else min(1.0, float(mass.get(_fold(prediction.action), 0.0))),
    }


def _folded(probabilities: Mapping[Action, float]) -> Mapping[Action, float]:
    if all(action.text is None for action in probabilities):
        return probabilities
    mass: dict[Action, float] = {}
    for action, probability in probabilities.items():
        folded = action if action.text is None else _fold(action)
        mass[folded] = mass.get(folded, 0.0) + probability
    return mass


def _fold(action: Action) -> Action:
    if action.text is None:
        return action
    return Action(action.type, action.name, normalize_text(action.text))


def _unicode(text: str | None) -> str | None:
    """Text that UTF-8 can hold: a model may answer half a surrogate pair."""
    return text if text is None else text.encode("utf-8", "replace").decode("utf-8")
