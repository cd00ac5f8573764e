"""The nouns, frozen. Imports nothing of ours."""

from facsim.schema.action import ACTION_TYPES, Action, ActionType
from facsim.schema.errors import ConfigError, FacsimError, InputError
from facsim.schema.page import TYPABLE_ROLES, Element, Line, Outline, Page
from facsim.schema.plain import plain
from facsim.schema.prediction import ParseLevel, PastStep, Prediction, SessionSoFar, Usage
from facsim.schema.progress import Progress, no_progress
from facsim.schema.session import Outcome, RationaleSource, Session, Step, Truth

__all__ = [
    "ACTION_TYPES",
    "TYPABLE_ROLES",
    "Action",
    "ActionType",
    "ConfigError",
    "Element",
    "FacsimError",
    "InputError",
    "Line",
    "Outcome",
    "Outline",
    "Page",
    "ParseLevel",
    "PastStep",
    "Prediction",
    "Progress",
    "RationaleSource",
    "Session",
    "SessionSoFar",
    "Step",
    "Truth",
    "Usage",
    "no_progress",
    "plain",
]
