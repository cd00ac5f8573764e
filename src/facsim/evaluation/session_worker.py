"""The part of a run that a worker of a cluster does: predict sessions, and build their records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from facsim.data import replay
from facsim.data.store import PageStore
from facsim.evaluation.record_lines import Record
from facsim.evaluation.records import RecordBuilder
from facsim.predict.protocol import Predictor, RecordedSession, SessionPredictor, StepAnswer
from facsim.schema import Session
from facsim.util.errors import FacsimError
from facsim.util.remote_files import RemoteFile

_SEND_SECONDS: Final = 0.1
"""Records are sent at most this often, together."""


@dataclass(frozen=True, slots=True)
class AssignedSession:
    """A session, and those of its steps that a worker is to predict."""

    session: Session
    steps: Set[int]


SessionUnit = tuple[AssignedSession, ...]
"""Sessions that one worker predicts, one after another."""


class SessionWorker:
    """Holds a fitted predictor and reads pages. See `facsim.util.ray_actors.Worker`.

    Sessions come with the units: the tables of a large data set would not fit beside each worker.

    Args:
        pages: file with the pages of the data set, as this machine sees it.
        predictor: fitted.
        builder: builds the records.
    """

    def __init__(self, pages: Path | RemoteFile, predictor: Predictor, builder: RecordBuilder) -> None:
        self._pages, self._predictor, self._builder = PageStore(pages), predictor, builder

    def settings(self) -> Mapping[str, Any]:
        """The settings of the predictor on this machine."""
        return self._predictor.settings()

    def run(self, unit: SessionUnit) -> Iterator[list[Record]]:
        """Yield the records of the pending steps, a few at a time.

        Raises:
            FacsimError: if the predictor raised one.
        """
        found: list[Record] = []
        sent = time.monotonic()
        for record in self._records(unit):
            found.append(record)
            now = time.monotonic()
            if now - sent >= _SEND_SECONDS:
                yield found
                found, sent = [], now
        if found:
            yield found

    def _records(self, unit: SessionUnit) -> Iterator[Record]:
        if isinstance(self._predictor, SessionPredictor):
            for answer in self._predictor.predict_sessions(self._recorded(item) for item in unit):
                if isinstance(answer, StepAnswer):
                    so_far, step = answer.recorded.steps[answer.step]
                    yield self._builder.build(
                        answer.recorded.session, so_far, step, answer.prediction, answer.log_probability
                    )
            return
        with asyncio.Runner() as runner:  # one loop for the sessions: connections of a predictor survive
            for item in unit:
                for so_far, step in list(replay(self._pages, item.session)):
                    if so_far.step in item.steps:
                        try:
                            prediction = runner.run(self._predictor.predict(so_far))
                        except asyncio.CancelledError:
                            raise FacsimError(
                                f"{self._predictor.spec}: the predictor was cancelled from within"
                            ) from None
                        yield self._builder.build(item.session, so_far, step, prediction)

    def _recorded(self, item: AssignedSession) -> RecordedSession:
        return RecordedSession(item.session, tuple(replay(self._pages, item.session)), item.steps)
