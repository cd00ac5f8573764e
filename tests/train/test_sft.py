"""Real trainings of a second: what they write, what they learn, and that they can be repeated."""

import json
import os
import shutil
import signal

import pytest
import torch
from safetensors.torch import load_file
from small_training import make_model

from facsim.data import Card, DataSetWriter
from facsim.lm.chat_tokenizer import ChatTokenizer
from facsim.lm.checkpoint import load_checkpoint, load_tokenizer
from facsim.lm.locate import find_checkpoint
from facsim.schema import Action, Session, Step
from facsim.train import TrainingInterrupted, TrainingReport, check_training, train_sft
from facsim.train.report import model_card
from facsim.train.serving import is_auto_tokenizer
from facsim.train.validation import ValidationScore
from facsim.util.errors import ConfigError, InputError


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, shop, small_model):
    """One training: its configuration, its report, and its progress calls."""
    from facsim.train import SftConfig

    config = SftConfig.of(
        shop,
        str(small_model),
        tmp_path_factory.mktemp("trained") / "out",
        preset="tiny",
        style="rationale",
        epochs=1,
        global_batch=4,
        validations=2,
        sessions=16,
        validation_sessions=3,
        learning_rate=3e-3,
        context_tokens=1024,
    )
    said = []
    report = train_sft(config, progress=lambda done, total, note="": said.append((done, total, note)))
    return config, report, said


def test_pages_as_changes_are_trained_and_recorded(config, tmp_path):
    """The same sessions in fewer tokens, and a checkpoint that is prompted as it was trained."""
    data = tmp_path / "data"
    menu = "".join(f'<a name="menu.{n}">Department {n}</a>' for n in range(40))
    with DataSetWriter(data, Card(name="menus", source="jsonl", origin="tests")) as writer:
        for person in range(30):
            pages = [writer.add_page(f'{menu}<a name="goods.{person}">{text}</a>') for text in ("pan", "cup")]
            steps = [Step(page, Action.click(f"goods.{person}")) for page in (*pages, pages[0])]
            writer.add_session(Session(f"s{person}", f"u{person}", tuple(steps)))
    full, changes = (
        config(data=data, pages=pages, context_tokens=4096, budget_tokens=3500, sessions=8)
        for pages in ("full", "changes")
    )
    counts = [check_training(one, styles=("action",)).styles[0].counts.tokens for one in (full, changes)]
    assert counts[1] < counts[0]
    train_sft(changes)
    settings = load_checkpoint(changes.out).settings
    assert settings.prompt.pages == "changes"
    assert json.loads((changes.out / "facsim.json").read_text())["prompt"]["pages"] == "changes"


def test_a_plain_checkpoint_is_written(trained):
    config, report, _ = trained
    names = {file.name for file in config.out.iterdir()}
    assert names >= {"config.json", "model.safetensors", "generation_config.json", "tokenizer.json"}
    assert names >= {"facsim.json", "README.md", "training.json", "training.svg", "training.png"}
    # Nothing pickled, nothing of the way there.
    assert not [
        name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl")) or name == "training"
    ]
    model, chat, settings = load_checkpoint(config.out)
    assert settings.prompt.style == "rationale"
    assert settings.prompt.budget_tokens == report.prompt["budget_tokens"]
    assert settings.prompt.tokenizer == config.out / "tokenizer.json"
    assert settings.trained_on["content_hash"] == report.content_hash
    assert chat.end_token in model.generation_config.eos_token_id


