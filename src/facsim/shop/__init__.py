"""An embedded shop and simulated shoppers whose probabilities are known."""

from facsim.shop.effect import DesignEffect, Effect, design_effect
from facsim.shop.sampling import sample, write_sample
from facsim.shop.storefront import DESIGNS, Design

__all__ = ["DESIGNS", "Design", "DesignEffect", "Effect", "design_effect", "sample", "write_sample"]
