"""Search suggestions: completions of typed text, and related searches."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from zlib import crc32

from facsim.shop.catalogue.kinds import Blueprint, blueprints
from facsim.shop.catalogue.products import Product

MOST_SUGGESTIONS = 8
MOST_RELATED = 6
LONGEST_PREFIX = 60


class Suggestions:
    """Search phrases for the shop's products, weighted by demand."""

    def __init__(self, products: Sequence[Product]) -> None:
        demand: dict[str, float] = {}
        for product in products:
            demand[product.kind.name] = demand.get(product.kind.name, 0.0) + product.popularity
            phrase = f"{product.brand.lower()} {product.kind.name}"
            demand[phrase] = demand.get(phrase, 0.0) + 0.2 * product.popularity
        weights = dict(demand)
        self._phrases = {blueprint.kind.name: phrases(blueprint) for blueprint in blueprints()}
        for kind, of_kind in self._phrases.items():
            for place, phrase in enumerate(of_kind):
                weights.setdefault(phrase, demand.get(kind, 0.0) / (2 + place))
        self._weights = sorted(weights.items())
        self._sorted = [phrase for phrase, _ in self._weights]

    def starting_with(self, prefix: str) -> tuple[str, ...]:
        """Return up to eight completions of a prefix, most in demand first."""
        start = " ".join(prefix[:LONGEST_PREFIX].lower().split())
        if not start:
            return ()
        place = bisect_left(self._sorted, start)
        near = []
        while place < len(self._weights) and self._sorted[place].startswith(start):
            phrase, weight = self._weights[place]
            near.append((-weight, phrase))
            place += 1
        return tuple(phrase for _, phrase in sorted(near)[:MOST_SUGGESTIONS])

    def related(self, text: str, kind: str) -> tuple[str, ...]:
        """Return searches related to one that found products of a kind; `text` alone decides which."""
        said = " ".join(text.lower().split())
        others = [phrase for phrase in self._phrases[kind] if phrase != said]
        others.sort(key=lambda phrase: crc32(f"{said}|{phrase}".encode(errors="replace")))
        return tuple(others[:MOST_RELATED])


def phrases(blueprint: Blueprint) -> tuple[str, ...]:
    """Return phrases that people type to find products of a kind."""
    kind = blueprint.kind
    made = [kind.name, *kind.words]
    made += [f"{kind.name} for {use}" for use in kind.uses]
    for group in blueprint.features:
        for feature in group:
            made.append(f"{kind.name} with {feature.name}" if feature.part else f"{feature.name} {kind.name}")
    return tuple(phrase.lower() for phrase in dict.fromkeys(made))
