"""Draws actions from predicted probabilities with common random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from facsim.rollout.web_environment import DrawOrder
from facsim.schema import Action, Truth
from facsim.shop.action_distribution import entropy
from facsim.shop.simulation import place_of

_ROUNDING: Final = 1e-9


class ActionDraw:
    """The random numbers of one session: two per draw.

    The first decides the group of the action, the second the action in that group. Both go by position in an
    order that does not depend on the layout of the page, so sessions of one person in two designs differ
    only where the designs cause it (common random numbers, as in `facsim.shop.simulation`).

    Args:
        seed: seed of the rollout.
        key: of the session; see `SimulatedPerson.draw_key`.
    """

    def __init__(self, seed: int, key: str) -> None:
        # The seed text of `facsim.shop.simulation.CommonRandomNumbers`: a rollout of the shoppers' own policy
        # gives the sessions that `facsim shop sample` gives.
        self._random = Random(f"choices:{seed}:{key}")  # noqa: S311

    def skip(self) -> None:
        """Use up the numbers of one draw, whose result is known."""
        self._random.random()
        self._random.random()

    def draw(self, probabilities: Mapping[Action, float], order: Callable[[Action], DrawOrder]) -> Action:
        """Draw an action. Probabilities need not sum to one: the rest is spread in proportion.

        Args:
            probabilities: not all zero, none negative.
            order: the place of each action.
        """
        first, second = self._random.random(), self._random.random()
        groups: dict[int, list[tuple[tuple[object, ...], float, Action]]] = {}
        for action, probability in probabilities.items():
            group, key = order(action)
            groups.setdefault(group, []).append((key, probability, action))
        ordered = [groups[group] for group in sorted(groups)]
        chosen = ordered[place_of(first, [sum([row[1] for row in rows]) for rows in ordered])]
        if len(chosen) > 1:
            chosen.sort(key=_key)
        return chosen[place_of(second, [row[1] for row in chosen])][2]


def _key(row: tuple[tuple[object, ...], float, Action]) -> tuple[object, ...]:
    return row[0]


def is_distribution(probabilities: Mapping[Action, float] | None) -> bool:
    """Whether actions can be drawn from these probabilities."""
    if not probabilities:
        return False
    values = probabilities.values()
    return all(0 <= value < math.inf for value in values) and sum(values) > 0


def truth_of_draw(action: Action, probabilities: Mapping[Action, float]) -> Truth:
    """The true probabilities of a step whose action was drawn from a prediction."""
    total = math.fsum(probabilities.values())
    if abs(total - 1) > _ROUNDING:
        probabilities = {one: probability / total for one, probability in probabilities.items()}
    best = max(probabilities, key=probabilities.__getitem__)
    return Truth(
        probability=probabilities[action],
        best_probability=probabilities[best],
        best=best,
        entropy=entropy(list(probabilities.values())),
    )
