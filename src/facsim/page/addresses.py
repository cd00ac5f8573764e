"""Link targets: the destination without tracking parameters, and the words in an address."""

from __future__ import annotations

import re
from functools import lru_cache

from facsim.page.slugs import fold, is_generated, slug

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
_NUMBERS_AT_END = re.compile(r"(?<=[^\W\d_])(?:_\d{3,})+$")
_MAX_LENGTH = 2_000


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
    path = _TRACKING_PATH.sub("", path) if "=" in path else path
    if "//" in path:
        path = path.partition("//")[2].partition("/")[2]
    elif path[:11].lower() == "javascript:":
        return ""
    for part in reversed(path.rstrip("/").split("/")):
        words = slug(_ENDING.sub("", fold(part))) if part else ""
        words = _NUMBERS_AT_END.sub("", words)
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
