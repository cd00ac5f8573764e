"""`facsim rollout` in a process of its own: killed, out of disk, resumed."""

from __future__ import annotations

import json
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from in_process_cli import completed

from facsim.data import DataSet
from facsim.rollout import rollout
from facsim.util.progress import no_progress

ROOT = Path(__file__).resolve().parents[2]


def command(out: Path, *more: str, sessions: int = 12) -> list[str]:
    rest = ["--sessions", str(sessions), "--seed", "5", "--out", str(out), *more]
    return [sys.executable, "-m", "facsim", "rollout", "shop", "oracle:", *rest]


def answers_in(out: Path) -> int:
    file = out.with_name(f"{out.name}.rollout") / "journal.sqlite"
    if not file.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            return int(database.execute("SELECT COUNT(*) FROM answers").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_killed_out_of_disk_and_resumed_it_equals_an_undisturbed_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(command(out), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 200
    while answers_in(out) < 15:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = answers_in(out)
    assert before >= 15 and not out.exists()

    # No file may grow much beyond what the journal has: the disk is full.
    size = (tmp_path / "out.rollout" / "journal.sqlite").stat().st_size + 60_000
    full = subprocess.run(
        command(out, "--resume"),
        capture_output=True,
        text=True,
        preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        ),
    )
    assert full.returncode == 2 and "cannot be written" in full.stderr and "--resume" in full.stderr
    between = answers_in(out)
    assert between >= before

    done = subprocess.run(command(out, "--resume"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "12 sessions" in done.stdout and "Next: facsim audit" in done.stdout
    assert not (tmp_path / "out.rollout").exists()
    whole = rollout("shop", "oracle:", sessions=12, seed=5, out=tmp_path / "whole", progress=no_progress)
    assert DataSet.open(out).content_hash == whole.data.content_hash
    assert json.loads((out / "rollout.json").read_text()) == json.loads(
        (whole.path / "rollout.json").read_text()
    )


def test_a_signal_stops_it_with_a_sentence(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        command(out, sessions=400), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 200
    while answers_in(out) < 5:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "of 400 sessions done" in errors and "--resume" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "oracle:"], "unknown site 'nowhere': expected shop, shop:DESIGN or an address"),
        (["shop", "baseline:markov-1"], "give it a data set with --train"),
        (["http://127.0.0.1:9", "oracle:"], "say who goes there with --people"),
    ],
)
def test_a_wrong_call_ends_in_a_sentence(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = completed("rollout", *arguments, "-n", 1, "--out", tmp_path / "out")
    assert done.returncode == 2 and message in done.stderr.replace("\n", " ")
