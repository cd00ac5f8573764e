"""Link targets: the destination without tracking parameters, and the words in an address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote_plus

from facsim.page.slugs import fold, is_generated, slug, words_of

_ENDING = re.compile(r"\.[a-z]{2,5}$")
_HAS_WORD = re.compile(r"[^\W\d_]{3}")
_TRACKING_PATH = re.compile(r"/ref=[^/?#]*|;jsessionid=[^/?#]*", re.IGNORECASE)
_TRACKING_FIELD = re.compile(
    r"(?:^|&)(?:ref|ref_|qid|sr|crid|keywords|sprefix|aaxitk|spm|scm|_encoding|psc|th|tag|cm_[a-z_]+|hash|_trksid"
    r"|_trkparms|amdata|itmmeta|itmprp|epid|var|gclid|fbclid|pd_rd_[a-z]+|pf_rd_[a-z]+|content-id|utm_[a-z]+|sid"
    r"|sortby|from)=[^&]*",
    re.IGNORECASE,
)
_NOWHERE = re.compile(r"\s*(?:javascript:|#\s*$|$)", re.IGNORECASE)
# Of the site's own books.
_NUMBER_APART = re.compile(r"(?<=[^\W\d_])_\d+$")
"""After words joined by hyphens, the identifier of a category: `food-snacks_45`."""
_NUMBERS_AT_END = re.compile(r"(?<=[^\W\d_])(?:_\d{3,})+$")
_MAX_LENGTH = 2_000
_HOST = re.compile(r"\s*(?:https?:)?//([^/?#:@\s]{1,200})", re.IGNORECASE)
_TOP_LEVEL = frozenset(["com", "org", "net", "gov", "edu", "info", "biz", "shop", "store", "online"])
_MOST_PARAMETERS = 20
_PIECE = re.compile(r"[/?&=.,_-]+")
_ITEM_NUMBER = re.compile(r"(?=(?:[a-z]*\d){3})[a-z\d]{3,12}", re.IGNORECASE | re.ASCII)


@lru_cache(maxsize=4_096)
def destination(href: str) -> str:
    """Return a link's destination without fragment and tracking; empty if it leads nowhere.

    >>> destination("/mug/dp/1/ref=sr_1_3?qid=15&colour=red#reviews"), destination("javascript:void(0)")
    ('/mug/dp/1?colour=red', '')
    """
    if _NOWHERE.match(href):
        return ""
    path, _, query = href[:_MAX_LENGTH].partition("#")[0].strip().partition("?")
    if "=" in path:
        path = _TRACKING_PATH.sub("", path)
    query = _TRACKING_FIELD.sub("", query).strip("&") if query else ""
    return f"{path}?{query}" if query else path


def leads_nowhere(href: str) -> bool:
    """Whether a link runs a script or stays on the page: no address, `#`, `javascript:`."""
    return _NOWHERE.match(href) is not None


@lru_cache(maxsize=4_096)
def address_words(href: str, level: int) -> str:
    """Return the last readable part of an address, or the one `level` readable parts before it.

    >>> address_words("/help/returns.html?x=1", 0), address_words("/mug/edit", 1), address_words("/p/17", 0)
    ('returns', 'mug', '')
    >>> address_words("/steel-mug/dp/b07x1/ref=sr_1_3", 0)
    'steel_mug'
    """
    path = href[:500].partition("#")[0].partition("?")[0]
    if path[:11].lower() == "javascript:":
        return ""
    path = _TRACKING_PATH.sub("", path) if "=" in path else path
    if "//" in path:
        path = path.partition("//")[2].partition("/")[2]
    for part in reversed(path.rstrip("/").split("/")):
        readable = _ENDING.sub("", fold(part)) if part else ""
        if "-" in readable:
            readable = _NUMBER_APART.sub("", readable)
        words = _NUMBERS_AT_END.sub("", slug(readable)) if readable else ""
        if _HAS_WORD.search(words) and not is_generated(words):
            if not level:
                return words
            level -= 1
    return ""


def fragment_words(href: str) -> str:
    """Return the words in the fragment of an address."""
    fragment = href.partition("#")[2][:200]
    words = slug(fold(fragment)) if fragment else ""
    return words if _HAS_WORD.search(words) and not is_generated(words) else ""


def host_words(href: str) -> str:
    """Return the name of the site that an address names; empty for an address within a site.

    >>> host_words("https://www.twitter.com/shop"), host_words("//shop.example.co.uk"), host_words("/cart")
    ('twitter', 'example', '')
    """
    found = _HOST.match(href)
    labels = [label for label in found[1].lower().split(".") if label] if found else []
    while len(labels) > 1 and (labels[-1] in _TOP_LEVEL or len(labels[-1]) < 3):
        labels.pop()
    words = slug(labels[-1]) if labels else ""
    return words if _HAS_WORD.search(words) and not is_generated(words) else ""


def path_text(href: str) -> str:
    """Return the readable words of the path of an address, without those that contain digits.

    >>> path_text("https://shop.test/en/boots-women-st-10617.html?x=1")
    'en boots women st html'
    """
    path = destination(href).partition("?")[0]
    if "//" in path:
        path = path.partition("//")[2].partition("/")[2]
    return " ".join(word for word in words_of(unquote_plus(path)) if not any(map(str.isdigit, word)))


def item_numbers(hrefs: Sequence[str]) -> list[str]:
    """Return the part of each address with the number of an item (`tj908`), the last in which all differ.

    >>> item_numbers(["/jeans/tj908/prod", "/jeans/tj909/prod"]), item_numbers(["/f?id=4711", "/f?id=4712"])
    (['tj908', 'tj909'], ['4711', '4712'])
    >>> item_numbers(["/jeans?page=1", "/jeans?page=2"])
    []
    """
    pieces = [reversed(_PIECE.split(destination(href))) for href in hrefs]
    for parts in zip(*pieces, strict=False):
        if len({*parts}) == len(parts) and all(map(_ITEM_NUMBER.fullmatch, parts)):
            return [part.lower() for part in parts]
    return []


def parameter_words(href: str) -> dict[str, str]:
    """Return the words of the readable parameters of an address, without tracking.

    >>> parameter_words("/view?page=Store+Tour&size=3&utm_source=mail")
    {'page': 'store_tour'}
    """
    query = destination(href).partition("?")[2]
    found = {}
    for parameter in query.split("&")[:_MOST_PARAMETERS] if query else ():
        key, _, value = parameter.partition("=")
        words = slug(unquote_plus(value[:200]))
        if _HAS_WORD.search(words) and not is_generated(words):
            found[key] = words
    return found
