"""The probabilities of everything that a shopper may do on a page: a nested logit with slips and typos.

With nests (aims) n, their options i, utilities V_n and u_i, and an aim's dissimilarity s_n:

    P(i | n)  = exp(u_i / s_n) / sum over j in n of exp(u_j / s_n)
    P(n)      = exp(c (V_n + I_n)) / sum over aims m of exp(c (V_m + I_m))
    I_n       = s_n log(sum over j in n of exp(u_j / s_n)), or 0 where the options do not make the aim
    intended  = P(n) P(i | n)
    P         = (1 - e) intended + e slipped

A slip (e) at a product lands on a neighbouring one of the page, any other on any act. What is typed goes
through the person's misspellings (`queries`). `docs/shoppers.md` explains it, `coefficients` has the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from facsim.shop.shoppers.aims import nests
from facsim.shop.shoppers.coefficients import COEFFICIENTS, Coefficients
from facsim.shop.shoppers.memory import Choice, Memory
from facsim.shop.shoppers.nest import Nest, Option
from facsim.shop.shoppers.people import Shopper
from facsim.shop.shoppers.queries import Wording
from facsim.shop.shoppers.scene import see
from facsim.shop.storefront.views import Act, View

_SLIP: Mapping[str, float] = {"slip": 1.0}


class Policy:
    """How shoppers choose. It knows no catalogue: a choice depends on page, memory and shopper alone."""

    def __init__(self, coefficients: Coefficients = COEFFICIENTS) -> None:
        self.coefficients = coefficients

    def choices(self, view: View, memory: Memory, shopper: Shopper) -> tuple[Choice, ...]:
        """Everything that can be done on a page, with probabilities that sum to 1.

        Every act of the page, every text that the shopper may type and leaving have a positive one. Pure: the
        same arguments give the same result.
        """
        scene = see(view, memory, shopper, self.coefficients)
        intended = _intended(nests(scene), self.coefficients.sharpness)
        slipped = self._slipped(view.acts, intended)
        will = 1.0 - self.coefficients.slips.share if slipped else 1.0
        rivals = _Rivals(intended)
        found: list[Choice] = []
        done: set[int] = set()
        for chance, nest, option in intended:
            terms: Mapping[str, float] = {**nest.terms, **option.terms}
            against = rivals.of(nest, option)
            probability = will * chance
            if option.wording is not None:
                found += _typed(option.act, option.wording, probability, terms, against)
                continue
            aim: str = nest.aim
            if option.act is not None:
                slip = slipped[option.act]
                done.add(option.act)
                probability += slip
                if slip > will * chance:
                    aim, terms = "slip", _SLIP
            found.append(Choice(option.act, None, probability, terms, aim, None, None, against))
        found += [
            Choice(index, None, slip, _SLIP, "slip") for index, slip in slipped.items() if index not in done
        ]
        return tuple(found)

    def _slipped(
        self, acts: Sequence[Act], intended: Sequence[tuple[float, Nest, Option]]
    ) -> dict[int, float]:
        """Probability that each act happens by a slip. Typing is no slip, and leaving does not slip."""
        slips = self.coefficients.slips
        clickable = [index for index, act in enumerate(acts) if act.kind != "search" or act.part == "button"]
        if not clickable:
            return {}
        found = dict.fromkeys(clickable, 0.0)
        cards = [(chance, option.act) for chance, nest, option in intended if nest.aim == "look"]
        near = 0.0
        if len(cards) > 1:
            share = slips.share * slips.neighbour
            by_part = _parts(acts, cards)
            for row in by_part:
                for place, (chance, _) in enumerate(row):
                    beside = [row[other][1] for other in (place - 1, place + 1) if 0 <= other < len(row)]
                    for act in beside:
                        found[act] += share * chance / len(beside)
                    near += share * chance * bool(beside)
        rest = (slips.share - near) / len(clickable)
        return {index: slip + rest for index, slip in found.items()}


def _parts(acts: Sequence[Act], cards: Sequence[tuple[float, int | None]]) -> list[list[tuple[float, int]]]:
    """Product acts in rows of the same part of the page: neighbours in a row are neighbours on the screen."""
    rows: dict[str, list[tuple[float, int]]] = {}
    for chance, act in cards:
        if act is not None:
            rows.setdefault(acts[act].part, []).append((chance, act))
    return list(rows.values())


def _intended(found: Sequence[Nest], sharpness: float) -> list[tuple[float, Nest, Option]]:
    """The nested logit."""
    exp = math.exp
    values: list[float] = []
    within: list[list[float]] = []
    for nest in found:
        utilities = [sum(option.terms.values()) / nest.scale for option in nest.options]
        top = max(utilities)
        weights = [exp(utility - top) for utility in utilities]
        total = sum(weights)
        within.append([weight / total for weight in weights])
        inclusive = nest.scale * (top + math.log(total)) if nest.inclusive else 0.0
        values.append(sharpness * (sum(nest.terms.values()) + inclusive))
    top = max(values)
    weights = [exp(value - top) for value in values]
    total = sum(weights)
    return [
        (weight / total * share, nest, option)
        for weight, nest, shares in zip(weights, found, within, strict=True)
        for share, option in zip(shares, nest.options, strict=True)
    ]


class _Rivals:
    """The most probable other thing to do, for each option: another product, or something of another aim."""

    def __init__(self, intended: Sequence[tuple[float, Nest, Option]]) -> None:
        best: dict[str | int | None, tuple[float, Nest, Option]] = {}
        for item in intended:
            # Rival wordings of a query or values of a filter are no other thing to do.
            key = item[2].subject if item[1].aim == "look" else item[1].aim
            before = best.get(key)
            if before is None or item[0] > before[0]:
                best[key] = item
        first, *others = sorted(best.items(), key=lambda pair: -pair[1][0])
        self._first_key = first[0]
        self._first = {**first[1][1].terms, **first[1][2].terms}
        self._second = {**others[0][1][1].terms, **others[0][1][2].terms} if others else {}

    def of(self, nest: Nest, option: Option) -> Mapping[str, float]:
        """Terms of an option's rival."""
        key = option.subject if nest.aim == "look" else nest.aim
        return self._second if key == self._first_key else self._first


def _typed(
    act: int | None,
    wording: Wording,
    probability: float,
    terms: Mapping[str, float],
    against: Mapping[str, float],
) -> list[Choice]:
    """A wording as typed: right, or as this person misspells it."""
    meant, need = wording.text, wording.need
    typed = [Choice(act, meant, probability * wording.right, terms, "search", meant, need, against)]
    typed += [
        Choice(act, text, probability * chance, terms, "search", meant, need, against)
        for text, chance in wording.typos
    ]
    return typed
