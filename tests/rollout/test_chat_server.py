"""`facsim serve` through the real openai package, and what it refuses."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from facsim.data import DataSet, replay
from facsim.evaluation import evaluate
from facsim.predict import load_predictor
from facsim.prompt import PromptConfig
from facsim.prompt.templates import render_answer
from facsim.rollout import load_ready_predictor
from facsim.schema import Action
from facsim.util.errors import ConfigError
from facsim.util.localhost import bind_localhost, localhost_server, running_in_thread
from facsim.util.progress import no_progress

openai = pytest.importorskip("openai")
pytest.importorskip("starlette")


@contextmanager
def served(predictor) -> Iterator[str]:
    from facsim.rollout.chat_server import ChatApp

    listener = bind_localhost(0)
    port = listener.getsockname()[1]
    server = localhost_server(ChatApp(predictor, port), longest_request=2**16)
    with listener, running_in_thread(server, listener):
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture(scope="module")
def markov(shop_data: DataSet):
    return load_ready_predictor("baseline:markov-1", shop_data)


@pytest.fixture(scope="module")
def url(markov) -> Iterator[str]:
    with served(markov) as address:
        yield address


def client(url: str):
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0)


def conversation(data: DataSet, step: int) -> list[dict[str, str]]:
    session = max(data, key=lambda one: len(one.steps))
    persona = f"Be this person.\n<persona>\n{session.persona}\n</persona>\n<intent>{session.intent}</intent>"
    messages = [{"role": "system", "content": persona}]
    for so_far, done in list(replay(data, session))[: step + 1]:
        messages.append({"role": "user", "content": so_far.page.html})
        if so_far.step < step:
            messages.append({"role": "assistant", "content": render_answer(done.action, None, "rationale")})
    return messages


def test_it_answers_as_the_predictor_does(shop_data: DataSet, markov, url: str) -> None:
    session = max(shop_data, key=lambda one: len(one.steps))
    so_far, _ = list(replay(shop_data, session))[3]
    messages = conversation(shop_data, 3)
    ask = client(url).chat.completions.create
    best = ask(model="any", messages=messages, temperature=0)
    assert json.loads(best.choices[0].message.content)["action"] == markov.answer(so_far).action.to_dict()
    assert best.model == "baseline:markov-1" and best.choices[0].finish_reason == "stop"
    probabilities = markov.answer(so_far).probabilities
    drawn = [
        ask(model="any", messages=messages, seed=seed).choices[0].message.content
        for seed in (1, 1, *range(2, 12))
    ]
    assert drawn[0] == drawn[1] and len(set(drawn)) > 1
    for text in drawn:
        assert probabilities[Action.from_dict(json.loads(text)["action"])] > 0
    assert [model.id for model in client(url).models.list()] == ["baseline:markov-1"]


def test_answers_stream(shop_data: DataSet, url: str) -> None:
    ask = client(url).chat.completions.create
    whole = ask(model="any", messages=conversation(shop_data, 1), seed=4).choices[0].message.content
    pieces = ask(model="any", messages=conversation(shop_data, 1), seed=4, stream=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == whole


def test_persona_intent_and_the_past_arrive(shop_data: DataSet) -> None:
    from facsim.rollout.chat_session import session_of_chat

    session = max(shop_data, key=lambda one: len(one.steps))
    so_far, _ = list(replay(shop_data, session))[3]
    heard = session_of_chat(conversation(shop_data, 3), so_far.session_id)
    assert (heard.persona, heard.intent, heard.page) == (so_far.persona, so_far.intent, so_far.page)
    assert [(step.page, step.action) for step in heard.past] == [
        (step.page, step.action) for step in so_far.past
    ]
    raw = session_of_chat(
        [
            {"role": "system", "content": "A student."},
            {"role": "user", "content": [{"type": "text", "text": "<a href='/cart'>Cart</a>"}]},
        ],
        "s",
    )
    assert raw.persona == "A student." and raw.intent is None
    assert [element.text for element in raw.page.elements] == ["Cart"]


def test_evaluated_over_the_wire_it_scores_as_in_process(shop_data: DataSet, url: str, tmp_path) -> None:
    served_markov = f"endpoint:{url}#m"
    prompt = PromptConfig(page_text="stored", budget_tokens=None)
    wire = evaluate(
        shop_data,
        load_predictor(served_markov, prompt=prompt, structured="off"),
        run_dir=tmp_path / "wire",
        limit=2,
        progress=no_progress,
    )
    here = load_predictor("baseline:markov-1")
    here.fit(shop_data)
    for row in wire.records():
        session = shop_data.session(row["session_id"])
        so_far, _ = list(replay(shop_data, session))[row["step"]]
        expected = here.answer(so_far).action
        assert (row["pred_type"], row["pred_name"], row["pred_text"]) == (
            expected.type,
            expected.name,
            expected.text,
        )


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "the last message is not a page"),
        ([{"role": "system", "content": "x"}], "the last message is not a page"),
        ([{"role": "assistant", "content": '{"type": "terminate"}'}], "message 0 has no page before it"),
        (
            [{"role": "user", "content": "<p>a</p>"}, {"role": "assistant", "content": "hm"}],
            "message 1 names no action",
        ),
        ([{"role": "tool", "content": "x"}], "message 0 has the role 'tool'"),
        ([{"role": "user", "content": 3}], "message 0 has no text"),
        ("x", "messages: expected a list of objects"),
    ],
)
def test_other_conversations_are_refused_with_a_reason(url: str, messages, message: str) -> None:
    with pytest.raises(openai.BadRequestError, match=message):
        client(url).chat.completions.create(model="any", messages=messages)


def test_only_json_from_this_machine_is_answered(url: str) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "<p>a</p>"}]}).encode()

    def status(path: str, headers: dict[str, str], data: bytes | None = body) -> int:
        request = urllib.request.Request(url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            assert "error" in json.loads(error.read())
            return error.code

    json_type = {"Content-Type": "application/json"}
    assert status("/chat/completions", json_type) == 200
    assert status("/chat/completions", {"Content-Type": "text/plain"}) == 415
    assert status("/chat/completions", {**json_type, "Host": "evil.example"}) == 403
    assert status("/chat/completions", json_type, b"{") == 400
    assert status("/embeddings", json_type) == 404


def test_predictors_that_cannot_answer_are_refused() -> None:
    with pytest.raises(ConfigError, match="give it a data set with --train"):
        load_ready_predictor("baseline:markov-1", None)
    with pytest.raises(ConfigError, match="use it with `facsim rollout shop`"):
        load_ready_predictor("oracle:", None)
