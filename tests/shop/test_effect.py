"""The effect of a design: nothing against itself, a planted change found, errors that are right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from facsim.cli.main import app
from facsim.shop import DESIGNS, design_effect
from facsim.shop.effect import MEASURES, compare_designs, effect_of, simulate
from facsim.shop.simulation import storefront_of
from facsim.util.errors import ConfigError


@pytest.fixture(scope="module", autouse=True)
def open_shop() -> Iterator[None]:
    """The shop stays open: its pages are made once for all tests."""
    store = storefront_of(1)
    yield
    del store


def test_a_design_against_itself_has_no_effect_at_all() -> None:
    found = design_effect("standard", "standard", sessions=16, seed=1)
    assert set(found.effects) == set(MEASURES)
    assert found.same == 1.0
    for effect in found.effects.values():
        assert (effect.difference, effect.error, effect.low, effect.high) == (0, 0, 0, 0)
        assert effect.a == effect.b
    assert found.effects["length"].a > 1
    assert found.seconds > 0


def test_a_checkout_without_end_is_found_to_lose_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted change: twelve pages of checkout. Fewer orders, less revenue, and the error says so."""
    endless = replace(
        DESIGNS["long_checkout"],
        name="standard",
        checkout_steps=(*(("address", "delivery", "payment") * 4), "review"),
    )
    monkeypatch.setitem(DESIGNS, "endless", endless)
    found = design_effect("standard", "endless", sessions=160, seed=1)
    conversion, revenue = found.effects["conversion"], found.effects["revenue"]
    assert conversion.high < 0
    assert conversion.low < conversion.difference < conversion.high
    assert revenue.difference < 0
    assert found.same > 0.5, "sessions that never come to the checkout go the same in both"


def test_the_result_does_not_depend_on_workers() -> None:
    one = design_effect("standard", "no_ratings", sessions=8, seed=1)
    two = design_effect("standard", "no_ratings", sessions=8, seed=1, workers=2)
    assert replace(one, seconds=0) == replace(two, seconds=0)


def test_errors_are_those_of_means_over_people() -> None:
    """Against statsmodels' cluster-robust covariance of a regression on nothing but a constant."""
    rng = np.random.default_rng(0)
    users = [f"u{number}" for number in rng.integers(60, size=200)]
    person = {user: rng.normal() for user in users}
    a = rng.normal(size=200)
    b = a + 0.3 + np.array([person[user] for user in users])
    found = effect_of("length", a, b, users)
    codes = np.unique(users, return_inverse=True)[1]
    fitted = sm.OLS(b - a, np.ones(200)).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
    )
    people = len(set(users))
    assert found.difference == pytest.approx(fitted.params[0])
    assert found.error == pytest.approx(fitted.bse[0] * np.sqrt(people / (people - 1)))
    assert (found.low + found.high) / 2 == pytest.approx(found.difference)


def test_common_luck_makes_the_error_small() -> None:
    """Differences within pairs vary far less than those of two separate groups would."""
    first, second = (simulate(name, sessions=100, seed=1) for name in ("standard", "price_badges"))
    place = list(MEASURES).index("length")
    lengths = np.stack([first.values[:, place], second.values[:, place]], axis=1)
    apart = lengths.var(axis=0).sum()
    assert lengths.shape == (100, 2)
    assert (lengths[:, 0] != lengths[:, 1]).any()
    assert (lengths[:, 1] - lengths[:, 0]).var() < 0.6 * apart


def test_bad_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown design 'shiny': expected one of standard"):
        design_effect("standard", "shiny")
    with pytest.raises(ConfigError, match="at least 2 sessions"):
        design_effect("standard", "standard", sessions=1)
    with pytest.raises(ConfigError, match="one person"):
        effect_of("length", np.zeros(2), np.ones(2), ["u", "u"])
    few, more = (simulate("standard", sessions=sessions, seed=1) for sessions in (2, 3))
    with pytest.raises(ConfigError, match="expected the same sessions in both designs"):
        compare_designs(few, more)


def test_the_verb_prints_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["shop", "effect", "standard", "few_filters", "-n", "16", "--seed", "1"]
    assert app(arguments, result_action="return_value") == 0
    out = capsys.readouterr().out
    for word in (
        "Conversion, %",
        "Searches per session",
        "Actions per session",
        "Revenue per session, $",
        "few_filters",
    ):
        assert word in out
    assert app([*arguments, "--format", "json"], result_action="return_value") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["sessions"] == 16
    assert set(printed["effects"]) == set(MEASURES)
    assert printed["effects"]["length"]["difference"] == pytest.approx(
        printed["effects"]["length"]["b"] - printed["effects"]["length"]["a"]
    )
