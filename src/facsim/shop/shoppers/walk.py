"""A visit from its first page to its end."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from facsim.shop.shoppers.memory import Choice, Memory
from facsim.shop.shoppers.people import Shopper
from facsim.shop.shoppers.policy import Policy
from facsim.shop.storefront.store import Storefront
from facsim.shop.storefront.views import View


class Moment(NamedTuple):
    """A page during a visit: what was remembered on arrival, what could be done, and what was done."""

    view: View
    memory: Memory
    choices: tuple[Choice, ...]
    choice: Choice

    @property
    def kind(self) -> str:
        """Kind of the act done; `leave` for leaving."""
        return self.view.acts[self.choice.act].kind if self.choice.act is not None else "leave"


def walk(store: Storefront, policy: Policy, shopper: Shopper, rng: Random) -> Iterator[Moment]:
    """Let a shopper visit the shop; the last moment is leaving or placing an order. Names no elements."""
    address, visitor, memory = shopper.address, shopper.visitor, Memory()
    while True:
        view = store.open(address, visitor).view
        choices = policy.choices(view, memory, shopper)
        choice = rng.choices(choices, [choice.probability for choice in choices])[0]
        moment = Moment(view, memory, choices, choice)
        yield moment
        if choice.act is None or moment.kind == "place_order":
            return
        memory = memory.after(view, choice)
        address, visitor = store.follow(view.acts[choice.act], visitor, choice.text)
