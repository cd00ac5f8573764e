"""Servers that are broken on purpose: every answer is bounded and checked before it counts."""

import asyncio
import gzip
import json
import logging
import resource
import time
import zlib
from dataclasses import replace

import pytest
from cpu_time import cpu_limit
from loopback import Answer, Changed, Endless, Hang, Loopback, Raw, Status
from teaching import whole_visit, written

from facsim.evaluation import evaluate
from facsim.predict.endpoint.options import EndpointOptions
from facsim.predict.endpoint.predictor import endpoint_predictor
from facsim.predict.endpoint.prices import Price
from facsim.predict.endpoint.response_check import MAX_BODY_BYTES
from facsim.predict.registry import load_predictor
from facsim.prompt import PromptConfig
from facsim.schema import Action
from facsim.util.errors import FacsimError

OPENAI_API = "endpoint:URL#tiny"
ANTHROPIC_API = "anthropic:claude-haiku-4-5"
BEDROCK_API = "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0"
APIS = [OPENAI_API, ANTHROPIC_API, BEDROCK_API]
CLICK = '{"rationale": "r", "action": {"type": "click", "name": "results.kettle.view_product"}}'


# Reasoning is never an answer.


@pytest.mark.parametrize("structured", ["auto", "off"])
@pytest.mark.parametrize("spec", [*APIS, "openai:gpt-4.1"])
@pytest.mark.parametrize(
    "text",
    [
        f"<think>I would {CLICK}",
        f"<think>\n{CLICK}",
        f"Sure. <think>I would {CLICK}",
        f"<think>first</think>\n<think>I would {CLICK}",
        f"<THINK>I would {CLICK}",
        f"<thinking>I would {CLICK}",
        f"[THINK]I would {CLICK}",
        f"I would {CLICK} and then",
    ],
)
def test_unfinished_reasoning_is_not_an_action(asked, text, spec, structured):
    (prediction,), _ = asked([Answer(text, finish="length")], spec, structured=structured)
    assert (prediction.action, prediction.parse) == (None, "failed")
    assert prediction.answer == text
    assert prediction.error == "cut off at the limit of 4096 output tokens"


@pytest.mark.parametrize("style", ["rationale", "think", "action"])
@pytest.mark.parametrize("tag", ["<think>", "Sure. <think>", "<thinking>", "[THINK]"])
def test_reasoning_without_an_end_is_not_an_action_although_the_model_stopped(asked, tag, style):
    (prediction,), _ = asked([Answer(f"{tag}I would {CLICK}")], style=style)
    assert (prediction.action, prediction.parse) == (None, "failed")


def test_a_whole_answer_at_the_limit_counts(asked):
    (prediction,), _ = asked([Answer(CLICK, finish="length")])
    assert prediction.action == Action.click("results.kettle.view_product")
    assert (prediction.parse, prediction.error) == ("strict", None)


# Size and time.


def grown_mb(before):
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


@pytest.mark.parametrize("spec", APIS)
def test_an_endless_body_is_a_failure_within_bounded_memory(asked, spec):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (prediction,), _ = asked([Endless()], spec)
    assert prediction.error == f"broken: the response body exceeds {MAX_BODY_BYTES >> 20} MB"
    assert grown_mb(before) < 200


