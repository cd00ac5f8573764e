"""Comparisons against statsmodels and scipy, and on runs that cannot be compared."""

import json

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from facsim.metrics import Comparison, cases_table, compare_many, compare_runs, holm
from facsim.metrics.compare import mcnemar_p, permutation_p
from facsim.util.errors import ConfigError


def run(hits, users=None):
    """Test cases with these hits and misses, one list per session."""
    return cases_table(
        {
            "session_id": f"s{i:03d}",
            "user_id": f"u{users[i]}" if users else f"u{i}",
            "step": step,
            "true_type": "click",
            "true_name": "x",
            "pred_type": "click",
            "pred_name": "x" if hit else "y",
        }
        for i, session in enumerate(hits)
        for step, hit in enumerate(session)
    )


def random_runs(seed, sessions, skills=(0.5, 0.3)):
    rng = np.random.default_rng(seed)
    lengths = rng.geometric(0.3, sessions)
    return [[list(rng.random(n) < skill) for n in lengths] for skill in skills]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_exact_test_of_statsmodels(only_a, only_b):
    reference = mcnemar([[3, only_a], [only_b, 5]], exact=True).pvalue
    assert mcnemar_p(only_a, only_b) == pytest.approx(reference if only_a + only_b else 1.0)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(pvalues):
    assert holm(pvalues) == pytest.approx(multipletests(pvalues, method="holm")[1])


def test_holm_refuses_what_is_no_p_value():
    assert holm([]) == []
    for bad in (float("nan"), 1.5, -0.1):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            holm([0.5, bad])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.125, 0.5, 1.0]), min_size=2, max_size=8))
def test_few_clusters_give_the_exact_permutation_test_of_scipy(differences):
    reference = scipy.stats.permutation_test(
        (np.array(differences),),
        lambda x, axis: np.abs(x.sum(axis=axis)),
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
    )
    assert permutation_p(np.array(differences)) == pytest.approx(reference.pvalue)


def test_many_clusters_give_a_random_permutation_test_near_the_normal_one():
    differences = np.random.default_rng(3).normal(0.05, 1, 900)
    z = differences.sum() / np.sqrt((differences**2).sum())
    normal = 2 * scipy.stats.norm.sf(abs(z))
    assert permutation_p(differences, resamples=20_000) == pytest.approx(normal, abs=0.015)


def test_ties_count_as_extreme_whatever_the_rounding():
    # 0.1 + 0.2 and 0.3 differ in floats; all four sums that equal the observed one must be seen as equal.
    assert permutation_p(np.array([0.1, 0.2, -0.3])) == 1.0


def test_random_swaps_hold_the_level_under_the_null():
    rng = np.random.default_rng(11)
    small = sum(permutation_p(rng.normal(size=40), resamples=400, seed=i) <= 0.05 for i in range(600))
    assert 0.03 < small / 600 < 0.075


def test_a_permutation_p_value_is_never_zero():
    assert permutation_p(np.ones(200), resamples=999) == 1 / 1000


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_a_comparison_is_antisymmetric(seed):
    a, b = (run(hits) for hits in random_runs(seed, 15))
    there, back = compare_runs(a, b, resamples=400), compare_runs(b, a, resamples=400)
    assert there.difference.value == -back.difference.value
    assert (there.only_a, there.only_b) == (back.only_b, back.only_a)
    assert (there.permutation_p, there.mcnemar_p) == (back.permutation_p, back.mcnemar_p)


def test_pairing_makes_the_interval_narrow():
    rng = np.random.default_rng(0)
    easy = rng.random(200) < 0.5
    a = run([[hit] * 4 for hit in easy])
    b = run([[hit] * 3 + [0] for hit in easy])
    found = compare_runs(a, b)
    assert found.difference.value == pytest.approx(easy.mean() / 4)
    assert found.difference.high - found.difference.low < 0.05
    assert found.permutation_p < 0.001


def test_the_permutation_test_knows_that_steps_of_a_session_go_together():
    hits_a, hits_b = [[1] * 20] * 5 + [[0] * 20] * 3, [[0] * 20] * 5 + [[1] * 20] * 3
    found = compare_runs(run(hits_a), run(hits_b))
    assert found.mcnemar_p < 0.01  # 100 steps against 60
    assert found.permutation_p > 0.5  # 5 sessions against 3


