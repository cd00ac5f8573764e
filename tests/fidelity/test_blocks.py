"""Which sessions correspond, and as how many they count."""

from __future__ import annotations

import numpy as np
from made_populations import population, step

from facsim.fidelity.blocks import by_person, correspondence

STEPS = [step("terminate")]


def people(*rows: tuple[str, str, str | None], name: str = "real"):
    """Sessions as (id, user, intent)."""
    return population(
        name, [{"id": id, "user": user, "intent": intent, "steps": STEPS} for id, user, intent in rows]
    )


REAL = people(("s1", "ann", "shoes"), ("s2", "ann", "hat"), ("s3", "bob", "hat"), ("s4", "cid", "coat"))


def test_sessions_of_one_person_are_one_block() -> None:
    found = by_person(REAL)
    assert found.blocks.tolist() == [0, 0, 1, 2]
    assert found.number == 3


def test_rollouts_with_the_ids_of_real_sessions_are_paired_with_them() -> None:
    found = correspondence(REAL, people(("s3", "x", "hat"), ("s1", "y", "shoes"), name="rollout"))
    assert found.paired_by == ("session_id",)
    # Only the sessions that were rolled out are compared; blocks are people.
    assert found.real.rows.tolist() == [0, 2]
    assert found.real.blocks.tolist() == [0, 1]
    assert found.produced.blocks.tolist() == [1, 0]
    assert found.real.number == found.produced.number == 2


def test_several_rollouts_of_one_session_count_as_one_together() -> None:
    produced = people(("r1", "ann", "hat"), ("r2", "ann", "hat"), ("r3", "bob", "hat"), name="rollout")
    found = correspondence(REAL, produced)
    assert found.paired_by == ("user_id", "intent")
    assert found.produced.weights.tolist() == [0.5, 0.5, 1.0]
    sums = found.produced.sums(np.array([[1.0], [0.0], [1.0]]))
    assert sums.sums.ravel().tolist() == [0.5, 1.0] and sums.counts.tolist() == [1.0, 1.0]


def test_intents_alone_pair_sessions_of_other_people() -> None:
    produced = people(("r1", "p1", "hat"), ("r2", "p2", "coat"), name="rollout")
    found = correspondence(REAL, produced)
    assert found.paired_by == ("intent",)
    assert found.real.rows.tolist() == [1, 2, 3]
    # Two people wanted a hat: the one rollout stands for both.
    assert sorted(found.produced.weights.tolist()) == [1.0, 2.0]
    assert found.real.blocks[0] == found.real.blocks[1] == found.produced.blocks[0]


def test_without_a_counterpart_for_every_session_nothing_is_paired() -> None:
    for produced in (
        people(("r1", "p1", "hat"), ("r2", "p2", "gloves"), name="rollout"),
        people(("r1", "p1", None), name="rollout"),
        people(("s1", "p1", "gloves"), name="rollout"),  # the same id by accident: the intent is another
    ):
        found = correspondence(REAL, produced)
        assert found.paired_by == ()
        assert len(found.real.rows) == 4
