"""Damaged response caches, and several processes on one: no other answer is served, no question asked twice."""

import json
import random
import sqlite3
import subprocess
import sys

import pytest
from loopback import Answer, Loopback

from facsim.predict.endpoint.completion import Completion
from facsim.predict.endpoint.response_cache import ResponseCache, request_key
from facsim.prompt import Message
from facsim.util.errors import FacsimError

MESSAGES = (Message("system", "s"), Message("user", "p"))

# Damage: what is served is what was stored, or the run stops with a sentence.


def filled(file, entries=30):
    """A cache with `entries` answers; what is in it."""
    cache = ResponseCache(file)
    stored = {}
    for number in range(entries):
        key = request_key({"n": number}, MESSAGES)
        stored[key] = (Completion(f"answer {number} " * 20, input_tokens=number + 1), float(number))
        cache.put(key, *stored[key])
    cache.close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return stored


def test_a_damaged_byte_never_serves_another_answer(tmp_path):
    stored = filled(tmp_path / "good")
    whole = (tmp_path / "good").read_bytes()
    rng = random.Random(1)
    wrong, errors = [], 0
    for turn in range(400):
        at = rng.randrange(100, len(whole))
        damaged = bytearray(whole)
        damaged[at] ^= 1 << rng.randrange(8)
        file = tmp_path / f"damaged-{turn}"
        file.write_bytes(damaged)
        try:
            cache = ResponseCache(file)
            for key, expected in stored.items():
                found = cache.get(key)
                if found not in (None, expected):
                    wrong.append((at, found))
            cache.close()
        except FacsimError as error:
            assert "--cache" in str(error)
            errors += 1
        for left in tmp_path.glob("damaged-*"):
            left.unlink()
    assert wrong == []
    assert errors > 50, "else this test damages nothing that matters"


def test_a_damaged_schema_is_named(tmp_path):
    """Its error message is not even UTF-8."""
    filled(tmp_path / "cache", 1)
    whole = (tmp_path / "cache").read_bytes()
    assert whole.count(b"TABLE answers") == 1
    (tmp_path / "cache").write_bytes(whole.replace(b"TABLE answers", b"TABLE\xaaanswers"))
    with pytest.raises(FacsimError, match="--cache"):
        ResponseCache(tmp_path / "cache")


@pytest.mark.parametrize(
    "answer",
    [
        "[]",
        "null",
        "5",
        '"text"',
        "{not json",
        '{"seconds": 1}',
        '{"text": "x"}',
        '{"text": 5, "seconds": 1}',
        '{"text": "x", "seconds": "soon"}',
        '{"text": "x", "seconds": NaN}',
        '{"text": "x", "seconds": 1, "input_tokens": -1}',
        '{"text": "x", "seconds": 1, "input_tokens": 1e30}',
        '{"text": "x", "seconds": 1, "input_tokens": true}',
        '{"text": "x", "seconds": 1, "surprise": 1}',
        "[" * 100_000,
        5,
        b"\xff\x00",
    ],
    ids=str,
)
@pytest.mark.parametrize("version", [1, 2])
def test_entries_of_another_shape_are_named(tmp_path, answer, version):
    file = tmp_path / "cache.sqlite"
    key = request_key({}, MESSAGES)
    with sqlite3.connect(file) as connection:
        columns = "key TEXT PRIMARY KEY, answer TEXT NOT NULL" + (", checksum TEXT" if version == 2 else "")
        connection.execute(f"CREATE TABLE answers ({columns})")
        connection.execute("INSERT INTO answers (key, answer) VALUES (?, ?)", (key, answer))
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(FacsimError, match=rf"cache\.sqlite is damaged: entry {key[:16]}.*--cache"):
        ResponseCache(file).get(key)


# Several processes on one cache.

ASKER = """
import asyncio, sys
from pathlib import Path
from facsim.page import read_page
from facsim.predict.endpoint.options import EndpointOptions
from facsim.predict.endpoint.predictor import endpoint_predictor
from facsim.schema import SessionSoFar

async def main():
    options = EndpointOptions(cache=Path(sys.argv[2]), concurrency=8, retries=0)
    predictor = endpoint_predictor(f"endpoint:{sys.argv[1]}#tiny", options=options)
    steps = [SessionSoFar(f"s{n}", read_page(f'<a name="a{n}">A</a>')) for n in range(24)]
    for begin in range(0, 24, 8):
        found = await asyncio.gather(*(predictor.predict(step) for step in steps[begin : begin + 8]))
        assert all(prediction.error is None for prediction in found), found
    await predictor.close()

asyncio.run(main())
"""


def test_several_processes_ask_each_question_once(tmp_path):
    with Loopback([Answer(delay=0.3)]) as server:
        command = [sys.executable, "-c", ASKER, server.url, str(tmp_path / "cache.sqlite")]
        processes = [subprocess.Popen(command) for _ in range(2)]
        assert [process.wait() for process in processes] == [0] * 2
        questions = {json.dumps(request.body["messages"]) for request in server.requests}
        assert len(questions) == 24
        assert server.count == 24


def test_a_killed_process_holds_no_question(tmp_path):
    file = tmp_path / "cache.sqlite"
    program = (
        "import os, sys; from pathlib import Path\n"
        "from facsim.predict.endpoint.response_cache import ResponseCache\n"
        "cache = ResponseCache(Path(sys.argv[1])); assert cache.try_lock('k'); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(file)], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    cache = ResponseCache(file)
    assert not cache.try_lock("k")
    assert cache.try_lock("another question")
    holder.kill()
    holder.wait()
    assert cache.try_lock("k")
    cache.close()


def test_two_caches_of_one_process_do_not_share_locks(tmp_path):
    file = tmp_path / "cache.sqlite"
    first, second, third = (ResponseCache(file) for _ in range(3))
    assert first.try_lock("k")
    assert first.try_lock("k")  # its own lock
    assert not second.try_lock("k")
    second.close()
    assert not third.try_lock("k")
    first.unlock("k")
    assert third.try_lock("k")
    first.close()
    third.close()
