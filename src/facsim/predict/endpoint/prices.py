"""The cost of answers.

Prices come from the user, or from the `genai-prices` list that is installed with pydantic-ai (offline, dated
by its version). An unknown price gives None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

_LISTED_AS = {"openai": "openai", "anthropic": "anthropic", "bedrock": "aws"}
_UNLISTED: set[tuple[str | None, str, str | None]] = set()


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts of one answer.

    Attributes:
        input: all prompt tokens, including cache reads and writes.
        cached: prompt tokens read from the cache.
        written: prompt tokens written to the cache.
        output: generated tokens, including hidden reasoning.
    """

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0


class Price(BaseModel):
    """US dollars per million tokens, as given by the user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    """Price of cache reads. None: same as `input`."""
    written: float | None = Field(default=None, ge=0)
    """Price of cache writes. None: same as `input`."""

    def of(self, tokens: Tokens) -> float:
        """US dollars for `tokens`.

        >>> Price(input=2, cached=0.5, output=8).of(Tokens(input=1_000, cached=400, output=100))
        0.0022
        """
        fresh = tokens.input - tokens.cached - tokens.written
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.written is None else self.written
        micro = (
            fresh * self.input
            + tokens.cached * cached
            + tokens.written * written
            + tokens.output * self.output
        )
        return micro / 1e6


def cost(
    tokens: Tokens, provider: str, model: str, base_url: str | None = None, price: Price | None = None
) -> float | None:
    """US dollars for `tokens`; None if the price is unknown.

    Args:
        tokens: token counts.
        provider: `openai`, `anthropic`, `bedrock` or `endpoint`.
        model: the model's name at that provider.
        base_url: of an `endpoint`. Public services are recognised by it; other servers have no price.
        price: overrides the price list.
    """
    if price is not None:
        return price.of(tokens)
    sold_as = _LISTED_AS.get(provider)
    asked = (sold_as, model, base_url)
    if asked in _UNLISTED:
        return None
    from genai_prices import Usage, calc_price  # noqa: PLC0415

    usage = Usage(
        input_tokens=tokens.input,
        cache_read_tokens=tokens.cached,
        cache_write_tokens=tokens.written,
        output_tokens=tokens.output,
    )
    try:
        if sold_as is not None:
            return float(calc_price(usage, model, provider_id=sold_as).total_price)
        return float(calc_price(usage, model, provider_api_url=base_url or "").total_price)
    except LookupError:  # a search through the whole list: once is enough
        _UNLISTED.add(asked)
        return None
    except ValueError:  # inconsistent counts
        return None
