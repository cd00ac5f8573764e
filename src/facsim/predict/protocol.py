"""The protocols of predictors: baselines, choice models, endpoints and local checkpoints alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from facsim.data import DataSet
from facsim.schema import Prediction, Session, SessionSoFar, Step
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress


@runtime_checkable
class Predictor(Protocol):
    """Turns a session so far into a prediction.

    Attributes:
        spec: the spec string that creates it, for example `baseline:markov-2`.
        concurrency: how many sessions may be in flight at once. Steps of one session are predicted in order,
            one at a time, so that prefix caches hit.
    """

    spec: str
    concurrency: int

    def settings(self) -> Mapping[str, Any]:
        """Everything that changes the answers, as JSON values, for the run's config. Never a secret."""

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """Predict one step.

        An unusable answer, or a call that failed for good, is a `Prediction` with `action=None`. It is not an
        exception.

        Raises:
            FacsimError: when continuing is pointless (no such model, no access). The run stops and can be
                resumed.
        """

    async def close(self) -> None:
        """Release resources (connections, processes)."""


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A session with the person's actions, and the steps to predict.

    Attributes:
        session: the session.
        steps: all its steps in order, as `facsim.data.replay` yields them.
        asked: indices of the steps to predict.
    """

    session: Session
    steps: tuple[tuple[SessionSoFar, Step], ...]
    asked: Set[int]


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """The prediction for one step of a recorded session.

    Attributes:
        recorded: the session.
        step: index of the step.
        prediction: what `predict` would return for the session so far.
        log_probability: natural log of the probability of the person's action, where it is known without
            `Prediction.probabilities`, or more precisely.
    """

    recorded: RecordedSession
    step: int
    prediction: Prediction
    log_probability: float | None = None


@runtime_checkable
class SessionPredictor(Predictor, Protocol):
    """A predictor that takes whole sessions, truth included, because that saves most of the work.

    The action of a step is context for later steps. For the step itself it may be used for two things only:
    to verify an answer that the predictor would have given anyway, and to compute its probability.
    `StepAnswer.prediction` must equal what `predict` returns without knowing it.
    """

    def predict_sessions(self, sessions: Iterable[RecordedSession]) -> Iterator[StepAnswer | None]:
        """Yield an answer for every step in `asked`, in any order, as soon as it is known.

        It runs in its own thread. Yielding None means no answer yet, and lets the caller stop it.

        Raises:
            FacsimError: when continuing is pointless. The run stops and can be resumed.
        """


@runtime_checkable
class Trainable(Protocol):
    """A predictor that is fitted on the train part before it answers.

    Attributes:
        learns: whether `fit` uses what people did. Such a predictor is never evaluated on the part that it
            was fitted on. If false, `fit` is given the sessions to evaluate and only reads facts such as a
            seed; any part may be evaluated.
    """

    learns: bool

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Fit on `train`. The same data and seed give the same predictor."""


@runtime_checkable
class Savable(Protocol):
    """A predictor whose fitted state is saved with the run.

    Attributes:
        artifact: name of the folder within the run folder, for example `choice`.
    """

    artifact: str

    def save(self, path: str | Path) -> None:
        """Write the fitted state into the folder `path`, atomically."""


@runtime_checkable
class KeepsPartialAnswers(Protocol):
    """A predictor that makes several paid calls per step, and can keep the first ones for a resumed run."""

    def keep_partial_answers(self, folder: Path) -> None:
        """Keep them in the run folder `folder` until their step is answered."""


def as_trainable(predictor: Predictor) -> Trainable | None:
    """The predictor as a `Trainable`; None if it is not fitted.

    Raises:
        ConfigError: if it has a method `fit` but does not declare `learns`.
    """
    if isinstance(predictor, Trainable):
        return predictor
    if hasattr(predictor, "fit"):
        raise ConfigError(
            f"{predictor.spec}: it has a method `fit` but no attribute `learns`. Set `learns = True` if it "
            "learns from what people did in the train part, else `learns = False`"
        )
    return None
