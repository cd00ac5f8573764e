"""The shop version of a data set: a digest that changes with the products, the pages and the shoppers."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from facsim.shop.shoppers import COEFFICIENTS, Coefficients
from facsim.shop.simulation import catalogue_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# The digest uses the original file names, so that old data sets stay usable when a file is renamed.
_DIGEST_PATHS = {"shoppers/rationales.yaml": "shoppers/reasons.yaml"}
_TEXTS = frozenset({".html", ".yaml", ".css", ".js"})
# Rules below this line of a style sheet leave sampled data usable. The line itself is not covered, either.
_LOOK_ONLY = b"/* Not part of the shop version"


@lru_cache(maxsize=2)
def version_of(seed: int) -> str:
    """The shop version for a seed.

    It covers the products, the coefficients, and every template and text, except the rules of a style sheet
    that change only how pages look. A change of code alone is detected elsewhere: the oracle compares pages
    and true probabilities with its own.
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
    digest.update(_text_of(COEFFICIENTS).encode())
    for path, text in sorted(_texts(files("facsim.shop"), "")):
        digest.update(f"\0{path}\0".encode() + text)
    return digest.hexdigest()


def _text_of(coefficients: Coefficients) -> str:
    """The coefficients as text that stays the same when a class or a group is renamed."""
    groups = (
        ("appeal", coefficients.appeal),
        ("look", coefficients.look),
        ("texts", coefficients.texts),
        ("narrow", coefficients.narrow),
        ("decide", coefficients.decide),
        ("course", coefficients.browsing),
        ("slips", coefficients.slips),
        ("people", coefficients.people),
    )
    aims = ", ".join(f"{aim!r}: Constant({_fields(row)})" for aim, row in coefficients.aims.items())
    written = ", ".join(f"{name}={name.capitalize()}({_fields(group)})" for name, group in groups)
    return f"Coefficients(aims=mappingproxy({{{aims}}}), {written}, sharpness={coefficients.sharpness!r})"


def _fields(numbers: DataclassInstance) -> str:
    return ", ".join(f"{item.name}={getattr(numbers, item.name)!r}" for item in fields(numbers))


def _texts(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            found += _texts(entry, f"{name}/")
        elif any(name.endswith(ending) for ending in _TEXTS):
            # Checkouts and packages may have different line endings.
            text = entry.read_bytes().replace(b"\r\n", b"\n").partition(_LOOK_ONLY)[0]
            found.append((_DIGEST_PATHS.get(name, name), text))
    return found
