"""Shares of the way to the ceiling: by hand, by an independent bootstrap, and where there is none."""

import math

import numpy as np
import polars as pl
import pytest

from facsim.metrics import ceiling_shares
from facsim.metrics.cases import case, example
from facsim.util.errors import ConfigError


def table(right: list[list[bool]], likely: list[list[float]] | None = None) -> pl.DataFrame:
    """Cases by session; `likely` are probabilities of what was done."""
    rows = []
    for session, answers in enumerate(right):
        for step, hit in enumerate(answers):
            columns = {} if likely is None else {"log_probability": math.log(likely[session][step])}
            rows.append(
                case("click x", "click x" if hit else "click y", session=f"s{session:03d}", **columns)
            )
    return example(*rows).table


def drawn(rng: np.random.Generator, share: float, sessions: int = 80) -> list[list[bool]]:
    return [[bool(rng.random() < share) for _ in range(3)] for _ in range(sessions)]


def test_shares_by_hand() -> None:
    runs = {
        "oracle": table([[True, True], [True, False]], [[0.5, 0.5], [0.5, 0.5]]),
        "poor": table([[False, False], [False, False]], [[0.01, 0.01], [0.01, 0.01]]),
        "good": table([[True, False], [False, False]]),
        "base": table([[False, True], [False, False]], [[0.125, 0.125], [0.125, 0.125]]),
        "run": table([[True, True], [False, False]], [[0.25, 0.25], [0.25, 0.25]]),
    }
    found = ceiling_shares(runs, ceiling="oracle", trivial=["poor", "base"], resamples=0)
    assert found.floors == {"accuracy": "base", "log_likelihood": "base"}
    accuracy = {name: share.value for name, share in found.shares["accuracy"].items()}
    # The oracle's accuracy is 3/4, the floor's 1/4.
    assert accuracy == pytest.approx({"poor": -0.5, "good": 0.0, "base": 0.0, "run": 0.5})
    likelihood = {name: share.value for name, share in found.shares["log_likelihood"].items()}
    assert set(likelihood) == {"poor", "base", "run"}, "a run without probabilities has no likelihood"
    assert likelihood["run"] == pytest.approx(0.5)  # between 1/8 and 1/2 in logarithms
    assert likelihood["base"] == 0.0


def test_each_measure_has_its_own_floor() -> None:
    runs = {
        "oracle": table([[True], [True]], [[0.9], [0.9]]),
        "accurate": table([[True], [False]]),
        "likely": table([[False], [False]], [[0.2], [0.2]]),
        "unlikely": table([[False], [False]], [[0.1], [0.1]]),
    }
    found = ceiling_shares(runs, ceiling="oracle", trivial=["unlikely", "likely", "accurate"], resamples=0)
    assert found.floors == {"accuracy": "accurate", "log_likelihood": "likely"}


def test_one_step_without_a_probability_is_one_too_many() -> None:
    half = pl.concat([table([[True]], [[0.5]]), table([[True]]).with_columns(session_id=pl.lit("s001"))])
    runs = {"oracle": table([[True], [True]], [[0.9], [0.9]]), "base": table([[False], [False]]), "run": half}
    found = ceiling_shares(runs, ceiling="oracle", trivial=["base"], resamples=0)
    assert set(found.floors) == {"accuracy"}


def test_intervals_come_from_joint_resamples() -> None:
    """Against a bootstrap written anew: sessions drawn once for all three runs."""
    rng = np.random.default_rng(1)
    rights = {"oracle": drawn(rng, 0.6), "base": drawn(rng, 0.2)}
    # Right where the oracle is, but for a few sessions: apart from it, its share varies little.
    rights["close"] = [answers if rng.random() < 0.9 else [False] * 3 for answers in rights["oracle"]]
    runs = {name: table(right) for name, right in rights.items()}
    found = ceiling_shares(runs, ceiling="oracle", trivial=["base"], resamples=4000)
    share = found.shares["accuracy"]["close"]
    means = {name: np.array(right).mean(axis=1) for name, right in rights.items()}
    picks = rng.integers(80, size=(4000, 80))
    by_name = {name: values[picks].mean(axis=1) for name, values in means.items()}
    shares = (by_name["close"] - by_name["base"]) / (by_name["oracle"] - by_name["base"])
    low, high = np.quantile(shares, [0.025, 0.975])
    assert share.low == pytest.approx(low, abs=0.06)
    assert share.high == pytest.approx(high, abs=0.06)
    # Drawn apart, the interval would be several times as wide.
    apart = {name: values[rng.integers(80, size=(4000, 80))].mean(axis=1) for name, values in means.items()}
    wide = np.quantile((apart["close"] - apart["base"]) / (apart["oracle"] - apart["base"]), [0.025, 0.975])
    assert share.high - share.low < 0.6 * float(np.ptp(wide))


def test_where_nothing_lies_between_there_are_no_shares() -> None:
    same = table([[True], [False]])
    found = ceiling_shares({"oracle": same, "base": same}, ceiling="oracle", trivial=["base"])
    assert not found.shares
    assert not ceiling_shares({"oracle": same, "run": same}, ceiling="oracle", trivial=[]).shares


def test_bad_calls_are_refused() -> None:
    runs = {"a": table([[True]]), "b": table([[True], [True]])}
    with pytest.raises(ConfigError, match="no run 'oracle' among a, b"):
        ceiling_shares(runs, ceiling="oracle", trivial=[])
    with pytest.raises(ConfigError, match="different steps"):
        ceiling_shares(runs, ceiling="a", trivial=["b"])
    with pytest.raises(ConfigError, match="resamples is -1"):
        ceiling_shares(runs, ceiling="a", trivial=["b"], resamples=-1)
