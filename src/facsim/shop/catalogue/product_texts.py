"""Titles, descriptions and reviews of products, written as shops and customers do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TypedDict, TypeVar, cast

from facsim.shop.catalogue.kinds import Blueprint, Feature, read_data
from facsim.shop.catalogue.products import Review

T = TypeVar("T")

_SMALL = frozenset(("a", "an", "and", "at", "for", "from", "in", "of", "on", "or", "the", "to", "with"))
# Words with fixed capitalization.
_WRITTEN = """
USB USB-C LED LCD HDMI TV TVs RGB RFID UV GPS HDR HEPA BPA BPA-Free PFOA TSA SSD HDD IPS STEM TPE DPI MIDI XLR
SUVs RVs SD ID HE QHD QLED SPF WiFi e-Bikes mmHg DIY oz lb ft
"""
_FIXED = {word.lower(): word for word in _WRITTEN.split()}


class TextData(TypedDict):
    """The contents of `data/texts.yaml`."""

    features: dict[str, list[str | None]]
    adjective_bullets: list[str]
    part_bullets: list[str]
    use_bullets: list[list[str]]
    end_bullets: list[list[str]]
    lasting_bullets: list[list[str]]
    openers: list[str]
    glances: list[str]
    middles: list[str]
    closers: list[str]
    lasting_closers: list[str]
    reviews: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """The facts from which the texts of a product are written."""

    blueprint: Blueprint
    brand: str
    model: str
    features: tuple[Feature, ...]
    use: str
    pack: str
    colour: str


def pick(rng: Random, values: Sequence[T]) -> T:
    """Pick a random value. Several times faster than `rng.choice`: a catalogue needs 100,000 picks."""
    return values[int(rng.random() * len(values))]


@lru_cache(maxsize=8192)
def title_case(text: str) -> str:
    """Write a phrase in title case.

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


def title(rng: Random, facts: ProductFacts) -> str:
    """Write a title: brand, product name, and keywords that a seller expects people to search for."""
    kind = facts.blueprint.kind
    before, after, parts = _placed(rng, facts)
    head = [facts.brand, facts.model, *before, title_case(kind.name)]
    if parts and rng.random() < 0.6:
        shown = parts[: pick(rng, (1, 1, 2))]
        head.append("with " + " and ".join(shown))
        parts = parts[len(shown) :]
    tail = (after + parts)[: 1 + int(3 * rng.random())]
    use = "f" + title_case(f"for {facts.use}")[1:]
    if rng.random() < 0.22:
        use = f"{title_case(pick(rng, kind.words))} {use}"
    where = rng.random()
    if where < 0.5:
        tail.insert(int(rng.random() * (len(tail) + 1)), use)
    elif where < 0.7:
        tail.append(use)
    text = " ".join(part for part in head if part)
    ends = [part for part in (facts.pack, facts.colour) if part]
    style = rng.random()
    if facts.pack and style < 0.45:
        text += f" ({ends.pop(0)})" if style < 0.18 else f", {ends.pop(0)}"
    if tail and rng.random() < 0.25:
        return ", ".join([f"{text} - {', '.join(tail)}", *ends])
    return ", ".join([text, *tail, *ends])


def _placed(rng: Random, facts: ProductFacts) -> tuple[list[str], list[str], list[str]]:
    """Split features into those before the kind's name, those after it, and those introduced by `with`."""
    before: list[str] = []
    after: list[str] = []
    parts: list[str] = []
    room = pick(rng, (1, 1, 2))
    for feature in sorted(facts.features, key=lambda feature: feature not in _types(facts.blueprint)):
        text = title_case(feature.name)
        if feature.part:
            parts.append(text)
        elif len(before) < room and feature not in _repeating(facts.blueprint):
            before.append(text)
        else:
            after.append(text)
    return before, after, parts


@lru_cache(maxsize=512)
def _types(blueprint: Blueprint) -> frozenset[Feature]:
    """Features with alternatives: they determine the type of a product within its kind."""
    return frozenset(feature for group in blueprint.features if len(group) > 1 for feature in group)


