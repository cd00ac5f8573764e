"""Stopping in good order: the first signal is a wish, the second an order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether SIGINT or SIGTERM came."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self) -> bool:
        """Whether to stop soon."""
        return self.came

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Within this, a first SIGINT or SIGTERM is noted, and a second one raises KeyboardInterrupt.

    In a thread other than the main one signals are left to the program.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request._note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
