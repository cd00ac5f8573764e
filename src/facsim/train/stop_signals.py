"""Stop a training in good order: the first signal asks for it, the second one forces it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class TrainingInterrupted(KeyboardInterrupt):
    """A signal stopped a training; everything up to its last step is on disk."""

    def __init__(self, out: Path, step: int, steps: int) -> None:
        self.out, self.step, self.steps = out, step, steps
        super().__init__(
            f"stopped after step {step} of {steps}, which is saved in {out}. Run the same command again with "
            "--resume to go on"
        )


class StopRequest:
    """Whether SIGINT or SIGTERM was received."""

    def __init__(self) -> None:
        self.received = False

    def __call__(self) -> bool:
        """Whether to stop soon."""
        return self.received

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = True


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Inside the block, a first SIGINT or SIGTERM is noted, and a second one raises KeyboardInterrupt.

    In a thread other than the main one signals are left to the program.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request._handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
