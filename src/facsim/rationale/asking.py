"""Asking the teacher about many steps at once, and stopping in good order.

What ends the work early: a signal, or an error that makes going on senseless. Both end it alike: no new
question is asked, calls in flight get `GRACE_SECONDS` to come home, and the cause is raised. Every answer is
in the teacher's cache before it is used, so that nothing that came is ever asked again.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from facsim.rationale.checks import Seen
from facsim.rationale.teacher import Teacher, Written
from facsim.schema import Progress, SessionSoFar

GRACE_SECONDS = 5.0
"""How long calls in flight may still answer after the work was told to stop. Their answers are paid for."""

_CLOSE_SECONDS = 10.0
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Question:
    """A step to be asked about."""

    so_far: SessionSoFar
    seen: Seen

    @property
    def place(self) -> Place:
        """Session id and number of the step."""
        return self.so_far.session_id, self.so_far.step


class Asking:
    """One loop over questions. Use it once.

    Args:
        teacher: who is asked; its model is closed at the end.
        total: how many questions there are.
        concurrency: questions in flight.
        progress: told of every step that is done.

    Attributes:
        done: what came of each step, by session id and number.
        interrupted: whether a signal ended the work.
    """

    def __init__(self, teacher: Teacher, *, total: int, concurrency: int, progress: Progress) -> None:
        self._teacher, self._total, self._concurrency = teacher, total, concurrency
        self._progress = progress
        self.done: dict[Place, Written] = {}
        self.interrupted = False
        self._error: BaseException | None = None
        self._cost = 0.0

    def run(self, questions: Iterator[Question]) -> None:
        """Ask everything. Works within a running event loop (a notebook), too.

        Raises:
            FacsimError: what makes going on senseless.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(self._main(questions))
        else:
            self._run_beside(questions)
        if self._error is not None:
            raise self._error

    def _run_beside(self, questions: Iterator[Question]) -> None:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(asyncio.run, self._main(questions))
            while True:
                try:
                    future.result()
                    return
                except KeyboardInterrupt:
                    self._loop.call_soon_threadsafe(self._interrupt)

    async def _main(self, questions: Iterator[Question]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        try:
            with self._signals():
                workers = [asyncio.create_task(self._worker(questions)) for _ in range(self._concurrency)]
                home = asyncio.gather(*workers, return_exceptions=True)
                await _either(home, self._stop)
                if not home.done():
                    await _either(home, self._hurry, within=GRACE_SECONDS)
                    for worker in workers:
                        worker.cancel()
                await home
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._teacher.model.close(), _CLOSE_SECONDS)

    async def _worker(self, questions: Iterator[Question]) -> None:
        try:
            for question in questions:
                if self._stop.is_set():
                    return
                written = await self._teacher.write(question.so_far, question.seen)
                self.done[question.place] = written
                self._cost += written.usage.cost or 0.0
                self._progress(len(self.done), self._total, f"${self._cost:.2f}" if self._cost else "")
                # Answers that were kept come without waiting: signals must not be kept out.
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # raised again by `run`, once the others are home
            self._error = self._error or error
            self._stop.set()

    def _interrupt(self) -> None:
        """First time: stop and wait for calls in flight. Second time: do not wait."""
        if self.interrupted:
            self._hurry.set()
        self.interrupted = True
        self._stop.set()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM stop the work in good order, unless the program handles SIGTERM itself."""
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


async def _either(
    home: asyncio.Future[list[BaseException | None]], event: asyncio.Event, *, within: float | None = None
) -> None:
    """Wait for the workers, for the event, or for so many seconds."""
    waiting = asyncio.create_task(event.wait())
    futures: set[asyncio.Future[object]] = {home, waiting}  # type: ignore[arg-type]  # futures are read only
    await asyncio.wait(futures, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
