"""The whole comparison: its scale, its centre, its level, its power, and who counts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_populations import clicks, data_set, halves, written
from scipy import stats

from facsim.data import DataSet
from facsim.fidelity import MEASURES, FidelityReport, SessionPopulation, measure_fidelity
from facsim.fidelity.reference_populations import MARKOV_CHAIN, UNIFORM_WALKER
from facsim.fidelity.session_population import UNFINISHED
from facsim.schema import Session
from facsim.util.errors import ConfigError, InputError


def shopping(number: int, categories: tuple[str, ...], user: int | None = None, **fields: object) -> Session:
    outcome = fields.pop("outcome", "terminate" if categories[-1] == "terminate" else "purchase")
    owner = number if user is None else user
    return Session(f"s{number:04}", f"u{owner:04}", clicks(*categories), outcome=outcome, **fields)


BROWSE, BUY = ("search", "product_click", "terminate"), ("search", "product_click", "purchase")


def shop_of(path: Path, sessions: int, purchases: int, first: int = 0) -> DataSet:
    """A data set in which so many of the sessions end in a purchase."""
    return data_set(
        path, [shopping(first + number, BUY if number < purchases else BROWSE) for number in range(sessions)]
    )


def test_a_uniform_walker_has_the_score_1(shop: DataSet) -> None:
    report = measure_fidelity(shop, resamples=100)
    walker = report[UNIFORM_WALKER]
    assert walker.score.value == walker.score.low == walker.score.high == 1.0
    assert {found.score.value for found in walker.measures if found.score} == {1.0}
    assert {found.measure for found in walker.measures if found.scored} == {
        name for name, measure in MEASURES.items() if not measure.timed
    }
    chain = report[MARKOV_CHAIN]
    assert walker.floor < chain.score.value < 1
    replayed = report["replayed people"]
    assert replayed.score.low <= 0 <= replayed.score.high


@pytest.mark.slow
def test_two_samples_of_the_shop_score_0_and_tests_keep_their_level(
    shop: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    import facsim.fidelity.compare_populations as module

    monkeypatch.setattr(module, "_BASELINE_SESSIONS", (300, 300))
    trials = 24
    squares, rejected, whole, below = [], 0, 0, 0
    for trial in range(trials):
        found = measure_fidelity(*halves(shop, trial), resamples=199, seed=trial)["other"]
        squares.append(np.sign(found.score.value) * found.score.value**2)
        rejected += any(one.adjusted_p < 0.05 for one in found.measures)
        whole += found.p < 0.05
        below += found.score.value < found.floor
    # Halves of one sample are not independent of each other from trial to trial; the bound is generous.
    assert abs(np.mean(squares)) < 4 * np.std(squares) / np.sqrt(trials)
    assert rejected <= stats.binom.ppf(0.999, trials, 0.05)
    assert whole <= stats.binom.ppf(0.999, trials, 0.05)
    assert below >= stats.binom.ppf(0.001, trials, 0.95)


def test_a_known_change_is_measured_and_found(tmp_path: Path) -> None:
    """A fifth of the people buy; in the rollouts two fifths."""
    real = shop_of(tmp_path / "real", 300, 60)
    same = shop_of(tmp_path / "same", 300, 60, first=1000)
    changed = shop_of(tmp_path / "changed", 300, 120, first=2000)
    report = measure_fidelity(real, same, changed, resamples=999)
    outcome = report["changed"]["outcome"]
    # (0.2, 0.8) against (0.4, 0.6): total variation 0.2, squared distance 0.08, less the noise of both.
    assert outcome.effect.value == pytest.approx(0.2)
    noise = 2 * (0.2 * 0.8 + 0.4 * 0.6) / 299
    assert outcome.distance == pytest.approx(np.sqrt(0.08 - noise))
    assert outcome.adjusted_p < 0.05 and report["changed"].adjusted_p < 0.05
    assert report["changed"].score.low > 0
    assert report["same"]["outcome"].p == 1.0 and report["same"].score.value <= 0
    # Lengths are equal in all three.
    assert report["changed"]["length"].p == 1.0 and report["changed"]["length"].difference.value == 0


def test_the_score_is_the_root_of_the_mean_square(shop: DataSet) -> None:
    """The formula of docs/reference/fidelity.md, from the published numbers of the measures."""
    found = measure_fidelity(*halves(shop, 1), resamples=50)["other"]
    squares = [np.sign(one.score.value) * one.score.value**2 for one in found.measures if one.scored]
    mean = np.mean(squares)
    assert found.score.value == pytest.approx(np.sign(mean) * np.sqrt(abs(mean)))


def test_unfinished_sessions_count(tmp_path: Path) -> None:
    """The same sessions, but every fourth one hit a limit: without them the populations would be equal."""
    real = shop_of(tmp_path / "real", 120, 40)
    sessions = [
        shopping(number, BROWSE[:1] * 20, outcome=None, censored=True) if number % 4 == 0
        else shopping(number, BUY if number < 40 else BROWSE)
        for number in range(120)
    ]  # fmt: skip
    found = measure_fidelity(real, data_set(tmp_path / "rollout", sessions), resamples=199)["rollout"]
    assert found.unfinished == 30
    assert found["outcome"].effect.value == pytest.approx(0.25)
    assert found["outcome"].p < 0.05 and found["length"].p < 0.05
    assert found["length"].produced == pytest.approx((30 * 20 + 90 * 3) / 120)


def test_sessions_that_failed_before_their_first_step_count(tmp_path: Path) -> None:
    """They are no rows of the data set, but its report names them."""
    rollout = data_set(
        tmp_path / "rollout", [shopping(number, BROWSE) for number in range(10)], source="rollout"
    )
    report = {"sessions": [{"session_id": one, "end": "terminate"} for one in rollout.session_ids]}
    report["sessions"] += [{"session_id": f"s9{number}", "end": "failed"} for number in range(3)]
    (rollout.path / "rollout.json").write_text(json.dumps(report))
    found = SessionPopulation.of(rollout)
    assert len(found) == 13 and found.unfinished == 3
    assert found.sessions["outcome"].to_list()[-3:] == [UNFINISHED] * 3
    real = shop_of(tmp_path / "real", 40, 0)
    compared = measure_fidelity(real, rollout, resamples=99)["rollout"]
    assert compared["length"].produced == pytest.approx(30 / 13)
    (rollout.path / "rollout.json").write_text("[]")
    with pytest.raises(InputError, match=r"rollout\.json.*report of `facsim rollout`"):
        SessionPopulation.of(rollout)


def test_an_unknown_end_of_a_person_is_not_an_outcome(tmp_path: Path) -> None:
    sessions = [shopping(number, BUY if number % 2 else BROWSE) for number in range(20)]
    cut = [shopping(100 + number, ("search",), outcome=None, censored=True) for number in range(10)]
    real = data_set(tmp_path / "real", [*sessions, *cut])
    assert SessionPopulation.of(real, real=True).sessions["outcome"].null_count() == 10
    report = measure_fidelity(real, data_set(tmp_path / "rollout", sessions), resamples=99)
    assert report["rollout"]["outcome"].effect.value == 0


def test_rollouts_of_real_sessions_are_paired(shop: DataSet, tmp_path: Path) -> None:
    """The very sessions of the people: no distance, no noise, whatever part of them was rolled out."""
    part = shop.select(shop.session_ids[:60])
    part.path = Path("part")
    found = measure_fidelity(shop, part, resamples=99)["part"]
    assert found.paired_by == ("session_id",)
    assert found.real_sessions == found.sessions == 60
    assert found.score.value == 0 and found.p == 1.0
    assert all(one.p == 1.0 for one in found.measures)


def test_people_without_outcomes_times_or_addresses(tmp_path: Path) -> None:
    """A log of clicks on one page: what was not recorded is left out, and nothing fails."""
    real = data_set(
        tmp_path / "real", [shopping(number, BROWSE[: 1 + number % 2], outcome=None) for number in range(12)]
    )
    report = measure_fidelity(real, shop_of(tmp_path / "rollout", 12, 3), resamples=99)
    names = {one.measure for one in report["rollout"].measures}
    assert names == set(MEASURES) - {"outcome", "revisits", "products", "duration", "pause"}
    assert report["rollout"].score is not None


def test_a_given_walker_is_the_scale(shop: DataSet, tmp_path: Path) -> None:
    one, other = halves(shop, 2)
    worse = shop_of(tmp_path / "worse", 80, 70)
    scaled = measure_fidelity(one, other, worse, walker=worse, resamples=50)
    assert scaled["worse"].score.value == pytest.approx(1, abs=0.02)
    assert scaled["worse"].measures != () and scaled[UNIFORM_WALKER].sessions == 80


def test_results_are_the_same_again_and_survive_json(shop: DataSet, tmp_path: Path) -> None:
    one, other = halves(shop, 3)
    report = measure_fidelity(one, other, resamples=60, seed=5)
    assert measure_fidelity(one, other, resamples=60, seed=5) == report
    assert FidelityReport.from_json(report.to_json()) == report
    (tmp_path / "fidelity.json").write_text(report.to_json())
    assert FidelityReport.read(tmp_path) == report
    (tmp_path / "fidelity.json").write_text('{"real": 1}')
    with pytest.raises(InputError, match=r"fidelity\.json"):
        FidelityReport.read(tmp_path)
    with pytest.raises(InputError, match="facsim fidelity --out"):
        FidelityReport.read(tmp_path / "nothing")


def test_what_cannot_be_compared_is_refused(tmp_path: Path, shop: DataSet) -> None:
    lonely = data_set(tmp_path / "lonely", [shopping(number, BROWSE, user=number % 3) for number in range(9)])
    with pytest.raises(ConfigError, match="3 people: expected at least 4"):
        measure_fidelity(lonely)
    with pytest.raises(ConfigError, match="occurs twice"):
        measure_fidelity(shop, lonely, lonely)
    with pytest.raises(ConfigError, match="resamples is 0"):
        measure_fidelity(shop, resamples=0)
    with pytest.raises(InputError, match=r"card\.json"):
        measure_fidelity(tmp_path / "nothing")


def test_written_selections_are_read_like_opened_ones(shop: DataSet, tmp_path: Path) -> None:
    one, other = halves(shop, 4)
    paths = [written(part, tmp_path / name) for part, name in ((one, "one"), (other, "other"))]
    assert measure_fidelity(*paths, resamples=50) == measure_fidelity(one, other, resamples=50)
