"""Chunks of work on several processes, in order, with little in memory, and without looking for garbage."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

_AHEAD = 3
"""Chunks that a worker may be ahead of who takes them; one far ahead would fill the memory."""

_Chunk = TypeVar("_Chunk")


@contextmanager
def no_collection() -> Iterator[None]:
    """Let the search for garbage in cycles rest: visits make none, and it would take a fifth of their time.

    For as long as sampling takes, not more: others in this process may make some.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def in_order(work: Callable[[int], _Chunk], starts: Sequence[int], workers: int) -> Iterator[_Chunk]:
    """What `work` makes of each start, in the order of the starts.

    Args:
        work: can be pickled; called in this process if there is one worker.
        starts: of the chunks.
        workers: processes.
    """
    if workers == 1:
        yield from map(work, starts)
        return
    # Forking a process that has threads (polars) may hang.
    with ProcessPoolExecutor(min(workers, len(starts)), mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[_Chunk]] = deque()
        rest = iter(starts)
        try:
            while True:
                waiting.extend(
                    pool.submit(work, start) for start in islice(rest, workers * _AHEAD - len(waiting))
                )
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
