"""The audit finds what would spoil a result, and nothing where nothing is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from facsim.data import Card, DataSet, DataSetWriter
from facsim.data.audit import AuditReport, audit
from facsim.data.splits import part_of
from facsim.schema import Action, Session, SessionSoFar, Step
from facsim.util.errors import ConfigError, InputError

PAGE = '<a name="cart">Cart</a><a name="kettle">Kettle</a><input name="search">'


def user_in(part: str, nth: int = 0) -> str:
    """The nth user id that hashes into `part`."""
    found = [user for number in range(200) if part_of(user := f"user{number}") == part]
    return found[nth]


def page(number: int, html: str = PAGE) -> str:
    return f"<p>{number}</p>{html}"


@pytest.fixture
def sound(writing: Callable[..., Any]) -> Any:
    """Twenty sessions of twenty users with pages and times of their own; every target is on its page."""
    made = writing()
    for number in range(20):
        steps = [
            (page(number * 10), Action.type_and_submit("search", f"tea {number}")),
            (page(number * 10 + 1), Action.click("kettle")),
            (page(number * 10 + 2), Action.terminate()),
        ]
        user = user_in("train" if number < 15 else "test", number)
        made.add(f"s{number}", user, steps, category="other")
    return made


def found(report: AuditReport, check: str) -> list[str]:
    return [finding.severity for finding in report.findings if finding.check == check]


def test_nothing_is_found_in_a_sound_data_set(sound: Any) -> None:
    report = audit(sound.write())
    assert not report.failed
    # Every user has one session here, which is worth knowing and nothing else is.
    assert [finding.check for finding in report.findings] == ["users"]
    assert report.parts == {
        "train": {"sessions": 15, "steps": 45, "users": 15},
        "validation": {"sessions": 0, "steps": 0, "users": 0},
        "test": {"sessions": 5, "steps": 15, "users": 5},
        "all": {"sessions": 20, "steps": 60, "users": 20},
    }
    assert set(report.leakage.values()) == {0, 5}, "five users in test, nothing shared"
    assert report.reachability["test"] == {"all": 1.0, "click": 1.0, "type_and_submit": 1.0}
    assert report.reachability["validation"]["all"] is None
    assert report.lengths["steps a session"] == dict.fromkeys(report.lengths["steps a session"], 3)
    assert report.shares["action type"]["test"] == dict.fromkeys(
        ("click", "terminate", "type_and_submit"), 1 / 3
    )
    assert report.shares["category"]["all"] == {"other": 1.0}
    json.dumps(report.to_dict())


def test_lengths_in_tokens(sound: Any) -> None:
    report = audit(sound.write(), count_tokens=lambda text: len(text) // 4)
    assert report.lengths["tokens a page"]["median"] == report.lengths["characters a page"]["median"] // 4
    assert report.lengths["tokens of a session's pages"]["max"] > report.lengths["tokens a page"]["max"]


def test_users_in_both_parts_limit_an_official_split(sound: Any) -> None:
    for number, part in ((100, "train"), (101, "test")):
        steps = [(page(number), Action.click("cart"))]
        sound.add(f"s{number}", "returning", steps, official_split=part)
    report = audit(sound.write(), split_by="official")
    assert found(report, "leaked users") == ["warning"]
    assert not report.failed
    message = next(finding.message for finding in report.findings if finding.check == "leaked users")
    assert message.startswith(
        "1 of 1 users in test are also in train: the split by official does not keep people"
    )


def test_users_in_both_parts_spoil_a_split_by_user(sound: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = sound.add("s99", user_in("train"), [(page(99), Action.click("cart"))]).write()
    broken = {session_id: "test" if session_id == "s99" else "train" for session_id in data.session_ids}
    monkeypatch.setattr("facsim.data.audit.assign", lambda *_: broken)
    assert found(audit(data), "leaked users") == ["error"]


def test_a_copied_session_across_parts_spoils(sound: Any) -> None:
    steps = [(page(0), Action.type_and_submit("search", "tea 0")), (page(1), Action.click("kettle"))]
    data = sound.add("a", user_in("train"), steps).add("b", user_in("test"), steps).write()
    report = audit(data)
    assert found(report, "duplicate sessions") == ["error"]
    assert report.leakage["sessions copied from train to test"] == 1
    assert report.failed


def test_a_copied_session_within_a_part_is_a_warning(sound: Any) -> None:
    steps = [(page(0), Action.click("kettle"))]
    data = sound.add("a", user_in("train"), steps).add("b", user_in("train", 1), steps).write()
    assert found(audit(data), "duplicate sessions") == ["warning"]


def test_the_same_path_at_another_time_is_no_copy(sound: Any) -> None:
    steps = [
        (page(0), Action.click("kettle")),
        (page(1), Action.click("cart")),
        (page(2), Action.terminate()),
    ]
    for number, part in enumerate(["train", "test"] * 2):
        sound.add(f"p{number}", user_in(part, number), steps, start=_start(sound) + timedelta(hours=number))
    report = audit(sound.write())
    assert found(report, "duplicate sessions") == []
    assert found(report, "same path") == ["warning"], "2 of 7 test sessions"
    assert report.leakage["test sessions with a path of train"] == pytest.approx(2 / 7)


def test_without_times_many_equal_paths_cannot_be_told_from_copies(writing: Callable[..., Any]) -> None:
    made = writing()
    for number, part in enumerate(["train", "test"] * 5):
        steps = [(page(step), Action.click("cart")) for step in range(3)]
        made.add(f"s{number}", user_in(part, number), steps, start=None)
    report = audit(made.write())
    assert found(report, "same path") == ["error"]


def test_short_equal_paths_are_coincidence(writing: Callable[..., Any]) -> None:
    made = writing()
    for number, part in enumerate(["train", "test"] * 5):
        made.add(f"s{number}", user_in(part, number), [(PAGE, Action.terminate())], start=None)
    assert found(audit(made.write()), "same path") == []


def test_sessions_that_end_at_once_are_no_copies(tmp_path: Path) -> None:
    with DataSetWriter(tmp_path / "d", Card(name="n", source="shop", origin="o")) as writer:
        for number, part in enumerate(["train", "test"]):
            step = Step(writer.add_page(PAGE), Action.terminate(), elapsed=0.0)
            writer.add_session(Session(f"s{number}", user_in(part), (step,)))
    assert found(audit(DataSet.open(tmp_path / "d")), "duplicate sessions") == []


def test_steps_that_train_has_too(writing: Callable[..., Any]) -> None:
    made = writing()
    made.add("train", user_in("train"), [(page(1), Action.click("cart")), (page(2), Action.click(None))])
    test = [(page(number), action) for number, action in ((1, "cart"), (1, "kettle"), (3, "cart"))]
    made.add(
        "test",
        user_in("test"),
        [(html, Action.click(name)) for html, name in test] + [(page(2), Action.click(None))],
    )
    report = audit(made.write())
    assert report.leakage["test steps with a page of train"] == 3 / 4
    assert report.leakage["test steps with a page and action of train"] == 2 / 4, "nulls are equal, too"
    assert found(report, "same steps") == []


def test_mostly_the_same_steps_are_a_warning(writing: Callable[..., Any]) -> None:
    made = writing()
    for number, part in enumerate(["train", "test"] * 3):
        made.add(f"s{number}", user_in(part, number), [(PAGE, Action.click("cart"))])
    assert found(audit(made.write()), "same steps") == ["warning"]


def _start(made: Any) -> Any:
    return made.sessions[0][2][0][2]


@pytest.mark.parametrize(("missing", "severity"), [(0, []), (1, ["warning"]), (3, ["error"])])
def test_reachability_has_a_threshold(writing: Callable[..., Any], missing: int, severity: list[str]) -> None:
    made = writing()
    for number in range(20):
        name = None if number < missing else "cart"
        made.add(f"s{number}", f"u{number}", [(page(number), Action.click(name))])
    report = audit(made.write())
    assert report.reachability["all"]["all"] == (20 - missing) / 20
    assert found(report, "reachability") == severity
    assert found(report, "targets without a name") == (["note"] if missing else [])
    assert not audit(made.write(overwrite=True), min_reachability=0.5).failed


def test_a_name_in_the_text_is_not_a_name(writing: Callable[..., Any]) -> None:
    html = '<p>name="ghost"</p><a data-name="ghost" name="cart">x</a>'
    data = writing().add("s", "u", [(html, Action.click("ghost"))]).write()
    assert audit(data).reachability["all"]["all"] == 0.0


def test_a_page_that_no_predictor_can_read_is_named(sound: Any) -> None:
    deep = "<div>" * 30_000 + '<a name="x">x</a>'
    data = sound.add("deep", "user deep", [(deep, Action.terminate())]).write()
    with pytest.raises(InputError, match=r"pages.parquet, page [0-9a-f]{32}: .*nest"):
        audit(data)


def test_reachability_after_budgeting_asks_for_the_test_part_only(sound: Any) -> None:
    asked: list[tuple[str, int]] = []

    def shown(so_far: SessionSoFar) -> frozenset[str] | None:
        asked.append((so_far.session_id, so_far.step))
        return None if so_far.step == 0 else frozenset({"cart"})

    report = audit(sound.write(), shown=shown)
    assert sorted({session_id for session_id, _ in asked}) == ["s15", "s16", "s17", "s18", "s19"]
    assert report.reachability["test, after budgeting"] == {
        "all": pytest.approx(2 / 3),
        "click": 0.0,
        "type_and_submit": 1.0,
    }
    assert found(report, "reachability") == ["error"]
    (budget,) = (finding for finding in report.findings if finding.check == "reachability")
    assert "in the prompt" in budget.message
    assert budget.message.endswith("Give the prompt more tokens")


def test_more_tokens_are_no_remedy_for_targets_on_no_page(writing: Callable[..., Any]) -> None:
    made = writing()
    for number in range(20):
        made.add(f"s{number}", f"u{number}", [(page(number), Action.click("cart" if number % 2 else None))])
    report = audit(made.write(), shown=lambda _: None)
    messages = [finding.message for finding in report.findings if finding.check == "reachability"]
    assert [message.partition(": no predictor")[0].partition("target is ")[2] for message in messages] == [
        "on the page",
        "on the page, in the test part",
    ]
    assert all(message.endswith("names the targets") for message in messages)


def test_an_ambiguous_target_spoils(sound: Any) -> None:
    html = page(500, '<a name="cart">1</a><a name="cart">2</a><a name="kettle">k</a>')
    report = audit(sound.add("x", "ux", [(html, Action.click("cart"))]).write())
    assert found(report, "duplicate names") == ["error", "warning"]


def test_a_repeated_name_that_nobody_used_is_a_warning(sound: Any) -> None:
    html = page(500, '<a name="cart">1</a><a name="cart">2</a><a name="kettle">k</a>')
    report = audit(sound.add("x", "ux", [(html, Action.click("kettle"))]).write())
    assert found(report, "duplicate names") == ["warning"]


def test_pages_without_names(sound: Any) -> None:
    report = audit(sound.add("x", "ux", [("<p>nothing to do</p>", Action.terminate())]).write())
    assert found(report, "pages without names") == ["warning"]
    assert found(report, "session length") == ["note"]


def test_going_on_after_terminate(sound: Any) -> None:
    steps = [(page(300), Action.terminate()), (page(301), Action.click("cart"))]
    assert found(audit(sound.add("x", "ux", steps).write()), "terminate") == ["warning"]


def test_missing_pages_spoil(sound: Any) -> None:
    data = sound.write()
    pages = data.path / "pages.parquet"
    pl.read_parquet(pages)[:-2].write_parquet(pages)
    report = audit(DataSet.open(data.path), shown=lambda _: None)
    assert found(report, "missing pages") == ["error"]
    assert "test, after budgeting" not in report.reachability


def test_changed_pages_and_steps_are_seen(sound: Any) -> None:
    data = sound.write()
    pages = data.path / "pages.parquet"
    pl.read_parquet(pages).with_columns(pl.col("html") + " ").write_parquet(pages)
    assert found(audit(DataSet.open(data.path)), "content hash") == ["error"]
    steps = data.path / "steps.parquet"
    pl.read_parquet(steps).with_columns(category=pl.lit("search")).write_parquet(steps)
    assert found(audit(DataSet.open(data.path)), "content hash") == ["error", "error"]


def test_sessions_taken_away_are_seen(sound: Any) -> None:
    data = sound.write()
    for table in ("sessions", "steps"):
        file = data.path / f"{table}.parquet"
        pl.read_parquet(file).filter(pl.col("session_id") != "s3").write_parquet(file)
    assert found(audit(DataSet.open(data.path)), "content hash") == ["error"]


def test_columns_of_ones_own_change_nothing(sound: Any) -> None:
    data = sound.write()
    before = audit(data)
    steps = data.path / "steps.parquet"
    own = {
        name: pl.lit("mine") for name in ("part", "on_page", "characters", "tokens", "reachable", "user_id")
    }
    pl.read_parquet(steps).with_columns(**own).write_parquet(steps)
    assert audit(DataSet.open(data.path)) == before


def test_a_selection_is_audited_without_the_hash_of_the_whole(sound: Any) -> None:
    data = sound.write()
    report = audit(data.select(data.session_ids[:18]))
    assert not report.failed
    assert report.parts["all"]["sessions"] == 18


def test_parts_without_a_session_are_told(writing: Callable[..., Any]) -> None:
    data = writing().add("s", user_in("train"), [(PAGE, Action.click("cart"))] * 2).write()
    assert found(audit(data), "empty part") == ["warning"]


def test_a_split_that_cannot_be_made_is_told(sound: Any) -> None:
    with pytest.raises(ConfigError, match="knows no official split"):
        audit(sound.write(), split_by="official")


def test_pages_pass_by_one_by_one_and_progress_is_told(sound: Any) -> None:
    told: list[tuple[int, int | None, str]] = []
    audit(sound.write(), progress=lambda done, total, note="": told.append((done, total, note)))
    assert told[-1] == (60, 60, "pages")
