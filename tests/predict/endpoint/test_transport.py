"""What really goes over the wire, read off a real server on this machine."""

import json
from itertools import pairwise

import pytest
from loopback import Answer, Loopback, Status

from facsim.predict.endpoint.options import EndpointOptions, EndpointTarget
from facsim.predict.endpoint.predictor import endpoint_predictor
from facsim.predict.endpoint.prices import Price
from facsim.predict.registry import load_predictor
from facsim.prompt import PromptConfig, build_prompt
from facsim.schema import Action
from facsim.util.errors import ConfigError

CLICK = Action.click("results.kettle.view_product")
CLICK_JSON = '{"type": "click", "name": "results.kettle.view_product"}'
CLICK_ANSWER = '{"rationale": "I want it.", "action": ' + CLICK_JSON + "}"
BEDROCK = "bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture
def at(monkeypatch):
    """A spec with its provider pointed at the loopback server."""

    def at(spec, server):
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.root)
        return spec.replace("URL", server.url)

    return at


def options(**fields):
    return EndpointOptions(**{"retries": 0, "timeout_s": 10, **fields})


ALL = ["openai:gpt-4.1", "anthropic:claude-haiku-4-5", BEDROCK, "endpoint:URL#tiny"]


@pytest.mark.parametrize("spec", ALL)
def test_every_provider_answers_and_is_counted(spec, at, step, talk):
    answer = Answer(CLICK_ANSWER, input_tokens=1000, cached_tokens=600, output_tokens=50)
    with Loopback([answer]) as server:
        predictor = endpoint_predictor(at(spec, server), options=options())
        (prediction,) = talk(predictor, [step()])
    assert prediction.action == CLICK
    assert prediction.rationale == "I want it."
    assert (prediction.parse, prediction.answer, prediction.error) == ("strict", None, None)
    usage = prediction.usage
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (1000, 600, 50)
    assert 0 < usage.seconds < 10
    if spec.startswith("endpoint"):
        assert usage.cost is None, "a server of one's own has no price, which is not a price of 0"
    else:
        assert usage.cost is not None and usage.cost > 0


@pytest.mark.parametrize("spec", ["openai:gpt-4.1", "endpoint:URL#tiny"])
def test_openai_body_is_exactly_the_prompt(spec, at, step, talk):
    with Loopback([Answer(CLICK_ANSWER)]) as server:
        talk(endpoint_predictor(at(spec, server), options=options(seed=3)), [step(3)])
    body = server.requests[0].body
    prompt = build_prompt(step(3), PromptConfig())
    assert body["messages"] == [{"role": m.role, "content": m.content} for m in prompt.messages]
    assert body["seed"] == 3
    assert body["temperature"] == 0
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["rationale", "action"]
    assert body["stream"] is False
    names = {"openai": "max_completion_tokens", "endpoint": "max_tokens"}
    assert body[names[spec.partition(":")[0]]] == 4096


def test_what_is_unset_is_not_sent(at, step, talk):
    with Loopback([Answer(CLICK_ANSWER)]) as server:
        talk(
            endpoint_predictor(
                at("endpoint:URL#tiny", server), options=options(temperature=None, structured="off")
            ),
            [step()],
        )
    assert set(server.requests[0].body) == {"model", "messages", "stream", "max_tokens"}


@pytest.mark.parametrize("thinking", [None, "low"])
@pytest.mark.parametrize(
    "spec",
    [
        "openai:gpt-4.1",
        "openai:o3",
        "openai:gpt-5.1",
        "openai:gpt-5.5",
        "endpoint:URL#tiny",
        "endpoint:URL#gpt-5",
        "anthropic:claude-haiku-4-5",
        "anthropic:claude-opus-4-7",
        "bedrock:us.anthropic.claude-opus-4-7-v1:0",
        "bedrock:us.amazon.nova-lite-v1:0",
    ],
)
@pytest.mark.filterwarnings("error")
def test_settings_say_what_was_sent(spec, thinking, at, step, talk):
    """A model known to refuse a temperature is asked without; the run's config says so."""
    with Loopback([Answer(CLICK_ANSWER)]) as server:
        predictor = endpoint_predictor(at(spec, server), options=options(thinking=thinking, seed=1))
        talk(predictor, [step()])
    body, settings = server.requests[0].body, predictor.settings()
    sampling = body.get("inferenceConfig", body)
    assert sampling.get("temperature") == settings["temperature"]
    assert body.get("seed") == settings["seed"]
    if thinking == "low":
        asked = {"reasoning_effort", "thinking", "additionalModelRequestFields"} & set(body)
        assert bool(asked) == (settings["thinking"] == "low")


