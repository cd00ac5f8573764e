"""The estimators against brute force, scipy and known truths."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from facsim.fidelity.compare_populations import cliffs_delta
from facsim.fidelity.energy_distance import (
    BlockSums,
    TwoSamples,
    permutation_share,
    signed_root,
    split_halves,
)
from facsim.fidelity.measures import MEASURES, _of_numbers


def blocks(shares: np.ndarray, of: list[int] | None = None) -> BlockSums:
    owners = np.arange(len(shares)) if of is None else np.array(of)
    return BlockSums.of(shares, owners, np.ones(len(shares)), int(owners.max()) + 1)


def number_samples(real, produced, of=(None, None), paired=False) -> TwoSamples:
    found = _of_numbers(
        MEASURES["length"], {"real": np.array(real, float), "produced": np.array(produced, float)}
    )
    sides = [
        blocks(found.shares[name], owners) for name, owners in zip(("real", "produced"), of, strict=True)
    ]
    return TwoSamples(*sides, paired, found.embed)


def part_samples(real, produced, paired=False) -> TwoSamples:
    return TwoSamples(
        blocks(np.array(real, float)), blocks(np.array(produced, float)), paired, lambda shares: shares
    )


def test_numbers_have_the_energy_distance_of_scipy_on_logarithms() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        real, produced = rng.poisson(4, 30), rng.poisson(6, 25)
        expected = stats.energy_distance(np.log1p(real), np.log1p(produced)) ** 2
        assert number_samples(real, produced).squared == pytest.approx(expected, rel=1e-9)


def test_the_unbiased_distance_is_the_u_statistic() -> None:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| over pairs of different sessions."""
    rng = np.random.default_rng(1)
    real, produced = rng.poisson(4, 9), rng.poisson(5, 7)
    x, y = np.log1p(real), np.log1p(produced)

    def within(values: np.ndarray) -> float:
        return float(np.mean([abs(one - other) for one, other in combinations(values, 2)]))

    expected = 2 * np.abs(x[:, None] - y).mean() - within(x) - within(y)
    assert number_samples(real, produced).unbiased == pytest.approx(expected, rel=1e-9)


def test_parts_have_the_squared_euclidean_distance_less_its_noise() -> None:
    """By hand: means (1/2, 1/2) and (1, 0). Each of two deviations of the first is (±1/4, ±1/4), times root 2."""
    two = part_samples([[1, 0], [0, 1]], [[1, 0], [1, 0]])
    assert two.squared == pytest.approx(0.5)
    assert two.noise == pytest.approx(2 * 2 * 2 / 16)
    assert two.unbiased == pytest.approx(0.0)


def test_all_split_halves_differ_by_the_noise_on_average() -> None:
    rng = np.random.default_rng(2)
    shares = rng.dirichlet(np.ones(3), size=8)
    whole = blocks(shares)
    found = []
    for half in combinations(range(8), 4):
        rest = [place for place in range(8) if place not in half]
        found.append(np.square(shares[list(half)].mean(axis=0) - shares[rest].mean(axis=0)).sum())
    # Two samples of half the size have together four times the variance of the mean.
    assert np.mean(found) == pytest.approx(4 * np.square(whole.deviations()).sum(), rel=1e-9)
    drawn = split_halves(whole, lambda rows: rows, 20_000, 0)
    assert abs(drawn.mean()) < 4 * drawn.std() / np.sqrt(20_000)


def test_people_with_several_sessions_are_one_block() -> None:
    """The error of a mean over blocks, against the textbook formula of a ratio."""
    shares = np.array([[1.0, 0], [1, 0], [0, 1], [1, 0], [0, 1], [0, 1]])
    found = blocks(shares, [0, 0, 0, 1, 2, 2])
    mean = shares.mean(axis=0)
    sums = np.array([shares[:3].sum(axis=0), shares[3], shares[4:].sum(axis=0)])
    expected = 3 / 2 * np.square(sums - np.array([3, 1, 2])[:, None] * mean).sum() / 36
    assert np.square(found.deviations()).sum() == pytest.approx(expected)


def test_the_mean_is_the_truth_for_equal_and_for_different_populations() -> None:
    rng = np.random.default_rng(3)
    truth = np.array([0.5, 0.3, 0.2]), np.array([0.35, 0.3, 0.35])

    def draw(which: int, size: int) -> np.ndarray:
        return np.eye(3)[rng.choice(3, size=size, p=truth[which])]

    for pair, sizes in (((0, 0), (40, 15)), ((0, 1), (40, 15))):
        found = np.array(
            [part_samples(draw(pair[0], sizes[0]), draw(pair[1], sizes[1])).unbiased for _ in range(3000)]
        )
        expected = np.square(truth[pair[0]] - truth[pair[1]]).sum()
        assert abs(found.mean() - expected) < 4 * found.std() / np.sqrt(3000)