def test_the_report_is_complete_and_has_no_paths(trained):
    config, report, _ = trained
    assert TrainingReport.read(config.out) == report
    assert report.examples["sessions"] == 16
    assert report.examples["trained_tokens"] < report.examples["tokens"]
    assert [entry["step"] for entry in report.losses] == [1, 2, 3, 4]
    assert [entry["step"] for entry in report.accuracies] == [0, 2, 4]
    assert report.losses[-1]["loss"] < report.losses[0]["loss"]
    assert report.best_step == 4
    assert report.trained_parameters == report.parameters
    for name in ("training.json", "facsim.json", "README.md"):
        assert str(config.out.parent) not in (config.out / name).read_text()
    card = (config.out / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "licence" in card.lower()
    assert "PreTrainedTokenizerFast" not in card
    assert "`PreTrainedTokenizerFast.from_pretrained(FOLDER)`" in model_card(report, auto_tokenizer=False)
    assert (config.out / "training.png").read_bytes().startswith(b"\x89PNG")
    json.loads((config.out / "training.json").read_text())


def test_a_swapped_tokenizer_is_detected(trained, tmp_path):
    tiny = find_checkpoint("tiny")
    assert is_auto_tokenizer(tiny, ChatTokenizer(load_tokenizer(tiny)))
    # AutoTokenizer makes a tokenizer of Qwen's beside a model of type qwen2. With bytes alone it splits alike.
    qwen = shutil.copytree(tiny, tmp_path / "qwen")
    config = json.loads((qwen / "config.json").read_text())
    (qwen / "config.json").write_text(json.dumps(config | {"model_type": "qwen2"}))
    assert not is_auto_tokenizer(qwen, ChatTokenizer(load_tokenizer(qwen)))
    assert is_auto_tokenizer(trained[0].out, ChatTokenizer(load_tokenizer(trained[0].out)))


def test_progress_counts_examples_with_loss_and_accuracy(trained):
    _, _, said = trained
    reading = [done for done, total, note in said if note == "sessions"]
    assert reading == sorted(reading)
    training = [(done, total) for done, total, note in said if note != "sessions"]
    assert training[-1] == (16, 16)
    assert "loss" in said[-1][2]
    assert "accuracy" in said[-1][2]


def test_the_same_seed_gives_the_same_weights_and_another_seed_does_not(config):
    one, same, other = config(out_name="one"), config(out_name="same"), config(out_name="other", max_steps=3)
    train_sft(one)
    torch.manual_seed(99)  # what happened before does not matter
    train_sft(same)
    assert weights(one.out) == weights(same.out)
    train_sft(other)
    assert weights(one.out) != weights(other.out)


def test_the_real_metric_shows_learning(config):
    """People leave in the end, and take what they want: some of that is learned, and validation says so."""
    settings = {"epochs": 6, "optimizer": "adamw", "learning_rate": 5e-3, "global_batch": 2}
    report = train_sft(config(sessions=None, validations=3, **settings))
    assert report.first_accuracy == 0
    assert report.best_accuracy >= 0.4
    assert report.losses[-1]["loss"] < 0.2 * report.losses[0]["loss"]


def test_the_best_weights_are_kept_not_the_last(config):
    """A learning rate that ruins the model: the exported weights are those that validated best."""
    settings = config(learning_rate=1.0, schedule="constant", epochs=2, validations=4)
    report = train_sft(settings)
    first, *others = (dict(entry) for entry in report.accuracies)
    kept, best = first.pop("step"), ValidationScore(**first)
    for entry in others:
        step, score = entry.pop("step"), ValidationScore(**entry)
        if score.beats(best):
            kept, best = step, score
    assert report.best_step == kept
    assert report.best_step < report.steps
    again = load_checkpoint(settings.out)
    from facsim.data import DataSet
    from facsim.train.session_selection import validation_sessions
    from facsim.train.validation import Validation

    held_out = validation_sessions(DataSet.open(settings.data), settings)
    score = Validation(held_out, again.chat, again.settings.prompt).score(again.model)
    assert score.accuracy == pytest.approx(report.best_accuracy)
    assert score.log_probability == pytest.approx(best.log_probability, abs=1e-4)


def test_chance_does_not_choose_the_weights():
    """Accuracies that differ by less than their error leave the choice to the log-probability."""
    lucky, likely = ValidationScore(0.10, -9.0, 0.04), ValidationScore(0.08, -7.0, 0.03)
    assert likely.beats(lucky)
    assert not lucky.beats(likely)
    right = ValidationScore(0.20, -9.5, 0.05)
    assert right.beats(likely)
    assert not likely.beats(right)


def test_without_validation_the_last_weights_are_kept(config):
    report = train_sft(config(validation_sessions=0))
    assert report.accuracies == ()
    assert report.best_step == report.steps
    assert report.best_accuracy is None
    assert "It was not validated" in (config().out / "README.md").read_text()


def test_lora_is_merged_into_a_complete_checkpoint(config, small_model):
    settings = config(method="lora", lora_rank=4, optimizer="adamw", learning_rate=1e-2)
    report = train_sft(settings)
    assert 0 < report.trained_parameters < report.parameters
    before, after = (
        load_file(small_model / "model.safetensors"),
        load_file(settings.out / "model.safetensors"),
    )
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("proj" in name for name in changed)
    assert (settings.out / "adapter" / "adapter_model.safetensors").is_file()
    score = load_checkpoint(settings.out)
    assert score.settings.prompt.style == "action"
    assert score.chat.end_token in score.model.generation_config.eos_token_id


def test_bf16_checkpoints_are_stored_in_bf16(config):
    settings = config(precision="bf16", max_steps=1)
    train_sft(settings)
    assert {tensor.dtype for tensor in load_file(settings.out / "model.safetensors").values()} == {
        torch.bfloat16
    }
    assert load_checkpoint(settings.out).settings.trained_on["bf16"] is True


@pytest.mark.slow
def test_gradient_checkpointing_changes_nothing(config):
    one, other = config(out_name="one"), config(out_name="other", gradient_checkpointing=True)
    train_sft(one)
    train_sft(other)
    first, second = load_file(one.out / "model.safetensors"), load_file(other.out / "model.safetensors")
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "signal_number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_stopped_training_resumes_to_the_same_weights(config, signal_number):
    whole, parts = config(out_name="whole"), config(out_name="parts")
    train_sft(whole)

    def stop(done, total, note=""):
        if note != "sessions" and done == 5:  # within the second step
            os.kill(os.getpid(), signal_number)

    with pytest.raises(TrainingInterrupted, match=r"stopped after step 2 of 4, which is saved in .*--resume"):
        train_sft(parts, progress=stop)
    with pytest.raises(ConfigError, match=r"contains a training\. Continue it with --resume"):
        train_sft(parts)
    report = train_sft(parts, resume=True)
    assert weights(parts.out) == weights(whole.out)
    first = TrainingReport.read(whole.out)
    assert [entry["loss"] for entry in report.losses] == [entry["loss"] for entry in first.losses]
    assert report.accuracies == first.accuracies
    assert report.seconds > 0


def test_a_training_is_not_resumed_with_other_settings(config):
    def stop(done, total, note=""):
        if note != "sessions" and done == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TrainingInterrupted):
        train_sft(config(), progress=stop)
    with pytest.raises(
        ConfigError,
        match=r"was started with other settings:\n  learning_rate: 0.001 before, 1.0 now\n  epochs: 1.0 before, 2.0 now",
    ):
        train_sft(config(epochs=2, learning_rate=1), resume=True)