def test_models_that_refuse_a_temperature_are_asked_without(at, step, talk):
    for model, thinking, temperature in (
        ("o3", "low", None),
        ("gpt-5.1", "low", None),
        ("gpt-5.1", "off", 0),
    ):
        with Loopback([Answer(CLICK_ANSWER)]) as server:
            talk(
                endpoint_predictor(at(f"openai:{model}", server), options=options(thinking=thinking)),
                [step()],
            )
        assert server.requests[0].body.get("temperature") == temperature, (model, thinking)


def test_thinking_is_passed_on_to_a_server_of_ones_own(at, step, talk):
    for thinking, effort in (("off", "none"), ("high", "high")):
        with Loopback([Answer(CLICK_ANSWER)]) as server:
            spec = at("endpoint:URL#Qwen/Qwen3-8B", server)
            talk(endpoint_predictor(spec, options=options(thinking=thinking)), [step()])
        assert server.requests[0].body["reasoning_effort"] == effort


def test_steps_of_a_session_share_their_prefix(at, step, talk):
    with Loopback([Answer(CLICK_ANSWER)]) as server:
        talk(
            endpoint_predictor(at("endpoint:URL#tiny", server), options=options()),
            [step(n) for n in range(4)],
        )
    bodies = [request.body["messages"] for request in server.requests]
    for before, after in pairwise(bodies):
        assert after[: len(before)] == before


def marked(content):
    return [block.get("cache_control", {}).get("type") == "ephemeral" for block in content]


def test_anthropic_marks_system_history_and_page(at, step, talk):
    with Loopback([Answer(CLICK_ANSWER)]) as server:
        talk(
            endpoint_predictor(at("anthropic:claude-haiku-4-5", server), options=options()),
            [step(0), step(2)],
        )
    first, third = (request.body for request in server.requests)
    assert marked(first["system"]) == marked(third["system"]) == [True]
    assert [marked(message["content"]) for message in first["messages"]] == [[True]]
    # page, action, page, action, page: the end of the history, and the page in front of the person
    assert [marked(message["content"]) for message in third["messages"]] == [[False]] * 3 + [[True]] * 2
    texts = [block["text"] for message in third["messages"] for block in message["content"]]
    assert texts == [message.content for message in build_prompt(step(2), PromptConfig()).messages[1:]]
    schema = third["output_config"]["format"]["schema"]
    assert set(schema["properties"]) == {"rationale", "action"}


def test_a_cut_page_is_not_marked_for_it_will_not_come_again(at, step, talk):
    long = step(2, html="".join(f"<p>word {n}</p>" for n in range(3000)))
    with Loopback([Answer(CLICK_ANSWER)]) as server:
        talk(
            endpoint_predictor(
                at("anthropic:claude-haiku-4-5", server), PromptConfig(budget_tokens=2000), options()
            ),
            [long],
        )
    assert marked(server.requests[0].body["messages"][-1]["content"]) == [False]


