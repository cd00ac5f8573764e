"""Simulates a session from its first page to its end: the loop that sampling, measuring and fitting share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from facsim.shop.shoppers.appeal import JudgementCache
from facsim.shop.shoppers.memory import Choice, Memory
from facsim.shop.shoppers.policy import Policy
from facsim.shop.shoppers.population import Shopper
from facsim.shop.storefront.store import Storefront
from facsim.shop.storefront.views import PageAction, PageView, RenderedPage, Visitor

MAX_STEPS: Final = 5_000
"""No session is truncated, or the stated probabilities would be wrong. People tire, so all sessions end; more
steps than this are a mistake in the coefficients."""


@dataclass(frozen=True, slots=True)
class DecisionPoint:
    """A page as a shopper faces it, with every choice they have.

    Attributes:
        rendered: the page.
        visitor: what the shop knows about them.
        memory: what they remember.
        choices: every possible choice, with its probability.
    """

    rendered: RenderedPage
    visitor: Visitor
    memory: Memory
    choices: tuple[Choice, ...]

    @property
    def view(self) -> PageView:
        """What the page shows."""
        return self.rendered.view

    def action(self, choice: Choice) -> PageAction | None:
        """The page action of a choice; None for leaving."""
        return None if choice.action_index is None else self.view.actions[choice.action_index]

    def ends_with(self, choice: Choice) -> bool:
        """Whether a choice ends the session, by leaving or by placing the order."""
        action = self.action(choice)
        return action is None or action.kind == "place_order"


class Decision(NamedTuple):
    """A choice made on a page, with the memory on arrival and all alternatives."""

    view: PageView
    memory: Memory
    choices: tuple[Choice, ...]
    choice: Choice

    @property
    def kind(self) -> str:
        """Kind of the action done; `leave` for leaving."""
        return (
            self.view.actions[self.choice.action_index].kind
            if self.choice.action_index is not None
            else "leave"
        )


class SessionSimulator:
    """Walks shoppers who choose by a policy through a shop.

    Args:
        store: the shop.
        policy: assigns every possible choice its probability.
    """

    def __init__(self, store: Storefront, policy: Policy) -> None:
        self.store, self.policy = store, policy

    def begin(self, shopper: Shopper) -> DecisionPoint:
        """The first page of a session."""
        return self._decision_point(shopper, shopper.address, shopper.visitor, Memory())

    def after(self, point: DecisionPoint, choice: Choice, shopper: Shopper) -> DecisionPoint:
        """The next page after a choice that does not end the session."""
        return self._decision_point(shopper, *self._next(point, choice))

    def simulate(
        self, shopper: Shopper, choose: Callable[[DecisionPoint], Choice]
    ) -> Iterator[tuple[DecisionPoint, Choice]]:
        """Every page of a session with the choice made there. The last choice leaves or places the order."""
        point = self.begin(shopper)
        for _ in range(MAX_STEPS):
            choice = choose(point)
            yield point, choice
            if point.ends_with(choice):
                return
            point = self.after(point, choice, shopper)
        raise AssertionError(f"session {shopper.number} does not end")

    def simulate_batch(
        self, sessions: Sequence[tuple[Shopper, Callable[[DecisionPoint], Choice]]]
    ) -> Iterator[list[tuple[int, DecisionPoint, Choice]]]:
        """`simulate` for several sessions in lockstep, with the index of the session.

        All sessions open their next page, then all compute their choices, and so on. That is a little faster
        than one session after another: code and data that repeat stay in the processor's caches.

        Args:
            sessions: the shopper of each session, and the function that chooses for them.
        """
        judgements = [JudgementCache(shopper, self.policy.coefficients) for shopper, _ in sessions]
        pages = [(place, one.address, one.visitor, Memory()) for place, (one, _) in enumerate(sessions)]
        for _ in range(MAX_STEPS):
            opened = [self.store.open(address, visitor) for _, address, visitor, _ in pages]
            offered = [
                self.policy.choices(rendered.view, memory, sessions[place][0], judgements[place])
                for rendered, (place, _, _, memory) in zip(opened, pages, strict=True)
            ]
            points = [
                DecisionPoint(rendered, visitor, memory, choices)
                for rendered, choices, (_, _, visitor, memory) in zip(opened, offered, pages, strict=True)
            ]
            taken = [
                (place, point, sessions[place][1](point))
                for point, (place, _, _, _) in zip(points, pages, strict=True)
            ]
            yield taken
            pages = [
                (place, *self._next(point, choice))
                for place, point, choice in taken
                if not point.ends_with(choice)
            ]
            if not pages:
                return
        raise AssertionError(f"session {sessions[pages[0][0]][0].number} does not end")

    def _next(self, point: DecisionPoint, choice: Choice) -> tuple[str, Visitor, Memory]:
        """The address a choice leads to, with the visitor and the memory on arrival."""
        action = point.action(choice)
        assert action is not None, "leaving ends the session"
        address, visitor = self.store.follow(action, point.visitor, choice.text)
        return address, visitor, point.memory.after(point.view, choice)

    def _decision_point(
        self, shopper: Shopper, address: str, visitor: Visitor, memory: Memory
    ) -> DecisionPoint:
        rendered = self.store.open(address, visitor)
        return DecisionPoint(rendered, visitor, memory, self.policy.choices(rendered.view, memory, shopper))


def simulate_session(store: Storefront, policy: Policy, shopper: Shopper, rng: Random) -> Iterator[Decision]:
    """Let a shopper session the shop; `rng` draws the choices."""

    def choose(point: DecisionPoint) -> Choice:
        return rng.choices(point.choices, [choice.probability for choice in point.choices])[0]

    for point, choice in SessionSimulator(store, policy).simulate(shopper, choose):
        yield Decision(point.view, point.memory, point.choices, choice)
