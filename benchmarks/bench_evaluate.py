"""The runner against a loopback server: overhead per request, share of a slow server's ceiling, memory.

The server runs in a separate process (`tests/support/loopback.py`) and is OpenAI-compatible.

1. No latency, 20,000 requests: requests per second, CPU time per request of this process, and the
   growth of resident memory after the first tenth.
2. A latency of one second, with 64 sessions in flight: the share of the ceiling of 64 requests per second,
   excluding the scoring at the end.

    python benchmarks/bench_evaluate.py [--requests 20000] [--slow-requests 2240]
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facsim import Action, Card, DataSet, DataSetWriter, PromptConfig, Session, Step, evaluate, load_predictor

LOOPBACK = Path(__file__).resolve().parents[1] / "tests" / "support" / "loopback.py"
STEPS = 8  # of a session, seven of them test cases
SLOW_CONCURRENCY = 64


def main() -> None:
    """Run both parts and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--slow-requests", type=int, default=2_240)
    parser.add_argument("--concurrency", type=int, default=16, help="sessions in flight at the fast server")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fast = write_data(root / "fast", -(-arguments.requests // (STEPS - 1)))
        with server(delay=0.0) as url:
            Measured(write_data(root / "warm", 8), url, root / "warm-run", 8)  # imports, connections, caches
            quick = Measured(fast, url, root / "fast-run", arguments.concurrency)
        print(
            f"at once:  {quick.requests:,} requests in {quick.seconds:.1f} s, {quick.rate:.0f}/s, "
            f"{1000 * quick.cpu / quick.requests:.2f} ms CPU each; "
            f"RSS {quick.rss_early:.0f} MB after a tenth, at most {quick.rss_late:.0f} MB later"
        )
        slow = write_data(root / "slow", -(-arguments.slow_requests // (STEPS - 1)))
        with server(delay=1.0) as url:
            late = Measured(slow, url, root / "slow-run", SLOW_CONCURRENCY)
        share = late.rate / SLOW_CONCURRENCY
        print(f"after 1s: {late.requests:,} requests in {late.seconds:.1f} s, {late.rate:.1f}/s")
    print(
        f"RESULT requests_per_s={quick.rate:.1f} ceiling_share={share:.3f} "
        f"rss_growth_mb={quick.rss_late - quick.rss_early:.1f} "
        f"cpu_ms_per_request={1000 * quick.cpu / quick.requests:.2f}"
    )


class Measured:
    """One run, timed by its progress callback from the first answer to the last."""

    def __init__(self, data: DataSet, url: str, out: Path, concurrency: int) -> None:
        self.rss_early = self.rss_late = 0.0
        self._last: tuple[int, float, float] | None = None
        predictor = load_predictor(
            f"endpoint:{url}#bench", prompt=PromptConfig(budget_tokens=8_000), concurrency=concurrency
        )
        began = time.perf_counter(), time.process_time()
        evaluate(data, predictor, run_dir=out, part="all", progress=self._watch)
        assert self._last is not None
        self.requests = self._last[0]
        self.seconds, self.cpu = self._last[1] - began[0], self._last[2] - began[1]
        self.rate = self.requests / self.seconds

    def _watch(self, done: int, total: int | None, note: str = "") -> None:
        del note
        self._last = (done, time.perf_counter(), time.process_time())
        if total and done >= total / 10:
            self.rss_early = self.rss_early or resident_mb()
            self.rss_late = max(self.rss_late, resident_mb())


def write_data(path: Path, sessions: int) -> DataSet:
    """Sessions over 200 search pages of about 5 KB with 24 products each."""
    rng = random.Random(0)
    with DataSetWriter(path, Card(name="bench", source="jsonl", origin="generated")) as writer:
        pages = [writer.add_page(page(number)) for number in range(200)]
        for index in range(sessions):
            steps = [
                Step(rng.choice(pages), Action.click(f"results.item_{rng.randrange(24)}.title"))
                for _ in range(STEPS)
            ]
            writer.add_session(Session(f"s{index}", f"u{index}", tuple(steps)))
    return DataSet.open(path)


def page(number: int) -> str:
    """A page of search results."""
    items = "".join(
        f'<li><a name="results.item_{i}.title" href="/p/{number}/{i}">Item {number}-{i}, sturdy, useful</a>'
        f"<span>${number}.{i:02d}</span><span>{i % 5} of 5 stars, {i * number} reviews</span></li>"
        for i in range(24)
    )
    return f'<form><input type="search" name="search_input"></form><ul>{items}</ul>'


@contextmanager
def server(delay: float) -> Iterator[str]:
    """The loopback server in its own process; returns its base URL."""
    process = subprocess.Popen(
        [sys.executable, str(LOOPBACK), "--delay", str(delay)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def resident_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
