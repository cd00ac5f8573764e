"""Asking a predictor: sessions side by side, steps of a session in order, each answer written as it comes.

What ends a run early: a signal, an error of the predictor, or a file that cannot be written. All end it
alike: no new call is made, calls in flight get `GRACE_SECONDS` to come home, what came is on disk, and the
cause is raised.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facsim.data import DataSet, replay
from facsim.evaluation.journal import Journal, Line
from facsim.evaluation.scoring import Scorer
from facsim.predict.protocol import Predictor
from facsim.schema import FacsimError, Prediction, Progress, Session, SessionSoFar, Step

GRACE_SECONDS = 5.0
"""How long calls in flight may still answer after the run was told to stop. Their answers are paid for."""

_SYNC_SECONDS = 5.0
_REPORT_SECONDS = 0.1
_CLOSE_SECONDS = 10.0


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
        self._total, self._concurrency, self._progress = total, concurrency, progress
        self._meter = _Meter()
        self._error: BaseException | None = None
        self._interrupted = False

    def run(self, owed: Iterator[Owed]) -> None:
        """Ask for everything owed. Works from any thread, within a running event loop (a notebook) too.

        Raises:
            RunInterrupted: after SIGINT or SIGTERM.
            FacsimError: what the predictor raised, or a line that could not be written.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(self._main(owed))
        else:
            self._run_beside(owed)
        self._report()
        if self._error is not None:
            raise self._error
        if self._interrupted:
            raise RunInterrupted(self._journal.file.parent, self._journal.lines, self._total)

    def _run_beside(self, owed: Iterator[Owed]) -> None:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(asyncio.run, self._main(owed))
            while True:
                try:
                    future.result()
                    return
                except KeyboardInterrupt:
                    self._loop.call_soon_threadsafe(self._interrupt)

    async def _main(self, owed: Iterator[Owed]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        sync = asyncio.create_task(self._sync_now_and_then())
        try:
            with self._signals():
                await self._work(owed)
        finally:
            sync.cancel()
            with suppress(asyncio.CancelledError):
                await sync
            with suppress(TimeoutError):
                await asyncio.wait_for(self._predictor.close(), _CLOSE_SECONDS)

    async def _work(self, owed: Iterator[Owed]) -> None:
        workers = [asyncio.create_task(self._worker(owed)) for _ in range(self._concurrency)]
        home = asyncio.gather(*workers, return_exceptions=True)
        await _first_of(home, self._stop, within=None)
        if not home.done():
            await _first_of(home, self._hurry, within=GRACE_SECONDS)
            for worker in workers:
                worker.cancel()
        await home

    async def _worker(self, owed: Iterator[Owed]) -> None:
        try:
            for item in owed:
                if self._stop.is_set():
                    return
                await self._ask_session(item)
        except asyncio.CancelledError:
            if not self._stop.is_set():  # nobody here cancelled: the predictor did, or a library that it uses
                self._fail(
                    FacsimError(
                        f"{self._predictor.spec}: the predictor was cancelled from within "
                        "(asyncio.CancelledError). It should catch this and return a failed prediction. "
                        "The answers so far are kept; run the same command again with --resume"
                    )
                )
            raise
        except BaseException as error:  # raised again by `run`, once the others are home
            self._fail(error)

    async def _ask_session(self, item: Owed) -> None:
        session = self._data.session(item.session_id)
        # The pages of a session are stored side by side: taking them in one go decodes each row group once,
        # however many sessions are in flight.
        for so_far, step in list(replay(self._data, session)):
            if so_far.step not in item.steps:
                continue
            if self._stop.is_set():
                return
            prediction = await self._predictor.predict(so_far)
            self._record(session, so_far, step, prediction)
            # A predictor that never waits must not keep signals and other sessions out.
            await asyncio.sleep(0)

    def _record(self, session: Session, so_far: SessionSoFar, step: Step, prediction: Prediction) -> None:
        line = self._scorer.line(session, so_far, step, prediction)
        try:
            self._journal.append(line)
        except FacsimError:
            self._hurry.set()  # answers still to come cannot be kept either
            raise
        self._meter.count(line)
        if self._meter.due():
            self._report()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._stop.set()

    def _report(self) -> None:
        self._progress(self._journal.lines, self._total, self._meter.note())

    def _interrupt(self) -> None:
        """First time: stop and wait for calls in flight. Second time: do not wait."""
        if self._interrupted:
            self._hurry.set()
        self._interrupted = True
        self._stop.set()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM stop the run in good order, unless the program handles SIGTERM itself."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        caught = [signal.SIGINT]
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            caught.append(signal.SIGTERM)
        for number in caught:
            self._loop.add_signal_handler(number, self._interrupt)
        try:
            yield
        finally:
            for number in caught:
                self._loop.remove_signal_handler(number)

    async def _sync_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SYNC_SECONDS)
            await asyncio.to_thread(self._journal.sync)


async def _first_of(
    home: asyncio.Future[list[BaseException | None]], event: asyncio.Event, *, within: float | None
) -> None:
    waiting = asyncio.create_task(event.wait())
    futures: set[asyncio.Future[Any]] = {home, waiting}
    await asyncio.wait(futures, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


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
