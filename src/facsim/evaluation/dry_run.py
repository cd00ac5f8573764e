"""Estimates what a run would take, before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from facsim.data import DataSet, replay
from facsim.data.splits import Part, SplitBy
from facsim.evaluation.config import CaseSelection, FirstStep, count_cases
from facsim.evaluation.placement import gpus_needed, place_sessions
from facsim.predict.local.predictor import LocalPredictor
from facsim.predict.protocol import Predictor
from facsim.schema import SessionSoFar
from facsim.util.progress import Progress, no_progress

if TYPE_CHECKING:
    from facsim.lm.operations import ModelShape
    from facsim.predict.endpoint.estimate import CostEstimate
    from facsim.predict.local.estimate import LocalEstimate


@runtime_checkable
class Estimable(Protocol):
    """A predictor that can estimate what a run takes."""

    def estimate(self, steps: Iterable[SessionSoFar]) -> CostEstimate | LocalEstimate:
        """Tokens and cost, or tokens and time, for `steps`."""


GPUS: Final = (1, 8, 64)
"""Numbers of GPUs for which a placement is shown."""


@dataclass(frozen=True, slots=True)
class GpuPlacement:
    """The sessions of a run on so many GPUs, each with the model loaded.

    Attributes:
        gpus: how many.
        units: how many units of sessions they get, one at a time.
        busiest_sessions: sessions of the GPU that ends last.
        busiest_tokens: their tokens.
        share: of the rate at which all GPUs could work if none was ever idle.
        hours: until the last one ends, by arithmetic; None if the formula does not hold for the model.
    """

    gpus: int
    units: int
    busiest_sessions: int
    busiest_tokens: int
    share: float
    hours: float | None

    @property
    def gpu_hours(self) -> float | None:
        """Hours of all GPUs, idle ones included."""
        return None if self.hours is None else self.gpus * self.hours


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """What a run of a local model would take on a cluster. Arithmetic: nothing is measured.

    Attributes:
        placements: for each of `GPUS`.
        shape: of the model; None if hours cannot be computed.
        gpus_per_model: how many GPUs of 80 GB the model takes. One that takes several does not run as
            `local:`.
    """

    placements: tuple[GpuPlacement, ...]
    shape: ModelShape | None
    gpus_per_model: int


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do.

    Attributes:
        predictor: the spec string.
        cases: the selection of test cases.
        steps: number of test cases.
        sessions: number of sessions.
        estimate: tokens and cost, or tokens and time of a local model; None for a predictor without a model.
        cluster: for a local model on a cluster.
    """

    predictor: str
    cases: CaseSelection
    steps: int
    sessions: int
    estimate: CostEstimate | LocalEstimate | None
    cluster: ClusterPlan | None = None


def plan_run(
    data: DataSet | str | Path,
    predictor: Predictor,
    *,
    part: Part = "test",
    split_by: SplitBy = "user",
    seed: int = 0,
    first_step: FirstStep = "exclude",
    limit: int | None = None,
    on_cluster: bool = False,
    progress: Progress = no_progress,
) -> RunPlan:
    """What `evaluate` with these options would do.

    No endpoint is called and nothing is written. A local model is timed on a few steps; with `on_cluster`, it
    is not loaded, and its sessions are placed on GPUs. No cluster is asked.

    Raises:
        ConfigError: if the part to evaluate is empty.
    """
    data = data if isinstance(data, DataSet) else DataSet.open(data)
    cases = CaseSelection.of(
        data, part=part, split_by=split_by, seed=seed, first_step=first_step, limit=limit
    )
    selection = cases.sessions(data)
    counts = count_cases(selection, cases)
    estimate: CostEstimate | LocalEstimate | None = None
    cluster = None
    steps = _steps(selection, cases, counts.cases, progress)
    if on_cluster and isinstance(predictor, LocalPredictor):
        estimate = counted = predictor.count(steps)
        cluster = _plan_cluster(predictor, counted.lengths) if counted.lengths else None
    elif isinstance(predictor, Estimable):
        estimate = predictor.estimate(steps)
    return RunPlan(predictor.spec, cases, counts.cases, counts.sessions, estimate, cluster)


def _plan_cluster(model: LocalPredictor, lengths: Sequence[Sequence[int]]) -> ClusterPlan:
    """Place sessions on GPUs.

    Args:
        model: the model.
        lengths: tokens of the sequences of each session.
    """
    from facsim.lm.checkpoint_files import weight_files  # noqa: PLC0415 - slow to import
    from facsim.lm.operations import GPU_BYTES, gpu_hours, model_shape  # noqa: PLC0415

    shape = model_shape(model.folder)
    tokens = [sum(sequences) for sequences in lengths]
    costs: Sequence[float] = tokens
    if shape is not None:
        costs = [sum(map(shape.forward_operations, sequences)) for sequences in lengths]
    placements = []
    for gpus in GPUS:
        placed = place_sessions(costs, gpus)
        placements.append(
            GpuPlacement(
                gpus=gpus,
                units=placed.units,
                busiest_sessions=len(placed.busiest),
                busiest_tokens=sum(tokens[session] for session in placed.busiest),
                share=placed.share,
                hours=None if shape is None else gpu_hours(placed.duration),
            )
        )
    weights = sum(file.stat().st_size for file in weight_files(model.folder))
    return ClusterPlan(tuple(placements), shape, gpus_needed(weights, GPU_BYTES))


def _steps(
    selection: DataSet, cases: CaseSelection, total: int, progress: Progress
) -> Iterator[SessionSoFar]:
    done = 0
    for session in selection:
        for so_far, _ in replay(selection, session):
            if so_far.step >= cases.first:
                yield so_far
                done += 1
        progress(done, total, "prompts")
