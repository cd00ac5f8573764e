import asyncio
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from facsim.data import DataSet
from facsim.data.splits import split
from facsim.evaluation import Run, evaluate, score
from facsim.evaluation.config import CaseSelection
from facsim.schema import Action, Prediction, SessionSoFar, Usage
from facsim.util import workers
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.files import FolderLock

Make = Callable[..., object]

pytestmark = pytest.mark.usefixtures("few_resamples")


def cases_of(data: DataSet, first: int = 1) -> list[tuple[str, int]]:
    return [(session.session_id, step) for session in data for step in range(first, len(session.steps))]


def test_every_step_but_the_first_is_asked_once_in_order(
    shop: DataSet, tmp_path: Path, scripted: Make
) -> None:
    predictor = scripted()
    run = evaluate(shop, predictor, run_dir=tmp_path / "run", part="all")
    assert predictor.asked == cases_of(shop)
    assert predictor.closed == 1
    cases = run.cases()
    assert list(cases.select("session_id", "step").iter_rows()) == sorted(cases_of(shop))
    single = sum(len(session.steps) == 1 for session in shop)
    assert single
    assert run.config.counts.sessions_without_case == single
    assert run.config.counts.cases == len(cases_of(shop))
    assert run.config.counts.sessions == len(shop)
    assert f"{single} of {len(shop)} sessions have a single step and no test case" in run.notes
    assert sorted(file.name for file in run.path.iterdir()) == [
        ".lock",
        "config.json",
        "metrics.json",
        "predictions.jsonl",
    ]


