"""5,000 rollouts of the shoppers' own policy are a sample of the shop; 1,250 of one changed by 5% are not.

The same people go to the same shop, with other random numbers. That makes the tests conservative.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from facsim.data import DataSet
from facsim.predict.oracle import Oracle
from facsim.rollout import Rollout, rollout
from facsim.schema import Prediction, SessionSoFar
from facsim.shop import sample
from facsim.util.progress import no_progress

LEVEL, SESSIONS, FEW = 0.01, 5_000, 1_250
CATEGORIES = ("search", "filter", "product_click", "purchase", "other")


class ChangedPolicy(Oracle):
    """The shoppers' policy, mixed with 5% of a click on any element."""

    SHARE = 0.05

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        found = await super().predict(so_far)
        assert found.probabilities is not None
        clicks = [action for action in found.probabilities if action.type == "click"]
        mixed = {action: (1 - self.SHARE) * share for action, share in found.probabilities.items()}
        for action in clicks:
            mixed[action] += self.SHARE / len(clicks)
        return Prediction(found.action, probabilities=mixed)


def per_session(data: DataSet) -> pl.DataFrame:
    """Length, outcome, and number of steps of each category, one row per session."""
    counts = data.steps.group_by("session_id").agg(
        pl.len().alias("length"),
        *((pl.col("category") == name).sum().alias(name) for name in CATEGORIES),
        pl.col("action_text").n_unique().alias("texts"),
    )
    bought = data.sessions.select("session_id", bought=(pl.col("outcome") == "purchase").cast(pl.Int32))
    return counts.join(bought, on="session_id")


def p_values(one: DataSet, other: DataSet) -> dict[str, float]:
    """Mann-Whitney tests of each measure over sessions, Holm-corrected."""
    left, right = per_session(one), per_session(other)
    found = {
        name: float(stats.mannwhitneyu(left[name].to_numpy(), right[name].to_numpy()).pvalue)
        for name in ("length", "texts", "bought", *CATEGORIES)
    }
    names = sorted(found, key=found.__getitem__)
    corrected = np.maximum.accumulate(
        [found[name] * (len(names) - place) for place, name in enumerate(names)]
    )
    return dict(zip(names, np.minimum(corrected, 1.0).tolist(), strict=True))


def roll(out: Path, predictor: str | Oracle, people: DataSet) -> Rollout:
    return rollout(
        "shop", predictor, sessions=len(people), people=people, seed=1, out=out, progress=no_progress
    )


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_rollouts_have_the_distributions_of_the_shop(tmp_path: Path) -> None:
    sampled = sample(SESSIONS, 2, tmp_path / "sampled")
    same = p_values(sampled, roll(tmp_path / "same", "oracle:", sampled).data)
    assert min(same.values()) > LEVEL, same
    people = sampled.select(sampled.session_ids[:FEW])
    changed = p_values(sampled, roll(tmp_path / "changed", ChangedPolicy(), people).data)
    assert min(changed.values()) < LEVEL, changed


@pytest.mark.slow
def test_the_tests_tell_populations_apart(tmp_path: Path) -> None:
    """At a size that takes a minute: a population of which half is changed is found, the same one is not."""
    sampled = sample(150, 2, tmp_path / "sampled")
    again = roll(tmp_path / "again", "oracle:", sampled).data
    assert min(p_values(sampled, again).values()) > LEVEL
    half = ChangedPolicy()
    half.SHARE = 0.5
    assert min(p_values(sampled, roll(tmp_path / "half", half, sampled).data).values()) < LEVEL
