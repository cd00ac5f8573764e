"""The stated probabilities are those by which shoppers choose."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from scipy.stats import chi2, chisquare

from facsim.data import DataSet, replay
from facsim.predict.oracle import Oracle
from facsim.schema import Action, Step
from facsim.shop.action_distribution import ActionDistribution, truth_of
from facsim.shop.shoppers import Choice
from facsim.shop.shoppers.session_simulator import DecisionPoint
from facsim.shop.simulation import CommonRandomNumbers, ShopSimulation

UNLIKELY = 1e-4
"""A test with a given seed that fails at this level is wrong, not unlucky."""


def steps_of(data: DataSet) -> Iterator[Step]:
    for session in data:
        yield from session.steps


def test_luck_draws_each_choice_as_often_as_its_probability_says() -> None:
    """Chi-square over many drawings at one and the same page, rare choices taken together."""
    simulation = ShopSimulation(3, 50)
    shopper = simulation.shopper(1)
    point = simulation.begin(shopper)
    random, tried = Random(0), 0
    while tried < 4:
        if point.ends_with(choice := CommonRandomNumbers(3, tried).choose(point)):
            choice = point.choices[0]
        drawings = 4000
        counts = Counter(
            drawn(CommonRandomNumbers(random.randrange(10**9), 0).choose(point)) for _ in range(drawings)
        )
        expected = {drawn(choice): drawings * choice.probability for choice in point.choices}
        assert math.fsum(expected.values()) == pytest.approx(drawings)
        assert all(value > 0 for value in expected.values())
        frequent = [key for key, value in expected.items() if value >= 10]
        rest = drawings - sum(expected[key] for key in frequent)
        others = drawings - sum(counts[key] for key in frequent)
        p = chisquare(
            [*(counts[key] for key in frequent), others], [*(expected[key] for key in frequent), rest]
        )
        assert p.pvalue > UNLIKELY, point.view.address
        assert set(counts) <= set(expected)
        point = simulation.after(point, choice, shopper)
        tried += 1


def drawn(choice: Choice) -> tuple[int | None, str | None]:
    return choice.action_index, choice.text


def test_luck_is_the_same_in_every_design_for_what_both_offer() -> None:
    """Where the order of things on the page differs and nothing else, the same thing is done."""
    simulation = ShopSimulation(3, 50)
    point = simulation.begin(simulation.shopper(2))
    turned = DecisionPoint(point.rendered, point.visitor, point.memory, point.choices[::-1])
    for number in range(200):
        assert drawn(CommonRandomNumbers(1, number).choose(point)) == drawn(
            CommonRandomNumbers(1, number).choose(turned)
        )


def test_what_is_most_probable_happens_as_often_as_stated(shop_data: DataSet) -> None:
    """Chi-square over steps binned by the stated probability of their most probable action."""
    steps = list(steps_of(shop_data))
    stated = np.array([step.truth.best_probability for step in steps])
    happened = np.array([step.action == step.truth.best for step in steps])
    order = np.argsort(stated, kind="stable")
    bins = np.array_split(order, 10)
    gaps = [happened[index].sum() - stated[index].sum() for index in bins]
    variances = [(stated[index] * (1 - stated[index])).sum() for index in bins]
    statistic = sum(gap**2 / variance for gap, variance in zip(gaps, variances, strict=True))
    assert chi2.sf(statistic, len(bins)) > UNLIKELY
    # A test that cannot fail says nothing: stated a tenth too high, it does.
    wrong = np.minimum(1.25 * stated, 0.999)
    gaps = [happened[index].sum() - wrong[index].sum() for index in bins]
    variances = [(wrong[index] * (1 - wrong[index])).sum() for index in bins]
    assert chi2.sf(sum(g**2 / v for g, v in zip(gaps, variances, strict=True)), len(bins)) < UNLIKELY


def test_the_place_of_what_is_done_in_the_distribution_is_uniform(shop_data: DataSet, oracle: Oracle) -> None:
    """The probability integral transform over all actions, most probable first, is uniform on [0, 1]."""
    random = Random(0)
    places = []
    for session in list(shop_data)[:50]:
        for so_far, step in replay(shop_data, session):
            chances = oracle.answer(so_far).probabilities
            ranked = sorted(chances.items(), key=lambda item: -item[1])
            before = math.fsum(p for action, p in ranked if p > chances[step.action])
            places.append(before + random.random() * chances[step.action])
    # Equally probable actions share a place, which only spreads it within their mass.
    counts, _ = np.histogram(places, bins=10, range=(0, 1))
    assert chisquare(counts).pvalue > UNLIKELY


def test_the_mean_log_likelihood_is_minus_the_mean_entropy(shop_data: DataSet) -> None:
    likely = np.array([math.log(step.truth.probability) for step in steps_of(shop_data)])
    entropies = np.array([step.truth.entropy for step in steps_of(shop_data)])
    surprise = likely + entropies
    error = surprise.std(ddof=1) / math.sqrt(len(surprise))
    assert abs(surprise.mean()) < 4 * error
    assert error < 0.1


def test_truths_are_consistent(shop_data: DataSet) -> None:
    for step in steps_of(shop_data):
        truth = step.truth
        assert truth is not None
        assert 0 < truth.probability <= truth.best_probability <= 1
        assert truth.entropy >= -math.log(truth.best_probability) - 1e-9
        assert (truth.best == step.action) <= (truth.probability == truth.best_probability)


def test_chances_by_hand() -> None:
    choices = [
        Choice(None, None, 0.25, {}, "leave"),
        Choice(1, "tea", 0.5, {}, "search"),
        Choice(0, None, 0.25, {}, "look"),
    ]
    chances = ActionDistribution.of(choices, ["card.title", "search"])
    assert list(chances.probabilities.items()) == [
        (Action.click("card.title"), 0.25),
        (Action.type_and_submit("search", "tea"), 0.5),
        (Action.terminate(), 0.25),
    ]
    assert chances.best == Action.type_and_submit("search", "tea")
    truth = truth_of(choices[0], choices, ["card.title", "search"])
    assert (truth.probability, truth.best_probability) == (0.25, 0.5)
    assert truth.best == Action.type_and_submit("search", "tea")
    assert truth.entropy == pytest.approx(1.5 * math.log(2))
    with pytest.raises(AssertionError, match="two choices"):
        ActionDistribution.of([choices[0], choices[0]], [])
