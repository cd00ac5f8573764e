"""Sampling on one core, its memory as the number of sessions grows, and the server under 32 visitors.

    python benchmarks/bench_shop.py [--sessions 1000] [--visitors 32] [--requests 2000] [--think 0.5]
        [--only-serve]

Sampling is measured twice, with N and 4N sessions, each in a separate process. Sessions per second are those
of the 4N run, by CPU time. They include building the catalogue and writing raw and simplified pages to disk.
Peak memory is resident memory. The page caches are full after some 800 sessions; the second figure shows that
memory does not grow further.

The server runs in a separate process (`facsim shop serve`). A visitor has a persistent connection, a cookie,
and an exponential pause before each request with a mean of `--think` seconds. People pause for some 20 s, so
32 visitors at 0.5 s send as many requests as 1,300 people. They replay simulated shoppers over real HTTP, on
another core. A request ends with its last byte; redirects count as requests.

`p95_ms` is wall time and valid only if two cores are idle. `server_ms` is the server's CPU time per request,
which other processes hardly affect. It bounds throughput: 32 visitors without pauses wait at least 32 times
that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

# One core: thread pools are sized when the libraries load, so this comes before their import.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[variable] = "1"

# ruff: noqa: E402
from facsim.shop import write_sample
from facsim.shop.simulation import CommonRandomNumbers, ShopSimulation

SEED = 0


def sampled(sessions: int) -> dict[str, float]:
    """Sample in this process, and return time and memory."""
    folder = Path(tempfile.mkdtemp(prefix="facsim-bench-"))
    try:
        began, busy = time.perf_counter(), time.process_time()
        card = write_sample(sessions, SEED, folder / "data")
        return {
            "sessions": sessions,
            "steps": card.steps,
            "pages": card.pages,
            "cpu_s": time.process_time() - busy,
            "wall_s": time.perf_counter() - began,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "disk_mb": sum(file.stat().st_size for file in (folder / "data").iterdir()) / 1e6,
        }
    finally:
        shutil.rmtree(folder)


def sampled_apart(sessions: int) -> dict[str, float]:
    """The same in a separate process."""
    command = [sys.executable, __file__, "--only-sample", str(sessions)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    print(
        f"{sessions} sessions: {found['steps']} steps, {found['pages']} pages, {found['cpu_s']:.1f} s CPU, "
        f"{found['wall_s']:.1f} s wall, {found['peak_mb']:.0f} MB peak, {found['disk_mb']:.1f} MB on disk",
        flush=True,
    )
    return found


@dataclass(frozen=True)
class Asked:
    """A request: a page, or a form with its fields."""

    address: str
    form: str | None = None


def requests_of(simulation: ShopSimulation, number: int) -> Iterator[Asked]:
    """The requests of a simulated shopper's browser during a session."""
    shopper = simulation.shopper(number)
    yield Asked(shopper.address)
    for point, choice in simulation.simulate(shopper, CommonRandomNumbers(simulation.seed, number).choose):
        action = point.action(choice)
        if action is None:
            return
        if action.method == "post":
            yield Asked(action.address, urlencode(action.fields))
        elif choice.text is not None:
            yield Asked(simulation.store.follow(action, point.visitor, choice.text)[0])
        else:
            yield Asked(action.address)


