"""An embedded shop and simulated shoppers."""

from facsim.shop.sampling import sample

__all__ = ["sample"]
