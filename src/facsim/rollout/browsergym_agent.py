"""A BrowserGym agent that acts as a Facsim predictor does.

    from facsim.rollout.browsergym_agent import BrowserGymAgent

    agent = BrowserGymAgent("choice:runs/choice/choice", persona="A student who compares prices.")
    obs, _ = env.reset()
    action, info = agent.get_action(agent.obs_preprocessor(obs))

It follows the protocol of `browsergym.experiments.Agent`, so that AgentLab studies can run it. BrowserGym
itself is needed for the action set only (`pip install 'facsim[browsergym]'`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from selectolax.lexbor import LexborHTMLParser

from facsim.page import simplify
from facsim.predict.protocol import Predictor
from facsim.rollout.action_draw import ActionDraw, is_distribution
from facsim.rollout.dom_snapshot import BID, html_of_snapshot
from facsim.rollout.rollout import load_ready_predictor
from facsim.rollout.web_environment import name_order
from facsim.schema import Action, PastStep, SessionSoFar
from facsim.util.errors import FacsimError

_SITE: Final = "browsergym"


class BrowserGymAgent:
    """An agent for one episode at a time; `reset` begins another.

    Args:
        predictor: a spec string, or a predictor that is ready to predict.
        persona: what is known about the person.
        seed: of the random numbers.
        greedy: take the most probable action instead of drawing one.
        **options: options of the predictor, if it is a spec string; `train`: a data set that it is fitted on.

    Attributes:
        action_set: BrowserGym's actions that the agent uses.
    """

    def __init__(
        self,
        predictor: str | Predictor,
        *,
        persona: str | None = None,
        seed: int = 0,
        greedy: bool = False,
        **options: Any,
    ) -> None:
        train = options.pop("train", None)
        if isinstance(predictor, str):
            predictor = load_ready_predictor(predictor, train, seed=seed, **options)
        self._predictor, self._persona, self._seed, self._greedy = predictor, persona, seed, greedy
        # Playwright's sync API, which BrowserGym uses, keeps an event loop in its own thread.
        self._thread = ThreadPoolExecutor(1)
        self._loop = asyncio.new_event_loop()
        self._episode = -1
        self.reset()

    def reset(self) -> None:
        """Begin another episode."""
        self._episode += 1
        self._past: list[PastStep] = []
        self._draw = ActionDraw(self._seed, f"{_SITE}-{self._episode}")

    @property
    def action_set(self) -> Any:
        """Clicks, typing and keys by element id; several in one answer."""
        from browsergym.core.action.highlevel import HighLevelActionSet  # noqa: PLC0415 (an extra)

        return HighLevelActionSet(subsets=["bid"], multiaction=True, strict=False)

    def obs_preprocessor(self, obs: Mapping[str, Any]) -> dict[str, Any]:
        """What the agent needs of an observation: the page's HTML instead of its DOM snapshot."""
        return {
            "html": html_of_snapshot(obs["dom_object"]),
            "goal": obs.get("goal") or None,
            "url": obs.get("url", ""),
            "last_action_error": obs.get("last_action_error", ""),
        }

    def get_action(self, obs: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """The next action as BrowserGym code, and what is known about it.

        Args:
            obs: what `obs_preprocessor` returned.

        Returns:
            The action, for example `click('12')`; None if the person leaves, which ends the episode. And a
            mapping with `think` (the rationale) and `stats`.

        Raises:
            FacsimError: if the predictor gives no usable answer.
        """
        if obs["last_action_error"] and self._past:
            self._past.pop()  # it was not carried out
        page = simplify(obs["html"], url=obs["url"])
        so_far = SessionSoFar(
            f"{_SITE}-{self._episode}", page, tuple(self._past), self._persona, obs["goal"], _SITE
        )
        prediction = self._thread.submit(
            self._loop.run_until_complete, self._predictor.predict(so_far)
        ).result()
        probabilities = prediction.probabilities
        if self._greedy or probabilities is None or not is_distribution(probabilities):
            action = prediction.action
        else:
            action = self._draw.draw(probabilities, name_order)
        if action is None:
            raise FacsimError(f"{self._predictor.spec}: {prediction.error or 'the answer names no action'}")
        info = {
            "think": prediction.rationale or "",
            "stats": {} if probabilities is None else {"probability": probabilities.get(action, 0.0)},
        }
        if action.type == "terminate":
            return None, info
        element = page.by_name.get(action.name or "")
        if element is None:
            raise FacsimError(f"{self._predictor.spec}: no element {action.name!r} on {obs['url']}")
        self._past.append(PastStep(page, action, prediction.rationale))
        return _code(action, element.tag, _bid_of(obs["html"], element.locator)), info

    def close(self) -> None:
        """Free the predictor."""
        self._thread.submit(self._loop.run_until_complete, self._predictor.close()).result()
        self._thread.shutdown()
        self._loop.close()


def _bid_of(html: str, locator: str) -> str:
    """BrowserGym's id of an element."""
    node = LexborHTMLParser(html).css_first(locator)
    bid = None if node is None else node.attributes.get(BID)
    if bid is None:
        raise FacsimError(f"BrowserGym has no id for the element {locator}")
    return bid


def _code(action: Action, tag: str, bid: str) -> str:
    """An action as BrowserGym code."""
    if action.text is None:
        return f"click({bid!r})"
    if tag == "select":
        return f"select_option({bid!r}, {action.text!r})"
    return f"fill({bid!r}, {action.text!r})\npress({bid!r}, 'Enter')"
