"""A/B tests on the embedded shop, from rollouts to the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from in_process_cli import facsim
from made_populations import clicks, data_set

from facsim import ABReport, ab_test, plan_ab_test
from facsim.data import DataSet, replay
from facsim.fidelity.session_measures import cents, session_measures
from facsim.predict.registry import load_predictor
from facsim.schema import Session
from facsim.util.errors import ConfigError, InputError


def test_measures_of_a_session(shop: DataSet) -> None:
    some = shop.select(shop.session_ids[:80])
    found = session_measures(some)
    for number, session in enumerate(some):
        assert found.values["conversion"][number] == (session.outcome == "purchase")
        assert found.values["length"][number] == len(session.steps)
        assert found.values["searches"][number] == sum(one.action.text is not None for one in session.steps)
        categories = [one.category for one in session.steps]
        assert found.values["share:search"][number] == categories.count("search") / len(categories)


def test_revenue_is_the_total_on_the_page_of_the_order(shop: DataSet) -> None:
    """The shop's own figures of the same sessions come from its views, not from its pages."""
    from facsim.shop.effect import _measured, _Plan, _simulation

    simulation = _simulation(_Plan(3, len(shop), "standard"))
    bought = [number for number, outcome in enumerate(shop.sessions["outcome"]) if outcome == "purchase"][:8]
    assert len(bought) == 8
    found = session_measures(shop).values["revenue"]
    for number in bought:
        assert found[number] == _measured(simulation, number)[1][3] > 0
    assert not found[
        [number for number, outcome in enumerate(shop.sessions["outcome"]) if outcome == "terminate"]
    ].any()


def test_a_shop_that_shows_no_total_has_no_revenue(tmp_path: Path) -> None:
    sessions = [Session(f"s{n}", f"u{n}", clicks("search", "purchase"), outcome="purchase") for n in range(3)]
    assert "revenue" not in session_measures(data_set(tmp_path / "data", sessions)).values


@pytest.mark.parametrize(
    ("amount", "expected"), [("9.99", 999), ("1,299.00", 129900), ("12,50", 1250), ("1,000", 100000)]
)
def test_amounts(amount: str, expected: int) -> None:
    assert cents(amount) == expected


def few_filters_test(shop: DataSet, out: Path) -> ABReport:
    return ab_test(
        "shop",
        "shop:few_filters",
        "baseline:markov-2",
        sessions=20,
        out=out,
        people=shop.select(shop.session_ids[:60]),
        train=shop,
        seed=5,
    )


