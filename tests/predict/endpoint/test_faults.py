"""What servers do wrong: either the run stops with a remedy, or the failure is counted. Nothing else."""

import asyncio
import logging
import socket
import time

import pytest
from loopback import Answer, Half, Hang, Loopback, Raw, Status

from facsim.predict.endpoint.client import EndpointClient
from facsim.predict.endpoint.completion import CallFailed
from facsim.predict.endpoint.options import EndpointOptions, EndpointTarget
from facsim.predict.endpoint.predictor import FAILURES_IN_A_ROW, endpoint_predictor
from facsim.schema import Action
from facsim.util.errors import ConfigError, FacsimError

SECRET = "sk-planted-0123456789abcdef"
OPENAI_API = "endpoint:URL#tiny"
ANTHROPIC_API = "anthropic:claude-haiku-4-5"
BEDROCK_API = "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0"
APIS = [OPENAI_API, ANTHROPIC_API, BEDROCK_API]


@pytest.fixture
def asked(monkeypatch, step, talk):
    """Predictions of an API against a script, each step once, and the server."""

    def asked(script, api=OPENAI_API, *, steps=1, **fields):
        with Loopback(script) as server:
            monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
            monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.root)
            options = EndpointOptions(**{"retries": 0, "timeout_s": 10, **fields})
            predictor = endpoint_predictor(api.replace("URL", server.url), options=options)
            return talk(predictor, [step(n) for n in range(steps)]), server

    return asked


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Status(500, "engine died"), "engine died"),
        (Status(503, "overloaded now"), "overloaded"),
        (Status(429, "slow down"), "slow down"),
        (Status(400, "strange page"), "strange page"),
        (Half(), "broken"),
        (Raw(b"{not json"), "broken"),
        (Raw(b""), "broken"),
        (Raw(b"null"), "broken"),
        (Raw(b"[]"), "broken"),
        (Raw(b"{}"), "broken"),
        (Raw(b"<html>gateway</html>", "text/html"), "broken"),
    ],
    ids=lambda value: str(value)[:24] if not isinstance(value, str) else "",
)
def test_a_failed_call_is_counted_and_the_next_one_goes_on(asked, api, fault, message):
    predictions, _ = asked([Answer(), fault, Answer()], api, steps=3, structured="off")
    before, failed, after = predictions
    assert before.action == after.action == Action.terminate()
    assert (failed.action, failed.parse) == (None, "failed")
    assert message in failed.error
    assert len(failed.error) < 330
    assert failed.usage.cost is None, "it may or may not be billed"


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}',
        b'{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": null}',
        b'{"id": 5, "choices": [{"message": "no object"}]}',
        b'{"error": {"message": "all wrong, but with status 200"}}',
        b'"text"',
        b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": {"a": 1}}, "finish_reason": "stop"}]}',
    ],
)
def test_odd_bodies_are_failures(asked, body):
    (prediction,), _ = asked([Raw(body)])
    assert prediction.action is None
    assert prediction.error.startswith("broken")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "text", ["", None, "I would click on the kettle.", '{"rationale": "x", "action": {"ty']
)
def test_unreadable_answers_are_answers_that_failed_to_parse(asked, api, text):
    (prediction,), _ = asked([Answer(text)], api)
    assert (prediction.action, prediction.parse, prediction.error) == (None, "failed", None)
    assert prediction.answer == (text or "")
    assert prediction.usage.output_tokens == 10, "it was paid for"


def test_a_megabyte_of_text_is_read(asked):
    (prediction,), _ = asked([Answer("so " * 350_000)])
    assert prediction.parse == "failed"


@pytest.mark.parametrize("api", [OPENAI_API, ANTHROPIC_API])
def test_an_answer_cut_off_at_the_token_limit_fails(asked, api):
    (prediction,), _ = asked([Answer('{"rationale": "I', finish="length")], api)
    assert (prediction.action, prediction.parse) == (None, "failed")


def test_a_content_filter_is_distinguished(asked):
    (prediction,), _ = asked([Answer(None, finish="content_filter")])
    assert prediction.action is None
    assert "content filter" in prediction.error


# Retries: one authority.


