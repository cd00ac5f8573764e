"""The walker draws uniformly, the chain as people do."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from made_populations import population, step
from scipy import stats

from facsim.fidelity import markov_chain, uniform_walker
from facsim.fidelity.session_population import UNFINISHED

REAL = population(
    "real",
    [
        *[{"steps": [step("search", query="red shoes", name="box", page="home"), step("terminate", page="list")]}] * 8,
        {"outcome": "purchase", "steps": [step("search", query="hat", name="box"), step("purchase", name="buy")]},
        {"outcome": "purchase", "steps": [step("product_click", name="a"), step("purchase", name="buy")]},
    ],
)  # fmt: skip


def test_a_walker_takes_every_move_equally_often() -> None:
    walker = uniform_walker(REAL, sessions=4000, seed=1)
    # Moves: search, product click, terminate and leave, purchase and end.
    counts = Counter(walker.steps["category"])
    assert set(counts) == {"search", "product_click", "terminate", "purchase"}
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3
    assert Counter(walker.sessions["outcome"])["purchase"] == counts["purchase"]
    words = Counter(word for query in walker.steps["query"].drop_nulls() for word in query.split())
    assert set(words) == {"red", "shoes", "hat"}
    assert stats.chisquare(list(words.values())).pvalue > 1e-3
    lengths = Counter(len(query.split()) for query in walker.steps["query"].drop_nulls())
    assert set(lengths) == {1, 2}


def test_a_chain_has_the_frequencies_of_people() -> None:
    chain = markov_chain(REAL, sessions=4000, seed=1)
    first = Counter(chain.steps.filter(pl.col("step") == 0)["category"])
    assert first["search"] / 4000 == pytest.approx(0.9, abs=0.02)
    assert Counter(chain.sessions["outcome"])["purchase"] / 4000 == pytest.approx(0.2, abs=0.025)
    queries = Counter(chain.steps["query"].drop_nulls())
    assert queries["hat"] / queries.total() == pytest.approx(1 / 9, abs=0.02)


def test_the_same_seed_gives_the_same_population() -> None:
    one, other = (uniform_walker(REAL, sessions=50, seed=4) for _ in range(2))
    assert one.steps.equals(other.steps) and one.sessions.equals(other.sessions)
    assert not one.steps.equals(uniform_walker(REAL, sessions=50, seed=5).steps)


def test_recordings_without_an_end_end_a_walk_as_unfinished() -> None:
    cut = population("cut", [{"outcome": None, "steps": [step("search", query="hat")]}] * 4)
    walker = uniform_walker(cut, sessions=5)
    assert walker.sessions["outcome"].to_list() == [UNFINISHED] * 5
