"""What a replay shows: a session, one of its steps, and the predictions of every run for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from facsim.data import DataSet
from facsim.rollout.rollout_details import UnusableAnswer
from facsim.schema import Action, Page, PastStep, Session, SessionSoFar, Step
from facsim.schema.action import describe_action
from facsim.util.errors import InputError
from facsim.view.library import Library
from facsim.view.number_format import format_elapsed
from facsim.view.page_frame import ElementHighlight, title_of
from facsim.view.prediction_index import PredictionIndex
from facsim.view.verdict import Verdict, predicted, verdict_on

LATEST = -1
"""In place of the index of a step: the last step that there is."""
_VERBS = {"click": "Click", "type_and_submit": "Type", "terminate": "Leave"}


@dataclass(frozen=True, slots=True)
class ActionText:
    """An action in words.

    Attributes:
        action: the action.
        verb: Click, Type or Leave.
        text: the typed text.
        label: the text of the element on the page; empty if it has none or is not there.
        on_page: whether the element is on the page; None for leaving.
    """

    action: Action
    verb: str
    text: str | None
    label: str
    on_page: bool | None

    @classmethod
    def of(cls, action: Action, page: Page | None) -> ActionText:
        """The words for an action on a page."""
        element = page.by_name.get(action.name) if page is not None and action.name is not None else None
        on_page = None if action.type == "terminate" or page is None else element is not None
        return cls(action, _VERBS[action.type], action.text, element.text if element else "", on_page)

    @property
    def sentence(self) -> str:
        """The action in one line, for lists and screen readers."""
        target = self.label or self.action.name or "an element without a name"
        words = describe_action(self.action.type, target, self.text)
        return words[:1].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class RunPrediction:
    """The prediction of one run for a step; every number may be missing.

    Attributes:
        run: the run.
        verdict: on it.
        action_text: the predicted action; None without a readable answer.
        confidence: probability of the predicted action.
        log_probability: natural logarithm of the true action's probability.
        rank: of the true action among those listed.
        line: the whole line of predictions.jsonl.
    """

    run: PredictionIndex
    verdict: Verdict
    action_text: ActionText | None
    confidence: float | None
    log_probability: float | None
    rank: int | None
    line: Mapping[str, Any]

    @property
    def true_probability(self) -> float | None:
        """The probability that it gave to the true action."""
        return None if self.log_probability is None else math.exp(self.log_probability)

    def text(self, field: str) -> str:
        """A text field of the line; empty if missing."""
        value = self.line.get(field)
        return value if isinstance(value, str) else ""

    def number(self, field: str) -> float | None:
        """A number field of the line; None if missing."""
        return _number(self.line.get(field))


@dataclass(frozen=True, slots=True)
class ProbableAction:
    """An action that the predictor of a rollout found probable.

    Attributes:
        action_text: the action.
        probability: its probability.
        taken: whether it is the action of the step.
    """

    action_text: ActionText
    probability: float
    taken: bool


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """A step in the timeline.

    Attributes:
        step: its index.
        action_text: the true action.
        hits: the verdict on each run; None without a prediction.
        at: when the step was taken; empty if unknown.
        pending: whether the predictor of a running rollout is being asked about it.
    """

    step: int
    action_text: ActionText
    hits: tuple[Verdict | None, ...]
    at: str
    pending: bool = False

    @property
    def words(self) -> str:
        """The step in words, for tooltips and screen readers."""
        if self.pending:
            return f"Step {self.step + 1}: waiting for the predictor"
        asked = [hit for hit in self.hits if hit is not None]
        right = sum(hit.right for hit in asked)
        correct = f", {right} of {len(asked)} correct" if asked else ", no prediction"
        when = f", {self.at}" if self.at else ""
        return f"Step {self.step + 1}: {self.action_text.sentence}{when}{correct}"


@dataclass(frozen=True, slots=True)
class Replay:
    """A session at one of its steps.

    Attributes:
        session: the session.
        index: of the step.
        page: the observed page; None if the data set lacks it.
        title: of the page.
        action_text: the true action.
        best: the most probable action, for simulated people.
        answers: the predictions, in the order of the runs.
        moments: all steps.
        problems: what is wrong with predictions or a page that cannot be shown.
        probable: in a rollout, the most probable actions.
        unusable: in a rollout, the answers at this step that were not carried out.
        end: in a rollout, how the session ended; empty if it has not ended.
        pending: whether the predictor of a running rollout is being asked about this step.
    """

    session: Session
    index: int
    page: Page | None
    title: str
    action_text: ActionText
    best: ActionText | None
    answers: tuple[RunPrediction, ...]
    moments: tuple[TimelineStep, ...]
    problems: tuple[str, ...] = ()
    probable: tuple[ProbableAction, ...] = ()
    unusable: tuple[UnusableAnswer, ...] = ()
    end: str = ""
    pending: bool = False

    @property
    def step(self) -> Step:
        """The step."""
        return self.session.steps[self.index]

    @property
    def is_rollout(self) -> bool:
        """Whether a predictor made the session, so that its probabilities are not those of people."""
        return self.session.source == "rollout"

    @property
    def number(self) -> int:
        """Number of the step, from 1: what people read and what addresses hold."""
        return self.index + 1

    @property
    def marks(self) -> list[ElementHighlight]:
        """The highlights on the page: the true element, the predicted ones, the most probable one."""
        marks = []
        if self.action_text.action.name:
            flag = "action taken" if self.is_rollout else "true action"
            marks.append(ElementHighlight(self.action_text.action.name, "person", "person", flag))
        for answer in self.answers:
            if answer.action_text is not None and answer.action_text.action.name:
                place = answer.run.place
                marks.append(
                    ElementHighlight(
                        answer.action_text.action.name, f"run-{place}", answer.run.colour, answer.run.letter
                    )
                )
        if self.best is not None and self.best.action.name and self.best.action != self.action_text.action:
            marks.append(ElementHighlight(self.best.action.name, "best", "best", "most probable"))
        return marks

    def to_dict(self) -> dict[str, Any]:
        """The step as JSON: person, page, action and predictions. `step` counts from 0, as in files."""
        session, step = self.session, self.step
        return {
            "session_id": session.session_id,
            "step": self.index,
            "steps": len(session.steps),
            "user_id": session.user_id,
            "persona": session.persona,
            "intent": session.intent,
            "outcome": session.outcome,
            "site": session.site,
            "url": step.url,
            "timestamp": step.timestamp.isoformat() if isinstance(step.timestamp, datetime) else None,
            "action": step.action.to_dict(),
            "category": step.category,
            "rationale": step.rationale,
            "rationale_source": step.rationale_source,
            "truth": None
            if step.truth is None
            else {
                "probability": step.truth.probability,
                "best_probability": step.truth.best_probability,
                "best": step.truth.best.to_dict(),
                "entropy_nats": step.truth.entropy,
            },
            "predictions": [
                {
                    "run": answer.run.label,
                    "predictor": answer.run.run.predictor,
                    "verdict": answer.verdict.words,
                    "right": answer.verdict.right,
                    **answer.line,
                }
                for answer in self.answers
            ],
            "probabilities": [
                {**one.action_text.action.to_dict(), "probability": one.probability} for one in self.probable
            ],
            "page_id": step.page_id,
            "page": None if self.page is None else self.page.html,
        }


def replay_at(library: Library, session_id: str, index: int) -> Replay:
    """A session at a step; -1 is the last one.

    Raises:
        KeyError: if there is no such session.
        IndexError: if it has no such step.
    """
    session = library.data.session(session_id)
    if index == LATEST:
        index = len(session.steps) - 1
    if not 0 <= index < len(session.steps):
        raise IndexError(index)
    said, problems = lines_of(library, session_id)
    step = session.steps[index]
    page, problem = page_of(library.data, step)
    return Replay(
        session=session,
        index=index,
        page=page,
        title=title_of(page.html) if page else "",
        action_text=ActionText.of(step.action, page),
        best=ActionText.of(step.truth.best, page) if step.truth else None,
        answers=tuple(
            _answer(run, step, page, lines[index])
            for run, lines in zip(library.runs, said, strict=True)
            if index in lines
        ),
        moments=_moments(library, session, said),
        problems=(*problems, *([problem] if problem else [])),
        probable=tuple(
            ProbableAction(ActionText.of(action, page), probability, action == step.action)
            for action, probability in library.details.probabilities(session_id, index)
        ),
        unusable=library.details.unusable_answers(session_id, index),
        end=library.details.end(session_id),
        pending=library.details.is_pending(session_id, index),
    )


def lines_of(
    library: Library, session_id: str
) -> tuple[list[Mapping[int, Mapping[str, Any]]], tuple[str, ...]]:
    """The predictions of every run for a session, by index of the step; and what is wrong with damaged ones.

    A run whose predictions for this session are damaged counts as not asked, and the others are still shown.
    """
    found: list[Mapping[int, Mapping[str, Any]]] = []
    problems = []
    for run in library.runs:
        try:
            found.append(run.of_session(session_id))
        except InputError as error:
            found.append({})
            problems.append(f"Predictions of {run.letter} {run.label} cannot be shown. {error}")
    return found, tuple(problems)


def so_far(data: DataSet, session: Session, index: int) -> SessionSoFar:
    """What a predictor sees at a step.

    Raises:
        InputError: if the data set lacks a page.
    """
    return SessionSoFar(
        session_id=session.session_id,
        page=data.page(session.steps[index].page_id),
        past=tuple(
            PastStep(data.page(step.page_id), step.action, step.rationale, step.category)
            for step in session.steps[:index]
        ),
        persona=session.persona,
        intent=session.intent,
        site=session.site,
    )


def page_of(data: DataSet, step: Step) -> tuple[Page | None, str]:
    """The page of a step; or None, and why it is missing or cannot be read."""
    try:
        page = data.page(step.page_id)
        page.elements  # noqa: B018 (read now: a page that cannot be read is none)
    except InputError as error:
        return None, f"The page cannot be shown. {error}"
    return page, ""


def _answer(run: PredictionIndex, step: Step, page: Page | None, line: Mapping[str, Any]) -> RunPrediction:
    action = predicted(line)
    return RunPrediction(
        run=run,
        verdict=verdict_on(step.action, line),
        action_text=None if action is None else ActionText.of(action, page),
        confidence=_number(line.get("confidence")),
        log_probability=_number(line.get("log_probability")),
        rank=line["rank"] if isinstance(line.get("rank"), int) else None,
        line=line,
    )


def _moments(
    library: Library, session: Session, said: Sequence[Mapping[int, Mapping[str, Any]]]
) -> tuple[TimelineStep, ...]:
    moments: list[TimelineStep] = []
    before: float | None = None
    for index, step in enumerate(session.steps):
        hits = tuple(verdict_on(step.action, lines[index]) if index in lines else None for lines in said)
        at = format_elapsed(step.elapsed, before)
        pending = library.details.is_pending(session.session_id, index)
        moments.append(TimelineStep(index, ActionText.of(step.action, None), hits, at, pending))
        before = step.elapsed
    return tuple(moments)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