@pytest.mark.parametrize("api", APIS)
def test_passing_failures_are_retried_exactly_as_often_as_configured(asked, api):
    script = [Status(500), Status(503), Answer()]
    (prediction,), server = asked(script, api, retries=2)
    assert prediction.action == Action.terminate()
    assert server.count == 3
    (failed,), server = asked([Status(500)], api, retries=2)
    assert failed.action is None
    assert server.count == 3, "two retry layers would multiply"


def test_retry_after_is_waited_for(asked):
    began = time.monotonic()
    (prediction,), server = asked([Status(429, "wait", {"retry-after": "1"}), Answer()], retries=1)
    assert prediction.action == Action.terminate()
    assert 1.0 <= time.monotonic() - began < 5
    assert server.count == 2


def test_what_will_not_pass_is_not_retried(asked):
    _, server = asked([Status(400, "no")], retries=3, structured="off")
    assert server.count == 1


# Time: every call ends.


@pytest.mark.parametrize("api", APIS)
def test_a_hanging_server_is_given_up(asked, api):
    began = time.monotonic()
    (prediction,), _ = asked([Hang()], api, timeout_s=0.3)
    assert prediction.action is None
    assert prediction.error.startswith("slow")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("api", APIS)
def test_a_server_that_drips_is_given_up(asked, api):
    began = time.monotonic()
    (prediction,), _ = asked([Hang(drip=0.05)], api, timeout_s=0.5)
    assert prediction.error.startswith("slow")
    assert time.monotonic() - began < 5


def test_a_slow_server_is_waited_for(asked):
    (prediction,), _ = asked([Answer(delay=0.4)], timeout_s=5)
    assert prediction.action == Action.terminate()
    assert prediction.usage.seconds >= 0.4


# What stops the run.


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Status(401, "who are you"), "Check .*KEY"),
        (Status(403, "not for you"), "Check .*KEY"),
        (Status(404, "no such model", error_code="model_not_found"), "name of the model"),
    ],
)
def test_no_access_or_no_model_stops_the_run(asked, api, fault, message):
    with pytest.raises(FacsimError, match=message) as caught:
        asked([fault], api)
    assert fault.message in str(caught.value)


@pytest.mark.parametrize("api", APIS[:2])
@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_stops_the_run_and_is_not_followed(asked, api, code):
    with Loopback() as elsewhere:
        moved = Status(code, "moved", headers={"location": f"{elsewhere.url}/v2?api_key=hush"})
        with pytest.raises(FacsimError, match="Check the name of the model and the address") as caught:
            asked([moved], api)
        assert elsewhere.count == 0
    assert f"{code}: the server redirects to {elsewhere.url}/v2?*** (not followed)" in str(caught.value)


