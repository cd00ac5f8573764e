"""Models fine-tuned on what people did: rows with loss masks, training, what was learned.

Nothing here loads torch before it is called.
"""

from facsim.train.check import TrainingCheck, check_training
from facsim.train.config import PRESETS, SftConfig
from facsim.train.report import TrainingReport
from facsim.train.sft import TrainingInterrupted, train_sft

__all__ = [
    "PRESETS",
    "SftConfig",
    "TrainingCheck",
    "TrainingInterrupted",
    "TrainingReport",
    "check_training",
    "train_sft",
]
