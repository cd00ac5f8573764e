"""A predictor whose answers depend on the step alone, and that misbehaves where it is told to."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from facsim.schema import Action, Prediction, SessionSoFar, Usage

Hook = Callable[[SessionSoFar], Awaitable[Prediction | None]]


class Scripted:
    """Answers by a hash of session and step: clicks, typed text, terminate, unreadable answers.

    Attributes:
        asked: the (session, step) pairs asked for, in order.
        most: the most calls that were open at once.
    """

    spec = "test:scripted"

    def __init__(
        self,
        *,
        concurrency: int = 1,
        delay: float = 0.0,
        hook: Hook | None = None,
        log: Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.concurrency, self.delay, self.hook = concurrency, delay, hook
        self.asked: list[tuple[str, int]] = []
        self.closed = 0
        self.most = self._open = 0
        self._settings = dict(settings or {"version": 1})
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if log else None

    def settings(self) -> Mapping[str, Any]:
        return self._settings

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        self.asked.append((so_far.session_id, so_far.step))
        if self._log is not None:
            os.write(self._log, f"{so_far.session_id} {so_far.step}\n".encode())
        self._open += 1
        self.most = max(self.most, self._open)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            told = await self.hook(so_far) if self.hook else None
            return told if told is not None else answer(so_far)
        finally:
            self._open -= 1

    async def close(self) -> None:
        self.closed += 1


def answer(so_far: SessionSoFar) -> Prediction:
    digest = hashlib.blake2b(f"{so_far.session_id} {so_far.step}".encode(), digest_size=4).digest()
    usage = Usage(
        input_tokens=100 + digest[1], cached_tokens=digest[2], output_tokens=7, cost=0.001, seconds=0.5
    )
    names = sorted(so_far.page.by_name)
    if digest[0] < 30:
        return Prediction(None, parse="failed", answer="I would 🛒 \ud83d think…\nabout it", usage=usage)
    if digest[0] < 80:
        action = Action.terminate()
    elif digest[0] < 120:
        action = Action.type_and_submit("search_input", f"wörd {digest[3] % 8}")
    else:
        action = Action.click(names[digest[3] % len(names)])
    return Prediction(
        action,
        rationale="Because, “naturally”.",
        probabilities={action: 0.6, Action.terminate(): 0.3} if action.type == "click" else None,
        usage=usage,
    )
