"""What an answer cost, against sums done by hand."""

import doctest

import pytest

from facsim.predict.endpoint import prices
from facsim.predict.endpoint.prices import Price, Tokens, cost

TOKENS = Tokens(input=1_000_000, cached=400_000, written=100_000, output=200_000)


def test_doctests():
    assert doctest.testmod(prices).failed == 0


def test_a_price_of_ones_own():
    price = Price(input=2, output=8, cached=0.5, written=2.5)
    assert cost(TOKENS, "endpoint", "tiny", "http://localhost/v1", price) == pytest.approx(
        0.5 * 2 + 0.4 * 0.5 + 0.1 * 2.5 + 0.2 * 8
    )
    assert Price(input=2, output=8).of(TOKENS) == pytest.approx(1 * 2 + 0.2 * 8)
    assert Price(input=0, output=0).of(TOKENS) == 0, "free is a price"


def test_listed_prices():
    tokens = Tokens(input=100_000, cached=40_000, output=10_000)
    # USD per million tokens at the providers: 2 / 0.5 / 8 and 1 / 0.1 / 5, writing 1.25
    assert cost(tokens, "openai", "gpt-4.1") == pytest.approx(0.06 * 2 + 0.04 * 0.5 + 0.01 * 8)
    tokens = Tokens(input=100_000, cached=40_000, written=20_000, output=10_000)
    by_hand = 0.04 * 1 + 0.04 * 0.1 + 0.02 * 1.25 + 0.01 * 5
    assert cost(tokens, "anthropic", "claude-haiku-4-5") == pytest.approx(by_hand)
    assert cost(tokens, "bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0") == pytest.approx(
        by_hand * 1.1
    )


@pytest.mark.parametrize(
    ("provider", "model", "url"),
    [
        ("openai", "never-heard-of", None),
        ("endpoint", "gpt-4.1", "http://127.0.0.1:8000/v1"),
        ("endpoint", "gpt-4.1", "http://gpu-box.lan/v1"),
    ],
)
def test_an_unknown_price_is_none_and_never_zero(provider, model, url):
    assert cost(TOKENS, provider, model, url) is None
    assert cost(TOKENS, provider, model, url) is None


def test_a_public_service_is_known_by_its_address():
    assert cost(TOKENS, "endpoint", "deepseek-chat", "https://api.deepseek.com/v1") > 0


def test_counts_that_contradict_each_other_have_no_price():
    assert cost(Tokens(input=10, cached=20, output=1), "openai", "gpt-4.1") is None
