"""From choices to actions: what is recorded of a step whose probabilities are known.

A choice says which act of a view is done; an action says the same by the name of an element, as predictors
do. This is the one place where the two meet, for sampling and for the oracle alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facsim.schema import Action, Truth
from facsim.shop.shoppers import Choice


@dataclass(frozen=True)
class Chances:
    """All actions that a shopper may take on a page, in document order, leaving last.

    Attributes:
        choices: by action.
    """

    choices: Mapping[Action, Choice]

    @classmethod
    def of(cls, choices: Sequence[Choice], names: Sequence[str]) -> Chances:
        """The actions of a view's choices.

        Args:
            choices: no two of the same act and text.
            names: for each act of the view, the name of its element.
        """
        in_order = sorted(choices, key=lambda choice: len(names) if choice.act is None else choice.act)
        by_action = {action_of(choice, names): choice for choice in in_order}
        assert len(by_action) == len(choices), "two choices are one action"
        return cls(by_action)

    @property
    def probabilities(self) -> dict[Action, float]:
        """The probability of each action."""
        return {action: choice.probability for action, choice in self.choices.items()}

    @property
    def best(self) -> Action:
        """The most probable action; of equally probable ones the first."""
        return max(self.choices, key=lambda action: self.choices[action].probability)

    def truth(self, taken: Action) -> Truth:
        """What is recorded when this action is taken."""
        best = self.best
        return Truth(
            probability=self.choices[taken].probability,
            best_probability=self.choices[best].probability,
            best=best,
            entropy=entropy([choice.probability for choice in self.choices.values()]),
        )


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
    return -math.fsum(p * math.log(p) for p in probabilities if p > 0)
