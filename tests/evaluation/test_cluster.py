"""Every verb on a two-node cluster gives the files of this machine, also if a node is lost meanwhile.

And one evaluation of `FACSIM_CLUSTER_REQUESTS` requests, by default 5,000, with `FACSIM_CLUSTER_KILLS` random
kills of workers, nodes and the driver (`make check-ray`).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="Ray is not installed (pip install 'facsim[ray]')")

from cluster_victim import Counted
from small_ray import NODE, files_of, small_cluster

from facsim.data import Card, DataSet, session_builder
from facsim.data.ingest import write_source
from facsim.data.sources import RawSession, RawStep
from facsim.evaluation import Run, evaluate
from facsim.evaluation.journal import read_records
from facsim.page.batch import simplify_folder
from facsim.predict.registry import load_predictor
from facsim.rollout import rollout
from facsim.shop import write_sample
from facsim.util.progress import no_progress

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PROGRAMS), os.environ.get("PYTHONPATH", "")])
    with small_cluster() as cluster:
        yield cluster


@pytest.fixture
def second_node(cluster: Any) -> Iterator[Any]:
    node = cluster.add_node(**NODE)
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node)


class NodeLoss:
    """A progress callback that kills a node once `after` units are done."""

    def __init__(self, cluster: Any, node: Any, after: int) -> None:
        self._cluster, self._node, self._after = cluster, node, after
        self.happened = False

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        if done >= self._after and not self.happened:
            assert total is None or done < total
            self.happened = True
            self._cluster.remove_node(self._node, allow_graceful=False)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    out = tmp_path_factory.mktemp("data") / "shop"
    write_sample(400, 5, out)
    return DataSet.open(out)


def test_shop_sample(cluster: Any, second_node: Any, shop: DataSet, tmp_path: Path) -> None:
    loss = NodeLoss(cluster, second_node, 1)
    write_sample(400, 5, tmp_path / "shop", on=f"ray://{cluster.address}", progress=loss)
    assert loss.happened
    assert files_of(tmp_path / "shop") == files_of(shop.path)


def test_simplify(cluster: Any, second_node: Any, shop: DataSet, tmp_path: Path) -> None:
    source = tmp_path / "pages"
    source.mkdir()
    for number, (page_id, _) in enumerate(shop.pages.scan()):
        if number < 300:
            (source / f"{page_id}.html").write_text(shop.pages.raw_html(page_id) or "")
    (source / "deep.html").write_text("<div>" * 200_000)
    loss = NodeLoss(cluster, second_node, 8)
    there = simplify_folder(source, tmp_path / "there", on=f"ray://{cluster.address}", progress=loss)
    alone = simplify_folder(source, tmp_path / "alone")
    assert loss.happened
    assert (there.written, there.refused) == (alone.written, alone.refused)
    assert (there.written, list(there.refused)) == (300, [source / "deep.html"])
    assert files_of(tmp_path / "there") == files_of(tmp_path / "alone")


def test_rollout(cluster: Any, second_node: Any, shop: DataSet, tmp_path: Path) -> None:
    options: dict[str, Any] = {"people": shop, "train": shop, "sessions": 200, "seed": 3}
    loss = NodeLoss(cluster, second_node, 1)
    there = rollout(
        "shop",
        "baseline:markov-2",
        out=tmp_path / "there",
        on=f"ray://{cluster.address}",
        progress=loss,
        **options,
    )
    assert loss.happened
    alone = rollout("shop", "baseline:markov-2", out=tmp_path / "alone", **options)
    assert there.data.content_hash == alone.data.content_hash


class RawShop:
    """The sessions of a shop data set with raw pages, as a source."""

    name = "raw-shop"

    def __init__(self, shop: DataSet, sessions: int, notify: Callable[[int, int | None], None]) -> None:
        self._shop, self._sessions, self._notify = shop, sessions, notify

    def card(self) -> Card:
        return Card(name="raw-shop", source="raw-shop", origin="made by a test")

    def sessions(self, report: object, progress: object = None) -> Iterator[RawSession]:
        for number, session_id in enumerate(self._shop.session_ids[: self._sessions]):
            self._notify(number, self._sessions)
            session = self._shop.session(session_id)
            steps = [
                RawStep(self._shop.pages.raw_html(step.page_id) or "", step.action) for step in session.steps
            ]
            yield RawSession(session_id, session.user_id, steps)


def test_ingest(
    cluster: Any, second_node: Any, shop: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_builder, "CHUNK_STEPS", 60)
    loss = NodeLoss(cluster, second_node, 20)
    there = tmp_path / "there"
    write_source(RawShop(shop, 40, loss), "x", there, on=f"ray://{cluster.address}")
    write_source(RawShop(shop, 40, no_progress), "x", tmp_path / "alone")
    assert loss.happened
    assert files_of(there) == files_of(tmp_path / "alone")


@pytest.mark.parametrize("predictor", ["baseline:markov-2", "oracle:", "choice"])
def test_evaluate(cluster: Any, second_node: Any, shop: DataSet, tmp_path: Path, predictor: str) -> None:
    loss = NodeLoss(cluster, second_node, 1)
    runs = [
        evaluate(shop, predictor, run_dir=tmp_path / name, part="validation", on=on, progress=progress)
        for name, on, progress in (
            ("alone", None, no_progress),
            ("there", f"ray://{cluster.address}", answers_only(loss)),
        )
    ]
    assert loss.happened
    check_same(*runs)
    assert [len(run.config.starts[0].nodes or ()) for run in runs] == [0, 2]


def answers_only(loss: NodeLoss) -> Callable[..., None]:
    """Not called while the predictor is fitted."""

    def progress(done: int, total: int | None, note: str = "") -> None:
        if "/s" in note:
            loss(done, total, note)

    return progress


def test_evaluate_a_local_model(cluster: Any, second_node: Any, shop: DataSet, tmp_path: Path) -> None:
    runs = [
        evaluate(
            shop,
            load_predictor("local:tiny", max_output_tokens=24),
            run_dir=tmp_path / name,
            limit=12,
            on=on,
            progress=no_progress,
        )
        for name, on in (("alone", None), ("there", f"ray://{cluster.address}"))
    ]
    alone, there = (records_of(run, without=("seconds", "log_probability", "confidence")) for run in runs)
    assert alone == there
    for name in ("log_probability", "confidence"):
        values = [[line[name] for line in records_of(run)] for run in runs]
        # Sequences share forward passes with others on a cluster, so sums are rounded otherwise.
        assert values[0] == [None if value is None else pytest.approx(value, abs=1e-4) for value in values[1]]


def check_same(one: Run, other: Run) -> None:
    assert records_of(one) == records_of(other)
    assert (one.path / "metrics.json").read_bytes() == (other.path / "metrics.json").read_bytes()
    assert one.config.identity == other.config.identity


def records_of(run: Run, without: tuple[str, ...] = ("seconds",)) -> list[dict]:
    lines = [{key: value for key, value in line.items() if key not in without} for line in run.records()]
    return sorted(lines, key=lambda line: (line["session_id"], line["step"]))


class CountingServer:
    """Counts which step was asked when, and by which process."""

    def __init__(self, delay: float) -> None:
        self.asked: list[tuple[str, int]] = []
        self.workers: dict[int, float] = {}
        parent = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                session, step, pid = self.path.partition("?")[2].split("&")
                parent.asked.append((session, int(step)))
                parent.workers[int(pid)] = time.monotonic()
                time.sleep(delay)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> CountingServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def busy_workers(self) -> list[int]:
        """Processes that asked within the last second."""
        return [pid for pid, last in list(self.workers.items()) if time.monotonic() - last < 1]


def start_driver(data: DataSet, out: Path, url: str, address: str) -> subprocess.Popen[str]:
    command = [sys.executable, PROGRAMS / "cluster_victim.py", data.path, out, url, f"ray://{address}"]
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # With Ctrl-C a terminal signals the whole group.
        start_new_session=True,
    )


def journaled(out: Path) -> set[tuple[str, int]]:
    file = out / "predictions.jsonl"
    return {(line["session_id"], line["step"]) for line in read_records(file)} if file.exists() else set()


def wait_for_answers(driver: subprocess.Popen[str], out: Path, count: float) -> None:
    while len(journaled(out)) < count:
        assert driver.poll() is None, driver.stdout.read()
        time.sleep(0.2)


def wait_until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_random_kills(cluster: Any, second_node: Any, make_shop: Callable, tmp_path: Path) -> None:
    requests = int(os.environ.get("FACSIM_CLUSTER_REQUESTS", "5000"))
    kills = int(os.environ.get("FACSIM_CLUSTER_KILLS", "20"))
    data = make_shop(tmp_path / "data", sessions=-(-requests // 5), lengths=range(6, 7))
    total, rng, out = 5 * len(data), random.Random(0), tmp_path / "run"
    done: Counter[str] = Counter()
    asked_before: list[tuple[set[tuple[str, int]], int]] = []
    with CountingServer(delay=0.01) as server:
        driver = start_driver(data, out, server.url, cluster.address)
        for kill in range(kills):
            goal = (kill + rng.random()) * total / (kills + 1)
            wait_for_answers(driver, out, goal)
            wait_until(lambda: bool(server.busy_workers()))
            known = journaled(out)
            asked_before.append((known, len(server.asked)))
            kind = rng.choices(("worker", "driver", "node"), weights=(10, 6, 4))[0]
            done[kind] += 1
            if kind == "worker":
                with suppress(ProcessLookupError):
                    os.kill(rng.choice(server.busy_workers()), signal.SIGKILL)
            elif kind == "node":
                cluster.remove_node(second_node, allow_graceful=False)
                second_node = cluster.add_node(**NODE)
            else:
                assert any(alive(pid) for pid in server.workers)
                driver.kill()
                driver.wait()
                # Its workers end with it.
                wait_until(lambda: not any(alive(pid) for pid in server.workers), seconds=60)
                driver = start_driver(data, out, server.url, cluster.address)
        assert driver.wait(timeout=600) == 0, driver.stdout.read()
        asked = list(server.asked)
        whole = evaluate(
            data, Counted(server.url), run_dir=tmp_path / "whole", part="all", progress=no_progress
        )
    for known, place in asked_before:
        assert not known & set(asked[place:])
    repeats = sum(count - 1 for count in Counter(asked).values())
    print(f"{total} requests, {sum(done.values())} kills {dict(done)}: {repeats} asked again")
    assert set(asked) == journaled(out)
    assert len(journaled(out)) == total == len(set(asked))
    # An actor sends its answers ten times a second: those of a tenth and the one in flight are lost with it.
    assert repeats <= sum(done.values()) * 2 * 20
    assert all(not line["failed"] for line in Run.open(out).records())
    check_same(Run.open(out), whole)


def alive(pid: int) -> bool:
    """Whether an actor lives. Ids of ended ones are soon those of other processes on a busy machine."""
    try:
        is_actor = b"_ActorHost" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return is_actor and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_ctrl_c_ends_in_seconds_and_leaves_nothing(
    cluster: Any, second_node: Any, make_shop: Callable, tmp_path: Path
) -> None:
    data, out = make_shop(tmp_path / "data", sessions=400, lengths=range(6, 7)), tmp_path / "run"
    with CountingServer(delay=0.05) as server:
        driver = start_driver(data, out, server.url, cluster.address)
        wait_until(lambda: len(journaled(out)) > 20)
        assert any(alive(pid) for pid in server.workers)
        os.killpg(driver.pid, signal.SIGINT)
        printed = driver.communicate(timeout=20)[0]
        assert driver.returncode == 130
        assert "Run the same command again with --resume" in printed
        assert "Traceback" not in printed
        wait_until(lambda: not any(alive(pid) for pid in server.workers), seconds=10)