def gzip_bomb(size=2 << 30):
    """Two gigabytes of spaces, in two megabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * (1 << 20)
    return b"".join([*(packer.compress(block) for _ in range(size >> 20)), packer.flush()])


@pytest.mark.parametrize("spec", APIS)
def test_a_gzip_bomb_is_a_failure_within_bounded_memory(asked, spec):
    bomb = gzip_bomb(256 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (prediction,), _ = asked([Raw(bomb, headers={"content-encoding": "gzip"})], spec)
    assert prediction.error == f"broken: the response body exceeds {MAX_BODY_BYTES >> 20} MB"
    assert grown_mb(before) < 200


@pytest.mark.parametrize("spec", APIS)
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("gzip", lambda body: body[:20])],
)
def test_compressed_bodies_are_read_or_failures(asked, spec, encoding, pack):
    whole = {
        OPENAI_API: {
            "choices": [{"message": {"content": CLICK}, "finish_reason": "stop"}],
        },
        ANTHROPIC_API: {"content": [{"type": "text", "text": CLICK}]},
        BEDROCK_API: {"output": {"message": {"content": [{"text": CLICK}]}}},
    }[spec]
    body = pack(json.dumps(whole).encode())
    (prediction,), _ = asked([Raw(body, headers={"content-encoding": encoding})], spec)
    if pack in (gzip.compress, zlib.compress):
        assert prediction.action == Action.click("results.kettle.view_product")
    else:
        assert prediction.error.startswith("broken: the response body cannot be decompressed")


@pytest.mark.parametrize("spec", APIS)
def test_an_error_whose_body_cannot_be_read_is_still_that_error(asked, spec):
    odd = {"content-encoding": "gzip"}
    (prediction,), server = asked([Status(503, "busy", odd), Answer()], spec, retries=1)
    assert prediction.action == Action.terminate()
    assert server.count == 2
    with pytest.raises(FacsimError, match=r"Check .*KEY"):
        asked([Status(401, "no", odd)], spec)


@pytest.mark.parametrize(
    "text",
    ['{"a":' * 2_000_000, "{" * 10_000_000, '{"a":[' * 1_500_000, '{"action": [' + "{}," * 3_000_000],
    ids=["objects", "braces", "arrays", "empty objects"],
)
def test_ten_megabytes_of_nesting_are_parsed_in_bounded_time(asked, text):
    asked([Answer()])  # imports
    with cpu_limit(4):
        (prediction,), _ = asked([Answer(text)])
    assert (prediction.action, prediction.parse) == (None, "failed")


def test_a_million_choices_cost_no_time(asked):
    body = json.dumps({"choices": [{"message": {"content": CLICK}}] * 100_000}).encode()
    asked([Answer()])  # imports
    with cpu_limit(4):
        (prediction,), _ = asked([Raw(body)])
    assert prediction.action == Action.click("results.kettle.view_product")


@pytest.mark.parametrize("spec", APIS)
@pytest.mark.parametrize("hang", [Hang(), Hang(drip=0.05)])
def test_each_attempt_ends_at_the_time_limit(asked, spec, hang):
    asked([Answer()], spec)  # imports
    began = time.monotonic()
    (prediction,), server = asked([hang], spec, timeout_s=0.5, retries=1)
    assert prediction.error.startswith("slow: ")
    assert server.count == 2
    assert time.monotonic() - began < 20, "two attempts and a pause of half a second, on a busy machine"


def test_a_long_retry_after_is_waited_for_and_said(asked, caplog, monkeypatch):
    monkeypatch.setattr("facsim.predict.endpoint.transport._LOGGED_WAIT_S", 1.0)
    caplog.set_level(logging.WARNING, "facsim")
    began = time.monotonic()
    (prediction,), _ = asked([Status(429, "slow down", {"retry-after": "2"}), Answer()], retries=1)
    assert prediction.action == Action.terminate()
    assert time.monotonic() - began >= 2
    assert "HTTP 429, waiting 2.0 s as the server asks (Retry-After), then attempt 2 of 2" in caplog.text


def test_many_sessions_that_wait_say_so_once(step, caplog, monkeypatch):
    monkeypatch.setattr("facsim.predict.endpoint.transport._LOGGED_WAIT_S", 1.0)

    def script(request):
        return Status(429, "slow down", {"retry-after": "2"}) if request.index < 8 else Answer()

    async def ask(url):
        predictor = endpoint_predictor(f"endpoint:{url}#tiny", options=EndpointOptions(retries=1))
        predictions = await asyncio.gather(*(predictor.predict(step(1, f"s{n}")) for n in range(8)))
        await predictor.close()
        return predictions

    with Loopback(script) as server:
        predictions = asyncio.run(ask(server.url))
    assert [prediction.action for prediction in predictions] == [Action.terminate()] * 8
    assert caplog.text.count("waiting 2.0 s") == 1


def test_a_retry_after_beyond_all_patience_fails_with_the_reason(asked):
    began = time.monotonic()
    (prediction,), server = asked([Status(429, "come back", {"retry-after": "86400"})], retries=3)
    assert prediction.error == (
        "limited: 429: come back. The server asks to wait 24 h 0 min, longer than the 10 min 0 s that Facsim waits"
    )
    assert server.count == 1
    assert time.monotonic() - began < 60


# Odd values in good answers.


def set_usage(**fields):
    return Changed(lambda body: body["usage"].update(fields))


@pytest.mark.parametrize(
    "odd",
    [10**30, 10**4000, -5, 1.5, float("inf"), "many", True, [], {}, None],
    ids=lambda odd: str(odd)[:12],
)
@pytest.mark.parametrize(
    ("spec", "field"),
    [(OPENAI_API, "prompt_tokens"), (ANTHROPIC_API, "output_tokens"), (BEDROCK_API, "inputTokens")],
)
def test_an_absurd_usage_is_unknown(asked, spec, field, odd):
    (prediction,), _ = asked([set_usage(**{field: odd})], spec, price=Price(input=1, output=1))
    assert prediction.action == Action.terminate()
    assert (prediction.usage.input_tokens, prediction.usage.output_tokens) == (0, 0)
    assert prediction.usage.cost is None


@pytest.mark.parametrize("spec", APIS)
def test_no_usage_is_no_cost_and_not_a_cost_of_zero(asked, spec):
    (prediction,), _ = asked([Changed(lambda body: body.pop("usage"))], spec, price=Price(input=1, output=1))
    assert prediction.action == Action.terminate()
    assert prediction.usage.cost is None


def test_more_cached_than_sent_tokens_give_no_negative_cost(asked):
    odd = set_usage(prompt_tokens_details={"cached_tokens": 10**6})
    (prediction,), _ = asked([odd], price=Price(input=10, cached=0, output=0))
    assert prediction.usage.cost == pytest.approx(100 * 10 / 1e6)


@pytest.mark.parametrize("created", [None, "yesterday", -1, 10**30, 1.5, [], {}], ids=str)
def test_an_odd_creation_time_costs_no_answer(asked, created):
    (prediction,), _ = asked([Changed(lambda body: body.update(created=created))])
    assert prediction.action == Action.terminate()


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(id=5, model=None, object="list", service_tier=[], system_fingerprint={}),
        lambda body: body["choices"][0].update(finish_reason="eos", index="a", logprobs="?"),
        lambda body: body["choices"][0].update(finish_reason=None),
        lambda body: body["choices"][0]["message"].update(role="robot", tool_calls="none", annotations=7),
        lambda body: body["choices"][0]["message"].update(reasoning_content=5),
        lambda body: body["choices"].append("more"),
    ],
)
def test_odd_fields_beside_the_answer_cost_no_answer(asked, change):
    (prediction,), _ = asked([Changed(change)])
    assert (prediction.action, prediction.error) == (Action.terminate(), None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda body: body.update(choices=[]), "the response has no choices"),
        (lambda body: body.update(choices=None), "the response has no choices"),
        (lambda body: body.update(choices=[5]), "the first choice of the response has no message"),
        (lambda body: body["choices"][0].pop("message"), "the first choice of the response has no message"),
        (
            lambda body: body["choices"][0]["message"].update(content=5),
            "the content of the message is not text",
        ),
    ],
)
def test_a_body_without_an_answer_says_what_is_missing(asked, change, says):
    (prediction,), _ = asked([Changed(change)])
    assert prediction.error == f"broken: {says}"


# Two turns.


def test_a_resumed_run_pays_for_no_first_turn_twice(tmp_path):
    data = written(tmp_path / "data", [replace(whole_visit(n), persona=f"Person {n}.") for n in range(3)])
    first = []

    def script(request):
        if "response_format" not in request.body:
            first.append(json.dumps(request.body["messages"]))
            return Answer("I like kettles.", input_tokens=1000)
        return Answer() if down == [False] else Status(500, "engine died")

    down = [True]
    fields = {"retries": 0, "price": {"input": 1, "output": 1}}
    with Loopback(script) as server:

        def run():
            predictor = load_predictor(
                f"endpoint:{server.url}#tiny", prompt=PromptConfig(style="two_turn"), **fields
            )
            return evaluate(data, predictor, run_dir=tmp_path / "run", part="all", resume=True)

        failed = run()
        assert failed.cases()["failed"].all()
        assert (tmp_path / "run" / "first_turns.sqlite").exists()
        asked = len(first)
        down[0] = False
        done = run()
        assert not done.cases()["failed"].any()
        assert len(first) == asked == len(set(first)), "each first turn was paid for once"
    steps = done.cases().height
    assert steps > 2
    assert done.cases()["input_tokens"].sum() == steps * (1000 + 100), "both turns are in the totals"
    lines = (tmp_path / "run" / "predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["rationale"] for line in lines] == ["I like kettles."] * steps
    assert not list((tmp_path / "run").glob("first_turns*")), "nothing is outstanding"


def test_twenty_oversized_answers_stop_the_run(asked):
    with pytest.raises(FacsimError, match="20 calls in a row failed"):
        asked([Raw(b"[" * 1000)], steps=20)
