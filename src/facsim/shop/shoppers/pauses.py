"""How long people pause before they act."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from facsim.shop.shoppers.coefficients import BOUNDS
from facsim.shop.shoppers.memory import Choice
from facsim.shop.shoppers.population import Shopper
from facsim.shop.storefront.views import PageView

PAUSES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "search": (2.79, 1.72),
        "narrow": (1.92, 1.43),
        "sort": (1.92, 1.43),
        "more": (2.41, 1.53),
        "look": (3.19, 1.15),
        "choose": (1.43, 1.35),
        "reviews": (1.19, 1.39),
        "keep": (3.14, 1.49),
        "buy": (3.14, 1.49),
        "cart": (2.64, 1.61),
        "edit": (2.64, 1.61),
        "leave": (3.94, 1.55),
        "other": (1.72, 1.83),
    }
)
"""Mean and standard deviation of log seconds by aim. `benchmarks/calibrate_shop.py` fits these log-normals by
maximum likelihood to the times between actions in OPeRA's timelines, excluding those over half an hour."""

_LONGEST = 1800.0


def pause(rng: Random, choice: Choice, view: PageView, shopper: Shopper) -> float:
    """Seconds between the previous action and this one: 0.1 to 1,800, log-normal; the hurried take less."""
    del view
    mean, deviation = PAUSES.get(str(choice.aim), PAUSES["other"])
    hurry = BOUNDS.brisk if shopper.person.style.tone == "brisk" else BOUNDS.unhurried
    seconds = math.exp(rng.gauss(mean + hurry, deviation))
    return round(min(_LONGEST, max(0.1, seconds)), 1)
