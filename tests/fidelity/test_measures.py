"""Every measure on sessions small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from made_populations import population, step

from facsim.fidelity import MEASURES, SessionPopulation
from facsim.fidelity.measures import FUNNEL_STATES, FUNNEL_STEPS, MOST_VALUES, measured, word_bucket

REAL = population(
    "real",
    [
        {
            "outcome": "purchase",
            "steps": [
                step("search", query="red shoes", page="home", elapsed=2.0),
                step("filter", page="results", elapsed=5.0),
                step("product_click", name="a", page="results", elapsed=9.0),
                step("search", query="blue shoes", page="a", elapsed=20.0),
                step("product_click", name="b", page="results", elapsed=21.0),
                step("product_click", name="a", page="results", elapsed=25.0),
                step("search", query="shoes red", page="a", elapsed=28.0),
                step("purchase", name="buy", page="results", elapsed=40.0),
            ],
        },
        {"outcome": "terminate", "steps": [step("other", page="home"), step("terminate", page="home")]},
        {"outcome": None, "steps": [step("search", query="hat", page="home", elapsed=1.0)]},
    ],
)


def of(name: str, one: SessionPopulation = REAL):
    return measured(MEASURES[name], {"real": one})


def numbers(name: str, one: SessionPopulation = REAL) -> list[float]:
    found = of(name, one)
    return [float(row @ found.values) for row in found.shares["real"]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("length", [8, 2, 1]),
        ("searches", [3, 0, 1]),
        ("query_length", [2, 0, 1]),
        ("filters", [1, 0, 0]),
        ("products", [2, 0, 0]),
        # home, results, a, results, a, results: six arrivals at three pages
        ("revisits", [3, 0, 0]),
    ],
)
def test_numbers(name: str, expected: list[float]) -> None:
    assert numbers(name) == pytest.approx(expected)


def test_times_are_missing_where_they_were_not_recorded() -> None:
    assert numbers("duration") == pytest.approx([40, np.nan, 1], nan_ok=True)
    assert numbers("pause") == pytest.approx([5, np.nan, 1], nan_ok=True)
    untimed = population("untimed", [{"steps": [step("terminate")]}])
    assert measured(MEASURES["duration"], {"real": REAL, "untimed": untimed}).shares.keys() == {"real"}


def test_products_are_missing_where_targets_have_no_names_of_their_own() -> None:
    events = [step("product_click", name="view_item"), step("product_click", name="view_item")]
    nameless = population("nameless", [{"steps": events}])
    assert measured(MEASURES["products"], {"real": REAL, "nameless": nameless}).shares.keys() == {"real"}


def shares(name: str, row: int) -> dict[str, float]:
    found = of(name)
    return {part: value for part, value in zip(found.parts, found.shares["real"][row], strict=True) if value}


def test_compositions() -> None:
    assert shares("outcome", 0) == {"purchase": 1}
    assert np.isnan(of("outcome").shares["real"][2]).all()  # a recording whose end is unknown
    assert shares("categories", 0) == {
        "filter": 1 / 8,
        "product_click": 3 / 8,
        "purchase": 1 / 8,
        "search": 3 / 8,
    }
    assert shares("transitions", 1) == {
        "start → other": 1 / 3,
        "other → terminate": 1 / 3,
        "terminate → end": 1 / 3,
    }
    # The second query shares a word with the first; the third has the words of the first.
    assert shares("query_diversity", 0) == {"reworded": 0.5, "repeated": 0.5}
    assert shares("query_diversity", 1) == {"no second query": 1}
    words = shares("query_words", 0)
    assert words[word_bucket("shoes")] == pytest.approx(1 / 2)
    assert words[word_bucket("red")] == pytest.approx(1 / 3)
    assert shares("query_words", 1) == {"(no query)": 1}


def test_the_funnel_says_how_far_a_session_has_come_by_a_step() -> None:
    found = of("funnel").shares["real"].reshape(3, len(FUNNEL_STEPS), len(FUNNEL_STATES))
    states = [[FUNNEL_STATES[place] for place in row.argmax(axis=1)] for row in found]
    saw = "saw a product"
    assert states[0] == ["searched", "searched", saw, saw, "bought", "bought", "bought"]
    assert states[1] == ["nothing yet", *["left"] * 6]
    assert states[2] == ["searched"] * 7  # unknown end: it stays where it was last seen
    assert found.sum(axis=2).tolist() == [[1] * 7] * 3


def test_unfinished_sessions_are_a_state_of_their_own() -> None:
    lost = population(
        "lost", [{"outcome": "unfinished", "steps": [step("search", query="x"), step("other")]}]
    )
    assert measured(MEASURES["outcome"], {"lost": lost}).shares["lost"].tolist() == [[0, 0, 1]]
    found = measured(MEASURES["funnel"], {"lost": lost}).shares["lost"].reshape(len(FUNNEL_STEPS), -1)
    assert [FUNNEL_STATES[place] for place in found.argmax(axis=1)] == ["searched", *["unfinished"] * 6]


def test_numbers_with_very_many_values_are_rounded_to_quantiles() -> None:
    many = population(
        "many", [{"steps": [step("terminate", elapsed=float(value))]} for value in np.linspace(0, 1000, 3000)]
    )
    found = of("duration", many)
    assert len(found.values) <= MOST_VALUES
    means = found.shares["real"] @ found.values
    assert np.abs(means - np.linspace(0, 1000, 3000)).max() < 2.1


def test_a_number_is_embedded_by_the_gaps_between_logarithms() -> None:
    found = of("length")
    gaps = np.log([9 / 3, 3 / 2])  # between 2 and 8, 1 and 2
    one, two = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    assert np.square(found.embed(one) - found.embed(two)).sum() == pytest.approx(2 * gaps.sum())
