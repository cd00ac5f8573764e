"""Search over a catalogue: SQLite FTS5 with BM25, filters, sorting, pagination."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock

from facsim.shop.catalogue.filters import TITLES, Facet, FacetValue, Filters
from facsim.shop.catalogue.products import Product
from facsim.shop.catalogue.spelling import LONGEST_TEXT, Speller, with_words, words_of
from facsim.shop.catalogue.stock import Catalogue
from facsim.shop.catalogue.suggestions import Suggestions
from facsim.util.errors import ConfigError

__all__ = ["RANKINGS", "SORTS", "Facet", "FacetValue", "Query", "SearchEngine", "SearchResult"]

# Values of `Query.sort` and their labels; empty is the shop's own ranking.
SORTS = {
    "": "Featured",
    "price_up": "Price: low to high",
    "price_down": "Price: high to low",
    "rating": "Avg. customer review",
    "newest": "Newest arrivals",
}
# The shop's own rankings: relevance combines text match and demand; popular uses demand only.
RANKINGS = ("relevance", "popular")

# Sponsored positions on each page, counted from 0.
SPONSORED_PLACES = (0, 5, 10)
# If fewer than FEW products contain all words, partial matches are added, up to MOST_LOOSE in total.
FEW = 8
MOST_LOOSE = 24
# A word that occurs in more than this share of all products carries little information.
COMMON = 0.05

# Weights are small because BM25 saturates: ten occurrences in a title are hardly better than five.
_COLUMNS = {"title": 2.0, "kind": 4.0, "brand": 2.0, "features": 1.0, "department": 0.5, "body": 0.3}
# The product in most demand scores higher by this share than the product in least demand.
DEMAND = 0.4


@dataclass(frozen=True, slots=True)
class Query:
    """A search query with filters, sort order and page. Filters hold the `value` of a `FacetValue`."""

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
class SearchResult:
    """One page of the results of a query.

    Attributes:
        products: ids of the page's products in order, including sponsored slots.
        sponsored: ids of the products in sponsored slots.
        total: number of results on all pages.
        last_page: number of the last page, at least 1.
        facets: filters with counts; filters without values are omitted.
        did_you_mean: a corrected text whose words all occur in more products; empty if there is none.
        related: texts of related searches.
        page: number of this page, at most `last_page`.
    """

    products: tuple[int, ...]
    sponsored: frozenset[int]
    total: int
    last_page: int
    facets: tuple[Facet, ...]
    did_you_mean: str
    related: tuple[str, ...]
    page: int = 1


@dataclass(frozen=True, slots=True)
class _Matches:
    """Products that match a text, in the shop's order, and how many of them contain all its words."""

    order: tuple[int, ...]
    ids: frozenset[int]
    complete: int


@dataclass(frozen=True, slots=True)
class _Listing:
    """All pages of a query: the order of products, the sponsored ones, facets and suggestions."""

    order: tuple[int, ...]
    paid: frozenset[int]
    facets: tuple[Facet, ...]
    did_you_mean: str
    related: tuple[str, ...]