class Browser:
    """One visitor: a persistent connection, a cookie, and the seconds per request."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._cookie = ""
        self.seconds: list[float] = []

    async def visit(self, asked: list[Asked], think: float) -> None:
        """Send requests one after another, with pauses of `think` seconds on average."""
        pauses = random.Random(asked[0].address + str(len(asked)))
        reader, writer = await asyncio.open_connection(self._host, self._port)
        for request in asked:
            await asyncio.sleep(pauses.expovariate(1 / think))
            location = await self._ask(reader, writer, request)
            while location:
                location = await self._ask(reader, writer, Asked(location))
        writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Asked
    ) -> str | None:
        """Send one request; returns the redirect target."""
        origin = f"http://{self._host}:{self._port}"
        lines = [
            f"{'GET' if request.form is None else 'POST'} {request.address} HTTP/1.1",
            f"Host: {self._host}:{self._port}",
        ]
        body = b""
        if self._cookie:
            lines.append(f"Cookie: {self._cookie}")
        if request.form is not None:
            body = request.form.encode()
            lines += [f"Origin: {origin}", "Content-Type: application/x-www-form-urlencoded"]
            lines.append(f"Content-Length: {len(body)}")
        began = time.perf_counter()
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"(?i)^content-length: (\d+)", head, re.MULTILINE)
        assert length is not None, head
        await reader.readexactly(int(length[1]))
        self.seconds.append(time.perf_counter() - began)
        status = int(head.split(" ", 2)[1])
        assert status in (200, 302, 303, 307), f"{request}: {head}"
        if cookie := re.search(r"(?i)^set-cookie: ([^;\r]+)", head, re.MULTILINE):
            self._cookie = cookie[1]
        if status == 200:
            return None
        location = re.search(r"(?i)^location: (\S+)", head, re.MULTILINE)
        assert location is not None, head
        split = urlsplit(location[1])
        return split.path + (f"?{split.query}" if split.query else "")


async def answered(port: int, visits: list[list[Asked]], think: float) -> list[float]:
    """All visitors at once; the seconds of all requests."""
    browsers = [Browser("127.0.0.1", port) for _ in visits]
    await asyncio.gather(
        *(browser.visit(asked, think) for browser, asked in zip(browsers, visits, strict=True))
    )
    return [seconds for browser in browsers for seconds in browser.seconds]


def wait_for(port: int, patience: float = 60) -> None:
    """Wait until the server accepts connections."""
    until = time.monotonic() + patience
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def served(visitors: int, requests: int, think: float) -> tuple[list[float], float]:
    """Start the server, run the visitors, and stop it: seconds per request, and CPU seconds per request."""
    simulation = ShopSimulation(SEED, 100_000)
    visits: list[list[Asked]] = [[] for _ in range(visitors)]
    number = 0
    while sum(map(len, visits)) < requests:
        # One after another, as several sessions of one browser.
        min(visits, key=len).extend(requests_of(simulation, number))
        number += 1
    command = [sys.executable, "-m", "facsim", "shop", "serve", "--seed", str(SEED), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert address is not None, f"the server said {line!r}"
        wait_for(int(address[1]))
        began, busy = time.perf_counter(), cpu_seconds(server.pid)
        seconds = asyncio.run(answered(int(address[1]), visits, think))
        wall = time.perf_counter() - began
        busy = cpu_seconds(server.pid) - busy
    finally:
        server.terminate()
        server.wait(30)
    print(f"{len(seconds)} requests of {visitors} visitors at once, {len(seconds) / wall:.0f} a second")
    return sorted(seconds), busy / len(seconds)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--visitors", type=int, default=32)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--think", type=float, default=0.5)
    parser.add_argument("--only-serve", action="store_true", help="leave sampling out")
    parser.add_argument("--only-sample", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_sample:
        print(json.dumps(sampled(arguments.only_sample)))
        return
    figures: list[str] = []
    if not arguments.only_serve:
        few, many = (sampled_apart(times * arguments.sessions) for times in (1, 4))
        figures = [
            f"sessions_per_s={many['sessions'] / many['cpu_s']:.1f}",
            f"peak_mb={many['peak_mb']:.0f}",
            f"peak_mb_at_a_quarter={few['peak_mb']:.0f}",
        ]
    seconds, busy = served(arguments.visitors, arguments.requests, arguments.think)
    median, p95, p99 = (1000 * seconds[int(share * len(seconds))] for share in (0.5, 0.95, 0.99))
    print(f"median {median:.1f} ms, 95% under {p95:.1f} ms, 99% under {p99:.1f} ms")
    print("RESULT", *figures, f"p95_ms={p95:.1f} server_ms={1000 * busy:.2f}")


if __name__ == "__main__":
    main()
