"""An aim with its alternatives: a nest of the nested logit."""

from __future__ import annotations

from dataclasses import dataclass

from facsim.shop.shoppers.coefficients import Aim
from facsim.shop.shoppers.page_view import Scene
from facsim.shop.shoppers.queries import Wording


@dataclass(slots=True)
class Option:
    """One alternative within an aim. Its terms sum to its utility.

    Attributes:
        act: index of the page's act.
        terms: its utility, term by term.
        wording: what is typed, if the act is the search box.
        subject: the product that it leads to, if it does.
    """

    act: int | None
    terms: dict[str, float]
    wording: Wording | None = None
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


def constant(scene: Scene, aim: Aim) -> float:
    """Utility of an aim on this kind of page, before anything about the page is known."""
    return scene.coefficients.aims[aim].at(scene.view.kind)
