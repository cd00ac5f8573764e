"""What every predictor is: baselines, choice models, endpoints and local checkpoints alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from facsim.data import DataSet
from facsim.schema import Prediction, Session, SessionSoFar, Step
from facsim.util.progress import Progress, no_progress


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


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A session with what the person did, and which of its steps are asked about.

    Attributes:
        session: the session.
        steps: all its steps in order, as `facsim.data.replay` gives them.
        asked: indices of the steps to be answered.
    """

    session: Session
    steps: tuple[tuple[SessionSoFar, Step], ...]
    asked: Set[int]


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """What a predictor says of one step of a recorded session.

    Attributes:
        recorded: the session.
        step: index of the step.
        prediction: what `predict` would answer to the session so far.
        log_probability: natural logarithm of the probability that the predictor gives to what the person did,
            where it knows that without `Prediction.probabilities`, or better.
    """

    recorded: RecordedSession
    step: int
    prediction: Prediction
    log_probability: float | None = None


@runtime_checkable
class SessionPredictor(Predictor, Protocol):
    """A predictor that is given whole sessions, truth included, because that saves it most of the work.

    What a person did at a step is context for the steps after it. About the step itself it may be used for
    two things only: to check an answer that the predictor would have given anyway, and to tell its
    probability. `StepAnswer.prediction` must be what `predict` answers without knowing it.
    """

    def predict_sessions(self, sessions: Iterable[RecordedSession]) -> Iterator[StepAnswer | None]:
        """Answer every step that is asked about, in any order, as soon as its answer is known.

        It runs in a thread of its own. None is no answer, but a moment at which it can be stopped.

        Raises:
            FacsimError: when going on makes no sense: the run stops, resumable.
        """


@runtime_checkable
class Trainable(Protocol):
    """A predictor that learns from the training split before it answers.

    One with the attribute `learns = False` only takes facts from it that tell nothing of what people did,
    such as its seed; so it may answer on any part of a data set.
    """

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Learn from `train`. Same data and seed, same predictor."""