@lru_cache(maxsize=512)
def _repeating(blueprint: Blueprint) -> frozenset[Feature]:
    """Features that read badly before the kind's name: long ones, and ones that share a word with it."""
    said = set(blueprint.kind.name.lower().split())
    return frozenset(
        feature
        for group in blueprint.features
        for feature in group
        if len(feature.name.split()) > 3 or said & set(feature.name.lower().split())
    )


def bullets(rng: Random, facts: ProductFacts) -> tuple[str, ...]:
    """Write the bullet points under the title; each feature appears in one of them."""
    texts, words = _texts(), _words(rng, facts)
    entries: list[tuple[str, str]] = []
    used: set[str] = set()
    for feature in facts.features:
        known = texts["features"].get(feature.name)
        if known and rng.random() < 0.75:
            sentence = known[0] or ""
        else:
            sentence = _unused(rng, texts["part_bullets" if feature.part else "adjective_bullets"], used)
        entries.append((feature.name, sentence.format_map({**words, "feature": feature.name})))
    pools = [texts["use_bullets"]] * (rng.random() < 0.7) + [
        texts["lasting_bullets" if _lasts(facts) else "end_bullets"]
    ] * (rng.random() < 0.6)
    for pool in pools:
        head, sentence = pick(rng, pool)
        entries.append((head.format_map(words), sentence.format_map(words)))
    style = rng.random()
    if style < 0.5:
        return tuple(f"{title_case(head)}: {_sentence(text)}" for head, text in entries)
    if style < 0.75:
        return tuple(f"{head.upper()} - {_sentence(text)}" for head, text in entries)
    return tuple(f"{_sentence(head)}. {_sentence(text)}." for head, text in entries)


def _unused(rng: Random, sentences: Sequence[str], used: set[str]) -> str:
    """Pick a random sentence, or the next unused one after it."""
    place = int(rng.random() * len(sentences))
    for step in range(len(sentences)):
        sentence = sentences[(place + step) % len(sentences)]
        if sentence not in used:
            break
    used.add(sentence)
    return sentence


def _lasts(facts: ProductFacts) -> bool:
    """Whether a warranty makes sense: products with color options are not consumables."""
    return bool(facts.blueprint.kind.colours)


def description(rng: Random, facts: ProductFacts) -> str:
    """Write a paragraph about the product."""
    texts, words = _texts(), _words(rng, facts)
    shown = [feature.name for feature in facts.features if not feature.part]
    shown += [f"with {feature.name}" for feature in facts.features if feature.part]
    words["features"] = ", ".join(shown)
    pattern = [pick(rng, texts["openers"]), pick(rng, texts["glances"]), pick(rng, texts["middles"])]
    if rng.random() < 0.6:
        pattern.append(pick(rng, texts["lasting_closers" if _lasts(facts) else "closers"]))
    return " ".join(pattern).format_map(words)


def reviews(rng: Random, facts: ProductFacts, rating: float) -> tuple[Review, ...]:
    """Write three to five reviews. Over many products, their mean number of stars is close to `rating`."""
    writer = _Reviewer(rng, facts)
    names = _texts()["reviews"]["names"]
    # Step by seven names so that no author reviews one product twice.
    first, count = int(rng.random() * len(names)), 3 + int(3 * rng.random())
    authors = [names[(first + 7 * place) % len(names)] for place in range(count)]
    return tuple(writer.write(author, _stars(rng, rating)) for author in authors)


def _stars(rng: Random, rating: float) -> int:
    """Sample stars: mostly five for good products, many ones for bad products."""
    if rng.random() < (5.0 - rating) / 3.4:
        return pick(rng, (1, 1, 2, 3, 3, 4))
    return 5 if rng.random() < 0.75 else 4


