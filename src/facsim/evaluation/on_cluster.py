"""A run on a Ray cluster: actors predict sessions and build the records, this process writes the journal.

Models behind an API are called from this process all the same. Their calls wait for a server, so one
process keeps hundreds in flight; and one process is the simplest way to keep one limit of concurrency, one
response cache and one count of failures, and to leave API keys on this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from facsim.data import DataSet, replay
from facsim.evaluation.placement import cut_into_units, gpus_needed
from facsim.evaluation.record_lines import Record
from facsim.evaluation.records import RecordBuilder
from facsim.evaluation.runner import PendingSession
from facsim.evaluation.session_worker import AssignedSession, SessionUnit, SessionWorker
from facsim.predict.local.predictor import LocalPredictor
from facsim.predict.protocol import Predictor
from facsim.schema import Prediction
from facsim.util.errors import ConfigError
from facsim.util.node_checks import ClusterNode
from facsim.util.ray_actors import ActorPool, ActorResources, FailedUnit
from facsim.util.ray_cluster import RayCluster

_CPU_HEADROOM: Final = 2.0
"""Memory that a model takes on CPUs, in multiples of its weights."""


class ClusterSessions:
    """The workers of one run. A context manager; they end on exit, and start when first needed.

    Args:
        cluster: the open connection. The sessions of a worker without an answer within its `timeout_s` are
            repeated on another, twice. Then their steps count as failed.
        data: the data set. Every node must see its folder, or reach its store.
        predictor: the predictor. Sent to the workers after it was fitted.
    """

    def __init__(self, cluster: RayCluster, data: DataSet, predictor: Predictor) -> None:
        self._cluster, self._data, self._predictor = cluster, data, predictor
        self._stack = ExitStack()
        self._pool: ActorPool[SessionUnit, list[Record]] | None = None
        self._actors = 0
        self._owed: dict[str, set[int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool = None
        self._stack.close()

    @property
    def stand_in(self) -> Predictor:
        """The predictor for `Identity.of`: a local model tells its settings from where it runs."""
        if isinstance(self._predictor, LocalPredictor):
            return _RemoteModel(self._predictor, lambda: self._started(None).ask(SessionWorker.settings))
        return self._predictor

    @property
    def nodes(self) -> tuple[ClusterNode, ...]:
        """The nodes of the cluster."""
        return self._cluster.nodes

    def records(self, pending: Iterator[PendingSession]) -> Iterator[Record | None]:
        """Yield a record for every pending step, sessions in any order. None means none yet.

        Raises:
            FacsimError: if the predictor or the cluster cannot continue.
        """
        sessions = list(pending)
        self._owed = {item.session_id: set(item.steps) for item in sessions}
        pool = self._started(len(sessions))
        # Read from the tables as workers become idle.
        waiting = (AssignedSession(self._data.session(item.session_id), item.steps) for item in sessions)
        units = cut_into_units(waiting, len(sessions), self._actors)
        for found in pool.run(units, self._remaining):
            if found is None:
                yield None
            elif isinstance(found, FailedUnit):
                yield from self._failed(found)
            else:
                for record in found:
                    if self._is_owed(record):
                        yield record

    def _started(self, sessions: int | None) -> ActorPool[SessionUnit, list[Record]]:
        """The pool; if it is first asked for settings, with as many actors as the cluster has room for."""
        if self._pool is not None:
            return self._pool
        pages, files = self._data.pages.file, []
        if isinstance(pages, Path):
            pages = pages.absolute()
            files = [self._data.path / "card.json", pages]
        else:
            self._cluster.check_remote(pages)
        predictor = self._predictor
        resources, actors = ActorResources(cpus=1), self._cluster.cpus
        if isinstance(predictor, LocalPredictor):
            from facsim.lm.checkpoint_files import weight_files  # noqa: PLC0415 - torch may be missing

            weights = weight_files(predictor.folder)
            files += weights
            resources, actors, device = place_model(
                self._cluster, sum(file.stat().st_size for file in weights), predictor.options.device
            )
            predictor = predictor.on_device(device)
        self._cluster.check_files(files)
        self._actors = max(1, min(actors, sessions if sessions is not None else actors))
        create = partial(SessionWorker, pages, predictor, RecordBuilder(self._data))
        self._pool = self._stack.enter_context(
            ActorPool(self._cluster, create, actors=self._actors, resources=resources)
        )
        return self._pool

    def _is_owed(self, record: Record) -> bool:
        """Whether a record is the first of its step; it is not owed any more."""
        steps = self._owed.get(record["session_id"], set())
        if record["step"] not in steps:
            return False
        steps.discard(record["step"])
        if not steps:
            del self._owed[record["session_id"]]
        return True

    def _remaining(self, unit: SessionUnit) -> SessionUnit | None:
        """What is still owed of a unit."""
        owed = ((item.session, self._owed.get(item.session.session_id)) for item in unit)
        return tuple(AssignedSession(session, frozenset(steps)) for session, steps in owed if steps) or None

    def _failed(self, failure: FailedUnit[SessionUnit]) -> Iterator[Record]:
        """Records of steps without an answer."""
        builder = RecordBuilder(self._data)
        prediction = Prediction(None, error=f"no worker of the cluster gave an answer ({failure.reason})")
        for item in failure.unit:
            for so_far, step in replay(self._data, item.session):
                if so_far.step in item.steps:
                    record = builder.build(item.session, so_far, step, prediction)
                    if self._is_owed(record):
                        yield record


class _RemoteModel:
    """Stands in for a local model that is loaded on a cluster only."""

    concurrency = 1

    def __init__(self, model: LocalPredictor, settings: Callable[[], Mapping[str, Any]]) -> None:
        self.spec, self.prompt, self._settings = model.spec, model.prompt, settings

    def settings(self) -> Mapping[str, Any]:
        """Everything that changes the answers, as a worker tells it."""
        return self._settings()

    async def predict(self, so_far: object) -> Prediction:
        """Not called: the workers predict."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to free."""


