"""How fast the viewer shows a list of 30,000 sessions, one session, and a filtered list.

    python benchmarks/bench_view.py [--sessions 30000] [--runs 3] [--from DATA] [--keep FOLDER]

Repeats the sessions of a sample of the shop (400, or those of --from) under new ids, with copies of
their pages and of baselines' predictions, until there are enough. A separate process then opens the viewer
and sends HTTP requests: for the list, for 40 uncached sessions, each with its page frame, and for 12 lists by
filter and text.

Prints one line: RESULT open_s (CPU seconds from the start of Python to the first list, imports included),
open_wall_s, prepare_s (CPU seconds of loading in the background after the first list), session_ms (median CPU
time of a session and its frame), session_worst_ms, list_ms (median), list_worst_ms, rss_mb, sessions, steps,
predictions, pages_mb (on disk).
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data import DataSet

BASELINES = ("baseline:markov-2", "baseline:majority-type", "baseline:always-terminate")
CHILD = "--measure"


def main() -> None:
    """Measure, in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=30_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--from", dest="source", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument(CHILD, dest="measure", type=Path)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure)))
        return
    with tempfile.TemporaryDirectory(prefix="facsim-bench-") as temporary:
        folder = given.keep or Path(temporary)
        if not (folder / "ready").exists():
            make(folder, given.source, given.sessions, given.runs)
        command = [sys.executable, __file__, CHILD, str(folder)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print("RESULT", *(f"{key}={value}" for key, value in found.items()))


def make(folder: Path, source: Path | None, sessions: int, runs: int) -> None:
    """The data set and the runs over it."""
    from facsim.evaluation import evaluate  # noqa: PLC0415 (opening is measured, with what it imports)
    from facsim.predict.registry import load_predictor  # noqa: PLC0415
    from facsim.shop import write_sample  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    if source is None:
        source = folder / "sample"
        write_sample(400, 0, source)
    data = DataSet.open(source)
    copies = -(-sessions // len(data))
    repeat(data, folder / "data", copies, sessions)
    for spec, number in zip(cycle(BASELINES), range(runs), strict=False):
        small = folder / f"small-{number}"
        evaluate(data, load_predictor(spec), run_dir=small)
        repeat_run(small, folder / "runs" / f"run-{number}", copies)
    (folder / "ready").touch()


def repeat(data: DataSet, out: Path, copies: int, sessions: int) -> None:
    """Write a data set that repeats another one many times."""
    out.mkdir(parents=True)
    ids = [f"{session_id}-{copy}" for copy in range(copies) for session_id in data.session_ids][:sessions]
    kept = pl.Series("session_id", ids).implode()
    named = [pl.format("{}-{}", "session_id", pl.lit(copy)).alias("session_id") for copy in range(copies)]
    paged = [pl.format("{}-{}", "page_id", pl.lit(copy)).alias("page_id") for copy in range(copies)]
    tables = {
        "sessions": pl.concat([data.sessions.with_columns(name) for name in named]),
        "steps": pl.concat(
            [data.steps.with_columns(name, page) for name, page in zip(named, paged, strict=True)]
        ),
    }
    for name, table in tables.items():
        stored = pq.read_schema(data.path / f"{name}.parquet")
        rows = table.filter(pl.col("session_id").is_in(kept)).to_arrow().cast(stored)
        pq.write_table(rows, out / f"{name}.parquet", compression="zstd")
    pages = pq.ParquetFile(data.path / "pages.parquet")
    with pq.ParquetWriter(out / "pages.parquet", pages.schema_arrow, compression="zstd") as writer:
        for copy in range(copies):
            for group in range(pages.num_row_groups):
                table = pages.read_row_group(group)
                names = pa.array([f"{page_id}-{copy}" for page_id in table["page_id"].to_pylist()])
                writer.write_table(table.set_column(0, table.schema.field(0), names))
    (out / "card.json").write_text((data.path / "card.json").read_text())


def repeat_run(run: Path, out: Path, copies: int) -> None:
    """Write a run over a repeated data set."""
    out.mkdir(parents=True)
    (out / "config.json").write_bytes((run / "config.json").read_bytes())
    lines = [json.loads(line) for line in (run / "predictions.jsonl").read_bytes().splitlines()]
    with (out / "predictions.jsonl").open("w", encoding="utf-8") as file:
        for copy in range(copies):
            for line in lines:
                again = line | {"session_id": f"{line['session_id']}-{copy}"}
                file.write(json.dumps(again, ensure_ascii=False, separators=(",", ":")) + "\n")


def measure(folder: Path) -> dict[str, float | int]:
    """Open the viewer and request pages, all in this process."""
    began = time.perf_counter()
    from facsim.view.server import build_app, make_server  # noqa: PLC0415

    runs = sorted((folder / "runs").iterdir())
    listener = socket.create_server(("127.0.0.1", 0))
    server = make_server(build_app(folder / "data", runs))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
    ask = Client(listener.getsockname()[1])
    ask("/")
    open_s, open_wall_s = time.process_time(), time.perf_counter() - began
    for thread in threading.enumerate():  # background loading
        if thread.name == "prepare":
            thread.join()
    prepare_s = time.process_time() - open_s
    ask = Client(listener.getsockname()[1])  # the server has closed idle connections
    sessions = [ask(*asked) for asked in random_sessions(folder, random.Random(0), 40)]
    lists = [ask(query) for query in QUERIES]
    return {
        "open_s": round(open_s, 2),
        "open_wall_s": round(open_wall_s, 2),
        "prepare_s": round(prepare_s, 2),
        "session_ms": round(1000 * statistics.median(sessions), 1),
        "session_worst_ms": round(1000 * max(sessions), 1),
        "list_ms": round(1000 * statistics.median(lists), 1),
        "list_worst_ms": round(1000 * max(lists), 1),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "sessions": rows_of(folder / "data" / "sessions.parquet"),
        "steps": rows_of(folder / "data" / "steps.parquet"),
        "predictions": sum((run / "predictions.jsonl").read_bytes().count(b"\n") for run in runs),
        "pages_mb": (folder / "data" / "pages.parquet").stat().st_size // 2**20,
    }


class Client:
    """Sends requests to the server in this process, and returns the CPU seconds per response."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def __call__(self, *addresses: str) -> float:
        """Request pages one after another."""
        began = time.process_time()
        for address in addresses:
            self._connection.request("GET", address)
            answer = self._connection.getresponse()
            answer.read()
            assert answer.status == 200, address
        return time.process_time() - began


QUERIES = (
    "/?page=400",
    "/?outcome=purchase",
    "/?category=filter",
    "/?min=10&max=12",
    "/?hits=split",
    "/?hits=all_wrong&order=most",
    "/?hits=all_right&page=3",
    "/?right=A&wrong=B",
    "/?q=running+shoes",
    "/?q=too+expensive&outcome=terminate",
    "/?q=nothing+has+this+in+it",
    "/?action=type_and_submit&order=longest",
)


def random_sessions(folder: Path, rng: random.Random, count: int) -> Iterator[list[str]]:
    """URLs of random steps, each with the URL of its page."""
    table = pl.read_parquet(folder / "data" / "steps.parquet", columns=["session_id", "step"])
    for row in rng.sample(range(table.height), count):
        session_id, step = table.row(row)
        yield [f"/session?id={session_id}&step={step}", f"/frame?id={session_id}&step={step}"]


def rows_of(file: Path) -> int:
    """Rows of a Parquet file."""
    return pq.ParquetFile(file).metadata.num_rows


if __name__ == "__main__":
    main()