def test_a_finished_training_is_not_repeated(config):
    first = train_sft(config(max_steps=1))
    assert train_sft(config(max_steps=1), resume=True) == first
    with pytest.raises(ConfigError, match="exists and is not a training to resume"):
        train_sft(config(max_steps=1))
    with pytest.raises(
        ConfigError, match=r"was started with other settings:\n  max_steps: 1 before, 2 now\n"
    ):
        train_sft(config(max_steps=2), resume=True)
    # When it was saved, and that it was told to use the processor, changed nothing.
    assert train_sft(config(max_steps=1, save_every=7, cpu=True), resume=True) == first
    (first_file := config().out / "training.json").write_text('{"config": ')
    with pytest.raises(InputError, match=r"training.json: is not JSON"):
        train_sft(config(max_steps=1), resume=True)
    first_file.write_text('{"steps": 1}')
    with pytest.raises(InputError, match="is not a report of this version: accuracies"):
        train_sft(config(max_steps=1), resume=True)


def test_contexts_beyond_the_model_are_refused(config, tmp_path):
    short = make_model(tmp_path / "short", context=512)
    with pytest.raises(ConfigError, match=r"context_tokens 1024: .* takes 512 tokens at most"):
        train_sft(config(model=str(short)))
    assert not config().out.exists()
    found = check_training(config(model=str(short)), styles=("action",))
    assert any("takes 512 tokens at most" in problem for problem in found.problems)


@pytest.mark.parametrize("resume", [False, True])
def test_another_programs_folder_named_training_is_left_alone(config, resume):
    theirs = config().out / "training" / "notes.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    for content in (None, '{"lr": 1}', "[]"):
        if content is not None:
            (theirs.parent / "config.json").write_text(content)
        with pytest.raises(ConfigError, match="exists and is not a training to resume"):
            train_sft(config(), resume=resume)
        assert theirs.read_text() == "mine"


def test_people_of_the_test_part_are_not_trained_on(config):
    with pytest.raises(InputError, match=r"users in test are also in train.*--allow-shared-users"):
        train_sft(config(split_by="session"))
    assert train_sft(config(split_by="session", allow_shared_users=True, max_steps=1)).steps == 1


def test_tokenizers_of_base_models_get_a_template_that_others_can_read(config, tmp_path):
    """No chat template, no padding token: the checkpoint has both."""
    base = make_model(tmp_path / "base", template=None)
    settings = config(model=str(base), max_steps=1)
    train_sft(settings)
    found = load_checkpoint(settings.out).chat
    assert not found.uses_fallback
    assert "### " in found.tokenizer.chat_template
    assert found.tokenizer.pad_token == "</s>"


def test_frozen_embeddings_stay_as_they_were(config, small_model):
    settings = config(optimizer="adamw", train_embeddings=False, max_steps=3)
    report = train_sft(settings)
    before, after = (
        load_file(small_model / "model.safetensors"),
        load_file(settings.out / "model.safetensors"),
    )
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert "model.embed_tokens.weight" not in changed
    assert any("mlp" in name for name in changed)
    assert report.trained_parameters < report.parameters


def test_a_tracker_gets_loss_and_validation(config, monkeypatch):
    pytest.importorskip("tensorboardX")
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    settings = config(out_name="tracked", log_to="tensorboard", max_steps=3)
    train_sft(settings)
    (events,) = settings.out.with_name("tracked.tensorboard").rglob("events.*")
    written = events.read_bytes()
    assert b"train/loss" in written
    assert b"train/validation_accuracy" in written


def test_a_tracker_that_is_not_installed_is_refused_before_training(config):
    settings = config(log_to="mlflow")
    with pytest.raises(
        ConfigError, match=r"log_to mlflow: its package is not installed\. Run: pip install mlflow"
    ):
        train_sft(settings)