def test_intervals_contain_the_truth() -> None:
    """95% intervals of the squared distance, far from 0, near 0 and at 0."""
    rng = np.random.default_rng(4)
    real = np.array([0.5, 0.3, 0.2])
    for produced in (np.array([0.1, 0.3, 0.6]), np.array([0.35, 0.3, 0.35]), real):
        truth = np.square(real - produced).sum()
        covered = 0
        for trial in range(300):
            two = part_samples(np.eye(3)[rng.choice(3, 80, p=real)], np.eye(3)[rng.choice(3, 80, p=produced)])
            errors = two.errors(300, trial)
            low, high = np.quantile(two.replicates(errors[1] - errors[0]), [0.025, 0.975])
            covered += low <= truth <= high
        assert covered / 300 > 0.925


def test_identical_pairs_have_no_distance_and_no_noise() -> None:
    shares = np.random.default_rng(5).dirichlet(np.ones(4), 12)
    two = part_samples(shares, shares, paired=True)
    assert two.unbiased == two.noise == two.squared == 0
    assert permutation_share(two.squared, two.permutations(50, 0)) == 1.0


def test_pairing_takes_out_what_pairs_have_in_common() -> None:
    """Pairs with the same intent, drawn independently given it: unbiased, with less noise than unpaired."""
    rng = np.random.default_rng(6)
    found, noise = [], []
    for _ in range(2000):
        intents = rng.uniform(size=30)
        sides = [
            np.column_stack([drawn := rng.uniform(size=30) < intents, ~drawn]).astype(float) for _ in range(2)
        ]
        two = part_samples(*sides, paired=True)
        found.append(two.unbiased)
        noise.append(two.noise < part_samples(*sides).noise)
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(2000)
    assert np.mean(noise) > 0.9


def test_permutations_are_those_of_all_possible_ones() -> None:
    real, produced = np.array([[1.0, 0], [1, 0], [0, 1]]), np.array([[0.0, 1], [0, 1], [1, 0]])
    two = part_samples(real, produced)
    pooled = np.vstack([real, produced])
    exact = []
    for first in combinations(range(6), 3):
        rest = [place for place in range(6) if place not in first]
        exact.append(np.square(pooled[list(first)].mean(axis=0) - pooled[rest].mean(axis=0)).sum())
    share = np.mean(np.array(exact) >= two.squared - 1e-12)
    assert permutation_share(two.squared, two.permutations(20_000, 0)) == pytest.approx(share, abs=0.02)


def test_swapping_pairs_is_a_sign_test() -> None:
    """All of five pairs differ the same way: 2 of 2^5 swaps are as extreme."""
    two = part_samples([[1, 0]] * 5, [[0, 1]] * 5, paired=True)
    assert permutation_share(two.squared, two.permutations(20_000, 0)) == pytest.approx(2 / 32, abs=0.01)


def test_permutation_tests_keep_their_level_with_people_of_several_sessions() -> None:
    rng = np.random.default_rng(7)
    rejected = 0
    for trial in range(400):
        sides = []
        for _ in range(2):
            counts = rng.integers(1, 5, size=25)
            owners = np.repeat(np.arange(25), counts)
            likes = rng.beta(1, 1, size=25)[owners]  # one person's sessions are much alike
            drawn = rng.uniform(size=owners.size) < likes
            sides.append(blocks(np.column_stack([drawn, ~drawn]).astype(float), list(owners)))
        two = TwoSamples(*sides, False, lambda shares: shares)
        rejected += permutation_share(two.squared, two.permutations(199, trial)) <= 0.05
    assert rejected <= stats.binom.ppf(0.999, 400, 0.05)


def test_cliffs_delta_counts_pairs() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 5, 40), rng.integers(0, 6, 30)
    shares = [np.bincount(values, minlength=6) / values.size for values in (x, y)]
    expected = np.sign(y[:, None] - x).mean()
    assert float(cliffs_delta(*shares)) == pytest.approx(expected)
    # The same number, from the rank-sum statistic.
    u = stats.mannwhitneyu(y, x).statistic
    assert expected == pytest.approx(2 * u / (x.size * y.size) - 1)


def test_signed_root() -> None:
    assert signed_root(np.array([-4.0, 0.0, 9.0])).tolist() == [-2.0, 0.0, 3.0]
