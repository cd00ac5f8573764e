"""What a Ray cluster costs and gains on this machine: CPU per answer, scaling from one worker to two, memory.

1. Evaluation of `--answers` steps by a predictor that costs nothing, in this process and on one Ray worker:
   CPU milliseconds per answer of all processes, Ray's own included, from the first answer to the last. And
   the growth of this process's memory after the first tenth.
2. Shop sampling and simplification of pages on one and on two Ray workers, in turn, the shortest of two
   rounds. `scaling_2` is the smaller ratio of wall times. `possible_2` is what this machine gives at that
   moment: the same work twice, in two plain processes at once, against once in one; two idle cores of their
   own give 2. `efficiency_2` is the smaller ratio of CPU times (of one worker to two), which other work on
   the machine hardly affects.

    python benchmarks/bench_ray.py [--answers 100000] [--sessions 1000] [--pages 1200]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import ray

from bench_evaluate import STEPS, resident_mb, write_data
from facsim import DataSet, evaluate
from facsim.page.batch import simplify_folder
from facsim.shop import write_sample

ALONE_ANSWERS = 20_000
ROUNDS = 2
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run all parts and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--sessions", type=int, default=1000, help="of the shop")
    parser.add_argument("--pages", type=int, default=1200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        few = min(arguments.answers, ALONE_ANSWERS)
        alone = Evaluation(write_data(root / "few", -(-few // (STEPS - 1))), root / "alone", None)
        print(f"one process: {alone.answers:,} answers, {alone.cpu_ms:.3f} ms CPU each")
        start_ray(workers=1)
        there = Evaluation(
            write_data(root / "many", -(-arguments.answers // (STEPS - 1))), root / "there", "ray"
        )
        ray.shutdown()
        print(
            f"Ray, one worker: {there.answers:,} answers, {there.cpu_ms:.3f} ms CPU each; RSS of the driver "
            f"{there.rss_early:.0f} MB after a tenth, at most {there.rss_late:.0f} MB later"
        )
        write_pages(root / "pages", arguments.pages, root / "shop")
        ratios = [
            scaling("shop sampling", partial(sampled, arguments.sessions), root / "sample"),
            scaling("pages", partial(simplified, root / "pages"), root / "simplified"),
        ]
    print(
        f"RESULT overhead_ms={there.cpu_ms - alone.cpu_ms:.3f} scaling_2={min(r[0] for r in ratios):.2f} "
        f"possible_2={min(r[2] for r in ratios):.2f} efficiency_2={min(r[1] for r in ratios):.2f} "
        f"rss_growth_mb={there.rss_late - there.rss_early:.1f}"
    )


class Evaluation:
    """One run, measured from its first answer to its last."""

    def __init__(self, data: DataSet, out: Path, on: str | None) -> None:
        self.rss_early = self.rss_late = 0.0
        self._first: tuple[int, float] | None = None
        self._last = (0, 0.0)
        evaluate(data, "baseline:always-terminate", run_dir=out, part="all", on=on, progress=self._watch)
        assert self._first is not None
        self.answers = self._last[0]
        self.cpu_ms = 1000 * (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])

    def _watch(self, done: int, total: int | None, note: str = "") -> None:
        if "/s" not in note:
            return  # no answer yet
        # Reading the CPU time of all processes costs some itself.
        if self._first is None or done == total or done > self._last[0] + 1000:
            self._last = (done, tree_cpu_seconds())
            self._first = self._first or self._last
        if total and done >= total / 10:
            self.rss_early = self.rss_early or resident_mb()
            self.rss_late = max(self.rss_late, resident_mb())


def scaling(name: str, work: Callable[[Path, str | None], None], out: Path) -> tuple[float, float, float]:
    """How many times faster two workers are than one, the ratio of their CPU times, and what is possible."""
    runs: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for place in range(2 * ROUNDS):
        workers = place % 2 + 1
        start_ray(workers)
        # Workers start and import before the clock does.
        ray.get([ray.remote(warm).remote(one) for one in range(workers)])
        began = time.perf_counter(), tree_cpu_seconds()
        work(out.with_name(f"{out.name}{place}"), "ray")
        runs[workers].append((time.perf_counter() - began[0], tree_cpu_seconds() - began[1]))
        ray.shutdown()
    walls, cpus = ([min(run[part] for run in runs[workers]) for workers in (1, 2)] for part in (0, 1))
    limit = possible(work, out)
    print(
        f"{name}: {walls[0]:.1f} s on one worker, {walls[1]:.1f} s on two; "
        f"{cpus[0]:.1f} and {cpus[1]:.1f} s CPU; two plain processes do {limit:.2f} times the work of one"
    )
    return walls[0] / walls[1], cpus[0] / cpus[1], limit


def possible(work: Callable[[Path, str | None], None], out: Path) -> float:
    """How much more two plain processes at once do than one, per time."""
    walls: dict[int, list[float]] = {1: [], 2: []}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(warm, range(2)))
        for place in range(2 * ROUNDS):
            count = place % 2 + 1
            began = time.perf_counter()
            copies = [
                pool.submit(work, out.with_name(f"{out.name}-{place}-{one}"), None) for one in range(count)
            ]
            for copy in copies:
                copy.result()
            walls[count].append(time.perf_counter() - began)
    return 2 * min(walls[1]) / min(walls[2])


def start_ray(workers: int) -> None:
    """Start Ray on this machine, whatever runs here already."""
    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=256 * 2**20,
    )


def warm(_: int) -> None:
    """Import what the workers need."""
    import facsim.page.batch  # noqa: PLC0415 - sent by value to processes that have imported nothing
    import facsim.shop.sampling  # noqa: F401, PLC0415

    time.sleep(0.5)  # so that each worker gets one


def sampled(sessions: int, out: Path, on: str | None) -> None:
    """Sample the shop."""
    write_sample(sessions, 0, out, workers=None if on else 1, on=on)


def write_pages(folder: Path, count: int, shop: Path) -> None:
    """Write raw pages of the shop."""
    write_sample(max(20, count // 4), 1, shop)
    data = DataSet.open(shop)
    folder.mkdir()
    for number, (page_id, _) in enumerate(data.pages.scan()):
        if number < count:
            (folder / f"{number}.html").write_text(data.pages.raw_html(page_id) or "")


def simplified(pages: Path, out: Path, on: str | None) -> None:
    """Simplify the pages."""
    simplify_folder(pages, out, workers=None if on else 1, on=on)


def tree_cpu_seconds() -> float:
    """CPU time of this process and all its descendants that live, Ray's included."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        ticks[pid] = int(fields[11]) + int(fields[12])
    total = 0
    for pid, count in ticks.items():
        ancestor = pid
        while ancestor not in (0, os.getpid()):
            ancestor = parents.get(ancestor, 0)
        total += count if ancestor else 0
    return total / TICKS


if __name__ == "__main__":
    main()
