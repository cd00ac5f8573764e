"""The part of a run that a worker of a cluster does: predict sessions, and build their records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from facsim.data import DataSet, replay
from facsim.evaluation.record_lines import Record
from facsim.evaluation.records import RecordBuilder
from facsim.evaluation.runner import PendingSession
from facsim.predict.protocol import Predictor, RecordedSession, SessionPredictor, StepAnswer
from facsim.util.errors import FacsimError

_SEND_SECONDS: Final = 0.1
"""Records are sent at most this often, together."""

SessionUnit = tuple[PendingSession, ...]
"""Sessions that one worker predicts, one after another."""


class SessionWorker:
    """Holds an open data set and a fitted predictor. See `facsim.util.ray_actors.Worker`.

    Args:
        data: the folder of the data set, as this machine sees it.
        predictor: fitted.

    Raises:
        InputError: if the data set cannot be read here.
    """

    def __init__(self, data: Path, predictor: Predictor) -> None:
        self._data, self._predictor = DataSet.open(data), predictor
        self._builder = RecordBuilder(self._data)

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
                session = self._data.session(item.session_id)
                for so_far, step in list(replay(self._data, session)):
                    if so_far.step in item.steps:
                        try:
                            prediction = runner.run(self._predictor.predict(so_far))
                        except asyncio.CancelledError:
                            raise FacsimError(
                                f"{self._predictor.spec}: the predictor was cancelled from within"
                            ) from None
                        yield self._builder.build(session, so_far, step, prediction)

    def _recorded(self, item: PendingSession) -> RecordedSession:
        session = self._data.session(item.session_id)
        return RecordedSession(session, tuple(replay(self._data, session)), item.steps)
