"""The package from outside: what can be imported, how fast, and the README's Python."""

import ast
import dataclasses
import re
import shutil
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cpu_time import slowness
from cyclopts import App
from loopback import Loopback

import facsim
from facsim.cli.main import _VERBS, app
from facsim.predict.endpoint.options import EndpointOptions
from facsim.predict.local.options import LocalOptions
from facsim.prompt import PromptConfig
from facsim.train import SftConfig

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
    assert seconds < 0.5 * slowness()


def test_help_is_quick_and_names_every_verb() -> None:
    seconds, out = cpu_seconds("-m", "facsim", "--help")
    assert seconds < 0.5 * slowness()
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
        [sys.executable, "examples/sample_log.py", "clicks.jsonl", "--sessions", "24"],
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


def literals(hint: object) -> set[tuple[str, ...]]:
    """Every set of text choices in a type hint, without `unset`."""
    if typing.get_origin(hint) is typing.Literal:
        return {tuple(sorted(set(typing.get_args(hint)) - {"unset"}))}
    return {found for part in typing.get_args(hint) for found in literals(part)}


def commands_of(parent: App) -> Iterator[Callable[..., object]]:
    if parent.default_command is not None:
        yield parent.default_command
    for name in parent:
        if not name.startswith("-"):
            yield from commands_of(parent[name])


def options_of(command: object) -> Iterator[tuple[str, object]]:
    """Every option of a command with its type hint, those of groups of options included."""
    for name, hint in typing.get_type_hints(command).items():
        if dataclasses.is_dataclass(hint):
            yield from options_of(hint)
        else:
            yield name, hint


def test_the_choices_of_the_command_line_are_those_of_the_library() -> None:
    """The command line repeats them as literals, because importing the library would slow down `--help`."""
    library = {
        "style": PromptConfig.model_fields["style"].annotation,
        "budget_policy": PromptConfig.model_fields["budget_policy"].annotation,
        "page_text": PromptConfig.model_fields["page_text"].annotation,
        "split_by": SftConfig.model_fields["split_by"].annotation,
        "decoding": LocalOptions.model_fields["decoding"].annotation,
        "dtype": LocalOptions.model_fields["dtype"].annotation,
        "thinking": EndpointOptions.model_fields["thinking"].annotation,
        "structured": EndpointOptions.model_fields["structured"].annotation,
        "method": SftConfig.model_fields["method"].annotation,
        "optimizer": SftConfig.model_fields["optimizer"].annotation,
        "schedule": SftConfig.model_fields["schedule"].annotation,
        "precision": SftConfig.model_fields["precision"].annotation,
        "rule": typing.get_type_hints(facsim.leaderboard)["rule"],
    }
    seen = set()
    for command in commands_of(app):
        for name, hint in options_of(command):
            option = "split_by" if name == "by" else name
            if option in library and (found := literals(hint)):
                assert found == literals(library[option]), f"{command.__module__}: {name}"
                seen.add(option)
    assert seen == set(library)
