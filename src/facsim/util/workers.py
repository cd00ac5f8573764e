"""A pool of asyncio workers with a graceful shutdown.

A signal, or an error that makes continuing pointless, stops the work early. No new call is made, calls in
flight get `GRACE_SECONDS` to finish, and the cause is kept for the caller.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from facsim.util.errors import FacsimError

GRACE_SECONDS = 5.0
"""Time that calls in flight get to finish after a stop. Their answers are paid for."""

_CLOSE_SECONDS = 10.0


class WorkerPool:
    """Workers in one event loop. An instance runs once.

    Args:
        size: number of workers, at least 1.
        name: the model that the workers call, for messages.

    Attributes:
        error: the error that stopped the work, if any.
        interrupted: whether a signal stopped the work.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size, self._name = size, name
        self._stop, self._grace_over = asyncio.Event(), asyncio.Event()
        self.error: BaseException | None = None
        self.interrupted = False

    def run(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        close: Callable[[], Awaitable[None]],
        background: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """Run all workers until they return. Can be called from any thread, and within a running loop.

        Raises nothing: see `error` and `interrupted`.

        Args:
            work: the body of each worker. It returns when nothing is left, or soon after `is_stopping`.
            close: called at the end.
            background: runs beside the workers, and is cancelled when they have returned.
        """
        run_pools([PoolRun(self, work, close, background)])

    @property
    def is_stopping(self) -> bool:
        """Whether workers must not start new calls."""
        return self._stop.is_set()

    def fail(self, error: BaseException) -> None:
        """Stop because of an error. The first error is kept."""
        self.error = self.error or error
        self._stop.set()

    def skip_grace_period(self) -> None:
        """Cancel calls in flight at once when the work stops."""
        self._grace_over.set()

    def interrupt(self) -> None:
        """First signal: stop and wait for calls in flight. Second signal: do not wait."""
        if self.interrupted:
            self._grace_over.set()
        self.interrupted = True
        self._stop.set()

    async def main(
        self,
        work: Callable[[], Awaitable[None]],
        close: Callable[[], Awaitable[None]],
        background: Callable[[], Coroutine[Any, Any, None]] | None,
    ) -> None:
        """The pool's life in the running event loop; `run` and `run_pools` call it."""
        beside = asyncio.create_task(background()) if background else None
        try:
            workers = [asyncio.create_task(self._one(work)) for _ in range(self._size)]
            all_done = asyncio.gather(*workers, return_exceptions=True)
            await _first_of(all_done, self._stop, within_s=None)
            if not all_done.done():
                await _first_of(all_done, self._grace_over, within_s=GRACE_SECONDS)
                for worker in workers:
                    worker.cancel()
            await all_done
        finally:
            if beside:
                beside.cancel()
                with suppress(asyncio.CancelledError):
                    await beside
            with suppress(TimeoutError):
                await asyncio.wait_for(close(), _CLOSE_SECONDS)

    async def _one(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            if not self.is_stopping:  # cancelled by the predictor or one of its libraries, not by this pool
                self.fail(
                    FacsimError(
                        f"{self._name}: the predictor was cancelled from within (asyncio.CancelledError). "
                        "It should catch this and return a failed prediction. The answers so far are kept; "
                        "run the same command again with --resume"
                    )
                )
            raise
        except BaseException as error:  # the caller raises it, once all workers have returned
            self.fail(error)


@dataclass(frozen=True)
class PoolRun:
    """A pool and the arguments of its `WorkerPool.run`."""

    pool: WorkerPool
    work: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    background: Callable[[], Coroutine[Any, Any, None]] | None = None


def run_pools(runs: Sequence[PoolRun]) -> None:
    """Run several pools concurrently in one event loop. A signal stops all of them, an error only its own.

    Can be called from any thread, and within a running loop.
    """
    pools = [run.pool for run in runs]
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(_run_all(runs))
        return
    with ThreadPoolExecutor(1) as thread:  # a notebook: its loop is blocked by this call
        loop = asyncio.new_event_loop()
        future = thread.submit(_run_in, loop, runs)
        while True:
            try:
                future.result()
                return
            except KeyboardInterrupt:
                for pool in pools:
                    loop.call_soon_threadsafe(pool.interrupt)


def _run_in(loop: asyncio.AbstractEventLoop, runs: Sequence[PoolRun]) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(_run_all(runs))


async def _run_all(runs: Sequence[PoolRun]) -> None:
    with _signals([run.pool for run in runs]):
        results = await asyncio.gather(
            *(run.pool.main(run.work, run.close, run.background) for run in runs), return_exceptions=True
        )
    for result in results:
        if isinstance(result, BaseException):
            raise result


@contextmanager
def _signals(pools: Sequence[WorkerPool]) -> Iterator[None]:
    """Stop gracefully on SIGINT, and on SIGTERM unless the program handles it itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt() -> None:
        for pool in pools:
            pool.interrupt()

    loop = asyncio.get_running_loop()
    caught = [signal.SIGINT]
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        caught.append(signal.SIGTERM)
    for number in caught:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


async def _first_of(
    done: asyncio.Future[list[BaseException | None]], event: asyncio.Event, *, within_s: float | None
) -> None:
    """Wait until the workers are done, the event is set, or `within_s` seconds have passed."""
    waiting = asyncio.create_task(event.wait())
    futures: set[asyncio.Future[Any]] = {done, waiting}
    await asyncio.wait(futures, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