def test_users_are_swapped_whole():
    hits_a, hits_b = [[1]] * 12, [[0]] * 12
    users = [i // 4 for i in range(12)]
    by_session = compare_runs(run(hits_a, users), run(hits_b, users))
    by_user = compare_runs(run(hits_a, users), run(hits_b, users), cluster="user")
    assert by_session.permutation_p == 2 / 2**12
    assert by_user.permutation_p == 2 / 2**3
    assert by_user.difference.value == 1


def test_equal_runs_differ_by_nothing_but_that_is_not_certain():
    a = run(random_runs(0, 10)[0])
    found = compare_runs(a, a)
    assert (found.difference.value, found.permutation_p, found.mcnemar_p) == (0, 1, 1)
    assert found.difference.low < 0 < found.difference.high


def test_the_rule_decides_what_is_right(table):
    cases = table(5, 20)
    other = cases.with_columns(pred_text=pl.when(pl.col("pred_type") == "type_and_submit").then(pl.lit("?")))
    assert compare_runs(cases, other, resamples=100).difference.value > 0
    assert compare_runs(cases, other, rule="target", resamples=100).difference.value == 0


def test_the_order_of_rows_does_not_matter(shuffled):
    a, b = (run(hits) for hits in random_runs(2, 40))
    assert compare_runs(shuffled(a, 1), shuffled(b, 2), resamples=500) == compare_runs(a, b, resamples=500)


def test_many_runs_are_compared_and_corrected_together():
    runs = {
        name: run(hits) for name, hits in zip("pqrs", random_runs(4, 60, (0.3, 0.6, 0.55, 0.1)), strict=True)
    }
    found = compare_many(runs, resamples=2000)
    assert [(c.a, c.b) for c in found] == [(a, b) for i, a in enumerate("pqrs") for b in "pqrs"[i + 1 :]]
    assert [c.adjusted_p for c in found] == pytest.approx(
        multipletests([c.permutation_p for c in found], method="holm")[1]
    )
    alone = compare_runs(runs["p"], runs["r"], resamples=2000)
    together = next(c for c in found if (c.a, c.b) == ("p", "r"))
    assert together.permutation_p == alone.permutation_p
    assert together.difference == alone.difference


def test_the_best_run_is_compared_with_each_other_one():
    runs = {
        name: run(hits) for name, hits in zip("pqrs", random_runs(4, 60, (0.3, 0.6, 0.55, 0.1)), strict=True)
    }
    found = compare_many(runs, pairs="best", resamples=500)
    assert [(c.a, c.b) for c in found] == [("q", "p"), ("q", "r"), ("q", "s")]
    assert all(c.difference.value > 0 for c in found)


def test_different_steps_are_refused():
    a, b = run([[1, 0], [1]]), run([[1], [1], [0]])
    with pytest.raises(
        ConfigError, match=r"not about the same steps: 1 of 'a' are not in 'b', .*'s000' step 1"
    ):
        compare_runs(a, b)
    with pytest.raises(ConfigError, match=r"1 of 'b' are not in 'a', the first is session 's001' step 0"):
        compare_runs(run([[1]]), run([[1], [1]]))


def test_different_truths_are_refused():
    a = run([[1, 0]])
    with pytest.raises(ConfigError, match=r"different truths for session 's000' step 0"):
        compare_runs(a, a.with_columns(true_name=pl.lit("z")))


def test_settings_that_make_no_comparison_are_refused():
    a = run([[1]])
    for call, message in (
        (lambda: compare_many({"a": a}), "1 run to compare; expected at least 2"),
        (lambda: compare_many({"a": a, "b": a}, pairs="some"), "pairs is 'some'"),
        (lambda: compare_runs(a, a, rule="loose"), "unknown matching rule"),
        (lambda: compare_runs(a, a, resamples=0), "resamples is 0"),
        (lambda: compare_runs(a.clear(), a.clear()), "no test cases"),
    ):
        with pytest.raises(ConfigError, match=message):
            call()


def test_one_session_gives_no_interval_and_no_evidence():
    found = compare_runs(run([[1, 1, 1, 1, 1, 1, 1]]), run([[0, 0, 0, 0, 0, 0, 0]]))
    assert found.difference.low is None
    assert found.permutation_p == 1


def test_json_and_back():
    a, b = (run(hits) for hits in random_runs(1, 10))
    found = compare_runs(a, b, resamples=200)
    assert Comparison.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found