@pytest.mark.parametrize("api", APIS)
def test_nobody_there_stops_the_run(api, step, talk, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", address)
    predictor = endpoint_predictor(api.replace("URL", address), options=EndpointOptions(retries=0))
    with pytest.raises(FacsimError, match=f"Nobody answers at {address}"):
        talk(predictor, [step()])


def test_a_server_that_dies_stops_the_run_and_spoils_no_prediction(step, talk):
    async def run():
        with Loopback() as server:
            predictor = endpoint_predictor(f"endpoint:{server.url}#m", options=EndpointOptions(retries=0))
            assert (await predictor.predict(step(0))).action == Action.terminate()
        with pytest.raises(FacsimError, match="resume"):
            for n in range(1, 4):  # the kept-alive connection may be found closed before a new one is refused
                await predictor.predict(step(n))
        with pytest.raises(FacsimError, match="resume"):
            await predictor.predict(step(5))
        await predictor.close()

    asyncio.run(run())


def test_one_forbidden_page_among_good_ones_is_counted(asked):
    predictions, _ = asked([Answer(), Status(403, "firewall"), Answer()], steps=3)
    assert [prediction.action is None for prediction in predictions] == [False, True, False]


def test_a_key_that_expires_stops_the_run(asked):
    with pytest.raises(FacsimError, match="FACSIM_ENDPOINT_API_KEY"):
        asked([Answer(), Status(401, "expired")], steps=2)


def test_no_money_stops_the_run(asked):
    with pytest.raises(FacsimError, match="Top up"):
        asked([Answer(), Status(429, "no credit", error_code="insufficient_quota")], steps=2)


def test_an_option_that_the_server_refuses_is_named(asked):
    with pytest.raises(FacsimError, match="unset the option temperature"):
        asked([Status(400, "temperature is not supported by this model")])


@pytest.mark.parametrize("words", ["The provided model identifier is invalid.", "model `m` does not exist"])
def test_a_wrong_model_said_with_400_stops_the_run(asked, words):
    with pytest.raises(FacsimError, match="Check the name of the model"):
        asked([Status(400, words)])


def test_prompts_that_never_fit_stop_the_run_with_the_right_remedy(asked):
    too_long = Status(400, "maximum context length is 512 tokens", error_code="context_length_exceeded")
    with pytest.raises(FacsimError, match="Lower budget_tokens"):
        asked([too_long], steps=FAILURES_IN_A_ROW)


def test_failure_upon_failure_stops_the_run(asked):
    with pytest.raises(FacsimError, match=f"{FAILURES_IN_A_ROW} calls in a row failed.*resume"):
        asked([Answer(), Status(500)], steps=FAILURES_IN_A_ROW + 1)
    predictions, _ = asked(
        [Answer(), *[Status(500)] * (FAILURES_IN_A_ROW - 1), Answer(), Status(500)],
        steps=FAILURES_IN_A_ROW + 2,
    )
    assert sum(prediction.error is not None for prediction in predictions) == FAILURES_IN_A_ROW


@pytest.mark.parametrize(
    ("api", "variable"),
    [("openai:gpt-4.1", "OPENAI_API_KEY"), (ANTHROPIC_API, "ANTHROPIC_API_KEY")],
)
def test_a_missing_key_is_named(api, variable, step, talk, monkeypatch):
    monkeypatch.delenv(variable)
    with pytest.raises(ConfigError, match=f"Set the environment variable {variable}"):
        talk(endpoint_predictor(api), [step()])


def test_missing_aws_configuration_is_named(step, talk, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigError, match="AWS_DEFAULT_REGION"):
        talk(endpoint_predictor(BEDROCK_API), [step()])
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID"):
        talk(endpoint_predictor(BEDROCK_API), [step()])


# Secrets.


@pytest.mark.parametrize("api", [*APIS, "openai:gpt-4.1"])
def test_a_key_echoed_by_the_server_is_written_nowhere(api, step, talk, monkeypatch, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG, "facsim")
    cache = tmp_path / "cache.sqlite"
    texts = []

    def script(request):
        echo = f"bad key {SECRET} in {dict(request.headers)}"
        return {0: Answer(), 1: Status(500, echo), 2: Status(400, echo), 3: Raw(echo.encode())}.get(
            request.index, Status(401, echo)
        )

    with Loopback(script) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.root)
        options = EndpointOptions(retries=0, cache=cache, structured="off")
        predictor = endpoint_predictor(api.replace("URL", server.url), options=options)
        texts += [str(predictor.settings()), repr(predictor.options)]
        texts += [repr(prediction) for prediction in talk(predictor, [step(n) for n in range(4)])]
        with pytest.raises(FacsimError) as caught:
            talk(predictor, [step(9)])
    assert any("***" in text for text in texts), "the echo came back, without the key"
    chain = caught.value
    while chain is not None:
        texts.append(str(chain))
        chain = chain.__cause__
    texts += [caplog.text, *capfd.readouterr()]
    texts += [file.read_bytes().decode("utf-8", "replace") for file in tmp_path.iterdir()]
    assert SECRET not in "\n".join(texts)


def test_sessions_that_share_a_failed_call_count_it_once():
    """With a cache, sessions with the same prompt wait for one call, and each of them reports its failure."""
    client = EndpointClient(EndpointTarget.parse("endpoint:http://127.0.0.1:9/v1#m"))
    shared = CallFailed("slow", "timed out")
    for _ in range(2 * FAILURES_IN_A_ROW):
        client.record_failure(shared)
    for _ in range(FAILURES_IN_A_ROW - 2):
        client.record_failure(CallFailed("slow", "timed out"))
    with pytest.raises(FacsimError, match=f"{FAILURES_IN_A_ROW} calls in a row failed"):
        client.record_failure(CallFailed("slow", "timed out"))
