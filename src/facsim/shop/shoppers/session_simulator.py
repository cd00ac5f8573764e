"""Simulates sessions from first page to end: the loop shared by sampling, measuring and fitting."""

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
"""Step limit. No session is truncated, since that would make the stated probabilities wrong. People tire, so
all sessions end; reaching this limit means the coefficients are wrong."""


@dataclass(frozen=True, slots=True)
class DecisionPoint:
    """A page together with every choice the shopper has on it.

    Attributes:
        rendered: the page.
        visitor: what the shop knows about the shopper.
        memory: what the shopper remembers.
        choices: every possible choice, with its probability.
    """

    rendered: RenderedPage
    visitor: Visitor
    memory: Memory
    choices: tuple[Choice, ...]

    @property
    def view(self) -> PageView:
        """View of the page."""
        return self.rendered.view

    def action(self, choice: Choice) -> PageAction | None:
        """The page action of a choice; None for leaving."""
        return None if choice.action_index is None else self.view.actions[choice.action_index]

    def ends_with(self, choice: Choice) -> bool:
        """Whether a choice ends the session, by leaving or by placing an order."""
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
        """Kind of the chosen action; `leave` for leaving."""
        return (
            self.view.actions[self.choice.action_index].kind
            if self.choice.action_index is not None
            else "leave"
        )


class SessionSimulator:
    """Simulates shoppers in a shop whose choices follow a policy.

    Args:
        store: the shop.
        policy: assigns every possible choice its probability.
    """

    def __init__(self, store: Storefront, policy: Policy) -> None:
        self.store, self.policy = store, policy

    def begin(self, shopper: Shopper) -> DecisionPoint:
        """Return the first decision point of a session."""
        return self._decision_point(shopper, shopper.address, shopper.visitor, Memory())

    def after(self, point: DecisionPoint, choice: Choice, shopper: Shopper) -> DecisionPoint:
        """Return the decision point that follows a choice; the choice must not end the session."""
        return self._decision_point(shopper, *self._next(point, choice))

    def simulate(
        self, shopper: Shopper, choose: Callable[[DecisionPoint], Choice]
    ) -> Iterator[tuple[DecisionPoint, Choice]]:
        """Yield every page of a session with its choice. The last choice leaves or places an order."""
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
        """Run `simulate` for several sessions in lockstep; yield each decision with its session's index.

        All sessions open their next page, then all compute their choices, and so on. This is slightly faster
        than one session after another, because repeated code and data stay in the CPU caches.

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
        """Return the address that a choice leads to, and the visitor and memory on arrival."""
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
    """Simulate one session of a shopper; choices are sampled with `rng`."""

    def choose(point: DecisionPoint) -> Choice:
        return rng.choices(point.choices, [choice.probability for choice in point.choices])[0]

    for point, choice in SessionSimulator(store, policy).simulate(shopper, choose):
        yield Decision(point.view, point.memory, point.choices, choice)
