"""Addresses of the shop's pages: any request is parsed, but each page has one canonical address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

from facsim.shop.catalogue import Query
from facsim.shop.storefront.info import TOPICS
from facsim.shop.storefront.views import PageKind

MAX_TEXT = 200
"""Longest query in characters; longer ones are cut."""

_MAX_ADDRESS = 4_000
_MAX_PAGE = 1_000
RESULTS = "results"
"""The topic, and the address, that lead back to the results a visitor saw last."""

_FIELDS = ("department", "brand", "price", "rating", "size", "colour", "delivery", "sort")
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")


class NotFoundError(KeyError):
    """The shop has no such page."""


@dataclass(frozen=True, slots=True)
class Route:
    """A parsed address.

    Attributes:
        kind: kind of page.
        query: the query of a results page.
        product: product id of a product page; with `size`, `colour` and whether to show all reviews.
        step: checkout step; empty for the first.
        topic: topic of an information page, or `RESULTS`.
    """

    kind: PageKind
    query: Query | None = None
    product: int = 0
    size: str = ""
    colour: str = ""
    all_reviews: bool = False
    step: str = ""
    topic: str = ""


def words(text: str) -> str:
    """Clean typed text: drop control characters, collapse white space, cut to `MAX_TEXT` characters."""
    return " ".join(_NOT_TEXT.sub(" ", text[: MAX_TEXT * 4]).split())[:MAX_TEXT].rstrip()


@lru_cache(maxsize=5_000)
def route_of(address: str) -> Route:
    """Parse an address (path and query; a fragment is ignored).

    Raises:
        NotFoundError: if no page can have this address. Whether a product exists is not checked.
    """
    if len(address) > _MAX_ADDRESS:
        raise NotFoundError(address[:100])
    try:
        split = urlsplit(address)
        pairs = parse_qsl(split.query, max_num_fields=50)
    except ValueError:
        raise NotFoundError(address[:100]) from None
    if split.scheme or split.netloc:
        raise NotFoundError(address[:100])
    fields = {name: words(value) for name, value in reversed(pairs)}
    match split.path.split("/")[1:]:
        case [""]:
            return Route("home")
        case ["cart" | "order" as kind]:
            return Route(kind)
        case ["search"]:
            query = query_of(fields)
            # An empty query has no results, so its sort order does not matter.
            asks = query != Query(sort=query.sort, page=query.page)
            return Route("results", query) if asks else Route("home")
        case ["product", number] if number.isascii() and number.isdecimal() and len(number) < 10:
            return Route(
                "product",
                product=int(number),
                size=fields.get("size", ""),
                colour=fields.get("colour", ""),
                all_reviews=fields.get("reviews") == "all",
            )
        case ["checkout"]:
            return Route("checkout", step=fields.get("step", ""))
        case [topic] if topic in TOPICS or topic == RESULTS:
            return Route("info", topic=topic)
    raise NotFoundError(address)


def address_of(route: Route) -> str:
    """Return the canonical address of a page."""
    match route.kind:
        case "results":
            return search_address(route.query or Query())
        case "product":
            reviews = "all" if route.all_reviews else ""
            path, fields = (
                f"/product/{route.product}",
                {"size": route.size, "colour": route.colour, "reviews": reviews},
            )
        case "checkout":
            path, fields = "/checkout", {"step": route.step}
        case "info":
            path, fields = f"/{route.topic}", {}
        case "home":
            path, fields = "/", {}
        case _:
            path, fields = f"/{route.kind}", {}
    return _joined(path, fields)


def search_address(query: Query) -> str:
    """Return the canonical address of a results page."""
    return ResultLinks(query).with_page(query.page)


class ResultLinks:
    """Addresses of results pages that differ from a given one in a single field, as most links on it do."""

    def __init__(self, query: Query) -> None:
        self._written = {"q": _quoted("q", query.text)}
        for field in _FIELDS:
            self._written[field] = _quoted(field, getattr(query, field))

    def narrowed(self, field: str, value: str) -> str:
        """The first page with one field set or cleared."""
        return _search(self._written | {field: _quoted(field, value)})

    def with_page(self, number: int) -> str:
        """Another page of the same results."""
        return _search(self._written | {"page": f"page={number}" if number > 1 else ""})


@lru_cache(maxsize=20_000)
def _quoted(name: str, value: str) -> str:
    return urlencode({name: value}) if value else ""


def _search(written: Mapping[str, str]) -> str:
    given = "&".join(filter(None, written.values()))
    return f"/search?{given}" if given else "/search"


def query_of(fields: dict[str, str]) -> Query:
    """Parse the query from the fields of a results page's address."""
    page = fields.get("page", "")
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else 1
    rest = {field: fields[field] for field in _FIELDS if field in fields}
    return Query(text=fields.get("q", ""), page=min(max(number, 1), _MAX_PAGE), **rest)


def _joined(path: str, fields: dict[str, str]) -> str:
    given = {name: value for name, value in fields.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