class _Reviewer:
    """Writes the reviews of one product without repeating a sentence."""

    def __init__(self, rng: Random, facts: ProductFacts) -> None:
        self._rng = rng
        self._words = {"brand": facts.brand, "use": facts.use}
        self._good = _said(facts, good=True)
        self._bad = _said(facts, good=False)
        remarks = [_remarks()[feature.name] for feature in facts.features if feature.name in _remarks()]
        self._praise = [praise for praise, _ in remarks if praise]
        self._blame = [blame for _, blame in remarks if blame]
        self._used: set[str] = set()

    def write(self, author: str, stars: int) -> Review:
        texts, chance = _texts()["reviews"], self._rng.random
        if stars == 5:
            parts = [self._new(texts["delighted"], 0.6), self._new(self._good)]
            parts += [self._new(self._praise, 0.5), self._new(texts["uses"], 0.4)]
            parts.append(self._new(texts["thanks"], 0.45))
        elif stars == 4:
            parts = [self._new(texts["pleased"], 0.6), self._new(self._good)]
            parts += [self._new(self._praise, 0.35), self._new(texts["small"], 0.7)]
        elif stars == 3:
            parts = [self._new(texts["torn"], 0.6), self._new(self._good)]
            bad = self._new(self._bad) or self._new(self._blame)
            parts.append(f"But {_lower(bad)}" if bad and parts[1] and chance() < 0.7 else bad)
        else:
            parts = [self._new(texts["angry"], 0.7), self._new(self._bad), self._new(self._blame, 0.5)]
            parts.append(self._new(texts["laments"], 0.5))
        fallback = texts[{5: "delighted", 4: "pleased", 3: "torn"}.get(stars, "angry")]
        text = " ".join(part for part in parts if part) or self._new(fallback) or fallback[0]
        return Review(stars, author, text.format_map(self._words) if "{" in text else text)

    def _new(self, pool: Sequence[str], chance: float = 1.0) -> str:
        """Return an unused sentence with probability `chance`, otherwise an empty string."""
        if chance < 1.0 and self._rng.random() >= chance:
            return ""
        for _ in range(3 if pool else 0):
            text = pick(self._rng, pool)
            if text not in self._used:
                self._used.add(text)
                return text
        return ""


@lru_cache(maxsize=1)
def _remarks() -> Mapping[str, tuple[str, str]]:
    """Review sentences about each feature: praise and blame; either may be empty."""
    return {
        name: (f"{said[1]}." if said[1] else "", f"{said[2]}." if said[2] else "")
        for name, said in _texts()["features"].items()
    }


def _said(facts: ProductFacts, *, good: bool) -> Sequence[str]:
    """Review sentences for the kind, without those about features that this product lacks."""
    sentences = facts.blueprint.good if good else facts.blueprint.bad
    has = [feature.name for feature in facts.features]
    return [
        text
        for text, features in zip(sentences, _about(facts.blueprint, good), strict=True)
        if not features or not features.isdisjoint(has)
    ]


@lru_cache(maxsize=1024)
def _about(blueprint: Blueprint, good: bool) -> tuple[frozenset[str], ...]:
    """For each review sentence of the kind, the features it mentions, matched by words of 4+ letters."""
    common = set(re.findall(r"\w+", blueprint.kind.name.lower()))
    telling = {name: set(re.findall(r"\w{4,}", name.lower())) - common for name in blueprint.kind.features}
    spoken = [
        set(re.findall(r"\w{4,}", text.lower())) for text in (blueprint.good if good else blueprint.bad)
    ]
    return tuple(frozenset(name for name in telling if telling[name] & words) for words in spoken)


def _words(rng: Random, facts: ProductFacts) -> dict[str, str]:
    kind = facts.blueprint.kind
    noun = kind.name if rng.random() < 0.45 else pick(rng, kind.words)
    return {
        **_grammar(noun),
        "brand": facts.brand,
        "use": facts.use,
        "other_use": pick(rng, [use for use in kind.uses if use != facts.use]),
        "pack": f"One {noun}" if not facts.pack else f"{noun} ({facts.pack})",
    }


@lru_cache(maxsize=1024)
def _grammar(noun: str) -> Mapping[str, str]:
    """Return pronouns and verbs that agree with a noun.

    >>> _grammar("curtains")["This"], _grammar("dress")["This"]
    ('These', 'This')
    """
    many = noun.endswith("s") and not noun.endswith("ss")
    singular = ("this", "is", "it", "it", "its", "has", "does")
    plural = ("these", "are", "they", "them", "their", "have", "do")
    names = ("this", "is", "it", "it_", "its", "has", "does")
    words = dict(zip(names, plural if many else singular, strict=True))
    return {**words, "This": words["this"].title(), "It": words["it"].title(), "noun": noun}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    return text if text.startswith("I ") else text[:1].lower() + text[1:]


@lru_cache(maxsize=1)
def _texts() -> TextData:
    return cast(TextData, read_data("texts"))
