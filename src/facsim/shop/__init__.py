"""An embedded shop and simulated shoppers."""

from facsim.shop.first.sampling import sample

__all__ = ["sample"]
