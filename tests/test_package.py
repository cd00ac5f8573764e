"""The package from outside: what can be imported, how fast, and the README's Python."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from loopback import Loopback

import facsim
from facsim.cli.main import _VERBS

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "openai", "anthropic", "boto3", "pydantic_ai", "matplotlib", "lightgbm", "scipy", "polars")


def cpu_seconds(*arguments: str) -> tuple[float, str]:
    """CPU seconds of a Python process, and what it printed; the best of three, the machine may be busy."""
    script = (
        "import resource, subprocess, sys\n"
        "out = subprocess.run([sys.executable, *sys.argv[1:]], capture_output=True, text=True, check=True).stdout\n"
        "usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(usage.ru_utime + usage.ru_stime)\n"
        "print(out)"
    )
    runs = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
        )
        seconds, _, out = done.stdout.partition("\n")
        runs.append((float(seconds), out))
    return min(runs)


def test_import_is_quick_and_loads_nothing_heavy() -> None:
    seconds, out = cpu_seconds("-c", f"import facsim, sys; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert out.strip() == "[]"
    assert seconds < 0.5


def test_help_is_quick_and_names_every_verb() -> None:
    seconds, out = cpu_seconds("-m", "facsim", "--help")
    assert seconds < 0.5
    for verb in _VERBS:
        assert re.search(rf"\b{verb}\b", out)


def test_every_public_name_loads() -> None:
    for name in facsim.__all__:
        assert getattr(facsim, name) is not None
    assert set(facsim._HOME_OF) | {"__version__"} == set(facsim.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        facsim.nonsense  # noqa: B018


def test_type_checkers_are_told_the_same_names() -> None:
    tree = ast.parse(Path(facsim.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == facsim._HOME_OF


def test_the_python_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    subprocess.run(
        [sys.executable, "examples/sample_log.py", "clicks.jsonl", "--sessions", "40"],
        check=True,
        timeout=120,
    )
    with Loopback() as server:
        exec(code.replace("http://127.0.0.1:8000/v1", f"{server.url}/v1"), {})
    out = capsys.readouterr().out
    assert out.startswith("fit for results: True")
    assert "| my-model |" in out or "**my-model**" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ingst"], "ingest"),
        (["audit", "/nowhere"], "card.json"),
        (["evaluate", "/nowhere", "baseline:repeat-last"], "card.json"),
        (["report", "/nowhere"], "/nowhere"),
    ],
)
def test_a_wrong_call_ends_in_a_sentence(arguments: list[str], says: str) -> None:
    done = subprocess.run([sys.executable, "-m", "facsim", *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
