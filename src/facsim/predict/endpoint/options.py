"""Options of endpoints: the model (`EndpointTarget`), and how it is called (`EndpointOptions`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field

from facsim.predict.endpoint.prices import Price
from facsim.predict.endpoint.redaction import check_address, redact_addresses
from facsim.predict.options import PredictorOptions
from facsim.util.errors import ConfigError

Provider = Literal["openai", "anthropic", "bedrock", "endpoint"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)
EXPLICIT_CACHE_PROVIDERS: frozenset[Provider] = frozenset({"anthropic", "bedrock"})
"""Providers that cache a prefix only up to explicit breakpoints, and bill for cache writes."""
KEY_OF_ENDPOINT = "FACSIM_ENDPOINT_API_KEY"
"""Environment variable with the key of an `endpoint`."""
Structured = Literal["auto", "native", "off"]
Thinking = Literal["off", "minimal", "low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class EndpointTarget:
    """The model to call, and its address.

    Attributes:
        provider: the API that is spoken.
        model: the model's name there.
        base_url: for `endpoint` only, the URL up to and including `/v1`.
    """

    provider: Provider
    model: str
    base_url: str | None = None

    @property
    def spec(self) -> str:
        """The spec string that parses to this target."""
        return f"endpoint:{self.base_url}#{self.model}" if self.base_url else f"{self.provider}:{self.model}"

    @classmethod
    def parse(cls, spec: str) -> Self:
        """Parse `openai:MODEL`, `anthropic:MODEL`, `bedrock:MODEL` or `endpoint:http://host:port/v1#MODEL`.

        Raises:
            ConfigError: if `spec` is none of them, or contains credentials. The message shows no secret.
        """
        provider, _, rest = spec.partition(":")
        if provider not in PROVIDERS:
            raise ConfigError(
                f"{redact_addresses(spec)!r} names no provider: expected one of {', '.join(PROVIDERS)}, "
                "then ':MODEL'"
            )
        if provider != "endpoint":
            if not rest:
                raise ConfigError(f"{spec!r} names no model: expected {provider}:MODEL")
            if "://" in rest or "@" in rest.partition("/")[0] or "?" in rest:
                raise ConfigError(
                    f"{provider}: expected the name of a model, found an address. Use endpoint:URL#MODEL for "
                    "a server of your own, and put keys into environment variables"
                )
            return cls(provider, rest)
        url, _, model = rest.partition("#")
        expected = "expected endpoint:http://HOST:PORT/v1#MODEL"
        check_address(url, f"the URL of the endpoint ({expected})", KEY_OF_ENDPOINT)
        if not model:
            raise ConfigError(f"{spec!r} names no model after '#': {expected}")
        if re.search(r"[?&=\s]", model):
            raise ConfigError(
                f"endpoint: the model after '#' must not contain a query or white space: {expected}. "
                f"Put the key into {KEY_OF_ENDPOINT}"
            )
        return cls("endpoint", model, url.rstrip("/"))


def _unset_is_none(value: object) -> object:
    return None if value == "unset" else value


class EndpointOptions(PredictorOptions):
    """How a model is called. Sampling parameters are part of the run's settings and of the cache key."""

    kind = "endpoint"

    temperature: Annotated[float | None, BeforeValidator(_unset_is_none)] = Field(default=0.0, ge=0, le=2)
    """None or `unset`: not sent, the server's default applies. Never sent to models known to refuse it."""
    max_output_tokens: int = Field(default=4096, ge=1)
    """Most tokens of one answer, including hidden reasoning."""
    seed: int | None = None
    """Sampling seed. Sent to APIs that accept one: OpenAI and compatible servers."""
    thinking: Thinking | None = None
    """Reasoning effort. None: the model's default."""
    structured: Structured = "auto"
    """Whether the server must enforce the answer's JSON Schema. `auto`: yes where supported, until the server
    rejects it; `native`: yes, or fail; `off`: no."""
    replicate: int = Field(default=0, ge=0)
    """Index of the repetition. The same prompt with another index is a new request, not a cache hit."""

    concurrency: int = Field(default=8, ge=1, le=1024)
    """Sessions in flight at once."""
    timeout_s: float = Field(default=120.0, gt=0)
    """Seconds after which an attempt ends, body included."""
    retries: int = Field(default=4, ge=0, le=20)
    """Retries after a transient failure (connection errors, timeouts, 408, 409, 429, 5xx)."""
    cache: Path | None = None
    """SQLite file of the response cache. None: no cache."""
    price: Price | None = None
    """US dollars per million tokens. None: from the price list."""

    def sampling_parameters(self) -> dict[str, object]:
        """The fields that change the answers, as JSON values."""
        return self.model_dump(
            include={"temperature", "max_output_tokens", "seed", "thinking", "structured", "replicate"}
        )
