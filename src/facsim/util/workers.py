"""Asking models side by side, and stopping in good order.

What ends work early: a signal, or an error that makes going on senseless. Both end it alike: no new question
is asked, calls in flight get `GRACE_SECONDS` to come home, and the cause is kept for whoever began the work.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from facsim.util.errors import FacsimError

GRACE_SECONDS = 5.0
"""How long calls in flight may still answer after the work was told to stop. Their answers are paid for."""

_CLOSE_SECONDS = 10.0


class Crew:
    """Workers in one event loop. Use it once.

    Args:
        size: how many workers there are; at least 1.
        asked: who is asked, for messages.

    Attributes:
        error: what ended the work; None if nothing did.
        interrupted: whether a signal ended it.
    """

    def __init__(self, size: int, asked: str) -> None:
        self._size, self._asked = size, asked
        self.error: BaseException | None = None
        self.interrupted = False

    def run(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        close: Callable[[], Awaitable[None]],
        meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """Let every worker work until it returns. Works from any thread, within a running event loop, too.

        Nothing is raised: see `error` and `interrupted`.

        Args:
            work: what each worker does; it returns when there is nothing left, or soon after `is_stopping`.
            close: called at the end.
            meanwhile: runs beside the workers, and is cancelled when they are home.
        """
        main = self._main(work, close, meanwhile)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(main)
            return
        with ThreadPoolExecutor(1) as pool:  # a notebook: its loop is busy with this very call
            future = pool.submit(asyncio.run, main)
            while True:
                try:
                    future.result()
                    return
                except KeyboardInterrupt:
                    self._loop.call_soon_threadsafe(self._interrupt)

    @property
    def is_stopping(self) -> bool:
        """Whether no new question is to be asked."""
        return self._stop.is_set()

    def fail(self, error: BaseException) -> None:
        """Stop because of an error; the first one is kept."""
        self.error = self.error or error
        self._stop.set()

    def hurry(self) -> None:
        """Do not wait for calls in flight once the work stops."""
        self._hurry.set()

    async def _main(
        self,
        work: Callable[[], Awaitable[None]],
        close: Callable[[], Awaitable[None]],
        meanwhile: Callable[[], Coroutine[Any, Any, None]] | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        beside = asyncio.create_task(meanwhile()) if meanwhile else None
        try:
            with self._signals():
                workers = [asyncio.create_task(self._one(work)) for _ in range(self._size)]
                home = asyncio.gather(*workers, return_exceptions=True)
                await _first_of(home, self._stop, within=None)
                if not home.done():
                    await _first_of(home, self._hurry, within=GRACE_SECONDS)
                    for worker in workers:
                        worker.cancel()
                await home
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
            if not self.is_stopping:  # nobody here cancelled: who is asked did, or a library that it uses
                self.fail(
                    FacsimError(
                        f"{self._asked}: the predictor was cancelled from within (asyncio.CancelledError). "
                        "It should catch this and answer that it failed. The answers so far are kept; run "
                        "the same command again with --resume"
                    )
                )
            raise
        except BaseException as error:  # whoever began the work raises it, once all are home
            self.fail(error)

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


async def _first_of(
    home: asyncio.Future[list[BaseException | None]], event: asyncio.Event, *, within: float | None
) -> None:
    """Wait for the workers, for the event, or for so many seconds."""
    waiting = asyncio.create_task(event.wait())
    futures: set[asyncio.Future[Any]] = {home, waiting}
    await asyncio.wait(futures, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
