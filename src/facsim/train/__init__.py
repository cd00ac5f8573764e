"""Fine-tune models on what people did: examples with loss masks, training, a report of what was learned.

Importing this package does not load torch.
"""

from facsim.train.check import TrainingCheck, check_training
from facsim.train.config import PRESETS, SftConfig
from facsim.train.report import TrainingReport
from facsim.train.sft import train_sft
from facsim.train.stop_signals import TrainingInterrupted

__all__ = [
    "PRESETS",
    "SftConfig",
    "TrainingCheck",
    "TrainingInterrupted",
    "TrainingReport",
    "check_training",
    "train_sft",
]
