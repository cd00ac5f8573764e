"""The shop's products and the search engine over them."""

from facsim.shop.catalogue.products import Product, ProductKind, Review
from facsim.shop.catalogue.search import Facet, FacetValue, Query, SearchEngine, SearchResult, search_of
from facsim.shop.catalogue.stock import Catalogue

__all__ = [
    "Catalogue",
    "Facet",
    "FacetValue",
    "Product",
    "ProductKind",
    "Query",
    "Review",
    "SearchEngine",
    "SearchResult",
    "search_of",
]
