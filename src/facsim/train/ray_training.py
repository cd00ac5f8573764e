"""Training on a Ray cluster: Ray Train starts the processes, each trains.

What processes share is the folder of the training, on a disk that all nodes see. After a lost process or
node, Ray starts all processes again, and they continue from the last checkpoint there.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from facsim.lm.checkpoint_files import weight_files
from facsim.lm.locate import find_checkpoint
from facsim.train.config import SftConfig
from facsim.train.launch import fsdp_environment
from facsim.train.report import TrainingReport
from facsim.train.sft_run import SftRun
from facsim.train.training_folder import TrainingFolder
from facsim.util.errors import ConfigError, FacsimError
from facsim.util.progress import Progress
from facsim.util.ray_cluster import RayCluster
from facsim.util.store_addresses import as_url, require_folder

RESTARTS: Final = 3
"""How often all processes are started again after one was lost."""


def train_on_ray(
    config: SftConfig, on: str, *, workers: int | None, resume: bool, progress: Progress
) -> TrainingReport:
    """Fine-tune a model in several processes of a Ray cluster: see `facsim.train.train_sft`.

    Args:
        config: data, model, recipe.
        on: which cluster (`RayCluster`).
        workers: processes, one GPU each where the cluster has any, otherwise one CPU core each. Default: all
            GPUs; without any, one process per node.
        resume: continue a training in the folder.
        progress: called as in one process.

    Raises:
        ConfigError: if `workers` is not positive, the cluster has too few GPUs or cores, or a node does not
            see data, model or `out`.
        FacsimError: if processes are lost more than `RESTARTS` times, or the training fails in them.
    """
    require_folder(config.out, "a training is written")
    if workers is not None and workers < 1:
        raise ConfigError(f"workers {workers}: expected 1 or more")
    here = _absolute(config)
    if resume and TrainingFolder(here.out).is_done:
        return SftRun(here, progress).run(resume=True)
    with RayCluster(on) as cluster:
        uses_gpus = cluster.gpus > 0 and not config.cpu
        count = workers or (cluster.gpus if uses_gpus else len(cluster.nodes))
        room = cluster.gpus if uses_gpus else cluster.cpus
        if count > room:
            unit = "GPUs" if uses_gpus else "CPU cores"
            raise ConfigError(
                f"{count} workers need as many {unit}: the cluster has {room} ({cluster.describe()})"
            )
        files = [] if as_url(here.data) else [here.data / "card.json", *here.data.glob("*.parquet")]
        cluster.check_files([*files, *weight_files(find_checkpoint(here.model))])
        cluster.check_shared(here.out.parent)
        with TrainingFolder(here.out).held(resume=resume):
            pass  # refused here, before any process starts
        environment = fsdp_environment() if uses_gpus and count > 1 else {}
        _fit(here, count, environment, progress, uses_gpus=uses_gpus)
    return TrainingReport.read(here.out)


def _fit(
    config: SftConfig, workers: int, environment: Mapping[str, str], progress: Progress, *, uses_gpus: bool
) -> None:
    from ray.train import (  # noqa: PLC0415 - optional and slow to import
        FailureConfig,
        RunConfig,
        ScalingConfig,
        TrainingFailedError,
    )
    from ray.train.torch import TorchTrainer  # noqa: PLC0415

    state = config.out.with_name(f".{config.out.name}.ray")  # what Ray Train notes about its processes
    with _reports(progress) as queue:
        trainer = TorchTrainer(
            _train,
            train_loop_config={
                "config": config.model_dump(mode="json"),
                "environment": dict(environment),
                "queue": queue,
            },
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=uses_gpus),
            run_config=RunConfig(
                name="training", storage_path=str(state), failure_config=FailureConfig(max_failures=RESTARTS)
            ),
        )
        try:
            trainer.fit()
        except TrainingFailedError as error:
            raise FacsimError(
                f"the training failed on the cluster: {_reason(error)}. What was saved is in {config.out}. "
                "Run the same command again with --resume to go on"
            ) from None
        finally:
            shutil.rmtree(state, ignore_errors=True)


def _train(settings: dict[str, Any]) -> None:
    """What every process runs."""
    os.environ.update(settings["environment"])
    is_main = os.environ.get("RANK", "0") == "0"

    def progress(done: int, total: int | None, note: str = "") -> None:
        if is_main:
            settings["queue"].actor.put_nowait.remote((done, total, note))  # not waited for

    SftRun(SftConfig.model_validate(settings["config"]), progress).run(resume=True)


@contextmanager
def _reports(progress: Progress) -> Iterator[Any]:
    """A queue that processes put their progress in; it is passed on in this process."""
    from ray.util.queue import Empty, Queue  # noqa: PLC0415

    queue = Queue(actor_options={"num_cpus": 0})
    ended = threading.Event()

    def pass_on() -> None:
        while not ended.is_set():
            try:
                progress(*queue.get(timeout=1.0))
            except Empty:
                continue

    thread = threading.Thread(target=pass_on, daemon=True)
    thread.start()
    try:
        yield queue
    finally:
        ended.set()
        thread.join(5.0)
        queue.shutdown(force=True)


def _absolute(config: SftConfig) -> SftConfig:
    """The configuration with absolute paths: processes start in other folders."""
    model = Path(config.model).expanduser()
    return config.model_copy(
        update={
            "data": config.data if as_url(config.data) else config.data.absolute(),
            "out": config.out.absolute(),
            "model": str(model.absolute()) if model.is_dir() else config.model,
        }
    )


def _reason(error: BaseException) -> str:
    """The first line of what a process raised."""
    found = getattr(error, "worker_failures", None)
    cause = next(iter(found.values()), error) if found else error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
