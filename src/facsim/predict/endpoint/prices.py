"""What an answer cost.

Prices come from the `genai-prices` list that is installed beside pydantic-ai (offline, dated by its
version), or from the user. An unknown price gives None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

_LISTED_AS = {"openai": "openai", "anthropic": "anthropic", "bedrock": "aws"}
_UNLISTED: set[tuple[str | None, str, str | None]] = set()


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one answer took.

    Attributes:
        input: all prompt tokens, those read from or written to a cache included.
        cached: of these, read from the cache.
        written: of these, written to the cache.
        output: generated tokens, hidden reasoning included.
    """

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0


class Price(BaseModel):
    """US dollars per million tokens, as a user gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    """Input tokens read from a cache; None: as `input`."""
    written: float | None = Field(default=None, ge=0)
    """Input tokens written to a cache; None: as `input`."""

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
    """US dollars for one answer of `tokens`; None where no price is known.

    Args:
        tokens: what the answer took.
        provider: `openai`, `anthropic`, `bedrock` or `endpoint`.
        model: the model's name at that provider.
        base_url: of an `endpoint`: public services are recognised by it, a server of one's own has no
        price.
        price: overrides the list.
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
    except LookupError:  # found by searching the whole list: once is enough
        _UNLISTED.add(asked)
        return None
    except ValueError:  # counts that contradict each other
        return None
