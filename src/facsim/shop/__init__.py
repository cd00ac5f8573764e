"""An embedded shop and simulated shoppers whose probabilities are known.

What is public here is loaded when it is first used: browsing the shop takes nothing that sampling needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facsim.shop.effect import DesignEffect, Effect, design_effect
    from facsim.shop.sampling import sample, write_sample
    from facsim.shop.storefront import DESIGNS, Design

_HOME_OF = {
    "DESIGNS": "facsim.shop.storefront",
    "Design": "facsim.shop.storefront",
    "DesignEffect": "facsim.shop.effect",
    "Effect": "facsim.shop.effect",
    "design_effect": "facsim.shop.effect",
    "sample": "facsim.shop.sampling",
    "write_sample": "facsim.shop.sampling",
}

__all__ = ["DESIGNS", "Design", "DesignEffect", "Effect", "design_effect", "sample", "write_sample"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
