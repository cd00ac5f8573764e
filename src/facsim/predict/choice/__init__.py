"""The choice model: a conditional logit over the elements of the current page."""

from facsim.predict.choice.model import ChoiceModel, ChoicePredictor

__all__ = ["ChoiceModel", "ChoicePredictor"]
