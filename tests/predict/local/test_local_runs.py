"""`facsim evaluate` with a local model: run folders, stopping, resuming, options."""

import os
import shutil
import signal
from io import StringIO

import pytest
from local_models import recorded_session
from rich.console import Console

from facsim.data import Card, DataSet, DataSetWriter
from facsim.evaluation import RunInterrupted, evaluate, resolve_targets
from facsim.evaluation.dry_run import plan_run
from facsim.lm.checkpoint_settings import read_settings, write_settings
from facsim.predict import load_predictor
from facsim.report import run_plan_prompt, run_plans_table
from facsim.schema import Session
from facsim.util.errors import ConfigError


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "tea"
    with DataSetWriter(folder, Card(name="tea", source="jsonl", origin="made by a test")) as writer:
        for number in range(6):
            recorded = recorded_session(number)
            steps = []
            for so_far, step in recorded.steps:
                page_id = writer.add_page(so_far.page.html)
                fields = (step.action, step.category, step.rationale)
                steps.append(type(step)(page_id, *fields, rationale_source=step.rationale and "human"))
            writer.add_session(Session(f"s{number}", f"u{number}", tuple(steps), persona="likes tea"))
    return folder


def asked(folder, **options):
    return load_predictor(f"local:{folder}", max_output_tokens=48, **options)


def lines(run):
    # After a stop the beginning of a session is computed again: less of a prompt was asked with before.
    took = ("seconds", "cached_tokens")
    return {
        (line["session_id"], line["step"]): {key: line[key] for key in line if key not in took}
        for line in run.records()
    }


def assert_alike(found, expected):
    """The same lines, whatever was batched together."""
    assert found.keys() == expected.keys()
    for place, line in found.items():
        for name, value in line.items():
            other = expected[place][name]
            known = pytest.approx(other, abs=1e-3) if isinstance(other, float) else other
            assert value == known, (place, name)


def test_a_resumed_run_ends_like_an_undisturbed_one(trained, data, tmp_path):
    model = trained("action")
    whole = evaluate(data, asked(model), run_dir=tmp_path / "whole", part="all")
    assert whole.config.identity.settings["decoding"] == "greedy"
    assert whole.config.identity.settings["dtype"] == "float32"
    assert whole.config.identity.settings["prompt"]["style"] == "action"
    assert all(line["seconds"] > 0 and line["log_probability"] < 0 for line in whole.records())

    signals = iter([signal.SIGINT])

    def stop(done, total, note=""):
        if done >= 3 and next(signals, None):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(RunInterrupted) as raised:
        # Small batches, so that there is something left to stop.
        evaluate(data, asked(model, batch_tokens=1), run_dir=tmp_path / "run", part="all", progress=stop)
    assert 3 <= raised.value.done < raised.value.total
    with pytest.raises(ConfigError, match=r"settings\.decoding"):
        other = asked(model, decoding="candidates")
        evaluate(data, other, run_dir=tmp_path / "run", part="all", resume=True)
    run = evaluate(data, asked(model), run_dir=tmp_path / "run", part="all", resume=True)
    assert_alike(lines(run), lines(whole))


def test_candidates_are_ranked(trained, data, tmp_path):
    run = evaluate(
        data, asked(trained("action"), decoding="candidates"), run_dir=tmp_path / "run", part="all"
    )
    for line in run.records():
        assert 0 < line["confidence"] <= 1
        assert line["pred_type"] is not None
        if line["true_type"] != "type_and_submit":
            assert line["rank"] >= 1


def test_a_dry_run_estimates_tokens_and_time(trained, data):
    planned = plan_run(data, asked(trained("action")), part="all")
    assert planned.steps == planned.estimate.steps
    shown = Console(width=200, record=True, file=StringIO())
    shown.print(run_plans_table([planned]))
    shown.print(run_plan_prompt(planned))
    said = shown.export_text()
    assert "── system" in said
    assert f"{planned.estimate.tokens:,}" in said
    assert "about " in said


def test_options_reach_the_predictors_that_have_them(trained, tmp_path):
    local = f"local:{trained('action')}"
    targets = resolve_targets([local], runs_dir=tmp_path, decoding="constrained", prompt={"style": "think"})
    (predictor,) = targets.values()
    assert (predictor.options.decoding, predictor.prompt.style) == ("constrained", "think")
    with pytest.raises(ConfigError, match="takes temperature"):
        resolve_targets([local], runs_dir=tmp_path, temperature=1.0)
    with pytest.raises(ConfigError, match="takes decoding"):
        resolve_targets(["endpoint:http://127.0.0.1:1/v1#m"], runs_dir=tmp_path, decoding="greedy")
    with pytest.raises(ConfigError, match="decoding 'best'"):
        resolve_targets([local], runs_dir=tmp_path, decoding="best")
    both = resolve_targets(
        [local, "endpoint:http://127.0.0.1:1/v1#m"], runs_dir=tmp_path, decoding="greedy", temperature=1.0
    )
    assert len(both) == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"part": "train"}, "trained on the train part of this data set"),
        ({"part": "all"}, "trained on the train part of this data set"),
        ({"part": "test", "seed": 1}, "--split-by user --seed 0"),
        ({"part": "test", "split_by": "session"}, "--split-by user --seed 0"),
    ],
)
def test_a_checkpoint_is_not_tested_on_its_training_sessions(trained, data, tmp_path, options, complaint):
    model = tmp_path / "model"
    shutil.copytree(trained("action"), model)
    facts = {"content_hash": DataSet.open(data).content_hash, "part": "train", "split_by": "user", "seed": 0}
    write_settings(model, read_settings(model).prompt, **facts)
    with pytest.raises(ConfigError, match=complaint):
        evaluate(data, asked(model), run_dir=tmp_path / "run", **options)
