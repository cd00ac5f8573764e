import doctest

import pytest

from facsim.shop.shoppers import finding
from facsim.shop.shoppers import term_matching as words
from facsim.shop.shoppers.appeal import match, price_term
from facsim.shop.shoppers.coefficients import COEFFICIENTS
from facsim.shop.shoppers.term_matching import last_word


@pytest.mark.parametrize("module", [words, finding])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    "title, expected",
    [
        ("Acme Burr Coffee Grinder, 12 cups", 1.0),
        ("Coffee Grinders by Acme", 1.0),
        ("Coffee Filters, 100 pieces", 0.25),
        ("Grinder for spices", 0.5),
        ("Running shoes", 0.0),
    ],
)
def test_titles_are_matched_by_their_words(title, expected):
    names = ("coffee grinder",)
    found = match(words.words(title), tuple(map(words.words, names)), tuple(map(last_word, names)))
    assert found == pytest.approx(expected)


def test_prices_hurt_ever_more_above_the_budget_and_please_mildly_below():
    appeal = COEFFICIENTS.appeal
    values = [price_term(price, 5000, appeal) for price in (1000, 4000, 5000, 6000, 7500, 10_000)]
    assert values == sorted(values, reverse=True) and values[2] == 0
    slopes = [
        price_term(p, 5000, appeal) - price_term(p + 500, 5000, appeal) for p in (4000, 5000, 6000, 8000)
    ]
    assert slopes == sorted(slopes)
