"""A visit from its first page to its end: the one loop that sampling, measuring and fitting share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from facsim.shop.shoppers.appeal import Judgements
from facsim.shop.shoppers.memory import Choice, Memory
from facsim.shop.shoppers.people import Shopper
from facsim.shop.shoppers.policy import Policy
from facsim.shop.storefront.store import Storefront
from facsim.shop.storefront.views import Act, Rendered, View, Visitor

MAX_STEPS: Final = 5_000
"""No visit is cut off, or the stated probabilities would be wrong: people tire, so all visits end. More steps
than this are a mistake in the coefficients."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A page before a shopper, and what they may do there.

    Attributes:
        rendered: the page.
        visitor: what the shop knows of them.
        memory: what they remember.
        choices: everything that they may do, with its probability.
    """

    rendered: Rendered
    visitor: Visitor
    memory: Memory
    choices: tuple[Choice, ...]

    @property
    def view(self) -> View:
        """What the page shows."""
        return self.rendered.view

    def act(self, choice: Choice) -> Act | None:
        """What a choice does on the page; None for leaving."""
        return None if choice.act is None else self.view.acts[choice.act]

    def ends_with(self, choice: Choice) -> bool:
        """Whether the visit is over after a choice: by leaving or by placing the order."""
        act = self.act(choice)
        return act is None or act.kind == "place_order"


class Taken(NamedTuple):
    """What was done on a page, with what was remembered on arrival and what else could have been done."""

    view: View
    memory: Memory
    choices: tuple[Choice, ...]
    choice: Choice

    @property
    def kind(self) -> str:
        """Kind of the act done; `leave` for leaving."""
        return self.view.acts[self.choice.act].kind if self.choice.act is not None else "leave"


class Paths:
    """The ways through a shop for people who choose by a policy.

    Args:
        store: the shop.
        policy: gives everything that can be done its probability.
    """

    def __init__(self, store: Storefront, policy: Policy) -> None:
        self.store, self.policy = store, policy

    def begin(self, shopper: Shopper) -> Moment:
        """The first page of a visit."""
        return self._moment(shopper, shopper.address, shopper.visitor, Memory())

    def after(self, moment: Moment, choice: Choice, shopper: Shopper) -> Moment:
        """The next page, once a choice is made that does not end the visit."""
        return self._moment(shopper, *self._next(moment, choice))

    def visit(self, shopper: Shopper, choose: Callable[[Moment], Choice]) -> Iterator[tuple[Moment, Choice]]:
        """Each page of a visit and what was done there; the last thing is leaving or placing the order."""
        moment = self.begin(shopper)
        for _ in range(MAX_STEPS):
            choice = choose(moment)
            yield moment, choice
            if moment.ends_with(choice):
                return
            moment = self.after(moment, choice, shopper)
        raise AssertionError(f"visit {shopper.number} does not end")

    def side_by_side(
        self, visits: Sequence[tuple[Shopper, Callable[[Moment], Choice]]]
    ) -> Iterator[list[tuple[int, Moment, Choice]]]:
        """Several visits at once: each page of `visit`, with the place of its visit among these.

        All visits open their next pages, then all weigh their choices, and so on. That takes a little less
        time than one visit after another: what is used many times in a row stays in the processor's caches.

        Args:
            visits: who comes, and what chooses for them.
        """
        judgements = [Judgements(shopper, self.policy.coefficients) for shopper, _ in visits]
        pages = [(place, one.address, one.visitor, Memory()) for place, (one, _) in enumerate(visits)]
        for _ in range(MAX_STEPS):
            opened = [self.store.open(address, visitor) for _, address, visitor, _ in pages]
            offered = [
                self.policy.choices(rendered.view, memory, visits[place][0], judgements[place])
                for rendered, (place, _, _, memory) in zip(opened, pages, strict=True)
            ]
            moments = [
                Moment(rendered, visitor, memory, choices)
                for rendered, choices, (_, _, visitor, memory) in zip(opened, offered, pages, strict=True)
            ]
            taken = [
                (place, moment, visits[place][1](moment))
                for moment, (place, _, _, _) in zip(moments, pages, strict=True)
            ]
            yield taken
            pages = [
                (place, *self._next(moment, choice))
                for place, moment, choice in taken
                if not moment.ends_with(choice)
            ]
            if not pages:
                return
        raise AssertionError(f"visit {visits[pages[0][0]][0].number} does not end")

    def _next(self, moment: Moment, choice: Choice) -> tuple[str, Visitor, Memory]:
        """Where a choice leads, and who arrives there."""
        act = moment.act(choice)
        assert act is not None, "leaving ends the visit"
        address, visitor = self.store.follow(act, moment.visitor, choice.text)
        return address, visitor, moment.memory.after(moment.view, choice)

    def _moment(self, shopper: Shopper, address: str, visitor: Visitor, memory: Memory) -> Moment:
        rendered = self.store.open(address, visitor)
        return Moment(rendered, visitor, memory, self.policy.choices(rendered.view, memory, shopper))


def walk(store: Storefront, policy: Policy, shopper: Shopper, rng: Random) -> Iterator[Taken]:
    """Let a shopper visit the shop; `rng` draws the choices."""

    def choose(moment: Moment) -> Choice:
        return rng.choices(moment.choices, [choice.probability for choice in moment.choices])[0]

    for moment, choice in Paths(store, policy).visit(shopper, choose):
        yield Taken(moment.view, moment.memory, moment.choices, choice)
