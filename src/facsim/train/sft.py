"""`train_sft`: from a data set and a model to a checkpoint that acts more like people."""

from __future__ import annotations

from pathlib import Path

from facsim.train.config import SftConfig
from facsim.train.report import TrainingReport
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress


class TrainingInterrupted(KeyboardInterrupt):
    """A signal stopped a training; what was done is on disk."""

    def __init__(self, out: Path, step: int, steps: int) -> None:
        self.out, self.step, self.steps = out, step, steps
        super().__init__(
            f"stopped after step {step} of {steps}, which is saved in {out}. Run the same command again with "
            "--resume to go on"
        )


def train_sft(config: SftConfig, *, resume: bool = False, progress: Progress = no_progress) -> TrainingReport:
    """Fine-tune a model on the train part of a data set, whole sessions as sequences.

    The validation part is scored as training goes on, and the weights that predict it best are kept. The
    folder `config.out` then holds a plain transformers checkpoint, `facsim.json` (how it is to be prompted),
    `README.md` (a model card), `training.json`, `training.svg` and `training.png`.

    May be run by several processes (`accelerate launch`); all return the report.

    Args:
        config: what to do.
        resume: go on with a training that was stopped or killed; starts it if there is none.
        progress: told about sessions while these are read, then about sequences, with loss and accuracy.

    Raises:
        ConfigError: if the model, the data or the settings do not fit each other, or `out` holds something.
        InputError: if the data would teach nothing, or not what it should, or tests would be of what was
            learned.
        FacsimError: if the loss is no number any more, or the disk is full. The last checkpoint is whole.
        TrainingInterrupted: after SIGINT or SIGTERM. Everything up to the last step is saved.
    """
    try:
        import accelerate  # noqa: F401, PLC0415 - an extra
        import trl  # noqa: F401, PLC0415
    except ImportError as error:
        raise ConfigError(
            f"training needs the package {error.name}. Install it: pip install 'facsim[train]'"
        ) from None
    from facsim.train.sft_run import Course  # noqa: PLC0415 - torch comes with it

    return Course(config, progress).run(resume=resume)
