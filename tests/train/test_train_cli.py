"""`facsim train` as a person uses it: what it prints, and its exit codes."""

import re
from pathlib import Path

import pytest
import yaml

from facsim.cli.main import app, main
from facsim.data import DataSet
from facsim.train import SftConfig, check_training

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs a command line like the shell does: exit code, standard output, standard error."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["facsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def test_check_shows_every_style_and_marks_what_is_trained(run, shop, small_model):
    code, out, _ = run("train", "check", shop, "--model", small_model, "--context-tokens", 1024)
    assert code == 0
    for style in ("action", "rationale", "think", "two_turn"):
        assert f"\n{style}: session s0-0\n" in out
    assert '⟦{"type": "terminate"}<|im_end|>⟧' in out
    assert '⟦not trained: {"type": "click", "name": null}<|im_end|>⟧' in out
    assert re.search(r"… [\d,]+ tokens, not trained …", out)
    # A page is never marked as trained.
    assert not re.search(r"⟦[^⟧]*<page>", out)
    assert re.search(r"not trained: target has no name +│ +10 │ +10 │ +10 │ +10 │", out)
    assert re.search(r"H100 hours, computed +│ +<0.01 │", out)
    assert out.rstrip().endswith("Passed.")


def test_check_shows_the_requested_session_completely(run, shop, small_model):
    arguments = (
        "train",
        "check",
        shop,
        "--model",
        small_model,
        "--context-tokens",
        1024,
        "--style",
        "action",
    )
    code, out, _ = run(*arguments, "--session", "s0-1", "--whole")
    assert code == 0
    assert "action: session s0-1" in out
    assert "tokens, not trained …" not in out
    assert "Predict the one action that this very person takes on it" in out
    code, _, err = run(*arguments, "--session", "nobody")
    assert code == 2
    assert "no session nobody in the train part" in err


def test_check_refuses_people_of_the_test_part(run, shop, small_model):
    arguments = (
        "train",
        "check",
        shop,
        "--model",
        small_model,
        "--context-tokens",
        1024,
        "--style",
        "action",
    )
    code, out, _ = run(*arguments, "--split-by", "session")
    assert code == 1
    assert "users in test are also in train" in out
    assert "Refused" in out
    code, out, _ = run(*arguments, "--split-by", "session", "--allow-shared-users")
    assert code == 0


def test_check_refuses_duplicate_sessions(run, tmp_path, small_model):
    """The same pages, actions and times under another name, in train and in test."""
    from datetime import UTC, datetime, timedelta

    from facsim.data import Card, DataSet, DataSetWriter
    from facsim.data.splits import assign
    from facsim.schema import Action, Session, Step

    def write(folder, copied):
        with DataSetWriter(folder, Card(name="twice", source="jsonl", origin="tests")) as writer:
            page = writer.add_page('<input name="q"><a name="go">Go</a>')
            for person in range(30):
                # In one that is copied nothing but the names differs.
                time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=0 if person in copied else person)
                steps = [
                    Step(
                        page,
                        Action.type_and_submit("q", f"cup {0 if person in copied else person}"),
                        timestamp=time,
                    ),
                    Step(page, Action.click("go"), timestamp=time + timedelta(seconds=5)),
                    Step(page, Action.terminate(), timestamp=time + timedelta(seconds=9)),
                ]
                writer.add_session(Session(f"s{person}", f"u{person}", tuple(steps)))
        return DataSet.open(folder)

    parts = assign(write(tmp_path / "clean", ()), "user", 0)
    learned = next(n for n in range(30) if parts[f"s{n}"] == "train")
    tested = next(n for n in range(30) if parts[f"s{n}"] == "test")
    write(tmp_path / "twice", (learned, tested))
    arguments = ("--model", small_model, "--context-tokens", 1024, "--style", "action")
    assert run("train", "check", tmp_path / "clean", *arguments)[0] == 0
    code, out, _ = run("train", "check", tmp_path / "twice", *arguments)
    assert code == 1
    assert "1 sessions of train stand again in test" in out


