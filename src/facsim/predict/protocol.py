"""What every predictor is: baselines, choice models, endpoints and local checkpoints alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from facsim.data import DataSet
from facsim.schema import Prediction, Progress, SessionSoFar, no_progress


@runtime_checkable
class Predictor(Protocol):
    """Turns a session so far into a prediction.

    Attributes:
        spec: the spec string that makes it, for example `baseline:markov-2`.
        concurrency: how many sessions may be in flight at once. Steps of one session are always asked in
            order, one at a time, so that prefix caches hit.
    """

    spec: str
    concurrency: int

    def settings(self) -> Mapping[str, Any]:
        """Everything that changes its answers, as JSON values, for the run's config. Never a secret."""

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """The answer for one step.

        A bad answer, or a call that failed for good, is a `Prediction` with `action=None`, not an exception.

        Raises:
            FacsimError: when going on makes no sense (no such model, no access): the run stops, resumable.
        """

    async def close(self) -> None:
        """Free what it holds (connections, processes)."""


@runtime_checkable
class Trainable(Protocol):
    """A predictor that learns from the training split before it answers."""

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Learn from `train`. Same data and seed, same predictor."""
