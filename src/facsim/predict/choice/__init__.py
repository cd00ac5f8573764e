"""The choice model: which of the elements on the page a person acts on next."""

from facsim.predict.choice.model import ChoiceModel, ChoicePredictor

__all__ = ["ChoiceModel", "ChoicePredictor"]
