"""Asking a predictor: sessions side by side, steps of a session in order, each answer written as it comes.

A predictor that takes whole sessions gets them one after another, and answers their steps as it sees fit.

What ends a run early: a signal, an error of the predictor, or a file that cannot be written
(`facsim.util.workers`). What came is on disk, and the cause is raised.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

from facsim.data import DataSet, replay
from facsim.evaluation.journal import Journal, Line
from facsim.evaluation.records import Scorer
from facsim.predict.protocol import Predictor, RecordedSession, SessionPredictor, StepAnswer
from facsim.schema import Prediction, Session, SessionSoFar, Step
from facsim.util.errors import FacsimError
from facsim.util.progress import Progress
from facsim.util.workers import WorkerPool

_SYNC_SECONDS = 5.0
_REPORT_SECONDS = 0.1
_NO_MORE = object()


class RunInterrupted(KeyboardInterrupt):
    """A run was stopped by a signal, with everything finished on disk.

    Attributes:
        folder: the run's folder.
        done: how many test cases have their answer.
        total: how many there are.
    """

    def __init__(self, folder: Path, done: int, total: int) -> None:
        self.folder, self.done, self.total = folder, done, total
        super().__init__(
            f"{folder}: stopped with {done} of {total} steps answered. "
            "Run the same command again with --resume to go on"
        )


@dataclass(frozen=True)
class Owed:
    """A session and those of its steps that are to be asked."""

    session_id: str
    steps: Set[int]


class Runner:
    """One run's loop. Use it once.

    Args:
        data: the selection that is asked about.
        predictor: who is asked; closed at the end.
        scorer: makes the lines.
        journal: takes the lines; open.
        total: test cases of the whole run, answered ones included.
        concurrency: sessions in flight; at least 1.
        progress: told of every answer, ten times a second at most.
    """

    def __init__(
        self,
        data: DataSet,
        predictor: Predictor,
        scorer: Scorer,
        journal: Journal,
        *,
        total: int,
        concurrency: int,
        progress: Progress,
    ) -> None:
        self._data, self._predictor, self._scorer, self._journal = data, predictor, scorer, journal
        self._total, self._progress = total, progress
        self._meter = _Meter()
        # One that takes whole sessions decides itself how many of them go together.
        self._pool = WorkerPool(1 if isinstance(predictor, SessionPredictor) else concurrency, predictor.spec)

    def run(self, owed: Iterator[Owed]) -> None:
        """Ask for everything owed. Works from any thread, within a running event loop (a notebook) too.

        Raises:
            RunInterrupted: after SIGINT or SIGTERM.
            FacsimError: what the predictor raised, or a line that could not be written.
        """
        self._pool.run(
            lambda: self._work(owed), close=self._predictor.close, background=self._sync_now_and_then
        )
        self._report()
        if self._pool.error is not None:
            raise self._pool.error
        if self._pool.interrupted:
            raise RunInterrupted(self._journal.file.parent, self._journal.lines, self._total)

    async def _work(self, owed: Iterator[Owed]) -> None:
        if isinstance(self._predictor, SessionPredictor):
            await self._ask_sessions(self._predictor, owed)
            return
        for item in owed:
            if self._pool.is_stopping:
                return
            await self._ask_session(item)

    async def _ask_session(self, item: Owed) -> None:
        session = self._data.session(item.session_id)
        # The pages of a session are stored side by side: taking them in one go decodes each row group once,
        # however many sessions are in flight.
        for so_far, step in list(replay(self._data, session)):
            if so_far.step not in item.steps:
                continue
            if self._pool.is_stopping:
                return
            prediction = await self._predictor.predict(so_far)
            self._record(session, so_far, step, prediction)
            # A predictor that never waits must not keep signals and other sessions out.
            await asyncio.sleep(0)

    async def _ask_sessions(self, predictor: SessionPredictor, owed: Iterator[Owed]) -> None:
        answers = predictor.predict_sessions(self._recorded(item) for item in owed)
        while not self._pool.is_stopping:
            # A thread of its own, so that signals are heard and lines are synced background.
            answer = await asyncio.to_thread(next, answers, _NO_MORE)
            if isinstance(answer, StepAnswer):
                so_far, step = answer.recorded.steps[answer.step]
                self._record(answer.recorded.session, so_far, step, answer.prediction, answer.log_probability)
            elif answer is _NO_MORE:
                return

    def _recorded(self, item: Owed) -> RecordedSession:
        session = self._data.session(item.session_id)
        return RecordedSession(session, tuple(replay(self._data, session)), item.steps)

    def _record(
        self,
        session: Session,
        so_far: SessionSoFar,
        step: Step,
        prediction: Prediction,
        log_probability: float | None = None,
    ) -> None:
        line = self._scorer.line(session, so_far, step, prediction, log_probability)
        try:
            self._journal.append(line)
        except FacsimError:
            self._pool.skip_grace_period()  # answers still to come cannot be kept either
            raise
        self._meter.count(line)
        if self._meter.due():
            self._report()

    def _report(self) -> None:
        self._progress(self._journal.lines, self._total, self._meter.note())

    async def _sync_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SYNC_SECONDS)
            await asyncio.to_thread(self._journal.sync)


class _Meter:
    """Rate, cost and failures so far, for whoever watches."""

    def __init__(self) -> None:
        self._start = self._next_report = time.monotonic()
        self._answers = self._failed = 0
        self._cost: float | None = None

    def count(self, line: Line) -> None:
        self._answers += 1
        self._failed += line["failed"]
        if line["cost"] is not None:
            self._cost = (self._cost or 0.0) + line["cost"]

    def due(self) -> bool:
        now = time.monotonic()
        if now < self._next_report:
            return False
        self._next_report = now + _REPORT_SECONDS
        return True

    def note(self) -> str:
        elapsed = time.monotonic() - self._start
        parts = [f"{self._answers / elapsed:.1f}/s"] if self._answers and elapsed > 0 else []
        if self._cost is not None:
            parts.append(f"${self._cost:.2f}")
        if self._failed:
            parts.append(f"{self._failed} failed")
        return " · ".join(parts)
