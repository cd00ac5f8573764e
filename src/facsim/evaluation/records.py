"""Builds the record of a prediction: the truth, the answer, and the facts that metrics need.

Everything that depends on the page or the data set is computed here, once. A record is then self-contained:
scoring, comparing and reporting need no data set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from facsim.data import DataSet
from facsim.data.categorizer import Categorizer
from facsim.evaluation.record_lines import Record
from facsim.metrics.match import normalize_text
from facsim.schema import MASKED_TEXT, Action, Page, Prediction, Session, SessionSoFar, Step, Usage
from facsim.util.errors import FacsimError

PROBABILITY_FLOOR = 1e-6
"""The lowest probability that a true action is credited with.

A predictor lists finitely many actions, and the true one may not be among them. Without a floor, one such
step would make the mean log-likelihood of a whole run infinite. With it, a step costs at most 13.8 nats.
"""

_TOKENS_END = 2**53
_ROUNDING = 1e-6
_RANGES = {
    "log_probability": (-math.inf, _ROUNDING, "the logarithm of a probability, at most 0"),
    "confidence": (0.0, 1 + _ROUNDING, "a probability between 0 and 1"),
    "distribution": (0.0, 1 + _ROUNDING, "probabilities between 0 and 1"),
}

ANSWER_CHARACTERS = 4_000
"""How much of an answer is kept if it was not read strictly."""


class RecordBuilder:
    """Builds the records of one run.

    Args:
        data: the data set, for the categories that its source assigns to names.
    """

    def __init__(self, data: DataSet) -> None:
        self._categorizer = Categorizer(data)

    def build(
        self,
        session: Session,
        so_far: SessionSoFar,
        step: Step,
        prediction: Prediction,
        log_probability: float | None = None,
    ) -> Record:
        """The record of one step: the columns of `facsim.metrics.CASES_SCHEMA`, and those of `EXTRAS_SCHEMA`.

        Values that a server reported and that cannot be true (10^30 tokens, an infinite cost) become null:
        they are unknown, and the answer can still be scored.

        Raises:
            FacsimError: if a probability is NaN, or not one at all.
        """
        _check_probabilities(so_far, prediction, log_probability)
        page, truth, answer = so_far.page, step.action, prediction.action
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
            **usage_facts(prediction.usage),
            "forgiven": prediction.forgiven,
            "rationale": _unicode(prediction.rationale),
            "answer": _unicode(prediction.answer and prediction.answer[:ANSWER_CHARACTERS]),
            "error": _unicode(prediction.error),
            "from_cache": prediction.from_cache,
        }


def call_failed(prediction: Prediction) -> bool:
    """Whether there is no answer at all, rather than one that could not be read."""
    return prediction.action is None and prediction.answer is None and prediction.error is not None


def usage_facts(usage: Usage) -> dict[str, float | int | None]:
    """Tokens, dollars and seconds; None for numbers that cannot be true.

    >>> usage_facts(Usage(input_tokens=10**30, cost=float("inf"), seconds=0.25))["input_tokens"] is None
    True
    """
    tokens = {
        name: count if 0 <= count < _TOKENS_END else None
        for name, count in (
            ("input_tokens", usage.input_tokens),
            ("cached_tokens", usage.cached_tokens),
            ("output_tokens", usage.output_tokens),
        )
    }
    cost = usage.cost if usage.cost is not None and 0 <= usage.cost < math.inf else None
    seconds = round(usage.seconds, 6) if 0 <= usage.seconds < math.inf else None
    return {**tokens, "cost": cost, "seconds": seconds}


def page_facts(page: Page, truth: Action, prediction: Prediction) -> dict[str, bool | None]:
    """What the page says about the true and the predicted target.

    Returns:
        on_page: the predicted name is on the page; None for `terminate` and if there is no answer.
        same_destination: the predicted and the true element differ, and one lists the other as equivalent.
        reachable: the true target has a name and it is on the page; true for `terminate`.
        shown: the true target was also in the prompt; true for `terminate`.
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
    """What the predicted distribution says about the true and the predicted action.

    Actions that are equal under the exact rule (text after NFC and outer trim) are one action; their
    probabilities are added. If the true text is masked, so are all texts typed into its field.

    Args:
        truth: what the person did.
        prediction: the answer.
        log_probability: natural log of the true action's probability, if the predictor computed it
            separately from the distribution.

    Returns:
        log_probability: natural log of the true action's probability, at least `PROBABILITY_FLOOR`.
        rank: how many listed actions are at least as probable as the true one, itself included. Ties count
            against it, so that a uniform distribution gains nothing. None if the true action is not listed.
        confidence: probability of the predicted action.
        All are None if the predictor gives no probabilities.
    """
    # A masked text is unknown: whatever is typed there is the true action.
    masked = truth if truth.text == MASKED_TEXT else None
    if masked is not None:
        log_probability = None  # the predictor scored the mask itself
    if log_probability is not None:
        log_probability = min(0.0, max(log_probability, math.log(PROBABILITY_FLOOR)))
    confidence = None if prediction.confidence is None else min(1.0, prediction.confidence)
    if prediction.probabilities is None:
        return {"log_probability": log_probability, "rank": None, "confidence": confidence}
    mass = _folded(prediction.probabilities, masked)
    true_mass = mass.get(_fold(truth, masked))
    rank = None if true_mass is None else sum(other >= true_mass for other in mass.values())
    return {
        "log_probability": math.log(min(1.0, max(float(true_mass or 0.0), PROBABILITY_FLOOR)))
        if log_probability is None
        else log_probability,
        "rank": rank,
        "confidence": None
        if prediction.action is None
        else min(1.0, float(mass.get(_fold(prediction.action, masked), 0.0))),
    }


def _check_probabilities(so_far: SessionSoFar, prediction: Prediction, log_probability: float | None) -> None:
    """Refuse what is no probability before it is clamped: `min` and `max` would turn NaN into certainty."""
    given = {
        "log_probability": () if log_probability is None else (log_probability,),
        "confidence": () if prediction.confidence is None else (prediction.confidence,),
        "distribution": (prediction.probabilities or {}).values(),
    }
    for name, values in given.items():
        where = f"session {so_far.session_id}, step {so_far.step + 1}: the predictor's {name}"
        verb = "contains" if name == "distribution" else "is"
        if any(map(math.isnan, values)):
            raise FacsimError(
                f"{where} {verb} NaN, so its answers mean nothing. "
                "Check the model's weights for NaN and infinite values"
            )
        least, most, what = _RANGES[name]
        wrong = next((value for value in values if not least <= value <= most), None)
        if wrong is not None:
            raise FacsimError(f"{where} {verb} {wrong:g}, expected {what}. Correct the predictor")


def _folded(probabilities: Mapping[Action, float], masked: Action | None) -> Mapping[Action, float]:
    if all(action.text is None for action in probabilities):
        return probabilities
    mass: dict[Action, float] = {}
    for action, probability in probabilities.items():
        folded = action if action.text is None else _fold(action, masked)
        mass[folded] = mass.get(folded, 0.0) + probability
    return mass


def _fold(action: Action, masked: Action | None) -> Action:
    if action.text is None:
        return action
    if masked is not None and action.name == masked.name:
        return masked
    return Action(action.type, action.name, normalize_text(action.text))


def _unicode(text: str | None) -> str | None:
    """The text with lone surrogates replaced, which a model may write and UTF-8 cannot hold."""
    return text if text is None else text.encode("utf-8", "replace").decode("utf-8")
