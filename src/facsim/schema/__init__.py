"""Frozen dataclasses for actions, pages, sessions and predictions. Imports no other Facsim package."""

from facsim.schema.action import ACTION_TYPES, MASKED_TEXT, Action, ActionType
from facsim.schema.page import TYPABLE_ROLES, Element, Outline, OutlineLine, Page
from facsim.schema.prediction import ParseLevel, PastStep, Prediction, SessionSoFar, Usage
from facsim.schema.session import Outcome, RationaleSource, Session, Step, Truth

__all__ = [
    "ACTION_TYPES",
    "MASKED_TEXT",
    "TYPABLE_ROLES",
    "Action",
    "ActionType",
    "Element",
    "Outcome",
    "Outline",
    "OutlineLine",
    "Page",
    "ParseLevel",
    "PastStep",
    "Prediction",
    "RationaleSource",
    "Session",
    "SessionSoFar",
    "Step",
    "Truth",
    "Usage",
]
