"""How long work tells that it advances. The library calls back; who called decides what to draw."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the work done so far and, where known, all there is to do."""

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        """Report that `done` of `total` units are finished."""


def no_progress(done: int, total: int | None, note: str = "") -> None:
    """Draw nothing."""