def test_pages_cannot_reach_the_terminal(run, tmp_path, small_model):
    from facsim.data import Card, DataSetWriter
    from facsim.schema import Action, Session, Step

    with DataSetWriter(tmp_path / "hostile", Card(name="h", source="jsonl", origin="tests")) as writer:
        page = writer.add_page('<p>\x1b[2J\x1b]0;owned\x07 \u202e [bold red]</p><a name="a">a</a>')
        for person in range(12):
            writer.add_session(
                Session(f"s{person}", f"u{person}", (Step(page, Action.type_and_submit("a", "\x1b[31m")),))
            )
    code, out, _ = run(
        "train", "check", tmp_path / "hostile", "--model", small_model, "--context-tokens", 1024, "--whole",
        "--style", "action",
    )  # fmt: skip
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[2J" in out
    assert "[bold red]" in out


def test_a_training_from_the_command_line(run, shop, small_model, tmp_path):
    arguments = (
        "train", "sft", shop, "--model", small_model, "--out", tmp_path / "out", "--preset", "tiny",
        "--context-tokens", 1024, "--sessions", 8, "--validation-sessions", 2, "--max-steps", 1,
        "--global-batch", 4,
    )  # fmt: skip
    code, out, err = run(*arguments)
    assert code == 0, err
    assert "8 sessions in 8 examples" in out
    assert "1 steps in" in out
    assert f"Next: facsim evaluate {shop} local:{tmp_path / 'out'}" in out
    code, _, err = run(*arguments)
    assert code == 2
    assert "exists and is not a training to resume" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        (("--global-batch", "0"), "global_batch 0"),
        (("--model", "/nowhere/at/all"), "/nowhere/at/all: no such folder"),
        (("--attention", "psychic"), "attention psychic"),
        (("--liger",), "liger: needs a CUDA GPU"),
    ],
)
def test_impossible_settings_are_reported(run, shop, small_model, tmp_path, extra, problem):
    code, _, err = run(
        "train", "sft", shop, *(() if "--model" in extra else ("--model", small_model)), "--out",
        tmp_path / "out", "--preset", "tiny", "--context-tokens", 1024, *extra,
    )  # fmt: skip
    assert code == 2
    assert problem in err
    assert "Traceback" not in err


@pytest.mark.parametrize("gpus", [1, 8, 64])
def test_accelerate_reads_the_configurations(run, tmp_path, gpus):
    from accelerate.commands.config.config_args import load_config_from_file

    file = tmp_path / "fsdp.yaml"
    code, out, _ = run("train", "accelerate", gpus, "--out", file)
    assert code == 0
    assert f"accelerate launch --config_file {file}" in out
    assert ("--machine_rank" in out) == (gpus > 8)
    found = load_config_from_file(str(file))
    assert found.num_processes == gpus
    assert found.num_machines == max(1, gpus // 8)
    assert found.mixed_precision == "bf16"
    raw = yaml.safe_load(file.read_text())
    assert raw["distributed_type"] == ("FSDP" if gpus > 1 else "NO")
    if gpus > 1:
        assert found.fsdp_config["fsdp_version"] == 2
        assert found.fsdp_config["fsdp_state_dict_type"] == "FULL_STATE_DICT"


def test_gpus_that_do_not_fill_machines_are_refused(run):
    code, _, err = run("train", "accelerate", 12)
    assert code == 2
    assert "do not fill machines of 8" in err


def test_help_lists_the_subcommands(capsys):
    app(["train", "--help"], result_action="return_value", exit_on_error=False)
    out = capsys.readouterr().out
    assert all(verb in out for verb in ("check", "sft", "accelerate"))


def test_gpu_hours_are_those_of_the_examples(shop, small_model):
    from facsim.lm.checkpoint import load_chat_tokenizer
    from facsim.lm.operations import PEAK_OPERATIONS, UTILISATION, model_shape
    from facsim.train.examples import session_examples
    from facsim.train.session_selection import training_sessions

    def hours(**settings):
        config = SftConfig.of(shop, str(small_model), "unused", context_tokens=1024, **settings)
        (found,) = check_training(config, styles=("action",)).styles
        train = training_sessions(DataSet.open(shop), config)
        chat = load_chat_tokenizer(Path(small_model))
        tokens = [
            len(example.masked.tokens)
            for session in train
            for example in session_examples(train, session, chat, found.prompt)
            if example.trained
        ]
        assert sum(tokens) == found.counts.tokens
        return found.gpu_hours, tokens

    shape = model_shape(Path(small_model))
    found, tokens = hours(epochs=2.0)
    forward = sum(2 * shape.parameters * n + 2 * shape.layers * shape.width * n**2 for n in tokens)
    hour = PEAK_OPERATIONS * UTILISATION * 3600
    assert found == pytest.approx(2 * 4 * forward / hour)
    assert hours(epochs=2.0, gradient_checkpointing=False)[0] == pytest.approx(2 * 3 * forward / hour)
    assert hours(epochs=2.0, method="lora")[0] == pytest.approx(2 * 3 * forward / hour)
    few = hours(epochs=2.0, max_steps=1, global_batch=2)[0]
    assert few == pytest.approx(4 * forward / hour * 2 / len(tokens))
