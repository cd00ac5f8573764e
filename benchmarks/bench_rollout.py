"""Rollouts in process on one core, their memory as sessions go on, and steps in a real browser.

    python benchmarks/bench_rollout.py [--sessions 2000] [--browser-sessions 12] [--no-browser]

A Markov model of order 2, fitted on a sample of the shop, shops by itself. Sessions per second are by CPU
time and include fitting it, building the catalogue and writing the data set. `rss_growth_mb` is how much the
resident memory grows from a quarter of the sessions, when all caches are full, to the last one.

Browser steps per second are by CPU time of this process and all of Chromium, with the oracle in the shop.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

# One core: thread pools are sized when the libraries load, so this comes before their import.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[variable] = "1"

# ruff: noqa: E402
from facsim.rollout import BrowserOptions, rollout
from facsim.shop import sample
from facsim.util.progress import no_progress

SEED, TRAINING = 7, 400


def resident_mb() -> float:
    """Resident memory of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def in_process(folder: Path, sessions: int) -> tuple[float, float]:
    """Sessions per CPU second, and megabytes by which memory grows after a quarter of them."""
    data = sample(TRAINING, SEED, folder / "sample")
    memory: list[tuple[int, float]] = []

    def watch(done: int, total: int | None, note: str = "") -> None:  # noqa: ARG001
        memory.append((done, resident_mb()))

    busy = time.process_time()
    done = rollout(
        "shop",
        "baseline:markov-2",
        sessions=sessions,
        out=folder / "rolled",
        train=data,
        seed=SEED,
        progress=watch,
    )
    seconds = time.process_time() - busy
    print(f"{done}\n{seconds:.1f} s CPU", flush=True)
    quarter = next(mb for count, mb in memory if count >= sessions / 4)
    return sessions / seconds, memory[-1][1] - quarter


def in_browser(folder: Path, sessions: int) -> float:
    """Steps per CPU second of this process and its children."""

    def cpu() -> float:
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in used)

    busy, began = cpu(), time.perf_counter()
    done = rollout(
        "shop",
        "oracle:",
        sessions=sessions,
        out=folder / "browser",
        seed=SEED,
        browser=BrowserOptions(quiet_seconds=0.15),
        progress=no_progress,
    )
    print(f"{done}\n{cpu() - busy:.1f} s CPU, {time.perf_counter() - began:.1f} s wall", flush=True)
    return done.answers / (cpu() - busy)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--browser-sessions", type=int, default=12)
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="facsim-bench-"))
    try:
        rate, growth = in_process(folder, arguments.sessions)
        steps = (
            []
            if arguments.no_browser
            else [f"browser_steps_per_s={in_browser(folder, arguments.browser_sessions):.2f}"]
        )
    finally:
        shutil.rmtree(folder)
    print(f"RESULT sessions_per_s={rate:.1f}", *steps, f"rss_growth_mb={growth:.0f}")


if __name__ == "__main__":
    main()
