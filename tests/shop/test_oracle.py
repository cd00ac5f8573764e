"""The oracle: knows what nobody else can, replays in any order, and refuses what is not its shop's."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from facsim.data import Card, DataSet, DataSetWriter, replay
from facsim.evaluation import evaluate
from facsim.predict import BASELINES, SPEC_FORMS, load_predictor
from facsim.predict.oracle import Oracle
from facsim.report import leaderboard
from facsim.schema import Action, Session, Step
from facsim.shop import sample
from facsim.shop.version import version_of
from facsim.util.errors import ConfigError


def test_it_states_what_the_data_set_states(shop_data: DataSet, oracle: Oracle) -> None:
    for session in list(shop_data)[:20]:
        for so_far, step in replay(shop_data, session):
            answer = oracle.answer(so_far)
            assert answer.probabilities is not None and step.truth is not None
            assert answer.action == step.truth.best
            assert answer.probabilities[step.action] == pytest.approx(step.truth.probability, rel=1e-12)
            assert math.fsum(answer.probabilities.values()) == pytest.approx(1)
            assert all(name is None or name in so_far.page for name in (a.name for a in answer.probabilities))
            assert answer.rationale


def test_every_element_of_the_page_has_a_probability(shop_data: DataSet, oracle: Oracle) -> None:
    for session in list(shop_data)[:10]:
        for so_far, _ in replay(shop_data, session):
            possible = oracle.answer(so_far).probabilities
            assert possible is not None
            assert {element.name for element in so_far.page.elements} == {
                action.name for action in possible if action.name is not None
            }
            assert possible[Action.terminate()] > 0


def test_steps_may_be_asked_in_any_order_and_again(shop_data: DataSet, oracle: Oracle) -> None:
    session = max(shop_data, key=lambda session: len(session.steps))
    so_fars = [so_far for so_far, _ in replay(shop_data, session)]
    in_order = [oracle.answer(so_far) for so_far in so_fars]
    fresh = Oracle()
    fresh.fit(shop_data)
    last_first = [fresh.answer(so_far) for so_far in reversed(so_fars)]
    assert in_order == last_first[::-1]
    assert [fresh.answer(so_far) for so_far in so_fars] == in_order


def test_runs_agree_with_the_truth_and_nobody_is_better(shop_data: DataSet, tmp_path: Path) -> None:
    specs = ["oracle:", *BASELINES, "choice"]
    some = shop_data.select(shop_data.session_ids[:60])
    runs = [evaluate(some, spec, run_dir=tmp_path / str(place)) for place, spec in enumerate(specs)]
    board = leaderboard(runs)
    assert board.rows[0].oracle
    oracle, *others = board.rows
    for row in others:
        assert row.values["accuracy"].value < oracle.values["accuracy"].value, row.predictor
        for share in row.shares.values():
            assert share.value < 1, row.predictor
    assert any("log_likelihood" in row.shares for row in others)
    assert board.ceiling is not None and set(board.ceiling.floors) == {"accuracy", "log_likelihood"}
    truth = some.steps.select("session_id", "step", "truth_probability")
    joined = runs[0].cases().join(truth, on=["session_id", "step"])
    assert joined.height == runs[0].cases().height
    gaps = joined.select((pl.col("log_probability") - pl.col("truth_probability").log()).abs().max())
    assert gaps.item() < 1e-6


def test_an_interrupted_run_goes_on(shop_data: DataSet, tmp_path: Path) -> None:
    run = evaluate(shop_data, "oracle:", run_dir=tmp_path / "run", limit=6)
    before = run.cases()
    file = tmp_path / "run" / "predictions.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[: len(lines) // 2]), encoding="utf-8")
    again = evaluate(shop_data, "oracle:", run_dir=tmp_path / "run", limit=6, resume=True).cases()
    drop = ["seconds"]
    assert again.drop(drop).equals(before.drop(drop))


def test_it_is_a_predictor_like_others(shop_data: DataSet, oracle: Oracle) -> None:
    assert "oracle:" in SPEC_FORMS
    assert isinstance(load_predictor("oracle:"), Oracle)
    assert isinstance(load_predictor("oracle"), Oracle)
    with pytest.raises(ConfigError, match="unknown predictor 'oracle:7'"):
        load_predictor("oracle:7")
    assert oracle.settings() == shop_data.card.settings


def test_before_it_knows_a_shop_it_says_so(shop_data: DataSet) -> None:
    so_far, _ = next(replay(shop_data, shop_data.session(shop_data.session_ids[0])))
    with pytest.raises(ConfigError, match="the oracle is not fitted"):
        Oracle().answer(so_far)


def test_other_data_has_no_oracle(tmp_path: Path) -> None:
    with DataSetWriter(tmp_path / "data", Card(name="mine", source="jsonl", origin="o")) as writer:
        page_id = writer.add_page("<p>x</p>")
        writer.add_session(Session("s", "u", (Step(page_id, Action.terminate()),)))
    with pytest.raises(ConfigError, match=r"not a data set of `facsim shop sample`.*'jsonl'"):
        Oracle().fit(DataSet.open(tmp_path / "data"))


def changed(data: DataSet, folder: Path, **settings: object) -> DataSet:
    shutil.copytree(data.path, folder)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card["settings"] |= settings
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return DataSet.open(folder)


def test_data_of_another_version_of_the_shop_is_refused(shop_data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"version abc; this Facsim's shop is version \w+.*Sample it again"):
        Oracle().fit(changed(shop_data, tmp_path / "a", shop="abc"))
    with pytest.raises(ConfigError, match="not a data set of `facsim shop sample`"):
        Oracle().fit(changed(shop_data, tmp_path / "b", seed="7"))
    # A card that says something else than what made the sessions.
    with pytest.raises(ConfigError, match="this Facsim's shop has a different page"):
        Oracle().fit(changed(shop_data, tmp_path / "c", variant="no_ratings"))
    with pytest.raises(ConfigError, match="not one of the 3 sessions of this data set's card"):
        Oracle().fit(changed(shop_data, tmp_path / "d", sessions=3).select([shop_data.session_ids[-1]]))


def test_changed_sessions_are_refused(shop_data: DataSet, oracle: Oracle, tmp_path: Path) -> None:
    file = shutil.copytree(shop_data.path, tmp_path / "e") / "steps.parquet"
    steps = pl.read_parquet(file)
    steps.with_columns(truth_entropy=pl.col("truth_entropy") + 0.1).write_parquet(file)
    with pytest.raises(ConfigError, match="different probabilities than the data set records"):
        Oracle().fit(DataSet.open(tmp_path / "e"))
    # The past of one session with the page of another.
    one, two = (list(replay(shop_data, shop_data.session(name))) for name in shop_data.session_ids[:2])
    mixed = dataclasses.replace(one[1][0], page=two[1][0].page)
    with pytest.raises(ConfigError, match="a different page"):
        oracle.answer(mixed)
    past = (dataclasses.replace(one[1][0].past[0], action=Action.click("nowhere")),)
    with pytest.raises(ConfigError, match="no step after"):
        oracle.answer(dataclasses.replace(one[1][0], past=past))
    assert oracle.answer(one[1][0]).action is not None, "it is none the worse for it"


def test_rationales_are_of_the_best_action(tmp_path: Path) -> None:
    data = sample(3, 1, tmp_path / "data")
    oracle = Oracle()
    oracle.fit(data)
    for session in data:
        for so_far, step in replay(data, session):
            first, second = oracle.answer(so_far), oracle.answer(so_far)
            assert first.rationale == second.rationale
            assert step.rationale


def test_rules_that_only_change_looks_leave_the_version_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    css = files("facsim.shop") / "storefront/static/shop.css"
    text = css.read_bytes()
    before, marker, rules = text.partition(b"/* Not part of the shop version")
    assert b".found:only-child" in rules
    versions = {}
    for name, sheet in (
        ("as it is", text),
        ("other look", before + marker + rules.replace(b"1 / -1", b"1 / 2")),
        ("no look", before),
        ("other page", text.replace(b"240px", b"250px")),
    ):
        monkeypatch.setattr(Path, "read_bytes", lambda path, sheet=sheet, read=Path.read_bytes: (
            sheet if path.name == "shop.css" else read(path)
        ))  # fmt: skip
        version_of.cache_clear()
        versions[name] = version_of(3)
        monkeypatch.undo()
    version_of.cache_clear()
    assert versions["as it is"] == versions["other look"] == versions["no look"] != versions["other page"]
