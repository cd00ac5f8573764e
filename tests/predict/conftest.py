"""What the tests of endpoints share: sessions, keys that must never show, and one loop per conversation."""

import asyncio
from collections.abc import Callable, Iterable

import pytest
from loopback import Loopback, Script

from facsim.page import read_page
from facsim.predict.endpoint.options import EndpointOptions
from facsim.predict.endpoint.predictor import EndpointPredictor, endpoint_predictor
from facsim.prompt import PromptConfig
from facsim.schema import Action, PastStep, Prediction, SessionSoFar

SECRET = "sk-planted-0123456789abcdef"
HTML = '<main><a name="results.kettle.view_product">Kettle</a><input name="search_input"></main>'


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same planted key everywhere, and nothing of the machine's own configuration."""
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "FACSIM_ENDPOINT_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPLANTED")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


def so_far(past: int = 2, session: str = "s", html: str = HTML) -> SessionSoFar:
    """A session at step `past`; every page differs, as real ones do."""
    steps = tuple(
        PastStep(read_page(f"{html}<p>{step}</p>"), Action.click("results.kettle.view_product"), "I like it.")
        for step in range(past)
    )
    return SessionSoFar(
        session, read_page(f"{html}<p>{past}</p>"), steps, persona="Careful.", intent="A kettle."
    )


@pytest.fixture
def step() -> Callable[..., SessionSoFar]:
    """`so_far`, for tests."""
    return so_far


@pytest.fixture
def talk() -> Callable[[EndpointPredictor, Iterable[SessionSoFar]], list[Prediction]]:
    """Ask a predictor for some steps, one after the other, in a loop of its own, and close it."""

    def talk(predictor: EndpointPredictor, steps: Iterable[SessionSoFar]) -> list[Prediction]:
        async def run() -> list[Prediction]:
            try:
                return [await predictor.predict(step) for step in steps]
            finally:
                await predictor.close()

        return asyncio.run(run())

    return talk


@pytest.fixture
def asked(
    monkeypatch: pytest.MonkeyPatch,
    step: Callable[..., SessionSoFar],
    talk: Callable[[EndpointPredictor, Iterable[SessionSoFar]], list[Prediction]],
) -> Callable[..., tuple[list[Prediction], Loopback]]:
    """Ask an API, which a script plays, for some steps: the predictions, and the server."""

    def asked(
        script: Script,
        spec: str = "endpoint:URL#tiny",
        *,
        steps: int = 1,
        style: str = "rationale",
        **fields: object,
    ) -> tuple[list[Prediction], Loopback]:
        with Loopback(script) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
            monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.root)
            options = EndpointOptions.of(**{"retries": 0, "timeout_s": 20, **fields})
            prompt = PromptConfig.model_validate({"style": style})
            predictor = endpoint_predictor(spec.replace("URL", server.url), prompt, options)
            return talk(predictor, [step(n) for n in range(steps)]), server

    return asked
