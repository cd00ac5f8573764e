"""A run that is killed, interrupted or out of disk in a process of its own, and then resumed."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facsim.data import DataSet
from facsim.evaluation import Run, evaluate

PROGRAMS = Path(__file__).parent / "programs"
PYTHONPATH = os.pathsep.join([str(PROGRAMS), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture(scope="module")
def data(make_shop: Callable, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return make_shop(tmp_path_factory.mktemp("data") / "shop", sessions=120, lengths=range(2, 8))


def start(
    data: DataSet, out: Path, log: Path, *flags: str, delay: float, concurrency: int = 4
) -> subprocess.Popen:
    command = [
        sys.executable,
        PROGRAMS / "victim.py",
        data.path,
        out,
        log,
        str(delay),
        str(concurrency),
        *flags,
    ]
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": PYTHONPATH},
    )


def wait_for_bytes(process: subprocess.Popen, file: Path, size: int) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() or file.stat().st_size < size:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.001)


def finished_in(out: Path) -> set[tuple[str, int]]:
    return {(line["session_id"], line["step"]) for line in Run.open(out).records()}


def asked_in(log: Path) -> list[tuple[str, int]]:
    return [(session, int(step)) for session, step in (line.split() for line in log.read_text().splitlines())]


def check_same_as_undisturbed(
    data: DataSet, out: Path, tmp_path: Path, scripted: Callable, by_case: Callable
) -> None:
    whole = evaluate(data, scripted(), run_dir=tmp_path / "whole", part="all")
    assert by_case(Run.open(out).records()) == by_case(whole.records())
    assert (out / "metrics.json").read_bytes() == (whole.path / "metrics.json").read_bytes()
    assert Run.open(out).cases().equals(whole.cases())


def test_killed_again_and_again_then_resumed(
    data: DataSet, tmp_path: Path, scripted: Callable, by_case: Callable
) -> None:
    out = tmp_path / "run"
    before: set[tuple[str, int]] = set()
    for index, size in enumerate((1, 40_000, 120_000)):
        log = tmp_path / f"log{index}"
        process = start(data, out, log, "--resume", delay=0.004)
        wait_for_bytes(process, out / "predictions.jsonl", size)
        process.kill()
        process.wait()
        # What stood on disk at the last kill was not asked for again, and nothing of it is lost.
        assert not before & set(asked_in(log))
        assert before <= finished_in(out)
        before = finished_in(out)
    log = tmp_path / "last"
    process = start(data, out, log, "--resume", delay=0)
    assert process.wait() == 0, process.stdout.read()
    assert not before & set(asked_in(log))
    assert len(asked_in(log)) == len(set(asked_in(log)))
    check_same_as_undisturbed(data, out, tmp_path, scripted, by_case)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_good_order(
    data: DataSet, tmp_path: Path, scripted: Callable, by_case: Callable, number: signal.Signals
) -> None:
    out, log = tmp_path / "run", tmp_path / "log"
    process = start(data, out, log, delay=0.02)
    wait_for_bytes(process, out / "predictions.jsonl", 10_000)
    process.send_signal(number)
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 130
    assert "Run the same command again with --resume" in said
    assert "Traceback" not in said
    # Everything that was asked came home: nothing is paid for twice.
    assert sorted(asked_in(log)) == sorted(finished_in(out))
    assert 0 < len(finished_in(out)) < 400
    again = scripted()
    evaluate(data, again, run_dir=out, part="all", resume=True)
    assert not set(asked_in(log)) & set(again.asked)
    check_same_as_undisturbed(data, out, tmp_path, scripted, by_case)


def test_a_second_interrupt_does_not_wait(data: DataSet, tmp_path: Path) -> None:
    out, log = tmp_path / "run", tmp_path / "log"
    process = start(data, out, log, delay=3600)
    while not log.exists() or len(asked_in(log)) < 4:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=3) == 130


def test_a_disk_that_fills_up(data: DataSet, tmp_path: Path, scripted: Callable, by_case: Callable) -> None:
    out = tmp_path / "run"
    # The least room that config.json and some lines fit in; the process may write no larger file.
    room = 30_000
    process = subprocess.run(
        [sys.executable, PROGRAMS / "victim.py", data.path, out, tmp_path / "log", "0", "4"],
        env=os.environ | {"PYTHONPATH": PYTHONPATH},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY)),
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert "predictions.jsonl: cannot be written: File too large" in process.stderr
    content = (out / "predictions.jsonl").read_bytes()
    assert content.endswith(b"\n")
    assert 0.9 * room < len(content) <= room
    finished = finished_in(out)
    again = scripted()
    evaluate(data, again, run_dir=out, part="all", resume=True)
    assert not finished & set(again.asked)
    check_same_as_undisturbed(data, out, tmp_path, scripted, by_case)
