"""The verbs evaluate, score, compare and report, from the command line."""

import inspect
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from in_process_cli import facsim

from facsim.data import DataSet
from facsim.evaluation import Run
from facsim.predict.registry import BASELINES

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")


@pytest.fixture(scope="module")
def runs(shop: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli") / "runs"
    said = facsim("evaluate", shop.path, *BASELINES, "--runs-dir", out, "--split-by", "session")
    assert all(f"{spec.replace(':', '-')}  accuracy" in said for spec in BASELINES)
    assert f"Next: facsim report {out}/*" in said
    return out


def test_every_baseline_has_its_run(runs: Path) -> None:
    assert sorted(folder.name for folder in runs.iterdir()) == sorted(
        spec.replace(":", "-") for spec in BASELINES
    )
    for folder in runs.iterdir():
        run = Run.open(folder)
        assert run.cases().height == run.config.counts.cases
        learns = folder.name not in ("baseline-always-terminate", "baseline-random-element")
        assert (run.config.counts.train_sessions is not None) is learns


def test_report_compare_and_score(runs: Path) -> None:
    folders = sorted(runs.iterdir())
    table = facsim("report", *folders)
    assert "★" in table
    assert all(folder.name in table for folder in folders)
    assert "rule target" in facsim("report", *folders, "--rule", "target")
    markdown = facsim("report", *folders, "--format", "md", "--published", "shopcart")
    assert markdown.count("\n| ") > 8
    assert "Published, not measured here" in markdown
    assert "Holm p" in facsim("compare", *folders[:2])
    widths = []
    for level in (0.99, 0.5):
        difference = json.loads(facsim("compare", *folders[:2], "--level", level, "--format", "json"))[0][
            "difference"
        ]
        widths.append(difference["high"] - difference["low"])
    assert widths[0] > widths[1] > 0
    assert "accuracy" in facsim("score", folders[0], "--resamples", "100")
    assert Run.open(folders[0]).metrics.resamples == 100
    (runs / "empty").mkdir()
    unanswered = runs / "unanswered"  # as a version before this one left it
    shutil.copytree(folders[0], unanswered)
    (unanswered / "predictions.jsonl").write_text("")
    try:
        for verb in ("score", "report"):
            assert f"{runs / 'empty'}: not a run, skipped" in facsim(verb, folders[1], runs / "empty")
            assert f"{unanswered}: a run without answers, skipped" in facsim(verb, folders[1], unanswered)
    finally:
        shutil.rmtree(unanswered)
        (runs / "empty").rmdir()


def test_errors_are_sentences(runs: Path, shop: DataSet, tmp_path: Path) -> None:
    run, spec, out = runs / "baseline-markov-1", "baseline:markov-1", tmp_path / "out"
    (tmp_path / "file").write_text("x")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_bytes(b"\xff")
    for wrong, complaint in {
        ("evaluate", shop.path, spec, "--runs-dir", runs): "split_by: 'session' before, 'user' now",
        ("evaluate", shop.path, spec, "choice", "--run-dir", out): "one run folder",
        ("evaluate", shop.path, "baseline:markov1", "--runs-dir", out): "Did you mean",
        ("evaluate", shop.path, "--runs-dir", out): "no predictor given",
        ("evaluate", tmp_path / "none", spec, "--runs-dir", out): "none",
        ("evaluate", shop.path, spec, "--runs-dir", tmp_path / "file"): "file",
        ("evaluate", shop.path, spec, "--limit", "0", "--runs-dir", out): "limit 0",
        ("evaluate", shop.path, spec, "--part", "train", "--runs-dir", out): "tested on what it learned",
        ("evaluate", shop.path, spec, "--temperature", "unset", "--runs-dir", out): "take no temperature",
        ("evaluate", shop.path, "openai:gpt-4.1", "--temperature", "hot", "--runs-dir", out): "temperature",
        ("report", tmp_path): "no such file",
        ("report", runs): f"did you mean {runs}/*?",
        ("score", runs): f"did you mean {runs}/*?",
        ("report", tmp_path / "broken"): "Invalid JSON",
        ("report", run, run): "given twice",
        ("report", run, "--published", "webshop"): "known are shopcart, opera",
        ("compare", run): "expected at least 2",
        ("score",): "no run given",
        ("score", run, "--level", "2"): "level is 2",
        ("score", tmp_path / "file"): "no such file",
    }.items():
        said = " ".join(facsim(*wrong, code=2).split())
        assert complaint in said
        assert "Traceback" not in said


def test_dry_run_prints_a_table_with_a_total_and_prompts_on_request(shop: DataSet, tmp_path: Path) -> None:
    command = (
        "evaluate", shop.path, "openai:gpt-4.1", "openai:gpt-4.1-mini", "choice", "--dry-run", "--part", "test",
        "--split-by", "session", "--style", "action", "--runs-dir", tmp_path / "runs",
    )  # fmt: skip
    said = facsim(*command)
    assert len(said.splitlines()) < 20
    rows: dict[str, list[str]] = {}
    for line in filter(str.strip, said.splitlines()):
        rows.setdefault(line.split()[0], line.split())
    one, other, total = rows["openai:gpt-4.1"], rows["openai:gpt-4.1-mini"], rows["Total"]
    assert one[1] == other[1] == rows["openai:gpt-4.1"][1] != "0"
    assert int(total[1]) == 2 * int(one[1])
    assert int(total[2].replace(",", "")) == 2 * int(one[2].replace(",", ""))
    assert rows["choice"][1] == "0"
    assert "── system" not in said
    prompts = facsim(*command, "--prompts")
    assert prompts.startswith(said)
    assert prompts.count("── system") == 2
    assert not (tmp_path / "runs").exists()


def test_dry_run_tells_what_pages_as_changes_save(shop: DataSet, tmp_path: Path) -> None:
    command = (
        "evaluate", shop.path, "openai:gpt-4.1", "--dry-run", "--prompts", "--part", "all", "--limit", 3,
        "--runs-dir", tmp_path / "runs",
    )  # fmt: skip
    full, changes = (facsim(*command, "--pages", pages) for pages in ("full", "changes"))
    row = re.compile(
        r"with --pages (\w+): ([\d,]+) input tokens \(([+-]\d+)%\), <?\$[\d.]+: <?\$[\d.]+ (\w+)"
    )
    saved, spent = row.search(" ".join(full.split())), row.search(" ".join(changes.split()))
    assert (saved[1], saved[4]) == ("changes", "less")
    assert (spent[1], spent[4]) == ("full", "more")
    assert int(saved[3]) < 0 < int(spent[3])
    assert saved[2] in changes.split()
    assert "<same" in changes and "<same" not in full


def test_a_run_of_failed_calls_is_no_success(shop: DataSet, tmp_path: Path) -> None:
    from loopback import Loopback, Status

    with Loopback((Status(429),)) as server:
        command = (
            "evaluate", shop.path, f"endpoint:{server.url}#m", "--part", "all", "--limit", 2, "--retries", 0,
        )  # fmt: skip
        said = " ".join(facsim(*command, "--run-dir", tmp_path / "a", code=1).split())
        calls = Run.open(tmp_path / "a").config.counts.cases
        assert f"{calls} of {calls} calls failed for good and count as wrong; --resume repeats them" in said
        assert "Cause of all: " in said and "429" in said.partition("Cause of all: ")[2]
        assert "more than 10% of the calls of a run failed (--max-failed)" in said
        facsim(*command, "--run-dir", tmp_path / "b", "--max-failed", 1)
    assert f"{calls} calls failed" in " ".join(facsim("report", tmp_path / "a").split())


def test_options_come_from_a_yaml_file_and_the_command_line_wins(shop: DataSet, tmp_path: Path) -> None:
    config = tmp_path / "evaluate.yaml"
    config.write_text(
        f"predictors: [baseline:repeat-last]\nruns_dir: {tmp_path / 'runs'}\nsplit_by: session\nlimit: 3\nseed: 4\n"
    )
    facsim("evaluate", shop.path, "--config", config, "--limit", 2)
    cases = Run.open(tmp_path / "runs/baseline-repeat-last").config.identity.cases
    assert (cases.split_by, cases.seed, cases.limit, cases.part) == ("session", 4, 2, "test")
    for text, complaint in (
        ("limits: 3", "line 1, field limits: no such field; did you mean limit?"),
        ("seed: x", "evaluate.yaml, line 1, field seed"),
        ("predictors: [openai:gpt-4.1]\ntemperature: hot", "temperature 'hot'"),
        ("max_failed: 2", "field max_failed"),
    ):
        config.write_text(text)
        assert complaint in " ".join(facsim("evaluate", shop.path, "--config", config, code=2).split())


def test_every_option_of_evaluate_can_be_configured() -> None:
    from facsim.cli.evaluate import command
    from facsim.evaluation.settings import EvaluationSettings

    options = set(inspect.signature(command).parameters) - {"data", "config", "resume", "dry_run", "prompts"}
    assert options == set(EvaluationSettings.model_fields)


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("gpt-4.1", "openai:gpt-4.1"),
        ("claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("http://127.0.0.1:8000/v1#m", "endpoint:http://127.0.0.1:8000/v1#m"),
        ("http://127.0.0.1:8000/v1", "endpoint:http://127.0.0.1:8000/v1#MODEL"),
        ("Qwen/Qwen2.5-0.5B", "local:Qwen/Qwen2.5-0.5B"),
        ("tiny", "local:tiny"),
        ("markov-2", "baseline:markov-2"),
    ],
)
def test_a_bare_name_is_answered_with_the_spec_string(shop: DataSet, spec: str, meant: str) -> None:
    assert f"Did you mean {meant}?" in " ".join(facsim("evaluate", shop.path, spec, code=2).split())


