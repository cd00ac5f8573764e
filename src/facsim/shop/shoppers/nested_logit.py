"""An aim with its alternatives: a nest of the nested logit."""

from __future__ import annotations

from dataclasses import dataclass

from facsim.shop.shoppers.coefficients import Aim
from facsim.shop.shoppers.queries import QueryText
from facsim.shop.shoppers.shopper_situation import ShopperSituation


@dataclass(slots=True)
class Option:
    """One alternative within an aim. Its terms sum to its utility.

    Attributes:
        action_index: index in the view's actions; None for leaving.
        terms: its utility, term by term, in logits.
        query_text: the text to type, if the action is the search box.
        subject: the product it leads to, if any.
    """

    action_index: int | None
    terms: dict[str, float]
    query_text: QueryText | None = None
    subject: int | None = None


@dataclass(slots=True)
class Nest:
    """An aim with its alternatives.

    `inclusive`: whether better alternatives make the aim itself more likely (by `scale` times the logarithm
    of the sum of their exponentials); otherwise they only compete with each other.
    """

    aim: Aim
    terms: dict[str, float]
    options: list[Option]
    scale: float = 1.0
    inclusive: bool = False


def constant(situation: ShopperSituation, aim: Aim) -> float:
    """Base utility of an aim on this kind of page, before the content of the page counts."""
    return situation.coefficients.aims[aim].at(situation.view.kind)
