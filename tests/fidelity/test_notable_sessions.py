"""The most typical and the strangest sessions of a rollout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_populations import clicks, data_set, population, step

from facsim import measure_fidelity
from facsim.fidelity import MEASURES
from facsim.fidelity.measures import MeasuredPopulations
from facsim.fidelity.notable_sessions import SessionDistances
from facsim.schema import Session

BROWSE = ("search", "product_click", "terminate")


def test_typical_and_strange_sessions_are_found(tmp_path: Path) -> None:
    def sessions(*odd: tuple[str, ...]) -> list[Session]:
        kinds = [BROWSE] * 12 + [("search", "product_click", "product_click", "terminate")] * 8 + list(odd)
        return [
            Session(f"s{number:02d}", f"u{number}", clicks(*kind), outcome="terminate")
            for number, kind in enumerate(kinds)
        ]

    people = data_set(tmp_path / "people", sessions())
    long = ("filter",) * 60 + ("terminate",)
    rollout = data_set(tmp_path / "rollout", sessions(long, ("other", "terminate")))
    report = measure_fidelity(people, rollout, resamples=20)
    found = report["rollout"]
    assert [one.session_id for one in found.strangest[:2]] == ["s20", "s21"]
    first = found.strangest[0]
    assert first.measure == "categories" and first.people_beyond == 0 and first.distance > 10
    assert {one.session_id for one in found.typical} <= {f"s{number:02d}" for number in range(12)}
    assert all(one.people_beyond == 1 for one in found.typical)
    assert not report["replayed people"].typical and not report["uniform walker"].strangest


def test_a_session_is_at_the_distance_that_is_counted_by_hand() -> None:
    real = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    produced = np.array([[1.0, 0.0], [0.0, 1.0], [np.nan, np.nan]])
    measure = MeasuredPopulations(MEASURES["outcome"], ("a", "b"), None, np.ones(2), {})
    distances = SessionDistances()
    distances.add(measure, real, produced)
    distances.add(measure, np.ones((4, 2)) / 2, produced)  # all people alike: no scale
    other = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    distances.add(MeasuredPopulations(MEASURES["categories"], ("a", "b"), None, np.ones(2), {}), real, other)
    # The average is (0.75, 0.25): (1, 0) is at 0.125, (0, 1) at 1.125, people on average at 0.375.
    sessions = [{"steps": [step("search")]} for _ in range(3)]
    typical, strangest = distances.notable(population("p", sessions))
    expected = {"p-0": (1 / 3 + 3) / 2, "p-1": 3.0, "p-2": 1 / 3}
    assert {one.session_id: one.distance for one in typical} == pytest.approx(expected)
    assert [one.session_id for one in typical] == ["p-2", "p-0", "p-1"] and strangest == ()
    assert [one.people_beyond for one in typical] == [1.0, 0.25, 0.25]
    assert typical[1].measure == "categories"


def test_a_session_without_any_measure_is_neither_typical_nor_strange() -> None:
    produced = np.array([[1.0, 0.0], [0.0, 1.0], [np.nan, np.nan], [1.0, 0.0], [0.5, 0.5]])
    measure = MeasuredPopulations(MEASURES["outcome"], ("a", "b"), None, np.ones(2), {})
    distances = SessionDistances()
    distances.add(measure, np.array([[1.0, 0.0], [0.0, 1.0]]), produced)
    typical, strangest = distances.notable(population("p", [{"steps": [step("search")]} for _ in produced]))
    assert {one.session_id for one in (*typical, *strangest)} == {"p-0", "p-1", "p-3", "p-4"}