class SearchEngine:
    """Finds products. Deterministic and thread-safe; results of recent queries are cached.

    Raises:
        ConfigError: if this Python's SQLite has no FTS5.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._products = {product.id: product for product in catalogue.products}
        self._demand = {product.id: product.popularity for product in catalogue.products}
        self._lock = Lock()
        self._index = _index(catalogue.products)
        self._filters = Filters(catalogue.products)
        self._speller = Speller(_frequencies(catalogue.products))
        self._suggestions = Suggestions(catalogue.products)
        self._departments = {
            name: frozenset(p.id for p in catalogue.products if p.kind.department == name)
            for name in catalogue.departments
        }
        # Caches belong to the instance, so they are freed with it.
        self._scores = lru_cache(maxsize=1024)(self._word_scores)
        self._matches = lru_cache(maxsize=256)(self._find_matches)
        self._listings = lru_cache(maxsize=512)(self._list)
        self._found = lru_cache(maxsize=2048)(self._find)

    def find(self, query: Query, *, ranking: str = "relevance", per_page: int = 16) -> SearchResult:
        """Return the requested page of results; `ranking` orders them if `query.sort` is empty.

        Text has no query syntax. Unknown filter values match nothing, an unknown sort order means `Featured`,
        and page numbers beyond the last page give the last page.

        Raises:
            ConfigError: if there is no such ranking.
        """
        if ranking not in RANKINGS:
            raise ConfigError(f"unknown ranking {ranking!r}; expected one of {', '.join(RANKINGS)}")
        return self._found(_cut(query), ranking, per_page)

    def suggest(self, prefix: str) -> tuple[str, ...]:
        """Return up to eight completions of a prefix, most in demand first."""
        return self._suggestions.starting_with(prefix)

    def _find(self, query: Query, ranking: str, per_page: int) -> SearchResult:
        listing = self._listings(replace(query, page=1), ranking, per_page)
        last_page = max(1, -(-len(listing.order) // per_page))
        page = min(max(1, query.page), last_page)
        shown = listing.order[per_page * (page - 1) : per_page * page]
        return SearchResult(
            products=shown,
            sponsored=listing.paid & frozenset(shown),
            total=len(listing.order),
            last_page=last_page,
            facets=listing.facets,
            did_you_mean=listing.did_you_mean,
            related=listing.related,
            page=page,
        )

    def _list(self, query: Query, ranking: str, per_page: int) -> _Listing:
        matches = self._matches(words_of(query.text), query.department, ranking)
        chosen = {field: value for field in TITLES if (value := str(getattr(query, field)))}
        left, facets = self._filters.apply(matches.ids, chosen)
        order = [id_ for id_ in matches.order if id_ in left] if chosen else list(matches.order)
        paid: frozenset[int] = frozenset()
        if query.sort and query.sort in SORTS:
            order.sort(key=lambda id_: _sort_key(query.sort, self._products[id_]))
        else:
            order, paid = self._with_sponsored(order, per_page)
        return _Listing(
            order=tuple(order),
            paid=paid,
            facets=facets,
            did_you_mean=self._did_you_mean(query.text),
            related=self._related(query.text, matches),
        )

    def _with_sponsored(self, order: list[int], per_page: int) -> tuple[list[int], frozenset[int]]:
        """Move sponsored products into the sponsored positions; return the new order and which were moved.

        Each product appears once: in its sponsored position or in its organic one.
        """
        bidders = [id_ for id_ in order if self._products[id_].sponsored]
        if not bidders:
            return order, frozenset()
        ordered: list[int] = []
        paid: set[int] = set()
        placed: set[int] = set()
        rest, bids = iter(order), iter(bidders)
        for place in range(len(order)):
            next_ = None
            if place % per_page in SPONSORED_PLACES:
                next_ = next((id_ for id_ in bids if id_ not in placed), None)
                if next_ is not None:
                    paid.add(next_)
            if next_ is None:
                next_ = next(id_ for id_ in rest if id_ not in placed)
            placed.add(next_)
            ordered.append(next_)
        return ordered, frozenset(paid)

    def _find_matches(self, words: tuple[str, ...], department: str, ranking: str) -> _Matches:
        """Match all words first, then fewer. As in real shops, misspelt words find less."""
        everything = self._departments.get(department, frozenset()) if department else None
        if not words:
            ids = everything if everything is not None else frozenset(self._products)
            order = sorted(ids, key=self._by_demand)
            return _Matches(tuple(order), ids, len(ids))
        scores = [self._scores(word) for word in words]
        complete = self._complete(words)
        if everything is not None:
            complete &= everything
        order = _best_first({id_: sum([score[id_] for score in scores]) for id_ in complete}, self._demand)
        more: list[int] = []
        if len(order) < FEW and len(words) > 1:
            more = self._loose(words, everything, complete)[: MOST_LOOSE - len(order)]
        if ranking == "popular":  # same products, different order
            order.sort(key=self._by_demand)
            more.sort(key=self._by_demand)
        return _Matches(tuple(order + more), frozenset(order + more), len(complete))

    def _loose(
        self, words: tuple[str, ...], within: frozenset[int] | None, complete: frozenset[int]
    ) -> list[int]:
        """Products that match at least half of the words but not all, those with more words first.

        A very common word (`black`, `set`) is not enough by itself to show a product.
        """
        scores = [self._scores(word) for word in words]
        telling = [score for score in scores if len(score) <= COMMON * len(self._products)] or scores
        candidates = set[int]().union(*telling) - complete
        if within is not None:
            candidates &= within
        relevance: dict[int, dict[int, float]] = {count: {} for count in range(len(words))}
        for id_ in candidates:
            having = [score[id_] for score in scores if id_ in score]
            relevance[len(having)][id_] = sum(having)
        order: list[int] = []
        for count in range(len(words) - 1, (len(words) + 1) // 2 - 1, -1):
            order += _best_first(relevance[count], self._demand)
            if len(order) >= MOST_LOOSE:
                break
        return order

    def _by_demand(self, id_: int) -> tuple[float, int]:
        return -self._demand[id_], id_

    def _complete(self, words: tuple[str, ...]) -> frozenset[int]:
        """Ids of the products that contain all words."""
        having = sorted((self._scores(word) for word in words), key=len)
        if not having:
            return frozenset()
        ids: Iterable[int] = having[0]
        for other in having[1:]:
            ids = filter(other.__contains__, ids)
        return frozenset(ids)

    def _word_scores(self, word: str) -> dict[int, float]:
        """BM25 of a word in every product that contains it. BM25 of several words is their sum."""
        with self._lock:
            rows = self._index.execute(_MATCH, (f'"{word}"',)).fetchall()
        return {id_: -score for id_, score in rows}

    def _did_you_mean(self, text: str) -> str:
        words = words_of(text)
        meant = {word: self._speller.meant(word) for word in words if not self._scores(word)}
        better = tuple(meant.get(word) or word for word in words)
        if better == words or len(self._complete(better)) <= len(self._complete(words)):
            return ""
        return with_words(text, meant)

    def _related(self, text: str, matches: _Matches) -> tuple[str, ...]:
        if not text.strip() or not matches.order:
            return ()
        kinds = Counter(self._products[id_].kind.name for id_ in matches.order[:12])
        return self._suggestions.related(text, kinds.most_common(1)[0][0])


@lru_cache(maxsize=2)
def search_of(catalogue: Catalogue) -> SearchEngine:
    """The search over a catalogue, shared by its shops in all designs; the last few are cached.

    Raises:
        ConfigError: as `SearchEngine`.
    """
    return SearchEngine(catalogue)


def _best_first(fit: dict[int, float], demand: dict[int, float]) -> list[int]:
    """Sort ids by match, then slightly by demand. Scores are rounded: sums differ in the last digits."""
    weighed = {id_: round(words * (1.0 + DEMAND * demand[id_]), 6) for id_, words in fit.items()}
    return sorted(weighed, key=lambda id_: (-weighed[id_], id_))


def _cut(query: Query) -> Query:
    """Truncate overlong fields of a query so that hostile queries cannot fill the caches."""
    long = [
        name for name in (*TITLES, "text", "department", "sort") if len(getattr(query, name)) > LONGEST_TEXT
    ]
    return replace(query, **{name: getattr(query, name)[:LONGEST_TEXT] for name in long}) if long else query


_WEIGHTS = ", ".join(map(str, _COLUMNS.values()))
_MATCH = f"SELECT rowid, bm25(products, {_WEIGHTS}) FROM products WHERE products MATCH ?"  # noqa: S608 - constants


def _index(products: tuple[Product, ...]) -> sqlite3.Connection:
    """Build the in-memory full-text index. Words are stemmed (Porter) and stripped of diacritics."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        connection.execute(
            f"CREATE VIRTUAL TABLE products USING fts5({', '.join(_COLUMNS)}, content='', columnsize=1, "
            "tokenize='porter unicode61 remove_diacritics 2')"
        )
    except sqlite3.OperationalError as error:
        raise ConfigError(
            "the shop's search needs SQLite 3.27 or newer with FTS5; this Python's sqlite3 module has "
            f"{sqlite3.sqlite_version}: {error}. Use a Python that was built with it, for example one from "
            "python.org or uv"
        ) from error
    connection.executemany(
        f"INSERT INTO products(rowid, {', '.join(_COLUMNS)}) VALUES (?{', ?' * len(_COLUMNS)})",  # noqa: S608
        (
            (
                product.id,
                product.title,
                product.kind.name,
                product.brand,
                f"{' '.join(product.features)} {' '.join(product.colours)} {' '.join(product.sizes)}",
                product.kind.department,
                f"{product.description} {' '.join(product.bullets)}",
            )
            for product in products
        ),
    )
    return connection


def _frequencies(products: tuple[Product, ...]) -> Counter[str]:
    """For each word, the number of products that have it where people look first."""
    counts: Counter[str] = Counter()
    for product in products:
        counts.update(set(words_of(f"{product.title} {' '.join(product.colours)}")))
        counts.update(word for name in product.kind.words for word in words_of(name))
    return counts


def _sort_key(sort: str, product: Product) -> tuple[float, ...]:
    """Sort key of a product for a sort order; ties are broken by demand."""
    first: dict[str, tuple[float, ...]] = {
        "price_up": (product.price,),
        "price_down": (-product.price,),
        "rating": (-product.rating, -product.reviews),
        "newest": (product.age_days,),
    }
    return (*first[sort], -product.popularity, product.id)