@pytest.fixture(scope="module")
def tested(shop: DataSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[ABReport, Path]:
    out = tmp_path_factory.mktemp("ab") / "test"
    return few_filters_test(shop, out), out


def test_three_arms_of_the_same_people(tested: tuple[ABReport, Path]) -> None:
    report, out = tested
    arms = {name: DataSet.open(out / name) for name in ("a", "aa", "b")}
    assert {one.session_ids for one in arms.values()} == {arms["a"].session_ids}
    assert report.sessions == 20 and set(report.unfinished) == {"a", "aa", "b"}
    actions = {name: one.steps["action_name"].to_list() for name, one in arms.items()}
    assert actions["a"] != actions["aa"]  # the same people with other random numbers
    means = (
        session_measures(arms["b"]).values["length"].mean()
        - session_measures(arms["a"]).values["length"].mean()
    )
    assert report["length"].difference.value == pytest.approx(means)
    assert report["length"].b == pytest.approx(session_measures(arms["b"]).values["length"].mean())
    assert set(report.false_positives) == {one.measure for one in report.aa_effects}


def test_a_change_of_nothing_has_no_effect(shop: DataSet, tmp_path: Path) -> None:
    report = ab_test("shop", "shop:standard", "oracle:", sessions=8, out=tmp_path / "test", seed=0)
    assert report.same == 1.0
    assert all(one.difference.value == one.error == 0 and one.p == 1.0 for one in report.effects)
    # The shop's own people without a data set: A/A has other random numbers here, too.
    assert any(one.difference.value for one in report.aa_effects)


def test_what_is_there_is_not_made_again(tested: tuple[ABReport, Path], shop: DataSet) -> None:
    report, out = tested
    before = (out / "b" / "steps.parquet").stat().st_mtime_ns
    again = few_filters_test(shop, out)
    assert again == report and (out / "b" / "steps.parquet").stat().st_mtime_ns == before


def test_a_plan_says_what_a_test_can_find(shop: DataSet) -> None:
    plan = plan_ab_test("shop", "shop:no_ratings", "choice", sessions=500, people=shop, relative=0.2)
    lengths = np.array([len(session.steps) for session in shop])
    length = next(one for one in plan.measures if one.measure == "length")
    assert length.mean == pytest.approx(lengths.mean())
    error = lengths.std(ddof=1) * np.sqrt(2 / 500)
    assert length.detectable == pytest.approx(2.8016 * error, rel=1e-4)
    needed = 2 * (2.8016 * lengths.std(ddof=1) / (0.2 * lengths.mean())) ** 2
    assert length.sessions_needed == pytest.approx(needed, abs=1.5)
    assert plan.answers == round(3 * 500 * lengths.mean())
    with pytest.raises(ConfigError, match="at least 2 sessions"):
        plan_ab_test("shop", "shop", "choice", sessions=1, people=shop)
    with pytest.raises(InputError, match=r"card\.json"):
        plan_ab_test("shop", "shop", "choice", sessions=10, people="nowhere")


def test_a_plan_for_an_endpoint_says_what_it_costs(shop: DataSet) -> None:
    few = shop.select(shop.session_ids[:8])
    plan = plan_ab_test("shop", "shop:no_ratings", "openai:gpt-4.1", sessions=100, people=few)
    asked = load_predictor("openai:gpt-4.1")
    found = asked.estimate(so_far for session in few for so_far, _ in replay(few, session))
    assert plan.cost == pytest.approx(found.cost * plan.answers / few.steps.height)
    assert plan.cost_at_most == pytest.approx(found.cost_at_most * plan.answers / few.steps.height)
    words = " ".join(
        facsim("ab", "shop", "shop:no_ratings", "openai:gpt-4.1", "--people", shop.path, "--dry-run").split()
    )
    assert "They cost about $" in words and "at most $" in words
    unpriced = "endpoint:http://127.0.0.1:9/v1#some-model"
    assert plan_ab_test("shop", "shop", unpriced, sessions=9, people=few).cost is None
    assert plan_ab_test("shop", "shop", "choice", sessions=9, people=few).cost_at_most is None


def test_other_sites_need_people(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="who visits it"):
        ab_test("http://localhost:1/", "http://localhost:2/", "oracle:", sessions=2, out=tmp_path / "x")


def test_the_command(shop: DataSet, tmp_path: Path) -> None:
    plan = facsim("ab", "shop", "shop:no_ratings", "choice", "--people", shop.path, "--dry-run", "-n", 50)
    words = " ".join(plan.split())
    assert "Nothing was asked" in words and "Sessions for 10%" in words
    assert "--out" in facsim("ab", "shop", "shop:no_ratings", "choice", code=2)
    assert "--people" in facsim("ab", "shop", "shop:no_ratings", "choice", "--dry-run", code=2)
    assert "no_such" in facsim(
        "ab", "shop", "shop:no_such", "oracle:", "-n", 2, "--out", tmp_path / "y", code=2
    )
    common = ("ab", "shop", "shop:no_ratings", "oracle:", "-n", 6, "--out", tmp_path / "test")
    printed = facsim(*common, "--format", "json", code=None)
    report = json.loads(printed[printed.index("{\n") :])
    assert report["sessions"] == 6 and {one["measure"] for one in report["effects"]} >= {
        "conversion",
        "length",
    }
    printed = facsim(*common, "--format", "csv", code=None)
    rows = list(csv.DictReader(io.StringIO(printed[printed.index("measure,") :])))
    assert [row["measure"] for row in rows] == [one["measure"] for one in report["effects"]]
    assert float(rows[0]["difference"]) == report["effects"][0]["difference"]["value"]
    assert "False pos." in facsim(*common, code=None)
