"""From choices to actions: what is recorded of a step whose probabilities are known.

A choice says which act of a view is done; an action says the same by the name of an element, as predictors
do. This is the one place where the two meet, for sampling and for the oracle alike.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facsim.schema import Action, Truth
from facsim.shop.shoppers import Choice


@dataclass(frozen=True)
class Chances:
    """All actions that a shopper may take on a page, in document order, leaving last.

    Attributes:
        choices: by action.
        best: the most probable action; of equally probable ones the first on the page.
    """

    choices: Mapping[Action, Choice]
    best: Action

    @classmethod
    def of(cls, choices: Sequence[Choice], names: Sequence[str]) -> Chances:
        """The actions of a view's choices.

        Args:
            choices: no two of the same act and text.
            names: for each act of the view, the name of its element.
        """
        by_action = {action_of(choice, names): choice for choice in sorted(choices, key=_place)}
        assert len(by_action) == len(choices), "two choices are one action"
        return cls(by_action, action_of(_best(choices), names))

    @property
    def probabilities(self) -> dict[Action, float]:
        """The probability of each action."""
        return {action: choice.probability for action, choice in self.choices.items()}


def truth_of(taken: Choice, choices: Sequence[Choice], names: Sequence[str]) -> Truth:
    """What is recorded of a step: one of the choices was taken.

    Args:
        taken: the one.
        choices: all of them.
        names: for each act of the view, the name of its element.
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
    return sys.maxsize if choice.act is None else choice.act


def action_of(choice: Choice, names: Sequence[str]) -> Action:
    """The action that a choice is, on a page whose acts have these names."""
    if choice.act is None:
        return Action.terminate()
    name = names[choice.act]
    return Action.click(name) if choice.text is None else Action.type_and_submit(name, choice.text)


def entropy(probabilities: Sequence[float]) -> float:
    """Of a distribution, in nats. What cannot happen adds nothing.

    >>> round(entropy([0.5, 0.5, 0.0]), 4)
    0.6931
    """
    log = math.log
    return -math.fsum([p * log(p) for p in probabilities if p > 0])
