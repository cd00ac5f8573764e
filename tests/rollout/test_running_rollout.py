"""A rollout while it runs, and its details afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from paced_rollout import RATIONALE, PacedRollout, paced_rollout, wait_until

from facsim.data import DataSet, DataSetWriter, page_id_of
from facsim.predict.oracle import Oracle
from facsim.rollout import SimulatedPerson, rollout
from facsim.rollout.rollout_answer import RolloutAnswer, SessionEnd
from facsim.rollout.rollout_details import StoredRolloutDetails
from facsim.rollout.rollout_journal import RolloutJournal
from facsim.rollout.running_rollout import RunningRollout
from facsim.schema import Action, Prediction, SessionSoFar
from facsim.util.errors import InputError


def opened(paced: PacedRollout) -> RunningRollout:
    """The running rollout, once its predictor is being asked."""
    wait_until(lambda: RunningRollout.find(paced.out) is not None)
    running = RunningRollout.find(paced.out)
    assert running is not None
    wait_until(lambda: running.status().in_progress == 2 and len(running.snapshot().data) == 2)
    return running


def answered(running: RunningRollout) -> int:
    return running.snapshot().data.steps.filter(pl.col("rationale") == RATIONALE).height


def test_it_is_seen_as_far_as_it_is(tmp_path: Path) -> None:
    with paced_rollout(tmp_path, sessions=4, concurrency=2, browser=False) as paced:
        running = opened(paced)
        status = running.status()
        assert (status.sessions, status.done, status.in_progress) == (4, 0, 2)
        snapshot = running.snapshot()
        first = snapshot.data
        for session in first:
            assert len(session.steps) == 1 and snapshot.is_pending(session.session_id, 0)
            assert session.intent and session.persona and session.outcome is None
            assert snapshot.probabilities(session.session_id, 0) == ()
            page = first.page(session.steps[0].page_id)
            assert page_id_of(page.html) == session.steps[0].page_id and page.elements
            assert running.end(session.session_id) == ""
        assert running.snapshot() is snapshot, "nothing new, and yet it was read again"

        paced.allow(4)
        wait_until(lambda: answered(running) == 4 and None not in running.snapshot().pending.values())
        snapshot, data = running.snapshot(), running.snapshot().data
        for session in data:
            *done, last = range(len(session.steps))
            # The four answers may fall to the sessions unevenly: one may have ended, and another begun.
            assert snapshot.is_pending(session.session_id, last) is not bool(snapshot.end(session.session_id))
            for step in done:
                taken, probable = session.steps[step], running.probabilities(session.session_id, step)
                assert taken.truth is not None and not snapshot.is_pending(session.session_id, step)
                assert probable[0][1] == pytest.approx(taken.truth.best_probability, abs=1e-6)
                assert sorted((p for _, p in probable), reverse=True) == [p for _, p in probable]
                assert 1 <= len(probable) <= 8 and sum(p for _, p in probable) <= 1 + 1e-5

        paced.allow(5)
        ids = data.session_ids
        wait_until(lambda: any(running.unusable_answers(one, step) for one in ids for step in range(9)))
        (failed,) = [(one, step) for one in ids for step in range(9) if running.unusable_answers(one, step)]
        assert running.snapshot().is_pending(*failed), "it is asked again at the same step"
        (unusable,) = running.unusable_answers(*failed)
        assert (unusable.kind, unusable.message) == ("unparseable", "no JSON in it")
        assert unusable.answer == "<script>alert(1)</script>"

        paced.finish()
        assert running.is_over and RunningRollout.find(paced.out) is None
        details = StoredRolloutDetails(paced.out)
        assert details.unusable_answers(*failed)[0] == unusable
        for session in DataSet.open(paced.out):
            assert details.end(session.session_id).partition(":")[0] in ("purchase", "terminate", "failed")
            for step, taken in enumerate(session.steps):
                probable = details.probabilities(session.session_id, step)
                assert not details.is_pending(session.session_id, step)
                if taken.truth is not None:
                    assert probable[0][1] == pytest.approx(taken.truth.best_probability, abs=1e-6)
                    assert taken.action not in dict(probable) or dict(probable)[
                        taken.action
                    ] == pytest.approx(taken.truth.probability, abs=1e-6)


def test_the_last_state_is_the_data_set(tmp_path: Path) -> None:
    seen: list[DataSet] = []
    out = tmp_path / "out"

    def watch(done: int, total: int | None, note: str = "") -> None:
        running = RunningRollout.find(out)
        if running is not None and done:
            seen.append(running.snapshot().data)
            assert running.status().done == done

    rolled = rollout("shop", "oracle:", sessions=12, seed=5, out=out, progress=watch).data
    assert len(seen) >= 2 and len(seen[-1]) == 12
    last, keys = seen[-1], ["session_id", "step"]
    assert last.steps.sort(keys).equals(rolled.steps.sort(keys))
    sites = pl.exclude("site")
    assert (
        last.sessions.select(sites)
        .sort("session_id")
        .equals(rolled.sessions.select(sites).sort("session_id"))
    )


def test_a_stopped_rollout_can_still_be_looked_at(tmp_path: Path) -> None:
    with paced_rollout(tmp_path, sessions=3, concurrency=2, browser=False) as paced:
        opened(paced)
        paced.process.kill()
        paced.process.wait()
        for path in (paced.out, tmp_path / "out.rollout"):
            running = RunningRollout.find(path)
            assert running is not None and not running.is_over and len(running.snapshot().data) == 2


def test_a_journal_of_an_older_version_is_shown_without_people(tmp_path: Path) -> None:
    with paced_rollout(tmp_path, sessions=2, concurrency=1, browser=False) as paced:
        wait_until(lambda: RunningRollout.find(paced.out) is not None)
        running = RunningRollout.find(paced.out)
        assert running is not None
        paced.allow(60)
        wait_until(lambda: running.status().done >= 1)
        paced.process.kill()
        paced.process.wait()
    with sqlite3.connect(tmp_path / "out.rollout" / "journal.sqlite") as database:
        database.execute("DROP TABLE people")
        database.execute("DROP TABLE questions")
    old = RunningRollout(tmp_path / "out")
    (session, *_) = old.snapshot().data
    assert session.persona is None and session.outcome in ("purchase", "terminate") and session.steps


def test_what_is_no_rollout_is_refused(tmp_path: Path) -> None:
    assert RunningRollout.find(tmp_path / "nothing") is None
    work = tmp_path / "odd.rollout"
    work.mkdir()
    (work / "journal.sqlite").write_bytes(b"no database")
    (work / "settings.json").write_text("[]")
    with pytest.raises(InputError, match="not the work folder of a rollout"):
        RunningRollout.find(tmp_path / "odd")


def test_the_folder_one_is_in_is_no_rollout_or_its_work_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunningRollout.find(".") is None and RunningRollout.find("/") is None
    with journal_of_one(tmp_path / "out"):
        monkeypatch.chdir(tmp_path / "out.rollout")
        running = RunningRollout.find(".")
        assert running is not None and running.status().sessions == 1


PERSON = SimulatedPerson("s1", "u1", persona="p", intent="a kettle", draw_key="s1")


@contextmanager
def journal_of_one(out: Path) -> Iterator[RolloutJournal]:
    """The journal of a rollout of one session that has begun."""
    work = out.with_name("out.rollout")
    work.mkdir()
    (work / "settings.json").write_text('{"sessions": 1, "predictor": "x", "site": {"spec": "shop"}}')
    with RolloutJournal(work) as journal:
        journal.put_person(PERSON)
        journal.put_page("p1", "<button name=buy>Buy</button>", None)
        yield journal


def test_a_session_that_goes_on_when_the_rollout_is_resumed_is_in_progress_again(tmp_path: Path) -> None:
    with journal_of_one(tmp_path / "out") as journal:
        bought = RolloutAnswer(0, 0, "p1", "/", Action.click("buy"))
        journal.put_answer("s1", bought)
        journal.put_answer("s1", RolloutAnswer(1, 0, "p1", "/", failure="call_failed", message="503"))
        journal.end("s1", SessionEnd("failed", "call_failed: 503"))
        running = RunningRollout(tmp_path / "out")
        assert running.snapshot().pending == {} and len(running.snapshot().data) == 1
        journal.drop_failed_calls()
        journal.put_answer("s1", RolloutAnswer(1, 0, "p1", "/", Action.click("buy")))
        snapshot = running.snapshot()
        assert snapshot.pending == {"s1": None} and len(snapshot.data.session("s1").steps) == 2
        journal.end("s1", SessionEnd("purchase"))
        assert running.snapshot().pending == {} and len(running.snapshot().data) == 1
        assert running.snapshot().data.session("s1").outcome == "purchase"


@pytest.mark.parametrize(
    "report",
    [
        "[]",
        '{"sessions": 5}',
        '{"sessions": [{"session_id": "s", "end": 5}]}',
        '{"sessions": [{"session_id": "s", "end": "failed", "failures": [{"message": "no step"}]}]}',
        '{"sessions": [{"session_id": "s", "end": "failed", "failures": 7}]}',
    ],
)
def test_a_report_of_another_form_is_refused_in_words(tmp_path: Path, report: str) -> None:
    (tmp_path / "rollout.json").write_text(report)
    details = StoredRolloutDetails(tmp_path)
    with pytest.raises(InputError, match=r"rollout\.json.*not the report of a rollout"):
        details.unusable_answers("s", 0)
    with pytest.raises(InputError, match="not the report of a rollout"):
        details.end("s")


def test_an_action_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    rolled = rollout("shop", "oracle:", sessions=1, seed=5, out=tmp_path / "out", max_steps=2)
    file = rolled.path / "probabilities.parquet"
    table = pq.read_table(file)
    place = table.schema.get_field_index("action_type")
    pq.write_table(table.set_column(place, table.schema[place], [["fly"] * len(table)]), file)
    with pytest.raises(InputError, match=r"probabilities\.parquet.*step 0.*unknown action type"):
        StoredRolloutDetails(rolled.path).probabilities(rolled.data.session_ids[0], 0)


class Greedy(Oracle):
    """A predictor whose probabilities do not sum to one."""

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        found = await super().predict(so_far)
        assert found.probabilities is not None
        return Prediction(found.action, probabilities={one: 3 * p for one, p in found.probabilities.items()})


def test_a_greedy_rollout_keeps_probabilities_that_sum_to_one(tmp_path: Path) -> None:
    rolled = rollout("shop", Greedy(), sessions=2, seed=5, out=tmp_path / "out", greedy=True, max_steps=3)
    details = StoredRolloutDetails(rolled.path)
    for session in rolled.data:
        for step, taken in enumerate(session.steps):
            probable = details.probabilities(session.session_id, step)
            assert probable[0][0] == taken.action and sum(p for _, p in probable) <= 1 + 1e-5


def test_the_table_of_probabilities_is_part_of_the_data_set(tmp_path: Path) -> None:
    rolled = rollout("shop", "oracle:", sessions=2, seed=5, out=tmp_path / "out")
    table = pl.read_parquet(rolled.path / "probabilities.parquet")
    assert table.columns == ["session_id", "step", "action_type", "action_name", "action_text", "probability"]
    again = rollout("shop", "oracle:", sessions=1, seed=5, out=tmp_path / "out", overwrite=True)
    fewer = pl.read_parquet(again.path / "probabilities.parquet")
    assert set(fewer["session_id"]) < set(table["session_id"])
    with DataSetWriter(tmp_path / "out", rolled.data.card, overwrite=True):
        pass
    assert not (tmp_path / "out" / "probabilities.parquet").exists()
