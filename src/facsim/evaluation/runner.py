"""Runs predictors: sessions concurrently, the steps of a session in order, each answer written on arrival.

A predictor that takes whole sessions gets them one after another, and answers their steps in any order.

A signal, an error of the predictor or a file that cannot be written ends a run early
(`facsim.util.workers`). The answers so far are on disk, and the cause is raised.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from facsim.data import DataSet, replay
from facsim.evaluation.journal import Journal
from facsim.evaluation.record_lines import Record
from facsim.evaluation.records import RecordBuilder
from facsim.predict.protocol import Predictor, RecordedSession, SessionPredictor, StepAnswer
from facsim.schema import Prediction, Session, SessionSoFar, Step
from facsim.util.errors import FacsimError
from facsim.util.progress import Progress
from facsim.util.workers import PoolRun, WorkerPool, run_pools

_SYNC_SECONDS = 5.0
_REPORT_SECONDS = 0.1
_NO_MORE = object()
_GROUP = 100


class RunInterrupted(KeyboardInterrupt):
    """A run was stopped by a signal. All finished answers are on disk.

    Attributes:
        folder: the run folder.
        done: how many test cases are answered.
        total: how many test cases there are.
    """

    def __init__(self, folder: Path, done: int, total: int) -> None:
        self.folder, self.done, self.total = folder, done, total
        super().__init__(
            f"{folder}: stopped with {done} of {total} steps answered. "
            "Run the same command again with --resume to continue"
        )


@dataclass(frozen=True)
class PendingSession:
    """A session and those of its steps that still need an answer."""

    session_id: str
    steps: Set[int]


RecordSource = Callable[[Iterator[PendingSession]], Iterator[Record | None]]


class Runner:
    """The main loop of one run. Use it once.

    Args:
        data: the selected sessions.
        predictor: the predictor; closed at the end.
        builder: builds the records.
        journal: the open journal that stores them.
        pending: the sessions with outstanding steps.
        total: test cases of the whole run, including those already answered.
        concurrency: sessions in flight; at least 1.
        progress: called after answers, at most ten times a second.
        remote: yields the records of pending sessions, in any order, if others predict and build them. It
            yields None now and then while there is none. Called in its own thread.
    """

    def __init__(
        self,
        data: DataSet,
        predictor: Predictor,
        builder: RecordBuilder,
        journal: Journal,
        pending: Iterator[PendingSession],
        *,
        total: int,
        concurrency: int,
        progress: Progress,
        remote: RecordSource | None = None,
    ) -> None:
        self._data, self._predictor, self._builder, self._journal = data, predictor, builder, journal
        self._pending, self._total, self._progress = pending, total, progress
        self._remote = remote
        self._meter = _Meter()
        # A predictor that takes whole sessions decides itself how many to batch.
        single = remote is not None or isinstance(predictor, SessionPredictor)
        self._pool = WorkerPool(1 if single else concurrency, predictor.spec)

    @property
    def error(self) -> BaseException | None:
        """Why the run ended early: an error of the predictor or of a file, or `RunInterrupted`."""
        if self._pool.error is None and self._pool.interrupted:
            return RunInterrupted(self._journal.file.parent, self._journal.count, self._total)
        return self._pool.error

    def pool_run(self) -> PoolRun:
        """The work, for `run_pools`."""
        return PoolRun(self._pool, self._work, self._predictor.close, self._sync_periodically)

    def report(self) -> None:
        """Report progress now."""
        self._progress(self._journal.count, self._total, self._meter.note())

    async def _work(self) -> None:
        if self._remote is not None:
            await self._store_records(self._remote(self._pending))
            return
        if isinstance(self._predictor, SessionPredictor):
            await self._ask_sessions(self._predictor)
            return
        for item in self._pending:
            if self._pool.is_stopping:
                return
            await self._ask_session(item)

    async def _ask_session(self, item: PendingSession) -> None:
        session = self._data.session(item.session_id)
        # The pages of a session are stored together: reading them at once decodes each row group once,
        # however many sessions are in flight.
        for so_far, step in list(replay(self._data, session)):
            if so_far.step not in item.steps:
                continue
            if self._pool.is_stopping:
                return
            prediction = await self._predictor.predict(so_far)
            self._record(session, so_far, step, prediction)
            # A predictor that never awaits must not block signals and other sessions.
            await asyncio.sleep(0)

    async def _ask_sessions(self, predictor: SessionPredictor) -> None:
        answers = predictor.predict_sessions(self._recorded(item) for item in self._pending)
        while not self._pool.is_stopping:
            # In a thread, so that signals are handled and the journal is synced meanwhile.
            answer = await asyncio.to_thread(next, answers, _NO_MORE)
            if isinstance(answer, StepAnswer):
                so_far, step = answer.recorded.steps[answer.step]
                self._record(answer.recorded.session, so_far, step, answer.prediction, answer.log_probability)
            elif answer is _NO_MORE:
                return

    async def _store_records(self, records: Iterator[Record | None]) -> None:
        while not self._pool.is_stopping:
            # A few at a time: handing over each to the thread would cost more than storing it.
            group = await asyncio.to_thread(_RecordGroup, records)
            for record in group.records:
                self._store(record)
            if group.error is not None:
                raise group.error
            if group.is_last:
                return

    def _recorded(self, item: PendingSession) -> RecordedSession:
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
        self._store(self._builder.build(session, so_far, step, prediction, log_probability))

    def _store(self, record: Record) -> None:
        try:
            self._journal.append(record)
        except FacsimError:
            self._pool.skip_grace_period()  # answers still in flight cannot be stored either
            raise
        self._meter.count(record)
        if self._meter.due():
            self.report()

    async def _sync_periodically(self) -> None:
        while True:
            await asyncio.sleep(_SYNC_SECONDS)
            await asyncio.to_thread(self._journal.sync)


def run_side_by_side(runners: Sequence[Runner]) -> None:
    """Answer everything outstanding. Works from any thread, also within a running event loop (a notebook).

    An error ends only its own run, a signal ends all; see `Runner.error`.
    """
    run_pools([runner.pool_run() for runner in runners])
    for runner in runners:
        runner.report()


class _RecordGroup:
    """The next records of an iterator, up to a None. An error waits until they are stored."""

    def __init__(self, source: Iterator[Record | None]) -> None:
        self.records: list[Record] = []
        self.error: Exception | None = None
        self.is_last = False
        try:
            for record in islice(source, _GROUP):
                if record is None:
                    return
                self.records.append(record)
        except Exception as error:
            self.error = error
        self.is_last = len(self.records) < _GROUP


class _Meter:
    """Rates, cost and failures so far, for the progress display."""

    def __init__(self) -> None:
        self._start = self._next_report = time.monotonic()
        self._answers = self._failed = self._tokens = 0
        self._cost: float | None = None

    def count(self, record: Record) -> None:
        self._answers += 1
        self._failed += record["failed"]
        self._tokens += (record["input_tokens"] or 0) + (record["output_tokens"] or 0)
        if record["cost"] is not None:
            self._cost = (self._cost or 0.0) + record["cost"]

    def due(self) -> bool:
        now = time.monotonic()
        if now < self._next_report:
            return False
        self._next_report = now + _REPORT_SECONDS
        return True

    def note(self) -> str:
        elapsed = time.monotonic() - self._start
        is_running = self._answers and elapsed > 0
        parts = [f"{self._answers / elapsed:.1f}/s"] if is_running else []
        if self._tokens and is_running:
            parts.append(f"{self._tokens / elapsed:,.0f} tokens/s")
        if self._cost is not None:
            rate = f" (${self._cost / elapsed:.4f}/s)" if is_running else ""
            parts.append(f"${self._cost:.2f}{rate}")
        if self._failed:
            parts.append(f"{self._failed} failed")
        return " · ".join(parts)
