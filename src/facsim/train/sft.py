"""`train_sft`: supervised fine-tuning of a model on the sessions of a data set."""

from __future__ import annotations

from facsim.train.config import SftConfig
from facsim.train.report import TrainingReport
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress


def train_sft(
    config: SftConfig,
    *,
    resume: bool = False,
    progress: Progress = no_progress,
    on: str | None = None,
    workers: int | None = None,
) -> TrainingReport:
    """Fine-tune a model on the train part of a data set, with whole sessions as examples.

    The validation part is scored during training, and the weights that predict it best are kept. Afterwards
    the folder `config.out` contains a plain transformers checkpoint, `facsim.json` (how to prompt it),
    `README.md` (a model card), `training.json`, `training.svg` and `training.png`.

    May be run by several processes (`accelerate launch`); all return the report.

    Args:
        config: data, model, recipe.
        resume: continue a training that was stopped or killed; starts it if there is none.
        progress: called with sessions while these are read, then with examples, loss and accuracy.
        on: `ray` or `ray://HOST:PORT`: train in several processes of a Ray cluster.
        workers: their number. Default: all GPUs of the cluster; without any, one process per node.

    Raises:
        ConfigError: if model, data and settings do not fit each other, or `out` is not empty.
        InputError: if the data would teach nothing or the wrong thing, or test sessions would be trained on.
        FacsimError: if the loss becomes NaN or infinite, or the disk is full. The last checkpoint is intact.
        TrainingInterrupted: after SIGINT or SIGTERM. Everything up to the last step is saved.
    """
    try:
        import accelerate  # noqa: F401, PLC0415 - an extra
        import trl  # noqa: F401, PLC0415
    except ImportError as error:
        raise ConfigError(
            f"training needs the package {error.name}. Install it: pip install 'facsim[train]'"
        ) from None
    if on is not None:
        from facsim.train.ray_training import train_on_ray  # noqa: PLC0415 - needed for clusters only

        return train_on_ray(config, on, workers=workers, resume=resume, progress=progress)
    if workers is not None:
        raise ConfigError("workers: only on a cluster (--on ray). On one machine, use accelerate launch")
    from facsim.train.sft_run import SftRun  # noqa: PLC0415 - loads torch

    return SftRun(config, progress).run(resume=resume)
