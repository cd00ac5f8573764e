"""The response cache: what makes two questions the same, many users of one file, and damaged files."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Answer, Loopback, Status

from facsim.predict.endpoint.completion import Completion
from facsim.predict.endpoint.options import EndpointOptions
from facsim.predict.endpoint.predictor import endpoint_predictor
from facsim.predict.endpoint.prices import Price
from facsim.predict.endpoint.response_cache import ResponseCache, request_key
from facsim.prompt import Message, PromptConfig
from facsim.schema import Action
from facsim.util.errors import FacsimError

MESSAGES = (Message("system", "s"), Message("user", "p"))


def test_entries_survive_closing(tmp_path):
    file = tmp_path / "deep" / "cache.sqlite"
    cache = ResponseCache(file)
    assert cache.get("k") is None
    cache.put("k", Completion("é\ud800", input_tokens=7), 0.5)
    cache.put("k", Completion("second"), 1.0)
    cache.close()
    again = ResponseCache(file)
    assert again.get("k") == (Completion("é\ud800", input_tokens=7), 0.5)
    assert len(again) == 1


texts = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(max_size=4)), max_size=4)


@given(texts, texts)
def test_the_key_tells_all_messages_apart(first, second):
    keys = [request_key({"m": 1}, [Message(role, text) for role, text in texts]) for texts in (first, second)]
    assert (keys[0] == keys[1]) == (first == second)


def test_the_key_takes_lone_surrogates_and_does_not_depend_on_field_order():
    assert request_key({}, [Message("user", "\ud800")]) != request_key({}, [Message("user", "\ud801")])
    assert request_key({"a": 1, "b": 2}, MESSAGES) == request_key({"b": 2, "a": 1}, MESSAGES)


@pytest.fixture
def run(talk, step, tmp_path):
    """Ask one step of a server through one cache file; the prediction."""

    def run(server, past=1, style="rationale", **fields):
        options = EndpointOptions(**{"retries": 0, "cache": tmp_path / "cache.sqlite", **fields})
        predictor = endpoint_predictor(f"endpoint:{server.url}#tiny", PromptConfig(style=style), options)
        return talk(predictor, [step(past)])[0]

    return run


def test_the_same_question_is_asked_once(run):
    with Loopback([Answer(input_tokens=7, cached_tokens=3, delay=0.05)]) as server:
        first, second = run(server), run(server)
        assert server.count == 1
    assert not first.from_cache
    assert second.from_cache
    assert replace(second, from_cache=False) == first, (
        "tokens, time and all: a resumed run gives the same numbers"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.5},
        {"temperature": None},
        {"max_output_tokens": 9},
        {"seed": 1},
        {"thinking": "low"},
        {"structured": "off"},
        {"replicate": 1},
        {"style": "action"},
        {"past": 2},
    ],
    ids=str,
)
def test_whatever_changes_the_answer_is_asked_anew(run, fields):
    with Loopback() as server:
        run(server)
        run(server, **fields)
        assert server.count == 2


@pytest.mark.parametrize(
    "fields",
    [{"concurrency": 2}, {"timeout_s": 9}, {"retries": 1}, {"price": Price(input=1, output=1)}],
    ids=str,
)
def test_whatever_does_not_is_not(run, fields):
    with Loopback() as server:
        run(server)
        run(server, **fields)
        assert server.count == 1


def test_another_model_or_server_is_asked_anew(run, talk, step, tmp_path):
    with Loopback() as server, Loopback() as other:
        run(server)
        run(other)
        assert other.count == 1
        options = EndpointOptions(cache=tmp_path / "cache.sqlite")
        talk(endpoint_predictor(f"endpoint:{server.url}#huge", options=options), [step(1)])
        assert server.count == 2


def test_prices_are_applied_when_read(run):
    with Loopback([Answer(input_tokens=1_000_000, output_tokens=0)]) as server:
        assert run(server).usage.cost is None
        assert run(server, price=Price(input=3, output=0)).usage.cost == pytest.approx(3)


def test_failures_are_not_kept(run):
    with Loopback([Status(500), Answer()]) as server:
        assert run(server).action is None
        assert run(server).action == Action.terminate()
        assert server.count == 2


def test_unreadable_answers_are_kept(run):
    with Loopback([Answer("hm")]) as server:
        assert run(server).answer == run(server).answer == "hm"
        assert server.count == 1, "they were answered and paid for"


def test_a_rejected_schema_does_not_split_the_cache(run):
    def script(request):
        return Status(400, "no schemas") if "response_format" in request.body else Answer()

    with Loopback(script) as server:
        run(server)
        assert run(server).from_cache


def test_two_turns_are_kept_apart(run):
    with Loopback([Answer("Because."), Status(500), Answer('{"type": "terminate"}')]) as server:
        assert run(server, style="two_turn").action is None
        done = run(server, style="two_turn")
        assert (done.action, done.rationale, done.from_cache) == (Action.terminate(), "Because.", False)
        assert server.count == 3, "the first turn was not asked again"


def test_the_same_question_in_flight_is_asked_once(step, tmp_path):
    async def ask(cache):
        options = EndpointOptions(concurrency=20, cache=cache)
        predictor = endpoint_predictor(f"endpoint:{server.url}#tiny", options=options)
        predictions = await asyncio.gather(*(predictor.predict(step(1)) for _ in range(20)))
        await predictor.close()
        return [prediction.from_cache for prediction in predictions]

    with Loopback([Answer(delay=0.2)]) as server:
        assert sorted(asyncio.run(ask(tmp_path / "c"))) == [False] + [True] * 19
        assert server.count == 1
        assert asyncio.run(ask(None)) == [False] * 20, "without a cache, replicas are independent"


def test_who_waits_for_a_cancelled_question_asks_it(step, tmp_path):
    async def ask():
        predictor = endpoint_predictor(
            f"endpoint:{server.url}#tiny", options=EndpointOptions(cache=tmp_path / "c")
        )
        first = asyncio.create_task(predictor.predict(step(1)))
        second = asyncio.create_task(predictor.predict(step(1)))
        await asyncio.sleep(0.2)
        first.cancel()
        prediction = await second
        await predictor.close()
        return prediction

    with Loopback([Answer(delay=0.5)]) as server:
        prediction = asyncio.run(ask())
    assert prediction.action == Action.terminate()
    assert not prediction.from_cache


def test_many_processes_share_a_file(tmp_path):
    program = (
        "import sys; from pathlib import Path; from facsim.predict.endpoint.completion import Completion\n"
        "from facsim.predict.endpoint.response_cache import ResponseCache\n"
        "cache, c = ResponseCache(Path(sys.argv[1])), Completion('x')\n"
        "for n in range(200): cache.put(f'{sys.argv[2]}-{n}', c, n); cache.put(f'shared-{n}', c, n)"
    )
    file = tmp_path / "cache.sqlite"
    processes = [subprocess.Popen([sys.executable, "-c", program, str(file), str(k)]) for k in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert len(ResponseCache(file)) == 5 * 200


def test_a_file_whose_making_was_cut_short_is_made_again(tmp_path, monkeypatch):
    """Killed between two statements, another process must not find half a cache."""

    class Killed(sqlite3.Connection):
        def execute(self, statement, *values):
            if "user_version =" in statement:
                raise KeyboardInterrupt
            return super().execute(statement, *values)

    file = tmp_path / "cache.sqlite"
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **options: connect(*args, factory=Killed, **options)
    )
    with pytest.raises(KeyboardInterrupt):
        ResponseCache(file)
    monkeypatch.undo()
    cache = ResponseCache(file)
    cache.put("k", Completion("kept"), 1.0)
    assert cache.get("k") == (Completion("kept"), 1.0)
    cache.close()


def test_a_killed_writer_loses_nothing_it_wrote(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from facsim.predict.endpoint.completion import Completion\n"
        "from facsim.predict.endpoint.response_cache import ResponseCache\n"
        "cache = ResponseCache(Path(sys.argv[1]))\n"
        "for n in range(100): cache.put(str(n), Completion(str(n)), n)\n"
        "os.kill(os.getpid(), 9)"
    )
    file = tmp_path / "cache.sqlite"
    assert subprocess.run([sys.executable, "-c", program, str(file)]).returncode == -9
    cache = ResponseCache(file)
    assert [cache.get(str(n)) for n in range(100)] == [(Completion(str(n)), n) for n in range(100)]


def damaged(file):
    cache = ResponseCache(file)
    cache.put("k", Completion("x" * 100_000), 1.0)
    cache.close()
    with file.open("r+b") as handle:
        handle.seek(4096)
        handle.write(os.urandom(8192))


def foreign(file):
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


@pytest.mark.parametrize(
    "spoil",
    [damaged, foreign, lambda file: file.write_bytes(b"not a database, but long enough to look at" * 99)],
)
def test_a_file_that_is_no_cache_is_named_with_a_remedy(tmp_path, spoil):
    file = tmp_path / "cache.sqlite"
    spoil(file)
    with pytest.raises(FacsimError, match=r"cache\.sqlite.*--cache"):
        cache = ResponseCache(file)
        cache.get("k")
        cache.put("l", Completion("x"), 1.0)


def test_a_folder_in_the_way_is_named(tmp_path):
    with pytest.raises(FacsimError, match="--cache"):
        ResponseCache(tmp_path)


def test_an_answer_that_cannot_be_kept_goes_out_and_the_run_stops(step, tmp_path):
    async def ask():
        predictor = endpoint_predictor(
            f"endpoint:{server.url}#tiny", options=EndpointOptions(cache=tmp_path / "c")
        )
        first = await predictor.predict(step(0))
        predictor._client._cache._connection.execute("PRAGMA query_only = ON")  # as a full disk would
        second = await predictor.predict(step(1))
        with pytest.raises(FacsimError, match="--cache"):
            await predictor.predict(step(2))
        await predictor.close()
        return first, second

    with Loopback() as server:
        first, second = asyncio.run(ask())
        assert first.action == second.action == Action.terminate()
        assert server.count == 2


def test_answers_from_the_cache_say_nothing_of_the_server(run, talk, step, tmp_path):
    """A resumed run finds its first answers in the cache; a model that is gone by then must still stop it."""
    with Loopback(lambda request: Answer() if request.index == 0 else Status(404, "gone")) as server:
        run(server, past=0)
        options = EndpointOptions(retries=0, cache=tmp_path / "cache.sqlite")
        predictor = endpoint_predictor(f"endpoint:{server.url}#tiny", options=options)
        with pytest.raises(FacsimError, match="name of the model"):
            talk(predictor, [step(0), step(1)])


def test_a_cache_of_the_version_before_is_read_and_extended(tmp_path, run):
    with Loopback([Answer(input_tokens=7)]) as server:
        first = run(server)
        file = tmp_path / "cache.sqlite"
        with sqlite3.connect(file) as connection:  # as the version before wrote it
            connection.execute("ALTER TABLE answers DROP COLUMN checksum")
            connection.execute("PRAGMA user_version = 1")
        connection.close()
        second = run(server)
        assert second.from_cache
        assert replace(second, from_cache=False) == first
        run(server, past=2)
        assert server.count == 2
    with sqlite3.connect(file) as connection:
        checksums = [checksum for (checksum,) in connection.execute("SELECT checksum FROM answers")]
    connection.close()
    assert [checksum is None for checksum in checksums] == [True, False]
