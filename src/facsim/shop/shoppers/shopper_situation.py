"""The choice situation of the discrete choice model: a page as one shopper sees and judges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facsim.shop.shoppers.appeal import Judgement, JudgementCache
from facsim.shop.shoppers.coefficients import BOUNDS, Coefficients
from facsim.shop.shoppers.memory import Memory, TypedQuery
from facsim.shop.shoppers.population import Shopper
from facsim.shop.storefront.views import PageAction, PageView, ProductCard


@dataclass(frozen=True, slots=True)
class ShopperSituation:
    """A page from the perspective of a shopper at this point of the session.

    Attributes:
        actions: (index, action) pairs by kind of action.
        cards: cards on the page by product id.
        judged: this shopper's judgement of the same products.
        shown: judgement of the product on a product page; None on other pages.
        worth: worth of each product looked at earlier in the session, by id.
        best: id of the best of these.
        poor: how far the best product not yet looked at falls short of the threshold: 0 (not) to 1 (by far).
        last: the latest query.
    """

    view: PageView
    memory: Memory
    shopper: Shopper
    coefficients: Coefficients
    actions: Mapping[str, list[tuple[int, PageAction]]]
    cards: Mapping[int, ProductCard]
    judged: Mapping[int, Judgement]
    shown: Judgement | None
    worth: Mapping[int, float]
    best: int | None
    poor: float
    last: TypedQuery | None

    @property
    def gap(self) -> float:
        """Worth of the product shown minus the threshold; 0 on other pages."""
        return 0.0 if self.shown is None else self.shown.worth - self.shopper.threshold

    @property
    def open_needs(self) -> int:
        """Number of other needs on the list with nothing in the cart yet; 0 unless the mission is a list."""
        if self.shopper.mission != "list":
            return 0
        return sum(
            index not in self.memory.kept
            for index in range(len(self.shopper.needs))
            if index != self.memory.need
        )


def perceive(
    view: PageView, memory: Memory, judgements: JudgementCache, coefficients: Coefficients
) -> ShopperSituation:
    """Return the situation of the shopper who owns `judgements`."""
    shopper, judge = judgements.shopper, judgements.of
    actions: dict[str, list[tuple[int, PageAction]]] = {}
    for index, action in enumerate(view.actions):
        actions.setdefault(action.kind, []).append((index, action))
    current = memory.need
    cards = {card.product: card for card in view.cards}
    cards |= {line.card.product: line.card for line in view.lines}
    judged = {product: judge(card, None, current) for product, card in cards.items()}
    shown = None
    if view.product is not None:
        shown = judge(view.product.card, view.product.features, current)
    worth = {
        product: judge(viewed.card, viewed.features, current).worth
        for product, viewed in memory.viewed.items()
    }
    poor = 0.0
    if view.kind == "results":
        promising = max(
            (judged[card.product].worth for card in view.cards if card.product not in worth),
            default=BOUNDS.nothing,
        )
        poor = min(1.0, max(0.0, coefficients.browsing.poor_slope * (shopper.threshold - promising)))
    return ShopperSituation(
        view,
        memory,
        shopper,
        coefficients,
        actions,
        cards,
        judged,
        shown,
        worth,
        max(worth, key=lambda product: worth[product]) if worth else None,
        poor,
        memory.queries[-1] if memory.queries else None,
    )
