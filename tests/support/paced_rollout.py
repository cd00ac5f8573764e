"""A rollout in a process of its own whose predictor answers only as many questions as a file allows."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from facsim.predict.oracle import Oracle
from facsim.rollout import BrowserOptions, rollout
from facsim.schema import Prediction, SessionSoFar
from facsim.util.progress import no_progress

RATIONALE = "I compare <b>two</b> of them."
SEED = 3


class PacedOracle(Oracle):
    """The shoppers' policy with a rationale; each n-th answer is unusable.

    Args:
        allowance: file with the number of questions that may be answered.
        unusable: n.
    """

    def __init__(self, allowance: Path, unusable: int) -> None:
        super().__init__()
        self._allowance, self._unusable, self._asked = allowance, unusable, 0

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        self._asked += 1
        number = self._asked
        while int(self._allowance.read_text() or 0) < number:
            await asyncio.sleep(0.02)
        if number % self._unusable == 0:
            return Prediction(None, error="no JSON in it", answer="<script>alert(1)</script>")
        found = await super().predict(so_far)
        return Prediction(found.action, probabilities=found.probabilities, rationale=RATIONALE)


class PacedRollout:
    """The running process.

    Attributes:
        out: the data set that it will write.
    """

    def __init__(self, process: subprocess.Popen[bytes], out: Path, allowance: Path) -> None:
        self.process, self.out, self._allowance = process, out, allowance

    def allow(self, answers: int) -> None:
        """Let it have so many answers in all."""
        partial = self._allowance.with_suffix(".partial")
        partial.write_text(str(answers))
        partial.rename(self._allowance)

    def finish(self) -> None:
        """Let it have all answers, and wait for its data set."""
        self.allow(10**6)
        assert self.process.wait(200) == 0
        assert (self.out / "card.json").exists()


@contextmanager
def paced_rollout(
    folder: Path, *, sessions: int, concurrency: int, browser: bool, unusable: int = 5
) -> Iterator[PacedRollout]:
    """Run one in the shop; it has no answer yet."""
    out, allowance = folder / "out", folder / "allowance"
    allowance.write_text("0")
    values = [out, allowance, sessions, concurrency, int(browser), unusable]
    process = subprocess.Popen([sys.executable, __file__, *map(str, values)])
    try:
        yield PacedRollout(process, out, allowance)
    finally:
        process.kill()
        process.wait()


def wait_until(is_true: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is true."""
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until, "it did not become true"
        time.sleep(0.05)


if __name__ == "__main__":
    out, allowance, sessions, concurrency, browser, unusable = sys.argv[1:]
    rollout(
        "shop",
        PacedOracle(Path(allowance), int(unusable)),
        sessions=int(sessions),
        seed=SEED,
        out=out,
        concurrency=int(concurrency),
        browser=BrowserOptions(quiet_seconds=0.15) if int(browser) else None,
        progress=no_progress,
    )
