"""Texts that people might type: wordings of a need, and misspellings of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple
from zlib import crc32

from facsim.shop.shoppers.coefficients import BOUNDS, Coefficients, QueryCoefficients, SlipCoefficients
from facsim.shop.shoppers.needs import Need
from facsim.shop.shoppers.persons import Person, Tastes

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {
    key: row[max(0, place - 1) : place] + row[place + 1 : place + 2]
    for row in _KEYS
    for place, key in enumerate(row)
}


class Typo(NamedTuple):
    """A misspelt text and the probability that it is typed instead of the correct one."""

    text: str
    chance: float


@dataclass(frozen=True, slots=True)
class QueryText:
    """A text that a person may type for a need.

    Attributes:
        text: in lower case.
        need: index of the need in the shopper's needs.
        details: number of details besides the name of the product.
        liking: its base utility in logits, independent of the course of the session.
        typos: how this person misspells it.
        right: probability that it is typed correctly.
    """

    text: str
    need: int
    details: int
    liking: float
    typos: tuple[Typo, ...]
    right: float


def query_texts(
    rng: Random, person: Person, needs: Sequence[Need], coefficients: Coefficients
) -> tuple[QueryText, ...]:
    """Return every text that a person may type during a session, without duplicates."""
    tastes, texts, slips = person.tastes, coefficients.texts, coefficients.slips
    found: dict[str, tuple[int, int, float]] = {}
    for index, need in enumerate(needs):
        names = [need.kind.name, *need.kind.words[:3]]
        # People have their own word for a thing: a preference fixed for the session.
        liking = {
            name: texts.name * (place == 0) + rng.gauss(0, texts.own_word) for place, name in enumerate(names)
        }
        usual = max(names, key=lambda name: liking[name])
        for name in names:
            forms = _forms(need, name, tastes, texts, short=name != usual or len(needs) > 1)
            for details, extra, form in forms:
                worth = liking[name] + extra + texts.detail * tastes.detail * details
                found.setdefault(" ".join(form.lower().split()), (index, details, worth))
    taken = set(found)
    made: list[QueryText] = []
    for text, (index, details, worth) in found.items():
        typos = _typos(text, person, slips, taken)
        right = 1 - sum(typo.chance for typo in typos)
        made.append(QueryText(text, index, details, worth, typos, right))
    return tuple(made)


def _forms(
    need: Need, name: str, tastes: Tastes, texts: QueryCoefficients, *, short: bool
) -> Iterator[tuple[int, float, str]]:
    """For each wording: number of details, utility of these details, and text."""
    yield 0, 0.0, name
    front: list[tuple[float, str]] = [(texts.feature, feature) for feature in need.features]
    if need.brand:
        front.append((texts.brand * tastes.brand, need.brand))
    if need.colour:
        front.append((texts.colour, need.colour))
    yield from ((1, extra, f"{word} {name}") for extra, word in front)
    if short:
        return
    for first in range(len(front)):
        for second in range(first):
            yield 2, front[first][0] + front[second][0], f"{front[first][1]} {front[second][1]} {name}"
    yield 1, texts.use, f"{name} for {need.use}"
    for word, taste, weight in (("cheap", tastes.price, texts.cheap), ("best", tastes.rating, texts.best)):
        if taste > BOUNDS.minding:
            yield 1, weight * (taste - BOUNDS.meaning), f"{word} {name}"
    if need.size:
        yield 1, texts.colour, f"{name} {need.size}"


def _typos(text: str, person: Person, slips: SlipCoefficients, taken: set[str]) -> tuple[Typo, ...]:
    """The misspellings that this person is prone to: one of each type, each at its own position.

    Types: two letters swapped, one omitted, one doubled, a neighbouring key; never a word's first letter.
    Texts in `taken` (other wordings and their misspellings) are skipped; new ones are added to `taken`.
    """
    chance = min(slips.typo_most, person.tastes.typo_rate * len(text) / slips.typo_letters)
    places = [place for place in range(1, len(text) - 1) if text[place - 1 : place + 2].isalpha()]
    variants: list[str] = []
    for number, sort in enumerate(("swap", "drop", "double", "key")):
        if places:
            draw = crc32(f"{person.user_id}:{sort}:{text}".encode())
            variant = _misspelt(text, places[draw % len(places)], number, draw)
            if variant not in taken:
                variants.append(variant)
                taken.add(variant)
    return tuple(Typo(variant, chance / len(variants)) for variant in variants)


def _misspelt(text: str, place: int, sort: int, draw: int) -> str:
    before, here, after = text[:place], text[place], text[place + 1 :]
    if sort == 0:
        return before + after[0] + here + after[1:]
    if sort == 1:
        return before + after
    if sort == 2:
        return before + here + here + after
    beside = _BESIDE.get(here, here)
    return before + beside[(draw >> 16) % len(beside)] + after
