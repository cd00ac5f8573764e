"""From choices to actions, and the recorded truth of a step with known probabilities.

A choice refers to an action of a page view by index; an `Action` refers to an element by name, as
predictors do. Sampling and the oracle both convert between the two here.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facsim.schema import Action, Truth
from facsim.shop.shoppers import Choice


@dataclass(frozen=True)
class ActionDistribution:
    """The probability of every action on a page, in document order, leaving last.

    Attributes:
        choices: by action.
        best: the most probable action; of equally probable ones the first on the page.
    """

    choices: Mapping[Action, Choice]
    best: Action

    @classmethod
    def of(cls, choices: Sequence[Choice], names: Sequence[str]) -> ActionDistribution:
        """The actions of a view's choices.

        Args:
            choices: no two of the same action and text.
            names: for each action of the view, the name of its element.
        """
        by_action = {action_of(choice, names): choice for choice in sorted(choices, key=_place)}
        assert len(by_action) == len(choices), "two choices are the same action"
        return cls(by_action, action_of(_best(choices), names))

    @property
    def probabilities(self) -> dict[Action, float]:
        """The probability of each action."""
        return {action: choice.probability for action, choice in self.choices.items()}


def truth_of(taken: Choice, choices: Sequence[Choice], names: Sequence[str]) -> Truth:
    """The recorded truth of a step at which one of the choices was taken.

    Args:
        taken: the choice made.
        choices: every choice of the page.
        names: for each action of the view, the name of its element.
    """
    best = _best(choices)
    return Truth(
        probability=taken.probability,
        best_probability=best.probability,
        best=action_of(best, names),
        entropy=entropy([choice.probability for choice in choices]),
    )


def _best(choices: Sequence[Choice]) -> Choice:
    highest = max([choice.probability for choice in choices])
    return min([choice for choice in choices if choice.probability == highest], key=_place)


def _place(choice: Choice) -> int:
    """Place on the page; leaving comes last."""
    return sys.maxsize if choice.action_index is None else choice.action_index


def action_of(choice: Choice, names: Sequence[str]) -> Action:
    """The action of a choice, on a page whose elements have these names."""
    if choice.action_index is None:
        return Action.terminate()
    name = names[choice.action_index]
    return Action.click(name) if choice.text is None else Action.type_and_submit(name, choice.text)


def entropy(probabilities: Sequence[float]) -> float:
    """Entropy of a distribution, in nats. Impossible events add nothing.

    >>> round(entropy([0.5, 0.5, 0.0]), 4)
    0.6931
    """
    log = math.log
    return -math.fsum([p * log(p) for p in probabilities if p > 0])
