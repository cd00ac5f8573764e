"""Search over a catalogue: SQLite's FTS5 with BM25, filters, sorting, pages."""

from __future__ import annotations

from dataclasses import dataclass

from facsim.shop.catalogue.products import Catalogue


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of the results page. Values of filters are the facet values' `value`."""

    text: str = ""
    department: str = ""
    brand: str = ""
    price: str = ""
    rating: str = ""
    size: str = ""
    colour: str = ""
    delivery: str = ""
    sort: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a filter, with how many results it would leave."""

    value: str
    text: str
    count: int
    selected: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter: `field` is the field of `Query` that it sets."""

    field: str
    title: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a query finds.

    Attributes:
        products: ids of the page's products in order, sponsored slots included.
        sponsored: those of them that are shown because they are paid for.
        total: results on all pages.
        last_page: at least 1.
        facets: filters with counts, those without values left out.
        did_you_mean: another text that finds more; empty if there is none.
        related: texts of related searches.
    """

    products: tuple[int, ...]
    sponsored: frozenset[int]
    total: int
    last_page: int
    facets: tuple[Facet, ...]
    did_you_mean: str
    related: tuple[str, ...]


class Search:
    """Finds products. Deterministic; results of recent queries are kept."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def find(self, query: Query, *, ranking: str = "relevance", per_page: int = 16) -> Found:
        """The page of results that a query asks for; `ranking` orders them where `query.sort` is empty."""
        raise NotImplementedError
