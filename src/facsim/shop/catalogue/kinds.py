"""Kinds of products, read from the data files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TypedDict

import yaml

from facsim.shop.catalogue.products import ProductKind

FILES = ("kinds_home", "kinds_tech", "kinds_wear", "kinds_life")


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature as used in titles; `part` if it follows `with`."""

    name: str
    part: bool


@dataclass(frozen=True, slots=True, eq=False)  # one instance per kind, used as a cache key
class Blueprint:
    """The data from which products of a kind are generated.

    Attributes:
        shape: name of the drawing.
        features: groups of alternatives; a product has at most one feature of a group.
        packs: pack sizes, smallest first; a product has exactly one.
        good, bad: sentences for positive and negative reviews.
        model: whether brands give products of this kind model names.
    """

    kind: ProductKind
    shape: str
    brands: tuple[str, ...]
    features: tuple[tuple[Feature, ...], ...]
    packs: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    model: bool


class KindData(TypedDict):
    """The entry of a kind in a data file."""

    words: list[str]
    price: float
    shape: str
    features: list[str]
    uses: list[str]
    good: list[str]
    bad: list[str]
    sizes: str | list[str]
    colors: str | list[str]
    packs: list[str]


def read_data(name: str) -> object:
    """Load a YAML data file of this package."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # four times as fast, if available
    text = files(__package__).joinpath("data", f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are safe ones


@lru_cache(maxsize=1)
def blueprints() -> tuple[Blueprint, ...]:
    """Return all kinds in the order of the data files."""
    words = read_data("words")
    assert isinstance(words, Mapping)
    made = []
    for name in FILES:
        departments = read_data(name)
        assert isinstance(departments, Mapping)
        for department, entry in departments.items():
            for kind, data in entry["kinds"].items():
                made.append(_blueprint(kind, department, data, entry, words))
    return tuple(made)


def _blueprint(
    name: str,
    department: str,
    data: KindData,
    entry: Mapping[str, list[str]],
    words: Mapping[str, Mapping[str, list[str]]],
) -> Blueprint:
    groups = tuple(tuple(_feature(word) for word in group.split(" | ")) for group in data["features"])
    kind = ProductKind(
        name=name,
        department=department,
        words=tuple(data["words"]),
        price=round(data["price"] * 100),
        features=tuple(feature.name for group in groups for feature in group),
        uses=tuple(data["uses"]),
        sizes=_named(data.get("sizes", []), words["sizes"]),
        colours=_named(data.get("colors", []), words["colors"]),
    )
    return Blueprint(
        kind=kind,
        shape=data["shape"],
        brands=tuple(entry["brands"]),
        features=groups,
        packs=tuple(data.get("packs", [])),
        good=tuple(f"{sentence}." for sentence in data["good"]),
        bad=tuple(f"{sentence}." for sentence in data["bad"]),
        model=bool(entry.get("model", False)),
    )


def _feature(word: str) -> Feature:
    return Feature(word.removeprefix("+"), word.startswith("+"))


def _named(value: str | list[str], lists: Mapping[str, list[str]]) -> tuple[str, ...]:
    return tuple(str(item) for item in (lists[value] if isinstance(value, str) else value))
