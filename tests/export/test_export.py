"""Runs for Inspect and rows for TRL and verl: what other tools read back is what Facsim knows."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_training import make_data

from facsim.cli.main import app
from facsim.data import DataSet, replay
from facsim.data.splits import split
from facsim.evaluation import Run, evaluate
from facsim.export import write_inspect_log, write_training_rows
from facsim.prompt import PromptConfig, build_prompt, parse_answer
from facsim.util.errors import ConfigError


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> DataSet:
    return DataSet.open(make_data(tmp_path_factory.mktemp("data") / "small"))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> Run:
    return evaluate(data, "baseline:markov-1", run_dir=tmp_path_factory.mktemp("runs") / "markov")


def test_an_inspect_log_has_every_case_and_metric_of_the_run(run, tmp_path):
    log = json.loads(write_inspect_log(run, tmp_path / "log.json").read_text())
    cases = run.to_polars()
    assert [sample["id"] for sample in log["samples"]] == [
        f"{row['session_id']}/{row['step']}" for row in cases.iter_rows(named=True)
    ]
    right = sum(sample["scores"]["exact"]["value"] == "C" for sample in log["samples"])
    assert right == cases["right_exact"].sum() > 0
    (scores,) = log["results"]["scores"]
    assert scores["metrics"]["accuracy"]["value"] == run.metrics["accuracy"].value
    assert log["eval"]["model"] == "baseline:markov-1"


def test_inspect_reads_the_log(run, tmp_path):
    inspect_log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")
    file = write_inspect_log(run, tmp_path / "log.json")
    log = inspect_log.read_eval_log(str(file))
    assert log.status == "success"
    assert len(log.samples) == len(run.to_polars())
    assert log.results.scores[0].metrics["accuracy"].value == run.metrics["accuracy"].value


@pytest.mark.parametrize("style", ["action", "think"])
def test_rows_of_steps_hold_the_very_prompt_and_the_true_answer(data, tmp_path, style):
    prompt = PromptConfig(style=style)
    chosen = split(data, "train", "user", 0)
    every = [pair for session in chosen for pair in replay(chosen, session)]
    steps = [pair for pair in every if pair[1].action.type == "terminate" or pair[1].action.name]
    assert len(steps) < len(every)
    for row_format in ("trl-prompt", "verl"):
        file = tmp_path / f"{row_format}.parquet"
        assert write_training_rows(data, file, row_format, prompt=prompt) == (
            len(steps),
            len(every) - len(steps),
        )
        for row, (so_far, step) in zip(pq.read_table(file).to_pylist(), steps, strict=True):
            built = build_prompt(so_far, prompt)
            assert row["prompt"] == [{"role": m.role, "content": m.content} for m in built.messages]
            if row_format == "verl":
                assert json.loads(row["reward_model"]["ground_truth"]) == step.action.to_dict()
                assert row["extra_info"] == {
                    "split": "train", "session_id": so_far.session_id, "step": so_far.step,
                }  # fmt: skip
            else:
                (answer,) = row["completion"]
                assert parse_answer(answer["content"], style).action == step.action


def test_verl_rows_name_the_data_set_wherever_it_is_opened_from(data, tmp_path, monkeypatch):
    monkeypatch.chdir(data.path)
    write_training_rows(DataSet.open("."), tmp_path / "rows.parquet", "verl")
    assert set(pq.read_table(tmp_path / "rows.parquet")["data_source"].to_pylist()) == {data.card.name}


def test_rows_of_sessions_hold_every_step_once(data, tmp_path):
    file = tmp_path / "rows.parquet"
    count = write_training_rows(data, file, "trl-messages", part="test").rows
    chosen = split(data, "test", "user", 0)
    rows = pq.read_table(file).to_pylist()
    assert len(rows) == count == len(chosen)
    for row, session in zip(rows, chosen, strict=True):
        answers = [m["content"] for m in row["messages"] if m["role"] == "assistant"]
        assert len(answers) == len(session.steps)


def test_trl_trains_on_the_rows(data, tmp_path):
    datasets = pytest.importorskip("datasets")
    file = tmp_path / "rows.parquet"
    write_training_rows(data, file, "trl-messages")
    loaded = datasets.load_dataset("parquet", data_files=str(file), cache_dir=str(tmp_path / "cache"))[
        "train"
    ]
    from trl import is_conversational

    assert is_conversational(loaded[0])


def test_an_unknown_format_and_an_empty_part_are_refused(data, tmp_path):
    with pytest.raises(ConfigError, match="unknown row format 'csv': expected one of trl-messages"):
        write_training_rows(data, tmp_path / "rows.parquet", "csv")
    one = data.select(data.session_ids[:1])
    with pytest.raises(ConfigError):
        write_training_rows(one, tmp_path / "rows.parquet", "verl", part="validation")
    assert not list(tmp_path.iterdir())


def test_the_verb_writes_both(data, run, tmp_path, capsys):
    app(
        ["export", str(run.path), "--to", "inspect", "--out", str(tmp_path / "a.json")],
        result_action="return_value",
    )
    app(
        ["export", str(data.path), "--to", "verl", "--out", str(tmp_path / "b.parquet")],
        result_action="return_value",
    )
    assert "rows to" in capsys.readouterr().out
    assert Path(tmp_path / "a.json").is_file()
    assert pq.read_metadata(tmp_path / "b.parquet").num_rows > 0
