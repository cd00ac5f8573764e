"""Effects of paired sessions against independent implementations and known truths."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from facsim.fidelity.paired_effects import (
    detectable_effect,
    false_positive_rates,
    paired_effects,
    sessions_needed,
)
from facsim.fidelity.session_measures import SessionMeasures
from facsim.shop.effect import effect_of
from facsim.util.errors import ConfigError


def arm(users: np.ndarray, **values: np.ndarray) -> SessionMeasures:
    ids = tuple(f"s{number:04}" for number in range(len(users)))
    return SessionMeasures(
        ids, tuple(map(str, users)), {name: np.asarray(one, float) for name, one in values.items()}, 0
    )


def clustered(rng: np.random.Generator, people: int) -> np.ndarray:
    return np.repeat(np.arange(people), rng.integers(1, 5, people))


def test_difference_and_error_are_those_of_the_shop_and_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    users = clustered(rng, 40)
    a, b = rng.poisson(5, users.size), rng.poisson(6, users.size) + users % 3
    [found] = paired_effects(arm(users, length=a), arm(users, length=b))
    shop = effect_of("length", a.astype(float), b.astype(float), [str(user) for user in users])
    assert found.difference.value == pytest.approx(shop.difference) and found.error == pytest.approx(
        shop.error
    )
    fitted = sm.OLS(b - a, np.ones(users.size)).fit(cov_type="cluster", cov_kwds={"groups": users})
    assert found.error == pytest.approx(fitted.bse[0], rel=1e-6)
    margin = stats.t.ppf(0.975, 39) * np.sqrt(40 / 39) * found.error
    assert found.difference.high == pytest.approx(found.difference.value + margin)


def test_sessions_are_paired_by_id_whatever_their_order() -> None:
    a = SessionMeasures(("p", "q"), ("u", "v"), {"length": np.array([1.0, 5.0])}, 0)
    b = SessionMeasures(("q", "p"), ("v", "u"), {"length": np.array([6.0, 2.0])}, 0)
    [found] = paired_effects(a, b)
    assert found.difference.value == 1 and found.error == 0 and (found.a, found.b) == (3, 4)
    other = SessionMeasures(("q", "r"), ("v", "u"), {"length": np.array([6.0, 2.0])}, 0)
    with pytest.raises(ConfigError, match="same people"):
        paired_effects(a, other)
    alone = SessionMeasures(("p", "q"), ("u", "u"), {"length": np.array([1.0, 5.0])}, 0)
    with pytest.raises(ConfigError, match="at least 2"):
        paired_effects(alone, alone)


def test_a_category_that_one_arm_never_has_is_0_there() -> None:
    users = np.arange(4)
    a = arm(users, length=users, **{"share:filter": np.full(4, 0.5)})
    effects = {one.measure: one for one in paired_effects(a, arm(users, length=users))}
    assert effects["share:filter"].difference.value == -0.5
    assert effects["length"].difference.value == 0 and effects["length"].p == 1.0
    assert effects["share:filter"].adjusted_p == 2 * effects["share:filter"].p == 2 * 2 / 16


def test_intervals_contain_the_truth_and_tests_keep_their_level() -> None:
    rng = np.random.default_rng(1)
    covered = rejected = 0
    trials = 300
    for trial in range(trials):
        users = clustered(rng, 30)
        habit = rng.normal(size=30)[users]
        a = habit + rng.normal(size=users.size)
        b = habit + rng.normal(size=users.size) + rng.normal(scale=0.5, size=30)[users]
        [found] = paired_effects(arm(users, length=a), arm(users, length=b), resamples=199, seed=trial)
        covered += found.difference.low <= 0 <= found.difference.high
        rejected += found.p <= 0.05
    assert covered / trials > 0.92
    assert rejected <= stats.binom.ppf(0.999, trials, 0.05)


def test_rare_purchases_have_intervals_that_contain_the_truth() -> None:
    """1% of pairs buy only in A, 3% only in B: in most samples of 100 pairs hardly any differs."""
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        drawn = rng.choice(4, size=100, p=[0.01, 0.03, 0.05, 0.91])
        a, b = np.isin(drawn, (0, 2)), np.isin(drawn, (1, 2))
        [found] = paired_effects(
            arm(np.arange(100), conversion=a), arm(np.arange(100), conversion=b), resamples=1
        )
        covered += found.difference.low <= 0.02 <= found.difference.high
    assert covered / 400 > 0.93


def test_where_no_pair_differs_conversion_has_an_interval_and_other_measures_have_none() -> None:
    """By hand: 98 pairs and two more, whose squares sum to 1/2, over 101 clusters: the square of the error is
    101/100 · (1/4 + 1/4) / 100²."""
    users = np.arange(98)
    bought = (users % 7 == 0).astype(float)
    one = arm(users, conversion=bought, revenue=100 * bought)
    effects = {found.measure: found for found in paired_effects(one, one)}
    margin = stats.t.ppf(0.975, 100) * np.sqrt(101 / 100) * np.sqrt(101 / 100 * 0.5) / 100
    assert effects["conversion"].difference.high == pytest.approx(margin)
    assert effects["conversion"].difference.low == pytest.approx(-margin)
    assert (
        effects["revenue"].difference.low is None and "no pair differs" in effects["revenue"].difference.note
    )


def test_experiments_drawn_from_a_a_find_an_effect_as_often_as_stated() -> None:
    rng = np.random.default_rng(2)
    users = clustered(rng, 80)
    # Not even an A/A run with an accidental difference moves the rate: each person's sign is drawn.
    a, again = rng.poisson(4, users.size), rng.poisson(4, users.size) + 1
    rates = false_positive_rates(arm(users, length=a), arm(users, length=again), experiments=4000)
    assert rates["length"] == pytest.approx(0.05, abs=0.02)
    same = false_positive_rates(arm(users, length=a), arm(users, length=a), experiments=100)
    assert same["length"] == 0


def test_the_stated_number_of_sessions_finds_the_effect_in_four_of_five_experiments() -> None:
    rng = np.random.default_rng(3)
    needed = sessions_needed(2.0, 0.5)
    found = 0
    for _ in range(600):
        differences = rng.normal(0.5, 2.0, needed)
        error = differences.std(ddof=1) / np.sqrt(needed)
        found += abs(differences.mean()) > 1.96 * error
    assert found / 600 == pytest.approx(0.8, abs=0.05)
    assert detectable_effect(2.0 / np.sqrt(needed)) == pytest.approx(0.5, rel=0.01)
    assert sessions_needed(1.0, 0.0) is None
