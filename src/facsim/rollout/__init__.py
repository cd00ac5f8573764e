"""The closed loop: a predictor shops by itself, and its sessions become a data set."""

from facsim.rollout.browser_pool import BrowserOptions
from facsim.rollout.people import SimulatedPerson
from facsim.rollout.rollout import is_address, load_ready_predictor, rollout
from facsim.rollout.rollout_data import Rollout
from facsim.rollout.rollout_runner import RolloutInterrupted

__all__ = [
    "BrowserOptions",
    "Rollout",
    "RolloutInterrupted",
    "SimulatedPerson",
    "is_address",
    "load_ready_predictor",
    "rollout",
]
