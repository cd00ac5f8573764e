"""The executor of this machine: worker processes. And a pause of cyclic garbage collection."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Self, TypeVar

from facsim.util.errors import FacsimError

_AHEAD = 3
"""Results each worker may be ahead of the consumer. More would fill the memory."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause cyclic garbage collection for work that makes no reference cycles.

    Sampling the shop makes none, and collection would take a fifth of its time. Keep the pause short: other
    code in this process may need the collector.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class ProcessExecutor:
    """Worker processes on this machine. See `facsim.util.executor.Executor`.

    Args:
        workers: number of processes. With one, the work is done in this process. Processes start when they
            are first needed.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        # Forking a process that has threads (polars) may deadlock.
        self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if workers > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @property
    def is_serial(self) -> bool:
        """Whether all work is done in this process."""
        return self._pool is None

    def check_files(self, files: Iterable[Path]) -> None:
        """Nothing to check: all workers run on this machine."""

    def check_shared(self, folder: Path) -> None:
        """Nothing to check: all workers run on this machine."""

    def map(self, function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
        """`function` of each item, in the order of the items.

        Items are taken from their iterable in this process and only as far ahead as the workers need.

        Args:
            function: picklable; called in this process if there is one worker.
            items: picklable arguments.

        Raises:
            FacsimError: if a worker process dies (most often for lack of memory).
        """
        if self._pool is None:
            yield from map(function, items)
            return
        pending: deque[Future[_Result]] = deque()
        rest = iter(items)
        try:
            while True:
                ahead = islice(rest, self.workers * _AHEAD - len(pending))
                pending.extend(self._pool.submit(function, item) for item in ahead)
                if not pending:
                    return
                yield pending.popleft().result()
        except BrokenProcessPool:
            raise FacsimError(
                "a worker process ended abruptly, most often for lack of memory. Use fewer workers"
            ) from None
        finally:
            for future in pending:
                future.cancel()
