"""Keys appear nowhere: not in runs, caches, messages, whatever servers echo and users type."""

import base64
from urllib.parse import quote

import pytest
from loopback import Answer, Status

from facsim.predict.endpoint.client import EndpointClient
from facsim.predict.endpoint.options import EndpointTarget
from facsim.predict.registry import load_predictor
from facsim.schema import Action
from facsim.util.errors import ConfigError

SECRET = "sk-planted-0123456789abcdef"
OPENAI_API = "endpoint:URL#tiny"
ANTHROPIC_API = "anthropic:claude-haiku-4-5"
BEDROCK_API = "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0"
APIS = [OPENAI_API, ANTHROPIC_API, BEDROCK_API]

ECHOES = [
    SECRET,
    SECRET.upper(),
    base64.b64encode(SECRET.encode()).decode(),
    base64.b64encode(f"user:{SECRET}".encode()).decode(),
    base64.urlsafe_b64encode(f"ab:{SECRET}!".encode()).decode(),
    SECRET.encode().hex(),
    quote(f"key={SECRET}"),
    f"http://me:{SECRET}@proxy/v1?key={SECRET}",
]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("spec", APIS)
def test_an_echoed_key_is_masked_in_any_case_and_encoding(asked, spec, echo):
    script = [Status(500, f"bad key {echo} given"), Answer(f"Your key is {echo}")]
    (failed, answered), _ = asked(script, spec, steps=2)
    written = f"{failed!r} {answered!r}"
    encoded = base64.b64encode(SECRET.encode()).decode().rstrip("=")
    for form in (SECRET, encoded, encoded[4:-4], SECRET.encode().hex()):
        assert form.lower() not in written.lower()
    assert "bad key" in failed.error


@pytest.mark.parametrize("key", ["EMPTY", "none", "password"])
def test_a_placeholder_for_a_key_leaves_answers_alone(asked, key, monkeypatch):
    monkeypatch.setenv("FACSIM_ENDPOINT_API_KEY", key)
    answer = Answer(f'{{"type": "click", "name": "cart.{key.lower()}_cart"}}')
    (failed, answered), _ = asked([Status(500, f"bad key {key}"), answer], steps=2)
    assert answered.action == Action.click(f"cart.{key.lower()}_cart")
    assert failed.error == "broken: 500: bad key ***"


def test_a_foreign_key_in_an_error_is_masked(asked):
    (prediction,), _ = asked([Status(500, "invalid key sk-proj-A1b2C3d4E5f6G7h8, Bearer abcdefghijkl")])
    assert prediction.error == "broken: 500: invalid key ***, Bearer ***"


def test_control_characters_of_an_error_are_visible(asked):
    (prediction,), _ = asked([Status(500, "\x1b[2Jgone\x07 \u202eback\r\nline")])
    assert prediction.error == "broken: 500: \\x1b[2Jgone\\x07 \\u202eback line"


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", " ", "\t"])
@pytest.mark.parametrize("spec", [OPENAI_API, ANTHROPIC_API, "openai:gpt-4.1"])
def test_white_space_around_a_key_is_not_sent(asked, spec, end, monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "FACSIM_ENDPOINT_API_KEY"):
        monkeypatch.setenv(name, f"{SECRET}{end}")
    (prediction,), server = asked([Answer()], spec)
    assert prediction.action == Action.terminate()
    headers = server.requests[0].headers
    assert headers.get("x-api-key", headers.get("authorization", "")).removeprefix("Bearer ") == SECRET


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_named(asked, key, monkeypatch):
    monkeypatch.setenv("FACSIM_ENDPOINT_API_KEY", key)
    with pytest.raises(ConfigError, match="FACSIM_ENDPOINT_API_KEY contains") as caught:
        asked([Answer()])
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        "endpoint:http://me:hush@h/v1#m",
        "endpoint:http://hush@h/v1#m",
        "endpoint:http://h/v1?api_key=hush#m",
        "endpoint:http://h/v1#m?key=hush",
        "endpoint:me:hush@h/v1#m",
        "endpoint:http://me:hush@h:port/v1#m",
        "endpoint:http://me%3Ahush%40h/v1?hush#m",
        "openai:http://me:hush@h",
        "openai:https://h/v1?api_key=hush",
        "anthropic:me:hush@h",
        "http://me:hush@h/v1#m",
        "https://h/v1?api_key=hush",
        "enpoint:http://me:hush@h/v1#m",
    ],
)
def test_no_spec_with_a_secret_is_taken_or_quoted(spec):
    with pytest.raises(ConfigError) as caught:
        load_predictor(spec)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "variable"),
    [
        ("openai:gpt-4.1", "OPENAI_BASE_URL"),
        (ANTHROPIC_API, "ANTHROPIC_BASE_URL"),
        (BEDROCK_API, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
    ],
)
@pytest.mark.parametrize(
    "address",
    ["http://me:hush@h/v1", "http://hush@h/v1", "http://h/v1?api_key=hush", "http://h/v1#hush", "hush"],
)
def test_no_base_url_with_a_secret_is_taken_or_quoted(spec, variable, address, monkeypatch):
    monkeypatch.setenv(variable, address)
    with pytest.raises(ConfigError, match=variable) as caught:
        load_predictor(spec)
    assert "hush" not in str(caught.value)


def test_the_key_itself_is_refused_in_an_address(monkeypatch):
    monkeypatch.setenv("FACSIM_ENDPOINT_API_KEY", "hush-hush")
    with pytest.raises(ConfigError, match="contains the key") as caught:
        EndpointClient(EndpointTarget.parse("endpoint:http://h/hush-hush/v1#m"))
    assert "hush-hush" not in str(caught.value)
