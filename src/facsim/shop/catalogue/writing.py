"""Titles and texts of products, as shops and their customers write them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from facsim.shop.catalogue.kinds import Blueprint, Feature
from facsim.shop.catalogue.products import Review

_SMALL = frozenset(("a", "an", "and", "at", "for", "from", "in", "of", "on", "or", "the", "to", "with"))
# Words with letters of their own, as the shop writes them.
_WRITTEN = """
USB USB-C LED LCD HDMI TV TVs RGB RFID UV GPS HDR HEPA BPA BPA-Free PFOA TSA SSD HDD IPS STEM TPE DPI MIDI XLR
SUVs RVs SD ID HE QHD QLED SPF WiFi e-Bikes mmHg DIY oz lb ft
"""
_FIXED = {word.lower(): word for word in _WRITTEN.split()}


@lru_cache(maxsize=8192)
def title_case(text: str) -> str:
    """A phrase as titles write it.

    >>> title_case("usb-c hub for travel")
    'USB-C Hub for Travel'
    """
    words = text.split()
    return " ".join(word if place and word in _SMALL else _capital(word) for place, word in enumerate(words))


def _capital(word: str) -> str:
    fixed = _FIXED.get(word.lower())
    if fixed:
        return fixed
    if any(letter.isupper() for letter in word):
        return word
    return "-".join(_FIXED.get(part, part[:1].upper() + part[1:]) for part in word.split("-"))


@dataclass(frozen=True, slots=True)
class Facts:
    """What the texts of a product are written from."""

    blueprint: Blueprint
    brand: str
    model: str
    features: tuple[Feature, ...]
    use: str
    pack: str
    colour: str


def title(rng: Random, facts: Facts) -> str:
    """A title: brand, what it is, and what the maker thinks that people search for."""
    kind = facts.blueprint.kind
    types = {feature for group in facts.blueprint.features if len(group) > 1 for feature in group}
    plain = sorted((f for f in facts.features if not f.part), key=lambda f: f not in types)
    parts = [title_case(f.name) for f in facts.features if f.part]
    said = set(kind.name.lower().split())
    before = [f for f in plain if not said & set(f.name.lower().split()) and len(f.name.split()) < 4][
        : rng.choice((1, 1, 2))
    ]
    after = [title_case(f.name) for f in plain if f not in before]
    head = [facts.brand, *([facts.model] if facts.model else []), *(title_case(f.name) for f in before)]
    head.append(title_case(kind.name))
    if parts and rng.random() < 0.6:
        head.append("with " + " and ".join(parts[: rng.choice((1, 1, 2))]))
        parts = [part for part in parts if part not in head[-1]]
    tail = (after + parts)[: rng.randint(1, 3)]
    use = f"for {title_case(facts.use)}"
    if rng.random() < 0.22:
        use = f"{title_case(rng.choice(kind.words))} {use}"
    if rng.random() < 0.5:
        tail.insert(rng.randint(0, len(tail)), use)
    elif rng.random() < 0.4:
        tail.append(use)
    text = " ".join(head)
    style = rng.random()
    if style < 0.18 and facts.pack:
        text, pack = f"{text} ({facts.pack})", ""
    elif style < 0.45 and facts.pack:
        text, pack = f"{text}, {facts.pack}", ""
    else:
        pack = facts.pack
    ends = [part for part in (pack, facts.colour) if part]
    if rng.random() < 0.25 and tail:
        return " - ".join([text, ", ".join(tail)]) + "".join(f", {end}" for end in ends)
    return ", ".join([text, *tail, *ends])


def bullets(rng: Random, facts: Facts) -> tuple[str, ...]:
    """Four to seven points under the title; every feature is in one of them."""
    kind = facts.blueprint.kind
    return tuple(f"{title_case(f.name)}: made for {rng.choice(kind.uses)}" for f in facts.features)


def description(rng: Random, facts: Facts) -> str:
    """A paragraph about the product."""
    kind = facts.blueprint.kind
    return f"The {facts.brand} {rng.choice((kind.name, *kind.words))} is made for {facts.use}."


def reviews(rng: Random, facts: Facts, rating: float) -> tuple[Review, ...]:
    """Three to five reviews whose stars fit the rating."""
    made = []
    for _ in range(rng.randint(3, 5)):
        stars = min(5, max(1, round(rng.gauss(rating, 1.1))))
        pool = facts.blueprint.good if stars > 3 else facts.blueprint.bad
        made.append(Review(stars, "A customer", rng.choice(pool) + "."))
    return tuple(made)
