"""Rollouts in process: exact, seeded, resumable; every failure is kept and counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from loopback import Answer, Hang, Loopback, Status

from facsim.data import DataSet
from facsim.data.audit import audit
from facsim.predict import load_predictor
from facsim.rollout import Rollout, SimulatedPerson, rollout
from facsim.schema import Action, Prediction, SessionSoFar
from facsim.shop import sample
from facsim.shop.simulation import ShopSimulation, storefront_of
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.progress import no_progress

# What a rollout does not simulate: the time between actions, and the words of a shopper.
NOT_SIMULATED = ("rationale", "rationale_source", "timestamp", "elapsed")


def roll(out: Path, predictor="oracle:", site="shop", sessions=20, **options) -> Rollout:
    return rollout(site, predictor, sessions=sessions, out=out, progress=no_progress, **options)


def assert_same_sessions(one: DataSet, other: DataSet) -> None:
    left, right = (data.steps.drop(NOT_SIMULATED) for data in (one, other))
    for name in left.columns:
        assert left[name].equals(right[name], null_equal=True), name
    assert one.sessions.drop("source").equals(other.sessions.drop("source"), null_equal=True)


@pytest.fixture(scope="module", autouse=True)
def shop_of_seed_0() -> Iterator[None]:
    """The shop that people without a data set visit stays open: its pages are made once for all tests."""
    store = storefront_of(0)
    yield
    del store


@pytest.mark.parametrize("design", ["standard", "no_ratings"])
def test_the_shoppers_own_policy_gives_the_sessions_of_shop_sample(tmp_path: Path, design: str) -> None:
    sampled = sample(20, 0, tmp_path / "sampled", variant=design)
    rolled = roll(tmp_path / "rolled", site=f"shop:{design}", sessions=20, seed=0)
    assert_same_sessions(sampled, rolled.data)
    assert rolled.answers == sampled.steps.height
    assert rolled.ends == dict(Counter(sampled.sessions["outcome"]))
    assert not rolled.failures
    page = sampled.steps["page_id"][3]
    assert rolled.data.pages.raw_html(page) == sampled.pages.raw_html(page)


def test_people_of_a_sample_come_with_their_shop_and_cart(shop_data: DataSet, tmp_path: Path) -> None:
    # The shop's seed and the random numbers are those of the sample, so the sessions are, too.
    some = shop_data.select(shop_data.session_ids[:30])
    simulation = ShopSimulation(7, len(shop_data))
    assert any(simulation.shopper(number).visitor.lines for number in range(30)), "somebody has a cart"
    rolled = roll(tmp_path / "same", people=some, seed=7, sessions=len(some))
    assert_same_sessions(some, rolled.data)
    # Other random numbers: the same people, other sessions.
    other = roll(tmp_path / "other", people=some, seed=8, sessions=len(some), max_steps=3).data
    same = ("session_id", "user_id", "persona", "persona_fields", "intent")
    assert other.sessions.select(same).equals(some.sessions.select(same))
    first = [data.steps.filter(pl.col("step") == 0)["action_name"] for data in (other, some)]
    assert not first[0].equals(first[1])


def test_sessions_do_not_depend_on_workers_and_concurrency(
    shop_data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facsim.rollout.rollout_runner._CHUNK", 4)  # both workers get some
    options = {"people": shop_data, "train": shop_data, "seed": 3, "sessions": 18}
    hashes = {
        roll(
            tmp_path / f"{workers}-{at_once}",
            "baseline:markov-1",
            workers=workers,
            concurrency=at_once,
            **options,
        ).data.content_hash
        for workers, at_once in ((1, 1), (1, 7), (2, None))
    }
    assert len(hashes) == 1
    another = roll(tmp_path / "seed", "baseline:markov-1", **options | {"seed": 4})
    assert another.data.content_hash not in hashes


def test_workers_use_the_fitted_choice_model(shop_data: DataSet, tmp_path: Path) -> None:
    options = {"people": shop_data, "train": shop_data.select(shop_data.session_ids[:20]), "sessions": 4}
    one = roll(tmp_path / "one", "choice", **options)
    two = roll(tmp_path / "two", "choice", workers=2, **options)
    assert one.data.steps.equals(two.data.steps)


def test_people_visit_two_designs_with_the_same_random_numbers(tmp_path: Path) -> None:
    one, other = (
        roll(tmp_path / design, site=f"shop:{design}", sessions=30, max_steps=1).data
        for design in ("standard", "no_ratings")
    )
    assert one.session_ids == other.session_ids
    first = [
        data.steps.filter(pl.col("step") == 0).select("action_type", "action_name", "action_text").rows()
        for data in (one, other)
    ]
    # The front page has no ratings to hide; independent draws would agree less than half of the time.
    assert sum(left == right for left, right in zip(*first, strict=True)) > 25


def test_greedy_takes_the_most_probable_action(shop_data: DataSet, tmp_path: Path) -> None:
    data = roll(tmp_path / "out", people=shop_data, sessions=5, greedy=True, max_steps=6).data
    assert data.steps["truth_probability"].null_count() == data.steps.height
    oracle = load_predictor("oracle:")
    oracle.fit(shop_data)
    for session in data:
        page = data.page(session.steps[0].page_id)
        assert session.steps[0].action == oracle.answer(SessionSoFar(session.session_id, page)).action


def test_a_rollout_is_a_data_set_like_any_other(shop_data: DataSet, tmp_path: Path) -> None:
    rolled = roll(tmp_path / "out", "baseline:markov-1", people=shop_data, train=shop_data, sessions=30)
    card = rolled.data.card
    assert card.source == "rollout" and card.settings["predictor"] == "baseline:markov-1"
    assert card.settings["seed"] == 0 and card.settings["versions"]["facsim"]
    assert card.settings["train"] == {"content_hash": shop_data.content_hash, "sessions": len(shop_data)}
    assert card.settings["counts"]["ends"] == rolled.ends
    assert not audit(rolled.data.select(rolled.data.session_ids[:12])).failed
    report = json.loads((tmp_path / "out" / "rollout.json").read_text())
    assert Counter(row["end"] for row in report["sessions"]) == rolled.ends
    # Evaluated on its own rollouts, the predictor is the ceiling: actions were drawn from its probabilities.
    step = rolled.data.session(rolled.data.session_ids[0]).steps[0]
    assert step.truth is not None and 0 < step.truth.probability <= step.truth.best_probability


class Scripted:
    """Answers from a list of predictions per session, then leaves."""

    spec, concurrency = "scripted", 1

    def __init__(self, *predictions: Prediction) -> None:
        self._predictions, self.asked = predictions, Counter()

    def settings(self):
        return {}

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        number = self.asked[so_far.session_id]
        self.asked[so_far.session_id] += 1
        if number < len(self._predictions):
            return self._predictions[number]
        return Prediction(Action.terminate())

    async def close(self) -> None:
        pass


NONSENSE = Prediction(None, parse="failed", answer="I would rather not")
CALL_FAILED = Prediction(None, parse="failed", error="timeout: no answer in 120 s")
NOWHERE = Prediction(Action.click("no.such.element"))


@pytest.fixture(scope="module")
def search_box(shop_data: DataSet) -> str:
    return next(
        name for name in shop_data.steps.filter(pl.col("action_type") == "type_and_submit")["action_name"]
    )


def test_unusable_answers_are_counted_and_asked_again(tmp_path: Path, search_box: str) -> None:
    search = Prediction(Action.type_and_submit(search_box, "mug \ud800"))
    predictor = Scripted(NONSENSE, NOWHERE, search, CALL_FAILED, NONSENSE)
    rolled = roll(tmp_path / "out", predictor, sessions=2)
    assert rolled.ends == {"terminate": 2} and rolled.answers == 12
    assert rolled.failures == {"unparseable": 4, "not_on_page": 2, "call_failed": 2}
    (first, _) = rolled.data
    assert [step.action for step in first.steps] == [
        Action.type_and_submit(search_box, "mug ?"),
        Action.terminate(),
    ]
    assert first.outcome == "terminate" and not first.censored
    report = json.loads((tmp_path / "out" / "rollout.json").read_text())
    assert report["sessions"][0]["failures"][0] == {
        "step": 0,
        "kind": "unparseable",
        "message": "the answer names no action",
        "answer": "I would rather not",
    }


def test_three_unusable_answers_in_a_row_end_a_session_which_is_kept(tmp_path: Path, search_box: str) -> None:
    search = Prediction(Action.type_and_submit(search_box, "mug"))
    rolled = roll(tmp_path / "out", Scripted(search, NONSENSE, NOWHERE, NONSENSE), sessions=1)
    (session,) = rolled.data
    assert rolled.ends == {"failed": 1} and session.censored and session.outcome is None
    assert [step.action.type for step in session.steps] == ["type_and_submit"]
    # One that never did anything is kept with the page it saw.
    rolled = roll(tmp_path / "never", Scripted(NONSENSE, NONSENSE, NONSENSE), sessions=1)
    (session,) = rolled.data
    assert rolled.ends == {"failed": 1} and session.censored
    assert [step.action for step in session.steps] == [Action.click(None)]
    assert "unparseable" in (tmp_path / "never" / "rollout.json").read_text()


def test_what_cannot_be_typed_into_is_counted(tmp_path: Path, shop_data: DataSet) -> None:
    page = shop_data.page(shop_data.steps["page_id"][0])
    link = next(element.name for element in page.elements if element.tag == "a")
    typed = Prediction(Action.type_and_submit(link, "mug"))
    rolled = roll(tmp_path / "out", Scripted(typed), people=shop_data, sessions=1)
    assert rolled.failures == {"not_possible": 1} and rolled.ends == {"terminate": 1}


def test_sessions_end_at_the_limit_of_steps(shop_data: DataSet, tmp_path: Path) -> None:
    rolled = roll(tmp_path / "out", "baseline:random-element", sessions=5, max_steps=4)
    assert rolled.ends == {"max_steps": 5}
    assert all(len(session.steps) == 4 and session.censored for session in rolled.data)


def test_a_finished_rollout_is_returned_and_another_one_refused(shop_data: DataSet, tmp_path: Path) -> None:
    predictor = Scripted()
    first = roll(tmp_path / "out", predictor, sessions=3)
    asked = predictor.asked.total()
    again = roll(tmp_path / "out", predictor, sessions=3)
    assert (again, predictor.asked.total()) == (first, asked)
    assert not (tmp_path / "out.rollout").exists()
    with pytest.raises(ConfigError, match="seed: 0 before, 1 now"):
        roll(tmp_path / "out", predictor, sessions=3, seed=1)
    with pytest.raises(ConfigError, match=r"exists\. Choose another folder, or use --overwrite"):
        roll(shop_data.path, predictor, sessions=3)
    assert roll(tmp_path / "out", predictor, sessions=4, overwrite=True).sessions == 4


class FailsAt(Scripted):
    """Raises at the question of a number, once."""

    def __init__(self, number: int, search_box: str) -> None:
        super().__init__(Prediction(Action.type_and_submit(search_box, "mug")))
        self.number: int | None = number

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        if self.asked.total() == self.number:
            self.number = None
            raise FacsimError("no such model")
        return await super().predict(so_far)


def test_a_resumed_rollout_asks_nothing_twice(tmp_path: Path, search_box: str) -> None:
    undisturbed = roll(
        tmp_path / "whole", Scripted(Prediction(Action.type_and_submit(search_box, "mug"))), sessions=5
    )
    predictor = FailsAt(5, search_box)
    with pytest.raises(FacsimError, match="no such model"):
        roll(tmp_path / "out", predictor, sessions=5)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match=r"unfinished rollout\. Continue it with --resume"):
        roll(tmp_path / "out", predictor, sessions=5)
    with pytest.raises(ConfigError, match="sessions: 5 before, 6 now"):
        roll(tmp_path / "out", predictor, sessions=6, resume=True)
    resumed = roll(tmp_path / "out", predictor, sessions=5, resume=True)
    assert predictor.asked.total() == 10, "two answers for each of five sessions"
    assert resumed.data.content_hash == undisturbed.data.content_hash
    assert resumed.ends == undisturbed.ends


def test_failed_calls_are_made_again_on_resume(tmp_path: Path, search_box: str) -> None:
    class Unreachable(FailsAt):
        async def predict(self, so_far):
            await super().predict(so_far)
            return CALL_FAILED if self.number is not None else Prediction(Action.terminate())

    predictor = Unreachable(4, search_box)
    with pytest.raises(FacsimError, match="no such model"):
        roll(tmp_path / "out", predictor, sessions=3)
    resumed = roll(tmp_path / "out", predictor, sessions=3, resume=True)
    assert resumed.ends == {"terminate": 3} and not resumed.failures


def test_personas_come_from_a_file(tmp_path: Path) -> None:
    rows = [
        {"persona": "A student.", "intent": "a cheap mug", "user_id": "anna", "fields": {"age": 20}},
        {"persona": "Retired."},
    ]
    lines, table, listed = tmp_path / "people.jsonl", tmp_path / "people.csv", tmp_path / "people.yaml"
    lines.write_text("\n".join(map(json.dumps, rows)) + "\n")
    table.write_text("persona,intent,user_id\nA student.,a cheap mug,anna\nRetired.,,\n")
    listed.write_text(json.dumps(rows))
    seen: list[SessionSoFar] = []

    class Watching(Scripted):
        async def predict(self, so_far):
            seen.append(so_far)
            return await super().predict(so_far)

    for number, file in enumerate((lines, table, listed)):
        data = roll(tmp_path / f"out{number}", Watching(), people=file, sessions=3).data
        assert list(data.sessions["user_id"]) == ["anna", "persona-000002", "anna"]
        assert data.session_ids == ("anna-000001", "persona-000002-000002", "anna-000001.2")
        assert list(data.sessions["intent"]) == ["a cheap mug", None, "a cheap mug"]
        assert data.sessions["persona_fields"][0] == (None if file == table else '{"age": 20}')
    assert {(one.persona, one.intent, one.site) for one in seen} == {
        ("A student.", "a cheap mug", "shop.facsim.example"),
        ("Retired.", None, "shop.facsim.example"),
    }


def test_repeated_people_draw_other_numbers(shop_data: DataSet, tmp_path: Path) -> None:
    person = SimulatedPerson("s", "u", draw_key="s")
    data = roll(tmp_path / "out", "baseline:markov-1", train=shop_data, people=[person], sessions=8).data
    assert data.session_ids == ("s", *(f"s.{number}" for number in range(2, 9)))
    assert len({tuple(step.action for step in session.steps) for session in data}) > 1


def test_a_smaller_number_takes_a_sample_of_the_people(shop_data: DataSet, tmp_path: Path) -> None:
    few, more = (
        roll(tmp_path / str(count), Scripted(), people=shop_data, sessions=count).data.session_ids
        for count in (10, 20)
    )
    assert set(few) < set(more) and few != shop_data.session_ids[:10]
    assert list(few) == sorted(few), "in the order of the data set"


def test_bad_input_is_explained(shop_data: DataSet, tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text('{"persona": "A"}\n{"persona": 3, "age": 2}\n')
    with pytest.raises(
        InputError, match=r"people.jsonl, persona 2: .*expected persona, and optionally intent"
    ):
        roll(tmp_path / "out", people=file)
    file.write_text("{")
    with pytest.raises(InputError, match=r"people\.jsonl, line 1: not JSON"):
        roll(tmp_path / "out", people=file)
    for options, message in (
        ({"site": "amazon"}, "unknown site 'amazon': expected shop, shop:DESIGN or an address"),
        ({"site": "shop:pink"}, "unknown design 'pink'"),
        ({"sessions": 0}, "sessions 0: expected 1 or more"),
        ({"predictor": "baseline:markov-1"}, "learns from people: give it a data set with --train"),
        ({"predictor": Scripted(), "workers": 2}, "several workers need a predictor's spec string"),
        ({"predictor": "endpoint:http://127.0.0.1:1/v1#m", "workers": 2}, "asked over the network"),
        ({"people": tmp_path / "people.txt"}, "unknown kind of personas file"),
        ({"people": [SimulatedPerson("s1", "u1")]}, "session s1 is not one of"),
        ({"people": 2 * [SimulatedPerson("s1", "u1")]}, "two people have the session id 's1'"),
    ):
        with pytest.raises(ConfigError, match=message):
            roll(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_an_endpoint_that_answers_nonsense_or_hangs_is_counted(tmp_path: Path) -> None:
    good = Answer('{"rationale": "Enough.", "action": {"type": "terminate"}}')
    with Loopback([Answer("I would like some tea"), Hang(), good, Status(500), good]) as server:
        rolled = roll(
            tmp_path / "out",
            f"endpoint:{server.url}/v1#m",
            sessions=2,
            concurrency=1,
            timeout_s=1.0,
            retries=0,
            structured="off",
        )
        assert server.count == 5
    assert rolled.ends == {"terminate": 2} and rolled.failures == {"unparseable": 1, "call_failed": 2}
    (first, _) = rolled.data
    assert first.steps[0].rationale == "Enough." and first.steps[0].rationale_source == "synthetic"
    card = rolled.data.card.settings
    assert card["predictor_settings"]["temperature"] == 1.0