def test_bedrock_marks_and_schema(at, step, talk):
    with Loopback([Answer(CLICK_ANSWER)]) as server:
        talk(endpoint_predictor(at(BEDROCK, server), options=options()), [step(2)])
    body = server.requests[0].body
    assert body["system"][1]["cachePoint"]["type"] == "default"
    assert [("cachePoint" in message["content"][-1]) for message in body["messages"]][-1]
    assert sum("cachePoint" in block for message in body["messages"] for block in message["content"]) == 2
    schema = json.loads(body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"])
    assert schema["required"] == ["rationale", "action"]
    assert server.requests[0].headers["authorization"].startswith("AWS4-HMAC-SHA256")


def test_a_model_without_structured_output_is_asked_plainly(at, step, talk):
    spec = "anthropic:claude-3-haiku-20240307"
    with Loopback([Answer(CLICK_ANSWER)]) as server:
        (prediction,) = talk(endpoint_predictor(at(spec, server), options=options()), [step()])
        assert prediction.action == CLICK
        assert "output_config" not in server.requests[0].body
        with pytest.raises(ConfigError, match="no structured output"):
            talk(endpoint_predictor(at(spec, server), options=options(structured="native")), [step()])


def no_schema(request):
    return Status(400, "response_format is not supported") if "response_format" in request.body else Answer()


def test_a_rejected_schema_is_remembered(at, step, talk):
    with Loopback(no_schema) as server:
        predictions = talk(
            endpoint_predictor(at("endpoint:URL#tiny", server), options=options()),
            [step(n) for n in range(3)],
        )
        assert all(prediction.action == Action.terminate() for prediction in predictions)
        assert ["response_format" in request.body for request in server.requests] == [
            True,
            False,
            False,
            False,
        ]
        (failed,) = talk(
            endpoint_predictor(at("endpoint:URL#tiny", server), options=options(structured="native")),
            [step()],
        )
    assert failed.action is None
    assert "response_format is not supported" in failed.error


def test_a_request_that_is_bad_anyway_keeps_the_schema(at, step, talk):
    def script(request):
        return Status(400, "odd page") if request.index in {1, 2} else Answer()

    with Loopback(script) as server:
        predictions = talk(
            endpoint_predictor(at("endpoint:URL#tiny", server), options=options()),
            [step(n) for n in range(3)],
        )
    assert [prediction.action is None for prediction in predictions] == [False, True, False]
    assert "response_format" in server.requests[-1].body


def test_style_action_has_an_object_at_the_root_for_openai(at, step, talk):
    with Loopback([Answer(CLICK_JSON)]) as server:
        for spec in ("openai:gpt-4.1", "endpoint:URL#tiny"):
            (prediction,) = talk(
                endpoint_predictor(at(spec, server), PromptConfig(style="action"), options()), [step()]
            )
            assert (prediction.action, prediction.parse) == (CLICK, "strict")
    theirs, ours = (request.body["response_format"]["json_schema"]["schema"] for request in server.requests)
    assert theirs["type"] == "object"
    assert "anyOf" in ours


def test_style_think_takes_reasoning_from_its_own_field(at, step, talk):
    config = PromptConfig(style="think")
    with Loopback(
        [Answer(CLICK_JSON, thinking="I need it."), Answer("<think>So.</think>" + CLICK_JSON)]
    ) as server:
        predictor = endpoint_predictor(at("endpoint:URL#tiny", server), config, options())
        apart, inline = talk(predictor, [step(), step(1)])
    assert (apart.action, apart.rationale, apart.parse) == (CLICK, "I need it.", "strict")
    assert (inline.action, inline.rationale) == (CLICK, "So.")
    assert "response_format" not in server.requests[0].body, "a schema would forbid the block"


def test_hidden_reasoning_is_no_rationale(at, step, talk):
    with Loopback([Answer(CLICK_ANSWER, thinking="Long, hidden.")]) as server:
        (prediction,) = talk(endpoint_predictor(at("endpoint:URL#tiny", server), options=options()), [step()])
    assert prediction.rationale == "I want it."


def test_style_two_turn_asks_twice_and_counts_both(at, step, talk):
    config = PromptConfig(style="two_turn")
    script = [Answer("I need a kettle.", input_tokens=100), Answer(CLICK_JSON, input_tokens=120)]
    with Loopback(script) as server:
        predictor = endpoint_predictor(
            at("endpoint:URL#tiny", server), config, options(price=Price(input=10, output=0))
        )
        (prediction,) = talk(predictor, [step()])
    assert (prediction.action, prediction.rationale) == (CLICK, "I need a kettle.")
    assert prediction.usage.input_tokens == 220
    assert prediction.usage.cost == pytest.approx(220 * 10 / 1e6)
    first, second = (request.body for request in server.requests)
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert second["messages"][-2] == {"role": "assistant", "content": "I need a kettle."}
    assert "response_format" not in first and "response_format" in second


def test_two_turn_reads_the_page_from_the_cache_in_its_second_turn(at, step, talk):
    with Loopback([Answer("Because."), Answer(CLICK_JSON)]) as server:
        talk(
            endpoint_predictor(
                at("anthropic:claude-haiku-4-5", server), PromptConfig(style="two_turn"), options()
            ),
            [step(0)],
        )
    first, second = (request.body["messages"] for request in server.requests)
    assert first == second[:1]
    assert marked(second[0]["content"]) == [True]


def test_only_the_endpoint_key_goes_to_an_endpoint(at, step, talk, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-openai-alone")
    monkeypatch.delenv("FACSIM_ENDPOINT_API_KEY")
    with Loopback([Answer(CLICK_ANSWER)]) as server:
        talk(endpoint_predictor(f"endpoint:{server.url}#tiny", options=options()), [step()])
    assert server.requests[0].headers["authorization"] == "Bearer none"
    assert "sk-for-openai-alone" not in json.dumps(dict(server.requests[0].headers))


@pytest.mark.parametrize(
    ("spec", "target"),
    [
        ("openai:gpt-4.1", EndpointTarget("openai", "gpt-4.1")),
        (BEDROCK, EndpointTarget("bedrock", BEDROCK.removeprefix("bedrock:"))),
        (
            "endpoint:http://localhost:8000/v1#Qwen/Qwen2.5-7B",
            EndpointTarget("endpoint", "Qwen/Qwen2.5-7B", "http://localhost:8000/v1"),
        ),
        ("endpoint:https://h/v1/#m#2", EndpointTarget("endpoint", "m#2", "https://h/v1")),
    ],
)
def test_spec_strings(spec, target):
    assert EndpointTarget.parse(spec) == target
    assert EndpointTarget.parse(target.spec) == target


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("openai:", "names no model"),
        ("gemini:x", "names no provider"),
        ("endpoint:http://h/v1", "after '#'"),
        ("endpoint:localhost:8000#m", "is not a usable URL"),
        ("endpoint:http://h:port/v1#m", "cannot be parsed as a URL"),
        ("endpoint:http://me:hush@h/v1#m", "FACSIM_ENDPOINT_API_KEY"),
        ("endpoint:http://h/v1?key=hush#m", "FACSIM_ENDPOINT_API_KEY"),
    ],
)
def test_spec_strings_that_say_nothing_usable(spec, says):
    with pytest.raises(ConfigError, match=says) as caught:
        EndpointTarget.parse(spec)
    assert "hush" not in str(caught.value)


def test_settings_hold_all_that_changes_answers_and_nothing_else(at):
    with Loopback() as server:
        spec = at("openai:gpt-4.1", server)
        settings = endpoint_predictor(spec, options=options(seed=1, concurrency=3)).settings()
    assert settings["model"] == "gpt-4.1"
    assert settings["address"] == server.url
    assert settings["seed"] == 1
    assert settings["prompt"]["style"] == "rationale"
    assert not {"concurrency", "timeout_s", "retries", "cache", "price"} & set(settings)
    json.dumps(settings)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"temperature": "hot"}, "temperature 'hot'"),
        ({"concurrency": 0}, "concurrency 0"),
        ({"tempreature": 1}, "tempreature.*Known: temperature"),
        ({"price": {"input": -1, "output": 1}}, r"price\.input -1"),
    ],
)
def test_options_that_cannot_be_used_are_named(fields, says):
    with pytest.raises(ConfigError, match=says):
        load_predictor("openai:gpt-4.1", **fields)


def test_unset_is_a_temperature_for_the_command_line():
    assert EndpointOptions.of(temperature="unset").temperature is None
    assert EndpointOptions.of(temperature="0.5").temperature == 0.5
