"""The probability of every choice a shopper has on a page: a nested logit with slips and typos.

With nests (aims) n, their options i, utilities V_n and u_i, and an aim's dissimilarity s_n:

    P(i | n)  = exp(u_i / s_n) / sum over j in n of exp(u_j / s_n)
    P(n)      = exp(c (V_n + I_n)) / sum over aims m of exp(c (V_m + I_m))
    I_n       = s_n log(sum over j in n of exp(u_j / s_n)), or 0 where the options do not make the aim
    intended  = P(n) P(i | n)
    P         = (1 - e) intended + e slipped

A slip (e) at a product lands on a neighbouring product; any other slip lands on any action of the page. Typed
text goes through the person's misspellings (`queries`). `docs/internals/shoppers.md` explains the model; the
numbers are in `coefficients`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from facsim.shop.shoppers.aims import nests
from facsim.shop.shoppers.appeal import JudgementCache
from facsim.shop.shoppers.coefficients import COEFFICIENTS, Coefficients
from facsim.shop.shoppers.memory import Choice, Memory
from facsim.shop.shoppers.nested_logit import Nest, Option
from facsim.shop.shoppers.population import Shopper
from facsim.shop.shoppers.queries import QueryText
from facsim.shop.shoppers.shopper_situation import perceive
from facsim.shop.storefront.views import PageAction, PageView

_SLIP: Mapping[str, float] = {"slip": 1.0}

_Intended = tuple[Nest, list[float]]
"""An aim, and the probability that each of its options is intended."""

_new = tuple.__new__
"""`_new(Choice, fields)` equals `Choice(*fields)` at half the cost; a page has over a hundred choices."""


class Policy:
    """How shoppers choose. It has no catalogue: a choice depends only on page, memory and shopper."""

    def __init__(self, coefficients: Coefficients = COEFFICIENTS) -> None:
        self.coefficients = coefficients

    def choices(
        self, view: PageView, memory: Memory, shopper: Shopper, judgements: JudgementCache | None = None
    ) -> tuple[Choice, ...]:
        """Return every possible choice on a page, with probabilities that sum to 1.

        Every action of the page, every text that the shopper may type, and leaving have a positive
        probability. Pure: the same arguments give the same result, whatever `judgements` has cached.
        """
        judgements = judgements or JudgementCache(shopper, self.coefficients)
        situation = perceive(view, memory, judgements, self.coefficients)
        intended = _intended(nests(situation), self.coefficients.sharpness)
        slipped = self._slipped(view.actions, intended)
        will = 1.0 - self.coefficients.slips.share if slipped else 1.0
        rivals = _Rivals(intended)
        found: list[Choice] = []
        done: set[int] = set()
        for nest, chances in intended:
            aim, terms = nest.aim, nest.terms
            for option, chance in zip(nest.options, chances, strict=True):
                probability = will * chance
                against = rivals.of(nest, option)
                if option.query_text is not None:
                    found += _typed(
                        option, option.query_text, probability, {**terms, **option.terms}, against
                    )
                    continue
                if option.action_index is not None:
                    slip = slipped[option.action_index]
                    done.add(option.action_index)
                    if slip > probability:
                        choice = (
                            option.action_index,
                            None,
                            probability + slip,
                            _SLIP,
                            "slip",
                            None,
                            None,
                            against,
                        )
                        found.append(_new(Choice, choice))
                        continue
                    probability += slip
                both = {**terms, **option.terms} if option.terms else terms
                found.append(
                    _new(Choice, (option.action_index, None, probability, both, aim, None, None, against))
                )
        found += [
            Choice(index, None, slip, _SLIP, "slip") for index, slip in slipped.items() if index not in done
        ]
        return tuple(found)

    def _slipped(self, actions: Sequence[PageAction], intended: Sequence[_Intended]) -> dict[int, float]:
        """Probability of each action by a slip. Typing never results from a slip, and leaving never slips."""
        slips = self.coefficients.slips
        found = {
            index: 0.0
            for index, action in enumerate(actions)
            if action.kind != "search" or action.part == "button"
        }
        if not found:
            return found
        near = 0.0
        looks = next((pair for pair in intended if pair[0].aim == "look"), None)
        if looks is not None and len(looks[1]) > 1:
            share = slips.share * slips.neighbour
            for row in _rows(actions, *looks):
                last = len(row) - 1
                for place, (chance, _) in enumerate(row):
                    beside = [row[other][1] for other in (place - 1, place + 1) if 0 <= other <= last]
                    for action in beside:
                        found[action] += share * chance / len(beside)
                    near += share * chance * bool(beside)
        rest = (slips.share - near) / len(found)
        return {index: slip + rest for index, slip in found.items()}


def _rows(
    actions: Sequence[PageAction], looks: Nest, chances: Sequence[float]
) -> list[list[tuple[float, int]]]:
    """Product actions by part of the page: neighbours in a row are adjacent on the screen."""
    rows: dict[str, list[tuple[float, int]]] = {}
    for option, chance in zip(looks.options, chances, strict=True):
        if option.action_index is not None:
            rows.setdefault(actions[option.action_index].part, []).append((chance, option.action_index))
    return list(rows.values())


def _intended(found: Sequence[Nest], sharpness: float) -> list[_Intended]:
    """Probabilities of all options under the nested logit."""
    exp = math.exp
    values: list[float] = []
    within: list[list[float]] = []
    for nest in found:
        scale = nest.scale
        utilities = [sum(option.terms.values()) / scale for option in nest.options]
        top = max(utilities)
        weights = [exp(utility - top) for utility in utilities]
        total = sum(weights)
        within.append([weight / total for weight in weights])
        inclusive = scale * (top + math.log(total)) if nest.inclusive else 0.0
        values.append(sharpness * (sum(nest.terms.values()) + inclusive))
    top = max(values)
    weights = [exp(value - top) for value in values]
    total = sum(weights)
    return [
        (nest, [weight / total * share for share in shares])
        for weight, nest, shares in zip(weights, found, within, strict=True)
    ]


class _Rivals:
    """The most probable alternative to each option: another product, or an option of another aim."""

    def __init__(self, intended: Sequence[_Intended]) -> None:
        best: dict[str | int | None, tuple[float, Nest, Option]] = {}
        for nest, chances in intended:
            if nest.aim != "look":
                # Another wording of the query or another filter value does not count as an alternative.
                chance = max(chances)
                best[nest.aim] = (chance, nest, nest.options[chances.index(chance)])
                continue
            for option, chance in zip(nest.options, chances, strict=True):
                before = best.get(option.subject)
                if before is None or chance > before[0]:
                    best[option.subject] = (chance, nest, option)
        first, *others = sorted(best.items(), key=lambda pair: -pair[1][0])
        self._first_key = first[0]
        self._first = {**first[1][1].terms, **first[1][2].terms}
        self._second = {**others[0][1][1].terms, **others[0][1][2].terms} if others else {}

    def of(self, nest: Nest, option: Option) -> Mapping[str, float]:
        """Terms of the most probable alternative to an option."""
        key = option.subject if nest.aim == "look" else nest.aim
        return self._second if key == self._first_key else self._first


def _typed(
    option: Option,
    query_text: QueryText,
    probability: float,
    terms: Mapping[str, float],
    against: Mapping[str, float],
) -> Iterator[Choice]:
    """Choices for typing a text: correctly, and with each of this person's misspellings."""
    action, meant, need = option.action_index, query_text.text, query_text.need
    yield _new(Choice, (action, meant, probability * query_text.right, terms, "search", meant, need, against))
    for text, chance in query_text.typos:
        yield _new(Choice, (action, text, probability * chance, terms, "search", meant, need, against))
