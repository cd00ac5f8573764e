"""What the shop sells, and how it is searched."""

from facsim.shop.catalogue.products import Kind, Product, Review
from facsim.shop.catalogue.search import Facet, FacetValue, Found, Query, Search
from facsim.shop.catalogue.stock import Catalogue

__all__ = ["Catalogue", "Facet", "FacetValue", "Found", "Kind", "Product", "Query", "Review", "Search"]
