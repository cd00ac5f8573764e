"""Kinds of shoppers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of shopper differs from others. `price` to `speed` weight the terms of a product's appeal.

    Attributes:
        share: share of people with this style.
        habits: phrases for the persona, to follow the name; one is used.
        filters: preference for filters and sorting, in logits.
        patience: patience for turning pages, in logits; also raises stamina (see `Bounds.staying`).
        eagerness: eagerness to decide, in logits.
        detail: preference for details in queries, in logits per detail.
        care: divides the probability of a typo.
        tone: how their rationales are worded.
    """

    name: str
    share: float
    habits: tuple[str, ...]
    reason: str
    price: float = 1.0
    deal: float = 0.6
    rating: float = 1.0
    reviews: float = 0.8
    brand: float = 0.5
    speed: float = 0.5
    filters: float = 0.0
    patience: float = 0.0
    eagerness: float = 0.0
    detail: float = 0.0
    care: float = 1.0
    tone: Literal["plain", "brisk", "chatty"] = "plain"


STYLES: tuple[Style, ...] = (
    Style(
        "price-driven",
        0.2,
        (
            "compares prices and hates to overpay",
            "watches every dollar and goes for the cheapest that will do",
            "never buys without checking what others cost",
        ),
        "weighs price more than twice as much as others, loves a deal, sorts and filters a little more",
        price=2.4,
        deal=1.5,
        filters=0.4,
        rating=0.8,
        patience=0.2,
    ),
    Style(
        "review-driven",
        0.17,
        (
            "reads ratings closely and trusts what many others bought",
            "looks at the stars first and opens the reviews before deciding",
            "does not buy what strangers have not praised",
        ),
        "weighs stars and the number of reviews about twice as much",
        rating=2.2,
        reviews=1.7,
        filters=0.3,
        patience=0.2,
    ),
    Style(
        "brand-loyal",
        0.13,
        (
            "stays with brands that have served well",
            "prefers names already known from the own household",
            "would rather pay more for a familiar brand than try a new one",
        ),
        "a trusted brand outweighs most else; price matters less",
        brand=2.4,
        price=0.7,
        eagerness=0.2,
    ),
    Style(
        "hurried",
        0.14,
        (
            "wants to be done quickly and to have things tomorrow",
            "shops between two appointments and takes what arrives first",
            "has no patience for long comparisons",
        ),
        "minds delivery, decides fast, leaves early, mistypes more",
        speed=2.2,
        price=0.9,
        patience=-0.6,
        eagerness=0.5,
        care=0.6,
        detail=-0.2,
        tone="brisk",
    ),
    Style(
        "browsing",
        0.13,
        (
            "likes to look around without deciding",
            "strolls through shops for ideas more than for things",
            "enjoys discovering things and seldom buys on the day",
        ),
        "patient, reluctant to decide, opens what catches the eye",
        price=0.8,
        patience=0.6,
        eagerness=-0.7,
        detail=-0.2,
        tone="chatty",
    ),
    Style(
        "thorough",
        0.1,
        (
            "compares many offers in detail before making up the mind",
            "keeps lists and reads every specification",
            "looks at half a dozen candidates before choosing one",
        ),
        "patient, uses filters, wants features, reads reviews; careful typist",
        rating=1.4,
        reviews=1.1,
        filters=0.8,
        patience=0.5,
        eagerness=-0.2,
        detail=0.4,
        care=1.5,
    ),
    Style(
        "precise",
        0.08,
        (
            "knows exactly what is wanted and searches for just that",
            "types exact searches and gives up when the right thing is not there",
            "has decided before opening the shop",
        ),
        "long queries, sharp about features, quick to decide or to go",
        detail=0.9,
        eagerness=0.4,
        patience=-0.2,
        care=1.4,
        tone="brisk",
    ),
    Style(
        "impulsive",
        0.05,
        (
            "buys on a whim when something looks good",
            "falls for a good offer without much thought",
            "follows the first thing that pleases",
        ),
        "eager, fond of deals, short queries, careless typist",
        deal=1.6,
        price=0.8,
        eagerness=0.9,
        detail=-0.4,
        care=0.7,
        tone="chatty",
    ),
)
