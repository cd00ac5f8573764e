"""Predictors: baselines, choice models, LLM endpoints and local checkpoints behind one protocol."""

from facsim.predict.protocol import Predictor, Trainable
from facsim.predict.registry import BASELINES, ORACLE, SPEC_FORMS, load_predictor

__all__ = ["BASELINES", "ORACLE", "SPEC_FORMS", "Predictor", "Trainable", "load_predictor"]
