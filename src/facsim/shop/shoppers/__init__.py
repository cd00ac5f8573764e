"""Simulated shoppers: who they are, what they need, and how they choose.

`docs/internals/shoppers.md` explains the model.
"""

from facsim.shop.shoppers.coefficients import COEFFICIENTS, Coefficients
from facsim.shop.shoppers.memory import Choice, Memory
from facsim.shop.shoppers.pauses import pause
from facsim.shop.shoppers.persons import Person
from facsim.shop.shoppers.policy import Policy
from facsim.shop.shoppers.population import Population, Shopper
from facsim.shop.shoppers.rationales import rationale_for

__all__ = [
    "COEFFICIENTS",
    "Choice",
    "Coefficients",
    "Memory",
    "Person",
    "Policy",
    "Population",
    "Shopper",
    "pause",
    "rationale_for",
]
