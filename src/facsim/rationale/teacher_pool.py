"""Asking the teacher about many steps at once, and stopping in good order.

How it stops early: `facsim.util.workers`. Every answer is in the teacher's cache before it is used, so that
nothing that came is ever asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from facsim.rationale.rationale_checks import Seen
from facsim.rationale.teacher import Teacher, Written
from facsim.schema import SessionSoFar
from facsim.util.progress import Progress
from facsim.util.workers import Crew

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
    """

    def __init__(self, teacher: Teacher, *, total: int, concurrency: int, progress: Progress) -> None:
        self._teacher, self._total, self._progress = teacher, total, progress
        self.done: dict[Place, Written] = {}
        self._crew = Crew(concurrency, teacher.model.spec)
        self._cost = 0.0

    def run(self, questions: Iterator[Question]) -> None:
        """Ask everything. Works within a running event loop (a notebook), too.

        Raises:
            FacsimError: what makes going on senseless.
        """
        self._crew.run(lambda: self._work(questions), close=self._teacher.model.close)
        if self._crew.error is not None:
            raise self._crew.error

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended the work."""
        return self._crew.interrupted

    async def _work(self, questions: Iterator[Question]) -> None:
        for question in questions:
            if self._crew.is_stopping:
                return
            written = await self._teacher.write(question.so_far, question.seen)
            self.done[question.place] = written
            self._cost += written.usage.cost or 0.0
            self._progress(len(self.done), self._total, f"${self._cost:.2f}" if self._cost else "")
            # Answers that were kept come without waiting: signals must not be kept out.
            await asyncio.sleep(0)
