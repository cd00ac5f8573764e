"""One session in closed loop: observe, ask, draw, act, until the person buys, leaves or reaches a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from facsim.data import page_id_of
from facsim.predict.protocol import Predictor
from facsim.rollout.action_draw import ActionDraw, is_distribution, truth_of_draw
from facsim.rollout.people import SimulatedPerson
from facsim.rollout.rollout_answer import (
    ActionProbabilities,
    RolloutAnswer,
    SessionEnd,
    clean_action,
    most_probable,
    unusable,
)
from facsim.rollout.web_environment import (
    ActionError,
    BrowserLostError,
    Observation,
    SiteError,
    WebEnvironment,
)
from facsim.schema import Action, PastStep, Prediction, SessionSoFar, Truth

MAX_FAILURES: Final = 3
"""A session ends after so many unusable answers in a row at one step."""


class SessionStopped(Exception):
    """The run is stopping; the session is continued when the run is resumed."""


class SessionLog(Protocol):
    """Keeps the answers of a session as they come."""

    def recorded(self, step: int, attempt: int) -> RolloutAnswer | None:
        """The answer that an earlier, interrupted run got here."""

    def ask(self, step: int, observation: Observation) -> None:
        """Note that the predictor is being asked about a page, for those who watch."""

    def put(self, answer: RolloutAnswer, observation: Observation) -> None:
        """Keep an answer and the page it was given on. A later one for the same place replaces it."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How sessions are produced.

    Attributes:
        site: name of the site, as predictors are told.
        greedy: whether the most probable action is taken instead of one that is drawn.
        max_steps: a session ends after so many actions.
        max_seconds: a session ends after so many seconds; None for no limit.
    """

    site: str
    greedy: bool
    max_steps: int
    max_seconds: float | None = None


class SessionLoop:
    """Produces the session of one person.

    Args:
        environment: where.
        predictor: decides.
        settings: limits and the rule for choosing actions.
        is_stopping: whether no further question may be asked.
    """

    def __init__(
        self,
        environment: WebEnvironment,
        predictor: Predictor,
        settings: LoopSettings,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._environment, self._predictor = environment, predictor
        self._settings, self._is_stopping = settings, is_stopping

    async def run(self, person: SimulatedPerson, draw: ActionDraw, log: SessionLog) -> SessionEnd:
        """Produce the session; every answer goes to the log before it is carried out.

        Answers in the log are not asked for again, as long as their element is on the page.

        Raises:
            SessionStopped: if the run is stopping.
            FacsimError: if the predictor reports that continuing is pointless, or the log cannot be written.
        """
        began = time.monotonic()
        limit = self._settings.max_seconds
        past: tuple[PastStep, ...] = ()
        attempt = 0
        try:
            observation = await self._environment.reset(person)
            while len(past) < self._settings.max_steps:
                if limit is not None and time.monotonic() - began > limit:
                    return SessionEnd("max_seconds", f"after {limit:g} seconds")
                so_far = SessionSoFar(
                    person.session_id,
                    observation.page,
                    past,
                    person.persona,
                    person.intent,
                    self._settings.site,
                )
                known = log.recorded(so_far.step, attempt)
                answer = await self._answer(so_far, attempt, observation, draw, log)
                action = answer.action
                if answer.failure is None and action is not None:
                    if (end := self._end_without_acting(action, known)) is not None:
                        return end
                    following: Observation | None
                    try:
                        following = await self._environment.step(action)
                    except ActionError as error:
                        answer = answer.failed("not_possible", str(error))
                        log.put(answer, observation)
                    else:
                        if following is None:
                            return SessionEnd("purchase")
                        done = PastStep(observation.page, action, answer.rationale, answer.category)
                        past = (*past, done)
                        observation, attempt = following, 0
                        continue
                attempt += 1
                if attempt == MAX_FAILURES:
                    return SessionEnd("failed", f"{answer.failure}: {answer.message}")
                observation = await self._environment.observe()
        except SiteError as error:
            return SessionEnd("site", str(error), can_retry=isinstance(error, BrowserLostError))
        return SessionEnd("max_steps", f"after {self._settings.max_steps} actions")

    def _end_without_acting(self, action: Action, known: RolloutAnswer | None) -> SessionEnd | None:
        """How the session ends if the action is not to be carried out; None if it is.

        Args:
            action: what is to be done.
            known: the answer that an interrupted run had got here.
        """
        if action.type == "terminate":
            return SessionEnd("terminate")
        if known is not None and known.action == action and self._environment.places_order(action):
            # The run was interrupted after this answer: the order may have been placed.
            return SessionEnd("purchase")
        return None

    async def _answer(
        self,
        so_far: SessionSoFar,
        attempt: int,
        observation: Observation,
        draw: ActionDraw,
        log: SessionLog,
    ) -> RolloutAnswer:
        """The answer for the current page: from the log if it is there, else from the predictor."""
        recorded = log.recorded(so_far.step, attempt)
        page_id = page_id_of(observation.page.html)
        if recorded is not None and _still_fits(recorded, page_id, observation):
            if recorded.truth is not None:
                draw.skip()
            if recorded.page_id != page_id:
                recorded = replace(recorded, page_id=page_id, url=observation.url)
                log.put(recorded, observation)
            return recorded
        if self._is_stopping():
            raise SessionStopped
        log.ask(so_far.step, observation)
        prediction = await self._predictor.predict(so_far)
        # A predictor that never awaits must not block signals and other sessions.
        await asyncio.sleep(0)
        action, truth, probabilities = self._choose(prediction, draw)
        answer = RolloutAnswer.of(
            prediction,
            step=so_far.step,
            attempt=attempt,
            page_id=page_id,
            url=observation.url,
            action=action,
            truth=truth,
            probabilities=probabilities,
        )
        if action is None:
            answer = answer.failed(*unusable(prediction))
        elif action.type != "terminate" and action.name not in observation.page:
            answer = answer.failed("not_on_page", f"no element {action.name!r} on {observation.url}")
        else:
            answer = replace(answer, category=self._environment.category(action))
        log.put(answer, observation)
        return answer

    def _choose(
        self, prediction: Prediction, draw: ActionDraw
    ) -> tuple[Action | None, Truth | None, ActionProbabilities]:
        """The action to take, the truth about its draw, and the most probable actions."""
        probabilities = prediction.probabilities
        if probabilities is None or not is_distribution(probabilities):
            return _answered(prediction), None, ()
        # Cleaned, two actions may be one; their probabilities add up.
        cleaned: dict[Action, float] = {}
        for action, probability in probabilities.items():
            clean = action if action.text is None else clean_action(action)
            cleaned[clean] = cleaned.get(clean, 0.0) + probability
        likely = most_probable(cleaned)
        if self._settings.greedy:
            return _answered(prediction), None, likely
        drawn = draw.draw(cleaned, self._environment.draw_order)
        return drawn, truth_of_draw(drawn, cleaned), likely


def _answered(prediction: Prediction) -> Action | None:
    return None if prediction.action is None else clean_action(prediction.action)


def _still_fits(recorded: RolloutAnswer, page_id: str, observation: Observation) -> bool:
    """Whether a recorded answer can be used on this page. A site may show another page than last time."""
    if recorded.page_id == page_id or recorded.failure is not None:
        return True
    action = recorded.action
    return action is not None and (action.type == "terminate" or action.name in observation.page)
