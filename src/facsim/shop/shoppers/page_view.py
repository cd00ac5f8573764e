"""A page as one shopper sees it: what is offered, how good it looks, and how that compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facsim.shop.shoppers.appeal import Judged, Judgements
from facsim.shop.shoppers.coefficients import BOUNDS, Coefficients
from facsim.shop.shoppers.memory import Memory, Typed
from facsim.shop.shoppers.people import Shopper
from facsim.shop.storefront.views import Act, Card, View


@dataclass(frozen=True, slots=True)
class Scene:
    """What a page means to a shopper at this moment.

    Attributes:
        acts: index and act by kind of act.
        cards: of products on the page, by product.
        judged: the same products as this shopper judges them.
        shown: the product of a product's page, judged.
        worth: of the products looked at earlier in the visit.
        best: id of the best one of them.
        poor: how far the best product not yet looked at falls short of the threshold: 0 (not) to 1 (by far).
        last: the query asked last.
    """

    view: View
    memory: Memory
    shopper: Shopper
    coefficients: Coefficients
    acts: Mapping[str, list[tuple[int, Act]]]
    cards: Mapping[int, Card]
    judged: Mapping[int, Judged]
    shown: Judged | None
    worth: Mapping[int, float]
    best: int | None
    poor: float
    last: Typed | None

    @property
    def gap(self) -> float:
        """Worth of the product shown above the threshold; 0 on other pages."""
        return 0.0 if self.shown is None else self.shown.worth - self.shopper.threshold

    @property
    def open_needs(self) -> int:
        """Needs of a list with nothing in the cart yet, beside the present one; 0 unless there is a list."""
        if self.shopper.mission != "list":
            return 0
        return sum(
            index not in self.memory.kept
            for index in range(len(self.shopper.needs))
            if index != self.memory.need
        )


def see(view: View, memory: Memory, judgements: Judgements, coefficients: Coefficients) -> Scene:
    """Look at a page, as the shopper whose judgements they are."""
    shopper, judge = judgements.shopper, judgements.of
    acts: dict[str, list[tuple[int, Act]]] = {}
    for index, act in enumerate(view.acts):
        acts.setdefault(act.kind, []).append((index, act))
    current = memory.need
    cards = {card.product: card for card in view.cards}
    cards |= {line.card.product: line.card for line in view.lines}
    judged = {product: judge(card, None, current) for product, card in cards.items()}
    shown = None
    if view.product is not None:
        shown = judge(view.product.card, view.product.features, current)
    worth = {
        product: judge(looked.card, looked.features, current).worth
        for product, looked in memory.looked.items()
    }
    poor = 0.0
    if view.kind == "results":
        promising = max(
            (judged[card.product].worth for card in view.cards if card.product not in worth),
            default=BOUNDS.nothing,
        )
        poor = min(1.0, max(0.0, coefficients.course.poor_slope * (shopper.threshold - promising)))
    return Scene(
        view,
        memory,
        shopper,
        coefficients,
        acts,
        cards,
        judged,
        shown,
        worth,
        max(worth, key=lambda product: worth[product]) if worth else None,
        poor,
        memory.queries[-1] if memory.queries else None,
    )
