"""Estimates what a run would take, before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from facsim.data import DataSet, replay
from facsim.data.splits import Part, SplitBy
from facsim.evaluation.config import CaseSelection, FirstStep, count_cases
from facsim.predict.protocol import Predictor
from facsim.schema import SessionSoFar
from facsim.util.progress import Progress, no_progress

if TYPE_CHECKING:
    from facsim.predict.endpoint.estimate import CostEstimate
    from facsim.predict.local.estimate import LocalEstimate


@runtime_checkable
class Estimable(Protocol):
    """A predictor that can estimate what a run takes."""

    def estimate(self, steps: Iterable[SessionSoFar]) -> CostEstimate | LocalEstimate:
        """Tokens and cost, or tokens and time, for `steps`."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do.

    Attributes:
        predictor: the spec string.
        cases: the selection of test cases.
        steps: number of test cases.
        sessions: number of sessions.
        estimate: tokens and cost, or tokens and time of a local model; None for a predictor without a model.
    """

    predictor: str
    cases: CaseSelection
    steps: int
    sessions: int
    estimate: CostEstimate | LocalEstimate | None


def plan_run(
    data: DataSet | str | Path,
    predictor: Predictor,
    *,
    part: Part = "test",
    split_by: SplitBy = "user",
    seed: int = 0,
    first_step: FirstStep = "exclude",
    limit: int | None = None,
    progress: Progress = no_progress,
) -> RunPlan:
    """What `evaluate` with these options would do.

    No endpoint is called and nothing is written. A local model is timed on a few steps.

    Raises:
        ConfigError: if the part to evaluate is empty.
    """
    data = data if isinstance(data, DataSet) else DataSet.open(data)
    cases = CaseSelection.of(
        data, part=part, split_by=split_by, seed=seed, first_step=first_step, limit=limit
    )
    selection = cases.sessions(data)
    counts = count_cases(selection, cases)
    estimate = None
    if isinstance(predictor, Estimable):
        estimate = predictor.estimate(_steps(selection, cases, counts.cases, progress))
    return RunPlan(predictor.spec, cases, counts.cases, counts.sessions, estimate)


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