def test_help_names_the_arguments() -> None:
    from facsim.cli.main import _VERBS

    for verb in _VERBS:
        said = facsim(verb, "--help")
        assert "ARGS" not in said
        assert "--empty" not in said
    assert "Usage: facsim evaluate DATA PREDICTOR... [OPTIONS]" in facsim("evaluate", "--help")


def test_shell_completion_can_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/bash")
    facsim("--install-completion", "--shell", "bash")
    installed = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any("evaluate" in file.read_text() for file in installed)


def test_text_from_outside_cannot_steer_the_terminal(shop: DataSet, tmp_path: Path) -> None:
    odd = tmp_path / "a\x1b[31m\u202eb"
    for arguments in (
        ("evaluate", odd, "choice"),
        ("evaluate", shop.path, "choice", "--part\x1b[31m", "x"),
        ("evaluate", shop.path, "bad\x1b]0;title\x07\u202e"),
        ("report", odd),
        ("score", odd),
        ("simplify", odd),
        ("ingest", "opera", odd, "--out", tmp_path / "out"),
    ):
        said = facsim(*arguments, code=2)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said), arguments
        assert "\\x1b" in said or "\\u202e" in said


def test_a_servers_error_cannot_steer_the_terminal(shop: DataSet, tmp_path: Path) -> None:
    from loopback import Loopback, Status

    with Loopback((Status(400, "no\x1b[2J\u202e way"),)) as server:
        said = facsim(
            "evaluate", shop.path, f"endpoint:{server.url}#m", "--part", "all", "--limit", 2,
            "--run-dir", tmp_path / "run", code=None,
        )  # fmt: skip
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_ctrl_c_says_how_to_go_on(shop: DataSet, tmp_path: Path) -> None:
    from loopback import Answer, Loopback

    with Loopback((Answer(delay=0.2),)) as server:
        command = [
            sys.executable, "-c", "from facsim.cli.main import main; main()", "evaluate", shop.path,
            f"endpoint:{server.url}#m", "--part", "all", "--runs-dir", tmp_path, "--concurrency", "2",
        ]  # fmt: skip
        process = subprocess.Popen(
            map(str, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while server.count < 5:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
        assert process.returncode == 130
        assert "Run the same command again with --resume" in " ".join(said.split())
        assert len(Run.open(tmp_path / "endpoint-m").records()) == server.count
