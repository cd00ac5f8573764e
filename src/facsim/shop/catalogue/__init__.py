"""What the shop sells, and how it is searched."""

from facsim.shop.catalogue.products import Catalogue, Kind, Product, Review
from facsim.shop.catalogue.search import Facet, FacetValue, Found, Query, Search

__all__ = ["Catalogue", "Facet", "FacetValue", "Found", "Kind", "Product", "Query", "Review", "Search"]
