"""The verbs evaluate, score, compare and report, from the command line."""

import re
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from facsim.cli.main import main
from facsim.data import DataSet
from facsim.evaluation import Run
from facsim.predict.registry import BASELINES

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")


def facsim(*arguments: object, code: int = 0) -> str:
    """What the verb prints, run within this process; `test_ctrl_c` runs one in its own."""
    printed = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(printed):
        patch.setattr(sys, "argv", ["facsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == code, printed.getvalue()
    return printed.getvalue()


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
    assert "rule target" in facsim("report", *folders, "--rule", "target")
    assert "rule target" in facsim("report", *folders, "--rule", "target")
    markdown = facsim("report", *folders, "--format", "md", "--published", "shopcart")
    assert markdown.count("\n| ") > 8
    assert "Published, not measured here" in markdown
    assert "Holm p" in facsim("compare", *folders[:2])
    assert "accuracy" in facsim("score", folders[0], "--resamples", "100")
    assert Run.open(folders[0]).metrics.resamples == 100


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


def test_dry_run_shows_the_prompt_and_asks_nobody(shop: DataSet, tmp_path: Path) -> None:
    said = facsim(
        "evaluate", shop.path, "openai:gpt-4.1", "--dry-run", "--part", "all", "--limit", 3,
        "--style", "action", "--runs-dir", tmp_path / "runs",
    )  # fmt: skip
    assert "── system" in said
    assert "input tokens" in said
    assert "expected" in said
    assert not (tmp_path / "runs").exists()


def test_dry_run_tells_what_pages_as_changes_save(shop: DataSet, tmp_path: Path) -> None:
    command = (
        "evaluate", shop.path, "openai:gpt-4.1", "--dry-run", "--split", "all", "--limit", 3,
        "--out", tmp_path / "runs",
    )  # fmt: skip
    full, changes = (facsim(*command, "--pages", pages) for pages in ("full", "changes"))
    row = re.compile(
        r"with --pages (\w+) +([\d,]+) input tokens \(([+-]\d+)%\), \$[\d.]+ expected: <?\$[\d.]+ (\w+)"
    )
    saved, spent = row.search(" ".join(full.split())), row.search(" ".join(changes.split()))
    assert (saved[1], saved[4]) == ("changes", "less")
    assert (spent[1], spent[4]) == ("full", "more")
    assert int(saved[3]) < 0 < int(spent[3])
    assert f"input tokens {saved[2]}," in " ".join(changes.replace("│", " ").split())
    assert "<same" in changes and "<same" not in full


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