def place_model(cluster: RayCluster, weight_bytes: int, device: str) -> tuple[ActorResources, int, str]:
    """What an actor with a local model takes, how many there are, and the device that it uses.

    One actor takes one GPU. Without a GPU, one takes one CPU core, as many as fit in memory.

    Raises:
        ConfigError: if the model does not fit one GPU, or the cluster has no GPU and `device` asks for one.
    """
    if device == "cpu" or (device == "auto" and not cluster.gpus):
        per_node = (
            min(node.cpus, node.memory_gb * 1e9 // (_CPU_HEADROOM * max(weight_bytes, 1)))
            for node in cluster.nodes
        )
        return ActorResources(cpus=1), max(1, int(sum(per_node))), "cpu"
    if device not in ("auto", "cuda"):
        raise ConfigError(f"--device {device}: on a cluster, Ray chooses the GPU. Use cuda")
    if not cluster.gpus:
        raise ConfigError(f"--device cuda: no node of the cluster has a GPU. Nodes: {cluster.describe()}")
    memory = _gpu_memory(cluster)
    needed = gpus_needed(weight_bytes, memory)
    if needed > 1:
        raise ConfigError(
            f"the weights take {weight_bytes / 1e9:.0f} GB, a GPU of the cluster has {memory / 1e9:.0f} GB: "
            f"the model needs about {needed} GPUs. local: uses one per worker. Serve the model with vLLM "
            f"(--tensor-parallel-size {needed}) and evaluate endpoint:http://HOST:PORT/v1#MODEL"
        )
    return ActorResources(cpus=1, gpus=1), cluster.gpus, "cuda"


def _gpu_memory(cluster: RayCluster) -> int:
    """Memory of one GPU of the cluster, in bytes.

    Raises:
        ConfigError: if PyTorch sees none where Ray has one.
    """

    def total() -> int | None:
        import torch  # noqa: PLC0415

        return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None

    found: int | None = cluster.call(total, gpus=1)
    if found is None:
        raise ConfigError(
            "Ray has GPUs on this cluster, but PyTorch sees none there. Install a CUDA build of PyTorch on "
            "its nodes, or use --device cpu"
        )
    return found
