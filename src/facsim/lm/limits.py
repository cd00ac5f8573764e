"""Run a stranger's code-like data (chat templates) within limits of time and memory."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


_INTERVAL = 0.25


class LimitExceeded(Exception):
    """Something took more time or memory than it was allowed."""


@contextmanager
def limits(seconds: float, memory: int) -> Iterator[None]:
    """Stop Python code that runs too long or allocates too much.

    Time is checked between bytecodes: one long operation inside the interpreter is stopped when it ends.
    Memory is bounded by the operating system, on Linux only.

    Args:
        seconds: elapsed time allowed.
        memory: further bytes of address space allowed, for the whole process.

    Raises:
        LimitExceeded: in the code inside the block.
    """
    watchdog = _watchdog()
    _limit_memory(memory)
    try:
        watchdog.watch(seconds)
        yield
    except MemoryError:
        raise LimitExceeded(f"takes more than {memory / 2**30:.1f} GiB of memory") from None
    except _TimeUp:
        raise LimitExceeded(f"runs for more than {seconds:g} seconds") from None
    finally:
        try:
            watchdog.unwatch()
        finally:
            _release_memory()


class _TimeUp(BaseException):
    """Raised asynchronously; no Exception, so that no template or library swallows it."""


class _Watchdog(threading.Thread):
    """Raises `_TimeUp` in threads that are past their deadline. One for the process: starting one is slow."""

    def __init__(self) -> None:
        super().__init__(name="facsim-limits", daemon=True)
        self.process = os.getpid()
        self._deadlines: dict[int, float] = {}
        self._lock = threading.Lock()

    def run(self) -> None:
        """Look at the deadlines a few times a second."""
        while True:
            time.sleep(_INTERVAL)
            with self._lock:
                late = [thread for thread, at in self._deadlines.items() if at < time.monotonic()]
                for thread in late:
                    del self._deadlines[thread]
                    _raise_in(thread, _TimeUp)

    def watch(self, seconds: float) -> None:
        """Set a deadline for this thread."""
        with self._lock:
            self._deadlines[threading.get_ident()] = time.monotonic() + seconds

    def unwatch(self) -> None:
        """Remove this thread's deadline."""
        thread = threading.get_ident()
        with self._lock:
            if self._deadlines.pop(thread, None) is None:
                _raise_in(thread, None)  # raised, but perhaps not delivered yet


_watchdogs: list[_Watchdog] = []


def _watchdog() -> _Watchdog:
    """The watchdog of this process; a forked process needs one of its own."""
    if not _watchdogs or _watchdogs[-1].process != os.getpid():
        _watchdogs[:] = [_Watchdog()]
        _watchdogs[-1].start()
    return _watchdogs[-1]


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    pending = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), pending)


_memory_lock = threading.Lock()
_unlimited: list[tuple[int, int] | None] = []
"""For each thread inside `limits`: the limit before, if this thread set one. All threads share one limit, so
the last one to leave restores it."""


def _limit_memory(extra: int) -> None:
    """Limit the address space to `extra` bytes more than now, unless another thread has limited it."""
    with _memory_lock:
        _unlimited.append(None if _unlimited else _set_limit(extra))


def _release_memory() -> None:
    with _memory_lock:
        if len(_unlimited) > 1:
            _unlimited.pop()
        elif (before := _unlimited.pop()) is not None:
            resource.setrlimit(resource.RLIMIT_AS, before)


def _set_limit(extra: int) -> tuple[int, int] | None:
    """The limit before; None if it was left as it is."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + extra
    if (soft != resource.RLIM_INFINITY and soft <= limit) or (
        hard != resource.RLIM_INFINITY and hard < limit
    ):
        return None
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    return soft, hard
