"""What can be chosen about an endpoint: which model is asked (`Target`), and how (`EndpointOptions`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from facsim.predict.endpoint.prices import Price
from facsim.predict.options import Options
from facsim.util.errors import ConfigError

Provider = Literal["openai", "anthropic", "bedrock", "endpoint"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)
MARKED: frozenset[Provider] = frozenset({"anthropic", "bedrock"})
"""Providers that keep a prefix only where a mark says so, and bill for keeping it."""
Structured = Literal["auto", "native", "off"]
Thinking = Literal["off", "minimal", "low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Target:
    """Which model is asked, and where.

    Attributes:
        provider: whose wire format is spoken.
        model: the model's name there.
        base_url: only for `endpoint`, the URL up to and including `/v1`.
    """

    provider: Provider
    model: str
    base_url: str | None = None

    @property
    def spec(self) -> str:
        """The spec string that reads as this target."""
        return f"endpoint:{self.base_url}#{self.model}" if self.base_url else f"{self.provider}:{self.model}"

    @classmethod
    def read(cls, spec: str) -> Self:
        """Read `openai:MODEL`, `anthropic:MODEL`, `bedrock:MODEL` or `endpoint:http://host:port/v1#MODEL`.

        Raises:
            ConfigError: if `spec` is none of them, or holds a password.
        """
        provider, _, rest = spec.partition(":")
        if provider not in PROVIDERS:
            raise ConfigError(
                f"{spec!r} names no provider: expected one of {', '.join(PROVIDERS)}, then ':MODEL'"
            )
        if provider != "endpoint":
            if not rest:
                raise ConfigError(f"{spec!r} names no model: expected {provider}:MODEL")
            return cls(provider, rest)
        url, _, model = rest.partition("#")
        expected = "expected endpoint:http://host:port/v1#MODEL"
        try:
            parts = urlsplit(url)
            host, secret = parts.hostname, parts.password or parts.username or parts.query
            _ = parts.port
        except ValueError as error:
            raise ConfigError(f"endpoint: the URL cannot be read ({error}): {expected}") from None
        if secret:
            # A spec is written into every run's config: no key may stand in it.
            raise ConfigError(
                "endpoint: the URL must not hold a user, a password or a query. "
                "Put the key into the environment variable FACSIM_ENDPOINT_API_KEY"
            )
        if parts.scheme not in {"http", "https"} or not host:
            raise ConfigError(f"{spec!r} has no usable URL: {expected}")
        if not model:
            raise ConfigError(f"{spec!r} names no model after '#': {expected}")
        return cls("endpoint", model, url.rstrip("/"))


def _unset_is_none(value: object) -> object:
    return None if value == "unset" else value


class EndpointOptions(Options):
    """How a model is asked. What changes answers is part of the run's settings and of the cache key."""

    kind = "endpoint"

    temperature: Annotated[float | None, BeforeValidator(_unset_is_none)] = Field(default=0.0, ge=0, le=2)
    """None, or `unset`: not sent, the server's default holds. Models known to refuse it are asked without."""
    max_output_tokens: int = Field(default=4096, ge=1)
    """The most tokens of one answer, hidden reasoning included."""
    seed: int | None = None
    """Sent where the API knows seeds: OpenAI and compatible servers."""
    thinking: Thinking | None = None
    """How hard a reasoning model is to think. None: its default."""
    structured: Structured = "auto"
    """Whether the server is to enforce the answer's JSON Schema. `auto`: yes where it is offered, and plain
    once the server has rejected it; `native`: yes, or stop; `off`: no."""
    replicate: int = Field(default=0, ge=0)
    """Number of the repetition: the same question under another number is asked anew."""

    concurrency: int = Field(default=8, ge=1, le=1024)
    """Sessions in flight at once."""
    timeout_s: float = Field(default=120.0, gt=0)
    """Seconds that one attempt may take."""
    retries: int = Field(default=4, ge=0, le=20)
    """How often the provider's SDK repeats an attempt that failed for a passing reason."""
    cache: Path | None = None
    """The response cache, an SQLite file; None: no cache."""
    price: Price | None = None
    """US dollars per million tokens; None: as the price list says."""

    def answering(self) -> dict[str, object]:
        """The fields that change answers, as JSON values."""
        return self.model_dump(
            include={"temperature", "max_output_tokens", "seed", "thinking", "structured", "replicate"}
        )
