"""What an answer cost.

Prices come from the `genai-prices` list that is installed beside pydantic-ai (offline, dated by its version), or
from the user. An unknown price gives None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo
    from genai_prices.types import Provider as PriceProvider

_LISTED_AS = {"openai": "openai", "anthropic": "anthropic", "bedrock": "aws"}


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
            fresh * self.input + tokens.cached * cached + tokens.written * written + tokens.output * self.output
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
        base_url: of an `endpoint`: public services are recognised by it, a server of one's own has no price.
        price: overrides the list.
    """
    if price is not None:
        return price.of(tokens)
    listed = _listed(provider, model, base_url)
    if listed is None:
        return None
    from genai_prices import Usage  # noqa: PLC0415

    info, sold_by = listed
    usage = Usage(
        input_tokens=tokens.input,
        cache_read_tokens=tokens.cached,
        cache_write_tokens=tokens.written,
        output_tokens=tokens.output,
    )
    try:
        return float(info.calc_price(usage, sold_by).total_price)
    except (LookupError, ValueError):  # counts that contradict each other
        return None


@cache
def _listed(provider: str, model: str, base_url: str | None) -> tuple[ModelInfo, PriceProvider] | None:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    listed_as = _LISTED_AS.get(provider)
    if listed_as is None and base_url is None:
        return None
    try:
        sold_by, info = get_snapshot().find_provider_model(
            model, provider=None, provider_id=listed_as, provider_api_url=None if listed_as else base_url
        )
    except LookupError:
        return None
    return info, sold_by
