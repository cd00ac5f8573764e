"""Which shop made a data set: a digest that changes with what is sold, the pages and the shoppers."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from facsim.shop.shoppers import COEFFICIENTS
from facsim.shop.world import catalogue_of

_TEXTS = frozenset({".html", ".yaml", ".css", ".js"})


@lru_cache(maxsize=2)
def version_of(seed: int) -> str:
    """The version of the shop of a seed.

    It covers the products, the coefficients, and every template and text. A change of code alone is noticed
    elsewhere: the oracle compares pages and truths with its own.
    """
    digest = hashlib.blake2b(digest_size=8)
    for product in catalogue_of(seed).products:
        facts = (
            product.id,
            product.title,
            product.price,
            product.list_price,
            product.rating,
            product.reviews,
        )
        digest.update(repr(facts).encode())
    digest.update(repr(COEFFICIENTS).encode())
    for path, text in sorted(_texts(files("facsim.shop"), "")):
        digest.update(f"\0{path}\0".encode() + text)
    return digest.hexdigest()


def _texts(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            found += _texts(entry, f"{name}/")
        elif any(name.endswith(ending) for ending in _TEXTS):
            # Checkouts may have other line ends than packages.
            found.append((name, entry.read_bytes().replace(b"\r\n", b"\n")))
    return found
