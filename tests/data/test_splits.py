"""Splits keep people apart, and stay the same when data grows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facsim.data.splits import assign, part_of, split
from facsim.schema import Action
from facsim.util.errors import ConfigError

STEPS = [('<a name="cart">Cart</a>', Action.click("cart"))]
START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def many(writing: Callable[..., Any]) -> Any:
    """600 sessions of 200 users, a day apart, newest first."""
    made = writing()
    for number in range(600):
        made.add(f"s{number}", f"u{number % 200}", STEPS, start=START - timedelta(days=number))
    return made


def test_no_user_is_in_two_parts_and_nothing_is_lost(many: Any) -> None:
    data = many.write()
    parts = {part: split(data, part) for part in ("train", "validation", "test")}
    users = {part: set(chosen.sessions["user_id"]) for part, chosen in parts.items()}
    assert sum(len(chosen) for chosen in parts.values()) == 600
    assert sum(len(found) for found in users.values()) == len(set.union(*users.values())) == 200
    assert 0.6 < len(users["train"]) / 200 < 0.8
    assert split(data, "all") is data


def test_membership_does_not_change_when_sessions_are_added(many: Any, writing: Callable[..., Any]) -> None:
    few = writing("few")
    for number in (5, 300, 77, 1):
        few.add(f"s{number}", f"u{number % 200}", STEPS)
    before, after = assign(few.write()), assign(many.write())
    assert all(after[session_id] == part for session_id, part in before.items())


def test_another_seed_gives_another_split(many: Any) -> None:
    data = many.write()
    assert assign(data, seed=0) == assign(data, seed=0)
    assert assign(data, seed=0) != assign(data, seed=1)
    assert assign(data, "session") != assign(data, "user")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers())
def test_every_id_has_a_part(key: str, seed: int) -> None:
    assert part_of(key, seed) in ("train", "validation", "test")


def test_shares_hold_and_are_pinned() -> None:
    """A change of the hash would silently move people between train and test of published results."""
    parts = [part_of(f"user-{number}") for number in range(10_000)]
    assert [round(parts.count(part) / 10_000, 2) for part in ("train", "validation", "test")] == [
        0.70,
        0.10,
        0.20,
    ]
    assert [part_of(key) for key in ("a", "b", "c", "d", "e", "f")] == [
        "train",
        "train",
        "train",
        "train",
        "test",
        "train",
    ]


def test_split_by_time_puts_the_newest_into_test(many: Any) -> None:
    data = many.write()
    parts = assign(data, "time")
    assert [parts[f"s{number}"] for number in (0, 119, 120, 179, 180, 599)] == [
        "test",
        "test",
        "validation",
        "validation",
        "train",
        "train",
    ]
    assert len(split(data, "test", "time")) == 120


def test_split_by_time_needs_times(writing: Callable[..., Any]) -> None:
    data = writing().add("s1", "u1", STEPS).add("s2", "u2", STEPS, start=None).write()
    with pytest.raises(ConfigError, match=r"1 of 2 sessions have no time \(for example s2\)"):
        split(data, "test", "time")


def test_official_split_is_kept(writing: Callable[..., Any]) -> None:
    made = writing()
    for number, label in enumerate(("train", "Test", "dev", None, "train")):
        made.add(f"s{number}", "u", STEPS, official_split=label)
    data = made.write()
    assert split(data, "train", "official").session_ids == ("s0", "s4")
    assert split(data, "test", "official").session_ids == ("s1",)
    assert split(data, "validation", "official").session_ids == ("s2",)
    assert len(split(data, "all", "official")) == 5


def test_absent_official_split_is_told(writing: Callable[..., Any]) -> None:
    data = writing().add("s1", "u1", STEPS).write()
    with pytest.raises(ConfigError, match="knows no official split"):
        split(data, "train", "official")


def test_unknown_official_label_is_told(writing: Callable[..., Any]) -> None:
    data = writing().add("s1", "u1", STEPS, official_split="fold3").write()
    with pytest.raises(ConfigError, match="'fold3' is not one of train"):
        split(data, "train", "official")


def test_empty_part_is_told_with_a_way_out(writing: Callable[..., Any]) -> None:
    data = writing().add("s1", "a", STEPS).write()
    with pytest.raises(
        ConfigError, match=r"the validation part of the split by user is empty.*1 users, too few"
    ):
        split(data, "validation")
    official = writing("official").add("s1", "a", STEPS, official_split="train").write()
    with pytest.raises(ConfigError, match="test part of the split by official is empty"):
        split(official, "test", "official")


def test_unknown_words_are_told(writing: Callable[..., Any]) -> None:
    data = writing().add("s1", "a", STEPS).write()
    with pytest.raises(ConfigError, match="unknown part 'tset'"):
        split(data, "tset")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unknown split 'person'"):
        split(data, "test", "person")  # type: ignore[arg-type]


def test_a_selection_splits_as_the_whole_does(many: Any) -> None:
    data = many.write()
    chosen = data.select([f"s{number}" for number in range(0, 600, 3)])
    whole = assign(data)
    assert all(whole[session_id] == part for session_id, part in assign(chosen).items())