def test_first_steps_are_asked_on_request(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    predictor = scripted()
    run = evaluate(shop, predictor, run_dir=tmp_path / "run", part="all", first_step="include")
    assert predictor.asked == cases_of(shop, first=0)
    assert run.config.counts.sessions_without_case == 0


def test_order_within_sessions_and_content_do_not_depend_on_concurrency(
    make_shop: Make, tmp_path: Path, scripted: Make, by_case: Make
) -> None:
    data = make_shop(tmp_path / "data", sessions=80)

    async def wobble(so_far: SessionSoFar) -> None:
        await asyncio.sleep((hash((so_far.session_id, so_far.step)) % 7) / 2000)

    one = evaluate(data, scripted(), run_dir=tmp_path / "one", part="all")
    many_predictor = scripted(concurrency=32, hook=wobble)
    many = evaluate(data, many_predictor, run_dir=tmp_path / "many", part="all")
    assert 16 < many_predictor.most <= 32
    assert many_predictor.asked != sorted(many_predictor.asked)
    steps: dict[str, int] = {}
    for session, step in many_predictor.asked:
        assert steps.get(session, 0) + 1 == step
        steps[session] = step
    assert by_case(one.records()) == by_case(many.records())
    assert one.cases().equals(many.cases())
    assert one.metrics == many.metrics


def test_concurrency_can_be_overridden(make_shop: Make, tmp_path: Path, scripted: Make) -> None:
    data = make_shop(tmp_path / "data", sessions=20, lengths=range(3, 4))
    predictor = scripted(concurrency=8, delay=0.001)
    evaluate(data, predictor, run_dir=tmp_path / "run", part="all", concurrency=3)
    assert predictor.most == 3
    with pytest.raises(ConfigError, match="concurrency 0"):
        evaluate(data, predictor, run_dir=tmp_path / "other", part="all", concurrency=0)


def test_lines_hold_truth_answer_and_facts(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    run = evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all")
    lines = {(line["session_id"], line["step"]): line for line in run.records()}
    for session in shop:
        for index, step in list(enumerate(session.steps))[1:]:
            line = lines[session.session_id, index]
            assert Action(line["true_type"], line["true_name"], line["true_text"]) == step.action
            assert line["true_category"] == step.category
            assert line["is_last"] == (index == len(session.steps) - 1)
            assert (line["user_id"], line["outcome"]) == (session.user_id, session.outcome)
            assert line["reachable"] == (step.action.type == "terminate" or step.action.name is not None)
            assert (line["pred_category"] is None) == (line["pred_type"] is None)
    unread = [line for line in lines.values() if line["parse"] == "failed"]
    assert unread
    assert all(line["answer"].startswith("I would 🛒 ? think") and not line["failed"] for line in unread)
    assert "html" not in json.dumps(list(lines.values()))


def test_a_finished_run_is_returned_and_nothing_is_asked(
    shop: DataSet, tmp_path: Path, scripted: Make
) -> None:
    """As when a notebook's cell runs again."""
    out = tmp_path / "run"
    first = evaluate(shop, scripted(), run_dir=out, part="all")
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    for resume in (False, True):
        again = scripted()
        found = evaluate(shop, again, run_dir=out, part="all", resume=resume)
        assert again.asked == []
        assert (found.path, found.metrics) == (first.path, first.metrics)
        assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    with pytest.raises(ConfigError, match=r"cases\.seed: 0 before, 1 now(.|\n)*or another folder"):
        evaluate(shop, scripted(), run_dir=out, part="all", seed=1)
    with pytest.raises(ConfigError, match=r"settings\.t: nothing before, 1 now"):
        evaluate(shop, scripted(settings={"t": 1}), run_dir=out, part="all")
    (out / "metrics.json").unlink()
    assert (
        evaluate(shop, scripted(), run_dir=out, part="all").metrics["accuracy"] == first.metrics["accuracy"]
    )


def test_an_unfinished_run_says_how_to_continue(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    run = evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all")
    file = run.path / "predictions.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-3]))
    done, total = run.config.counts.cases - 3, run.config.counts.cases
    with pytest.raises(
        ConfigError, match=rf"unfinished: {done} of {total} .* Continue it with --resume \(in P"
    ):
        evaluate(shop, scripted(), run_dir=run.path, part="all")
    again = scripted()
    evaluate(shop, again, run_dir=run.path, part="all", resume=True)
    assert len(again.asked) == 3


def test_a_run_with_failed_calls_is_finished_until_it_is_resumed(
    shop: DataSet, tmp_path: Path, scripted: Make
) -> None:
    async def down(so_far: SessionSoFar) -> Prediction | None:
        return Prediction(None, error="503: overloaded", parse="failed") if so_far.step == 2 else None

    first = evaluate(shop, scripted(hook=down), run_dir=tmp_path / "run", part="all")
    again = scripted()
    assert evaluate(shop, again, run_dir=first.path, part="all").metrics == first.metrics
    assert again.asked == []


def test_the_run_folder_is_named_after_the_predictor_by_default(
    shop: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert evaluate(shop, "baseline:always-terminate", limit=2).path == Path("runs/baseline-always-terminate")


def test_folders_that_cannot_hold_a_run_are_refused(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is a file"):
        evaluate(shop, scripted(), run_dir=tmp_path / "file", part="all")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("x")
    with pytest.raises(ConfigError, match="is not a run"):
        evaluate(shop, scripted(), run_dir=tmp_path / "photos", part="all", resume=True)


def test_resume_starts_what_is_not_there(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    run = evaluate(shop, scripted(), run_dir=tmp_path / "deep" / "run", part="all", resume=True)
    assert run.cases().height == len(cases_of(shop))


def test_resume_refuses_another_run_and_names_what_differs(
    shop: DataSet, make_shop: Make, tmp_path: Path, scripted: Make
) -> None:
    out = tmp_path / "run"
    evaluate(shop, scripted(settings={"prompt": {"style": "action"}, "t": 0}), run_dir=out, part="all")
    lines = (out / "predictions.jsonl").read_bytes().splitlines(keepends=True)
    (out / "predictions.jsonl").write_bytes(b"".join(lines[:-1]))
    before = (out / "config.json").read_bytes()
    with pytest.raises(ConfigError) as caught:
        changed = scripted(settings={"prompt": {"style": "think", "budget": 5}, "t": 0})
        evaluate(shop, changed, run_dir=out, part="all", resume=True)
    message = str(caught.value)
    assert "settings.prompt.style: 'action' before, 'think' now" in message
    assert "settings.prompt.budget: nothing before, 5 now" in message
    assert "settings.t" not in message
    with pytest.raises(ConfigError, match=r"cases\.seed: 0 before, 3 now"):
        evaluate(shop, scripted(), run_dir=out, part="all", seed=3, resume=True)
    with pytest.raises(ConfigError, match=r"predictor: 'test:scripted' before, 'baseline:repeat-last' now"):
        evaluate(shop, "baseline:repeat-last", run_dir=out, part="all", resume=True)
    other = make_shop(tmp_path / "other", seed=9)
    with pytest.raises(ConfigError, match=r"cases\.content_hash"):
        evaluate(other, scripted(), run_dir=out, part="all", resume=True)
    assert (out / "config.json").read_bytes() == before


def test_answers_of_another_model_are_not_taken_for_those_of_this_one(
    shop: DataSet, tmp_path: Path, scripted: Make
) -> None:
    """A checkpoint that was trained anew in the same folder: the finished run is of the old one."""
    evaluate(shop, scripted(settings={"model": "old"}), run_dir=tmp_path / "run", part="all")
    with pytest.raises(ConfigError, match=r"settings\.model: 'old' before, 'new' now"):
        evaluate(shop, scripted(settings={"model": "new"}), run_dir=tmp_path / "run", part="all", resume=True)


def test_a_refused_resume_changes_nothing(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    async def down(so_far: SessionSoFar) -> Prediction | None:
        return Prediction(None, error="503: overloaded", parse="failed") if so_far.step == 2 else None

    run = evaluate(shop, scripted(hook=down), run_dir=tmp_path / "run", part="all")
    before = {file.name: file.read_bytes() for file in run.path.iterdir()}
    with pytest.raises(ConfigError, match=r"settings\.t: nothing before, 1 now"):
        evaluate(shop, scripted(settings={"t": 1}), run_dir=run.path, part="all", resume=True)
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == before


def test_metrics_of_older_answers_do_not_outlive_them(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    async def down(so_far: SessionSoFar) -> Prediction | None:
        return Prediction(None, error="503: overloaded", parse="failed") if so_far.step == 2 else None

    async def gone(so_far: SessionSoFar) -> None:
        raise FacsimError("nobody there")

    run = evaluate(shop, scripted(hook=down), run_dir=tmp_path / "run", part="all")
    with pytest.raises(FacsimError, match="nobody there"):
        evaluate(shop, scripted(hook=gone), run_dir=run.path, part="all", resume=True)
    with pytest.raises(InputError, match="facsim score"):
        _ = Run.open(run.path).metrics


def test_leniencies_are_counted(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    async def lenient(so_far: SessionSoFar) -> Prediction | None:
        if so_far.step == 1:
            return None
        forgiven = ("code_fence", "trailing_comma") if so_far.step == 2 else ("code_fence",)
        return Prediction(Action.terminate(), parse="lenient", forgiven=forgiven)

    run = evaluate(shop, scripted(hook=lenient), run_dir=tmp_path / "run", part="all")
    second = sum(step == 2 for _, step in cases_of(shop))
    later = sum(step >= 2 for _, step in cases_of(shop))
    expected = {"code_fence": later, "trailing_comma": second}
    assert run.leniencies() == expected
    assert json.loads((run.path / "metrics.json").read_text())["leniencies"] == expected
    total = run.config.counts.cases
    assert (
        f"{later} ({later / total:.1%}) of {total} answers were read leniently: "
        f"code_fence {later}, trailing_comma {second}"
    ) in run.notes
    # Runs older than the field are still read.
    file = run.path / "predictions.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        del line["checksum"]
    file.write_text("".join(json.dumps(line | {"forgiven": None}) + "\n" for line in lines[:1]))
    with file.open("a") as stream:
        for line in lines[1:]:
            del line["forgiven"]
            stream.write(json.dumps(line) + "\n")
    assert score(run.path).leniencies() == {}
    assert Run.open(run.path).metrics["accuracy"].value == run.metrics["accuracy"].value


def test_a_moved_data_set_is_the_same_data_set(
    shop: DataSet, tmp_path: Path, scripted: Make, by_case: Make
) -> None:
    whole = evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all")
    expected = by_case(whole.records())
    shutil.copytree(shop.path, tmp_path / "moved")
    file = whole.path / "predictions.jsonl"
    file.write_bytes(file.read_bytes()[:2000])
    again = evaluate(tmp_path / "moved", scripted(), run_dir=whole.path, part="all", resume=True)
    assert by_case(again.records()) == expected
    assert again.config.data_path == str(tmp_path / "moved")
    assert len(again.config.starts) == 2


def test_a_change_of_versions_is_noted_and_not_refused(
    shop: DataSet, tmp_path: Path, scripted: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all")
    file = run.path / "predictions.jsonl"
    file.write_bytes(file.read_bytes()[:-1000])
    monkeypatch.setattr("facsim.evaluation.environment.facsim_version", lambda: "99.0")
    again = evaluate(shop, scripted(), run_dir=run.path, part="all", resume=True)
    assert any("with other versions: facsim 0.1.0 → 99.0" in note for note in again.notes)


def test_cut_anywhere_then_resumed_gives_the_same_numbers(
    shop: DataSet, tmp_path: Path, scripted: Make, by_case: Make
) -> None:
    whole = evaluate(shop, scripted(), run_dir=tmp_path / "whole", part="all")
    content = (whole.path / "predictions.jsonl").read_bytes()
    metrics = (whole.path / "metrics.json").read_bytes()
    for cut in (0, 1, 700, len(content) // 2, len(content) - 300, len(content) - 1, len(content)):
        out = tmp_path / f"cut{cut}"
        shutil.copytree(whole.path, out)
        (out / "predictions.jsonl").write_bytes(content[:cut])
        kept = {(line["session_id"], line["step"]) for line in Run.open(out).records()}
        predictor = scripted(concurrency=4)
        again = evaluate(shop, predictor, run_dir=out, part="all", resume=True)
        assert not kept & set(predictor.asked), cut
        assert len(predictor.asked) == len(cases_of(shop)) - len(kept), cut
        assert by_case(again.records()) == by_case(whole.records()), cut
        assert (out / "metrics.json").read_bytes() == metrics, cut


def test_failed_calls_are_kept_as_wrong_and_asked_again_on_resume(
    shop: DataSet, tmp_path: Path, scripted: Make, by_case: Make
) -> None:
    async def down(so_far: SessionSoFar) -> Prediction | None:
        return Prediction(None, error="503: overloaded", parse="failed") if so_far.step == 2 else None

    predictor = scripted(hook=down)
    run = evaluate(shop, predictor, run_dir=tmp_path / "run", part="all")
    failed = {(line["session_id"], line["step"]) for line in run.records() if line["failed"]}
    assert failed == {case for case in cases_of(shop) if case[1] == 2}
    assert len(predictor.asked) == len(cases_of(shop))
    assert (
        f"{len(failed)} of {len(cases_of(shop))} calls failed for good and count as wrong; --resume repeats "
        "them. Cause of all: 503: overloaded"
    ) in run.notes
    assert json.loads((run.path / "metrics.json").read_text())["complete"] is False
    again_predictor = scripted()
    again = evaluate(shop, again_predictor, run_dir=run.path, part="all", resume=True)
    assert set(again_predictor.asked) == failed
    whole = evaluate(shop, scripted(), run_dir=tmp_path / "whole", part="all")
    assert by_case(again.records()) == by_case(whole.records())
    assert json.loads((run.path / "metrics.json").read_text())["complete"] is True


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("error", [FacsimError("401: no access"), ZeroDivisionError("a bug")])
def test_an_error_of_the_predictor_keeps_what_is_finished(
    shop: DataSet, tmp_path: Path, scripted: Make, by_case: Make, error: Exception, concurrency: int
) -> None:
    async def breaks(so_far: SessionSoFar) -> None:
        await asyncio.sleep(0.001)
        if so_far.session_id == "s0014":
            raise error

    predictor = scripted(hook=breaks, concurrency=concurrency)
    with pytest.raises(type(error)) as caught:
        evaluate(shop, predictor, run_dir=tmp_path / "run", part="all")
    assert caught.value is error
    assert "breaks" in [entry.name for entry in caught.traceback]
    assert predictor.closed == 1
    finished = {(line["session_id"], line["step"]) for line in Run.open(tmp_path / "run").records()}
    # Everything asked came home, but for the call that broke.
    assert finished == {case for case in predictor.asked if case[0] != "s0014"}
    again_predictor = scripted()
    again = evaluate(shop, again_predictor, run_dir=tmp_path / "run", part="all", resume=True)
    assert not finished & set(again_predictor.asked)
    assert by_case(again.records()) == by_case(
        evaluate(shop, scripted(), run_dir=tmp_path / "w", part="all").records()
    )


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_predictor_that_cancels_itself_ends_the_run_with_an_error(
    shop: DataSet, tmp_path: Path, scripted: Make, concurrency: int
) -> None:
    async def cancels(so_far: SessionSoFar) -> None:
        await asyncio.sleep(0.001)
        if so_far.session_id == "s0014":
            raise asyncio.CancelledError

    predictor = scripted(hook=cancels, concurrency=concurrency)
    with pytest.raises(FacsimError, match=r"test:scripted: the predictor was cancelled .* --resume"):
        evaluate(shop, predictor, run_dir=tmp_path / "run", part="all")
    finished = {(line["session_id"], line["step"]) for line in Run.open(tmp_path / "run").records()}
    assert finished == {case for case in predictor.asked if case[0] != "s0014"}


def test_calls_in_flight_come_home_after_an_error_and_hanging_ones_are_left(
    shop: DataSet, tmp_path: Path, scripted: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "GRACE_SECONDS", 0.4)
    long = [session.session_id for session in shop if len(session.steps) > 1][:3]

    async def mixed(so_far: SessionSoFar) -> None:
        if so_far.session_id == long[0]:
            await asyncio.sleep(0.05)
            raise FacsimError("no such model")
        await asyncio.sleep(0.2 if so_far.session_id == long[1] else 3600)

    with pytest.raises(FacsimError, match="no such model"):
        evaluate(shop, scripted(hook=mixed, concurrency=3), run_dir=tmp_path / "run", part="all")
    assert [line["session_id"] for line in Run.open(tmp_path / "run").records()] == [long[1]]


def test_a_predictor_that_hangs_on_closing_does_not_hang_the_run(
    shop: DataSet, tmp_path: Path, scripted: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_CLOSE_SECONDS", 0.1)
    predictor = scripted()
    predictor.close = lambda: asyncio.sleep(3600)
    assert evaluate(shop, predictor, run_dir=tmp_path / "run", part="all").cases().height == len(
        cases_of(shop)
    )


def test_two_processes_do_not_write_one_run(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    out = tmp_path / "run"
    evaluate(shop, scripted(), run_dir=out, part="all")
    with FolderLock(out), pytest.raises(ConfigError, match="being written by another process"):
        evaluate(shop, scripted(), run_dir=out, part="all", resume=True)


def test_works_within_a_running_event_loop(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    async def notebook_cell() -> Run:
        return evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all")

    assert asyncio.run(notebook_cell()).cases().height == len(cases_of(shop))


def test_limit_draws_sessions_and_a_larger_one_adds_to_them(shop: DataSet) -> None:
    def drawn(limit: int | None, seed: int = 0) -> list[str]:
        cases = CaseSelection.of(
            shop, part="all", split_by="user", seed=seed, first_step="exclude", limit=limit
        )
        return list(cases.sessions(shop).session_ids)

    five, ten = drawn(5), drawn(10)
    assert len(five) == 5
    assert set(five) < set(ten)
    assert ten == sorted(ten)
    assert ten != list(shop.session_ids[:10])
    assert drawn(5, seed=1) != five
    assert drawn(10_000) == drawn(None) == list(shop.session_ids)
    with pytest.raises(ConfigError, match="limit 0"):
        drawn(0)


def test_a_selection_without_a_case_is_refused(make_shop: Make, tmp_path: Path, scripted: Make) -> None:
    data = make_shop(tmp_path / "data", lengths=range(1, 2))
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match=r"no test case .* --first-step include"):
        evaluate(data, scripted(), run_dir=out, part="all")
    assert evaluate(data, scripted(), run_dir=out, part="all", first_step="include").cases().height == len(
        data
    )


class Learner:
    """Learns which sessions it saw; answers terminate."""

    spec = "test:learner"
    concurrency = 1
    learns = True
    artifact = "learned"

    def __init__(self) -> None:
        self.seen: tuple[str, ...] = ()

    def settings(self) -> dict[str, object]:
        return {"sessions": len(self.seen)}

    def fit(self, train: DataSet, *, seed: int = 0, progress: object = None) -> None:
        self.seen = train.session_ids
        self.seed = seed

    def save(self, path: Path) -> None:
        path.mkdir()
        (path / "seen.txt").write_text(" ".join(self.seen))

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        assert so_far.session_id not in self.seen
        return Prediction(Action.terminate())

    async def close(self) -> None:
        pass


def test_what_learns_is_fitted_on_the_train_part_and_kept(shop: DataSet, tmp_path: Path) -> None:
    learner = Learner()
    run = evaluate(shop, learner, run_dir=tmp_path / "run", seed=2, split_by="session")
    assert learner.seen == split(shop, "train", "session", 2).session_ids
    assert learner.seed == 2
    assert run.config.counts.train_sessions == len(learner.seen)
    assert run.config.identity.settings == {"sessions": len(learner.seen)}
    assert (run.path / "learned" / "seen.txt").exists()
    file = run.path / "predictions.jsonl"
    file.write_bytes(file.read_bytes()[:-10])
    assert evaluate(shop, Learner(), run_dir=run.path, seed=2, split_by="session", resume=True).notes[0]


def test_what_learns_is_not_tested_on_what_it_learned(shop: DataSet, tmp_path: Path) -> None:
    for part in ("train", "all"):
        with pytest.raises(ConfigError, match=f"on `{part}` it would be tested on what it learned"):
            evaluate(shop, Learner(), run_dir=tmp_path / "run", part=part)
    assert not (tmp_path / "run").exists(), "nothing was started, and nothing is left behind"
    evaluate(shop, Learner(), run_dir=tmp_path / "run")


@pytest.mark.parametrize("name", ["always-terminate", "random-element"])
def test_what_learns_nothing_may_answer_on_all_parts(shop: DataSet, tmp_path: Path, name: str) -> None:
    run = evaluate(shop, f"baseline:{name}", run_dir=tmp_path / "run", part="all")
    assert run.config.counts.sessions == len(shop.session_ids)


def test_an_empty_train_part_is_refused(make_shop: Make, tmp_path: Path) -> None:
    one_user = make_shop(tmp_path / "data", sessions=1, lengths=range(3, 4))
    seed = next(seed for seed in range(50) if _part_of_only_session(one_user, seed) == "test")
    with pytest.raises(ConfigError, match=r"the train part .* is empty"):
        evaluate(one_user, Learner(), run_dir=tmp_path / "run", seed=seed)
    assert not (tmp_path / "run").exists()
    for name in ("always-terminate", "random-element"):
        for part in ("test", "all"):
            run = evaluate(one_user, f"baseline:{name}", run_dir=tmp_path / name / part, seed=seed, part=part)
            assert run.config.counts.cases == 2, "what learns nothing needs no train part"


def _part_of_only_session(data: DataSet, seed: int) -> str | None:
    for part in ("train", "validation", "test"):
        try:
            split(data, part, "user", seed)
        except ConfigError:
            continue
        return part
    return None


def test_score_needs_the_run_folder_alone(
    shop: DataSet, tmp_path: Path, scripted: Make, few_resamples: int
) -> None:
    run = evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all")
    before = (run.path / "metrics.json").read_bytes()
    (run.path / "metrics.json").unlink()
    with pytest.raises(InputError, match="facsim score"):
        _ = Run.open(run.path).metrics
    again = score(run.path, resamples=few_resamples)
    assert (run.path / "metrics.json").read_bytes() == before
    assert again.metrics == run.metrics
    assert score(run.path).metrics.resamples == 2000


def test_score_of_an_unfinished_run_says_so(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    run = evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all")
    file = run.path / "predictions.jsonl"
    file.write_bytes(file.read_bytes()[:3000])
    scored = score(run.path)
    assert scored.notes[0].endswith("steps are answered; finish it with --resume")
    assert json.loads((run.path / "metrics.json").read_text())["complete"] is False
    file.write_bytes(b"")
    with pytest.raises(ConfigError, match="no step is answered"):
        score(run.path)


def test_damaged_runs_are_named(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    run = evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all")
    with pytest.raises(InputError, match=r"config\.json: no such file; expected the folder of a run"):
        Run.open(tmp_path)
    metrics = json.loads((run.path / "metrics.json").read_text())["metrics"]
    config = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps(config | {"counts": {"sessions": "many"}}))
    with pytest.raises(InputError, match=r"field counts\.sessions"):
        Run.open(run.path)
    (run.path / "config.json").write_text(json.dumps(config))
    (run.path / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match=r"metrics\.json: cannot be read"):
        _ = Run.open(run.path).metrics
    for wrong, where in (
        ({"estimates": []}, "field estimates"),
        ({"steps": "9"}, "field steps"),
        ({"level": None}, "field level"),
        ({"cluster": ["session"]}, "field cluster"),
        ({"tables": {"errors": 3}}, "field tables.errors"),
        ({"estimates": {"accuracy": None}}, "field estimates.accuracy"),
        ({"estimates": {"accuracy": metrics["estimates"]["accuracy"] | {"value": "high"}}}, "accuracy.value"),
    ):
        (run.path / "metrics.json").write_text(json.dumps({"metrics": metrics | wrong}))
        with pytest.raises(InputError, match=rf"metrics\.json: cannot be read: .*{where}.* `facsim score "):
            _ = Run.open(run.path).metrics
    for wrong, problem in (("[]", "not a JSON object"), ("3", "not a JSON object"), ('{"metrics": 3}', ".*")):
        (run.path / "metrics.json").write_text(wrong)
        with pytest.raises(InputError, match=rf"metrics\.json: cannot be read: {problem}.* `facsim score "):
            _ = Run.open(run.path).metrics
    (tmp_path / "odd" / "config.json").mkdir(parents=True)
    with pytest.raises(InputError, match=r"config\.json: cannot be read: Is a directory"):
        Run.open(tmp_path / "odd")


def test_damaged_predictions_are_named_with_file_line_and_remedy(
    shop: DataSet, tmp_path: Path, scripted: Make
) -> None:
    """Of runs without checksums, which earlier versions wrote."""
    run = evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all")
    file = run.path / "predictions.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        del line["checksum"]
    number = next(index for index, line in enumerate(lines) if line["pred_type"] == "click" and index > 2)
    for field, wrong, problem in (
        ("forgiven", 3, "forgiven is 3"),
        ("forgiven", [1], r"forgiven is \[1\]"),
        ("pred_name", ["a"], "pred_name is"),
        ("rationale", 5, "rationale is 5"),
        ("rank", 1.5, "rank is 1.5"),
        ("rank", 2**40, "rank is 1099511627776"),
        ("step", -1, "step is -1"),
        ("is_last", 1, "is_last is 1"),
        ("seconds", True, "seconds is True"),
        ("true_type", None, "true_type is null"),
        ("true_type", "swipe", "true_type is 'swipe'"),
        ("pred_type", "swipe", "pred_type is 'swipe'"),
        ("log_probability", 0.5, "log_probability is 0.5"),
        ("cost", -1.0, "cost is -1.0"),
        ("user_id", ..., "has no field 'user_id'"),
        ("step", lines[number - 1]["step"], "each step of a session once"),
    ):
        damaged = lines[number] | {field: wrong}
        if wrong is ...:
            del damaged[field]
        if field == "step" and wrong != -1:
            damaged = damaged | {"session_id": lines[number - 1]["session_id"]}
        content = [*lines[:number], damaged, *lines[number + 1 :]]
        file.write_text("".join(json.dumps(line) + "\n" for line in content))
        place = number if problem.startswith("each") else number + 1
        with pytest.raises(
            InputError, match=rf"predictions\.jsonl, line {place}\b.*{problem}.*delete this line"
        ):
            Run.open(run.path).cases()


def test_a_paid_answer_with_an_absurd_count_can_be_scored(
    shop: DataSet, tmp_path: Path, scripted: Make
) -> None:
    async def absurd(so_far: SessionSoFar) -> Prediction:
        usage = (
            Usage(10**30, -1, 5, float("inf"), float("nan")) if so_far.step == 2 else Usage(7, 0, 5, 0.5, 1.0)
        )
        return Prediction(Action.terminate(), usage=usage)

    run = evaluate(shop, scripted(hook=absurd), run_dir=tmp_path / "run", part="all")
    others = sum(step != 2 for _, step in cases_of(shop))
    for name, value in {"input_tokens": 7, "cached_tokens": 0, "cost": 0.5, "seconds": 1.0}.items():
        assert run.metrics[f"{name}_mean"].value == value
        assert run.metrics[f"{name}_mean"].n == others, "unknown is not zero"
    assert run.metrics["output_tokens_mean"].n == len(cases_of(shop))
    # A run that an earlier version wrote has the number in its file.
    file = run.path / "predictions.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        del line["checksum"]
    lines[0]["output_tokens"] = 10**30
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert score(run.path).metrics["output_tokens_mean"].n == len(lines) - 1


def test_a_nan_probability_stops_the_run_and_names_the_step(
    shop: DataSet, tmp_path: Path, scripted: Make
) -> None:
    async def broken(so_far: SessionSoFar) -> Prediction:
        return Prediction(Action.terminate(), confidence=float("nan") if so_far.step == 2 else 0.5)

    with pytest.raises(FacsimError, match=r"session s\d+, step 3: the predictor's confidence is NaN"):
        evaluate(shop, scripted(hook=broken), run_dir=tmp_path / "run", part="all")


@pytest.mark.parametrize("listed", [{}, {Action.click("nowhere"): 0.5}])
def test_a_distribution_with_nan_stops_the_run_instead_of_counting_as_certain(
    shop: DataSet, tmp_path: Path, scripted: Make, listed: dict[Action, float]
) -> None:
    async def broken(so_far: SessionSoFar) -> Prediction:
        share = float("nan") if so_far.step == 2 else 0.5
        return Prediction(Action.terminate(), probabilities={Action.terminate(): share, **listed})

    with pytest.raises(FacsimError, match=r"session s\d+, step 3: the predictor's distribution contains NaN"):
        evaluate(shop, scripted(hook=broken), run_dir=tmp_path / "run", part="all")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"confidence": float("inf")}, "confidence is inf, expected a probability between 0 and 1"),
        ({"confidence": -0.1}, "confidence is -0.1, expected a probability"),
        ({"probabilities": {Action.terminate(): float("inf")}}, "distribution contains inf, expected prob"),
        ({"probabilities": {Action.terminate(): 1.5}}, "distribution contains 1.5, expected probabilities"),
    ],
)
def test_what_is_no_probability_stops_the_run(
    shop: DataSet, tmp_path: Path, scripted: Make, given: dict[str, object], problem: str
) -> None:
    async def broken(so_far: SessionSoFar) -> Prediction:
        return Prediction(Action.terminate(), **(given if so_far.step == 2 else {}))

    with pytest.raises(FacsimError, match=rf"session s\d+, step 3: the predictor's {problem}"):
        evaluate(shop, scripted(hook=broken), run_dir=tmp_path / "run", part="all")


def test_a_run_without_an_answer_leaves_no_folder(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    async def away(so_far: SessionSoFar) -> Prediction:
        raise FacsimError("nobody answers")

    async def away_later(so_far: SessionSoFar) -> Prediction:
        if so_far.step == 2:
            raise FacsimError("nobody answers")
        return Prediction(Action.terminate())

    for hook, left in ((away, False), (away_later, True), (away, True)):  # the last one resumes
        with pytest.raises(FacsimError, match="nobody answers"):
            evaluate(shop, scripted(hook=hook), run_dir=tmp_path / "run", part="all", resume=True)
        assert (tmp_path / "run").exists() is left


def test_one_changed_byte_never_changes_a_case_silently(
    shop: DataSet, tmp_path: Path, scripted: Make
) -> None:
    run = evaluate(shop, scripted(), run_dir=tmp_path / "run", part="all", limit=4)
    file = run.path / "predictions.jsonl"
    good, truth = file.read_bytes(), run.cases()
    rng = Random(0)
    for _ in range(400):
        place = rng.randrange(len(good))
        byte = rng.choice([value for value in range(256) if value != good[place]])
        file.write_bytes(good[:place] + bytes([byte]) + good[place + 1 :])
        if place == len(good) - 1:  # the last newline: the line is torn and left out
            assert Run.open(run.path).cases().height == truth.height - 1
            continue
        number = good[:place].count(b"\n") + 1
        try:
            found = Run.open(run.path).cases()
        except InputError as error:
            noticed = re.search(rf"predictions\.jsonl, line {number}: .*delete this line", str(error))
            assert noticed, (place, byte, str(error))
        else:
            # The name of the first line's checksum: such a line could be of a version without checksums.
            assert number == 1
            assert found.equals(truth)


def test_config_identifies_the_run_apart_from_when_it_was_made(
    shop: DataSet, tmp_path: Path, scripted: Make
) -> None:
    one = evaluate(shop, scripted(), run_dir=tmp_path / "one", part="all")
    two = evaluate(shop, scripted(), run_dir=tmp_path / "two", part="all")
    three = evaluate(shop, scripted(), run_dir=tmp_path / "three", part="all", first_step="include")
    assert one.config.digest == two.config.digest != three.config.digest
    assert one.config.starts[0].time < two.config.starts[0].time
    config = json.loads((one.path / "config.json").read_text())
    assert config["identity"]["cases"]["content_hash"] == shop.content_hash
    assert config["starts"][0]["packages"]["polars"]
    assert repr(one) == f"Run({str(one.path)!r}, test:scripted on tiny/all, {one.config.counts.cases} cases)"
    assert one.name == "one"


def test_progress_counts_answers_and_cost(shop: DataSet, tmp_path: Path, scripted: Make) -> None:
    seen: list[tuple[int, int | None, str]] = []

    def progress(done: int, total: int | None, note: str = "") -> None:
        seen.append((done, total, note))

    run = evaluate(shop, scripted(delay=0.002), run_dir=tmp_path / "run", part="all", progress=progress)
    total = run.config.counts.cases
    assert seen[-1][:2] == (total, total)
    assert "/s · $0." in seen[-1][2]
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert len(seen) < total


class Undeclared(Learner):
    """Has `fit`, but does not say whether it learns."""

    learns = property()  # type: ignore[assignment]  # hasattr() is false


def test_a_predictor_with_fit_must_declare_whether_it_learns(shop: DataSet, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"test:learner.*`learns = True`"):
        evaluate(shop, Undeclared(), run_dir=tmp_path / "run")
