"""Request rationales for many steps concurrently, with a graceful shutdown (`facsim.util.workers`).

Every answer is in the teacher's response cache before it is used, so no answer is ever requested twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from facsim.rationale.rationale_checks import CheckContext
from facsim.rationale.teacher import RationaleResult, Teacher
from facsim.schema import SessionSoFar
from facsim.util.progress import Progress
from facsim.util.workers import WorkerPool

StepKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class RationaleRequest:
    """A step that needs a rationale."""

    so_far: SessionSoFar
    context: CheckContext

    @property
    def key(self) -> StepKey:
        """Session id and number of the step."""
        return self.so_far.session_id, self.so_far.step


class TeacherPool:
    """Runs all requests. An instance runs once.

    Args:
        teacher: the teacher; its client is closed at the end.
        total: number of requests.
        concurrency: requests in flight.
        progress: called after every finished step.

    Attributes:
        done: the result of each step, by session id and step number.
    """

    def __init__(self, teacher: Teacher, *, total: int, concurrency: int, progress: Progress) -> None:
        self._teacher, self._total, self._progress = teacher, total, progress
        self.done: dict[StepKey, RationaleResult] = {}
        self._pool = WorkerPool(concurrency, teacher.model.spec)
        self._cost = 0.0

    def run(self, requests: Iterator[RationaleRequest]) -> None:
        """Run every request. Can be called within a running event loop (a notebook).

        Raises:
            FacsimError: when continuing is pointless.
        """
        self._pool.run(lambda: self._work(requests), close=self._teacher.model.close)
        if self._pool.error is not None:
            raise self._pool.error

    @property
    def interrupted(self) -> bool:
        """Whether a signal stopped the work."""
        return self._pool.interrupted

    async def _work(self, requests: Iterator[RationaleRequest]) -> None:
        for request in requests:
            if self._pool.is_stopping:
                return
            result = await self._teacher.write(request.so_far, request.context)
            self.done[request.key] = result
            self._cost += result.usage.cost or 0.0
            self._progress(len(self.done), self._total, f"${self._cost:.2f}" if self._cost else "")
            # Cached answers need no waiting: give signals a chance.
            await asyncio.sleep(0)
