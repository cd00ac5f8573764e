"""What a shopper remembers of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from facsim.shop.shoppers.coefficients import Aim
from facsim.shop.storefront.views import PageAction, PageView, ProductCard


class Choice(NamedTuple):
    """One possible choice on a page, with its probability.

    Attributes:
        action_index: index in the view's actions; None for leaving.
        text: the typed text; None if nothing is typed.
        probability: probability of this choice.
        terms: its utility, term by term, in logits.
        aim: the aim it serves; `slip` if most of its probability is unintended.
        meant: the intended text if `text` is a typo of it; otherwise the same as `text`.
        need: index of the need that the text is for.
        against: terms of the most probable alternative, to explain why this choice was preferred.
    """

    action_index: int | None
    text: str | None
    probability: float
    terms: Mapping[str, float]
    aim: Aim | str
    meant: str | None = None
    need: int | None = None
    against: Mapping[str, float] = {}


class TypedQuery(NamedTuple):
    """A query: as typed, as intended, and the need it serves."""

    text: str
    meant: str
    need: int


@dataclass(frozen=True, slots=True)
class ViewedProduct:
    """A product looked at, as its page showed it when last open."""

    card: ProductCard
    features: tuple[str, ...]
    times: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What the shopper has done and seen so far. `Memory()` is the start of a session.

    Attributes:
        steps: number of actions taken.
        queries: queries in order, including followed spelling suggestions and related searches.
        viewed: products looked at, by id, in order of the last look.
        kept: needs with something in the cart.
        read: products whose reviews were read.
        cart_looks: how often the cart was opened.
        asides: number of distractions followed.
        sorted: whether a sort order was chosen for the last query.
        last: aim of the last action.
    """

    steps: int = 0
    queries: tuple[TypedQuery, ...] = ()
    viewed: Mapping[int, ViewedProduct] = field(default_factory=dict)
    kept: frozenset[int] = frozenset()
    read: frozenset[int] = frozenset()
    cart_looks: int = 0
    asides: int = 0
    sorted: bool = False
    last: str = ""

    @property
    def need(self) -> int:
        """Index of the need searched for last."""
        return self.queries[-1].need if self.queries else 0

    def after(self, view: PageView, choice: Choice) -> Memory:
        """Return the memory after a choice on a page."""
        action = view.actions[choice.action_index] if choice.action_index is not None else None
        queries, in_order = self.queries, self.sorted
        asked = _asked(action, choice, self.need)
        if asked is not None:
            queries, in_order = (*queries, asked), False
        kind = action.kind if action is not None else "leave"
        product = view.product.card.product if view.product is not None else None
        return Memory(
            steps=self.steps + 1,
            queries=queries,
            viewed=self._looking(view),
            kept=self.kept | {self.need} if kind == "add_to_cart" else self.kept,
            read=self.read | {product} if kind == "reviews" and product is not None else self.read,
            cart_looks=self.cart_looks + (kind == "cart"),
            asides=self.asides + (kind == "other"),
            sorted=in_order or kind == "sort",
            last=str(choice.aim),
        )

    def _looking(self, view: PageView) -> Mapping[int, ViewedProduct]:
        shown = view.product
        if shown is None:
            return self.viewed
        product = shown.card.product
        before = self.viewed.get(product)
        times = 1 if before is None else before.times
        # Choosing an option or opening the reviews is not a new look at the product.
        if before is not None and self.last not in ("choose", "reviews"):
            times += 1
        rest = {key: viewed for key, viewed in self.viewed.items() if key != product}
        return {**rest, product: ViewedProduct(shown.card, shown.features, times)}


def _asked(action: PageAction | None, choice: Choice, need: int) -> TypedQuery | None:
    """The query that a choice submits, if any."""
    if choice.text is not None:
        meant = choice.meant if choice.meant is not None else choice.text
        return TypedQuery(choice.text, meant, choice.need if choice.need is not None else need)
    if action is not None and action.kind in ("did_you_mean", "related_search"):
        text = (action.value or action.label).lower()
        return TypedQuery(text, text, need)
    return None
