"""What a person sees of a run in Python: a bar in a terminal or a notebook, and nothing in a pipe."""

import os
import pty
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest

from facsim.data import DataSet
from facsim.evaluation import evaluate
from facsim.predict import load_predictor
from facsim.schema import Usage
from facsim.util.progress import no_progress

CODE = """
import sys, time
from facsim.evaluation import evaluate
from facsim.predict import load_predictor

class Slow(type(load_predictor("baseline:always-terminate"))):
    def answer(self, so_far):
        time.sleep(0.02)
        return super().answer(so_far)

evaluate(sys.argv[1], Slow(), run_dir=sys.argv[2], part="all")
"""


class Notebook:
    """The few parts of IPython that a notebook's kernel has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[str] = []
        ipython = types.ModuleType("IPython")
        ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
        ipython.display = types.SimpleNamespace(HTML=str, display=self._display)
        monkeypatch.setitem(sys.modules, "IPython", ipython)

    def _display(self, html: str, *, display_id: bool) -> types.SimpleNamespace:
        assert display_id
        self.shown.append(html)
        return types.SimpleNamespace(update=self.shown.append)


def test_a_notebook_shows_a_bar(shop: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    run = evaluate(shop, "baseline:always-terminate", run_dir=tmp_path / "a<b", part="all")
    total = run.config.counts.cases
    assert notebook.shown[-1].startswith(f'a&lt;b <progress value="{total}" max="{total}"></progress>')


def test_a_callback_takes_the_bars_place(
    shop: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = Notebook(monkeypatch)
    evaluate(shop, "baseline:always-terminate", run_dir=tmp_path / "run", part="all", progress=no_progress)
    assert notebook.shown == []


def test_a_terminal_shows_a_bar_and_a_pipe_nothing(shop: DataSet, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CODE, str(shop.path)]
    piped = subprocess.run([*command, str(tmp_path / "piped")], capture_output=True, check=True)
    assert (piped.stdout, piped.stderr) == (b"", b"")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*command, str(tmp_path / "shown")],
        stdout=follower,
        stderr=follower,
        env=os.environ | {"TERM": "xterm"},
    ) as process:
        os.close(follower)
        drawn = b""
        while True:
            try:
                drawn += os.read(leader, 65536)
            except OSError:
                break
        assert process.wait() == 0
    os.close(leader)
    assert "shown" in drawn.decode()
    assert "/85" in drawn.decode()


def test_the_bar_shows_tokens_and_cost_a_second(shop: DataSet, tmp_path: Path) -> None:
    class Paid(type(load_predictor("baseline:always-terminate"))):  # type: ignore[misc]
        def answer(self, so_far):
            return replace(
                super().answer(so_far), usage=Usage(input_tokens=900, output_tokens=100, cost=0.01)
            )

    notes = []
    run = evaluate(
        shop,
        Paid(),
        run_dir=tmp_path / "run",
        part="all",
        progress=lambda done, total, note="": notes.append(note),
    )
    rate, tokens, cost = notes[-1].split(" · ")
    per_second = float(rate.removesuffix("/s"))
    assert int(tokens.removesuffix(" tokens/s").replace(",", "")) == pytest.approx(
        1000 * per_second, rel=0.01
    )
    total = 0.01 * run.config.counts.cases
    assert cost.startswith(f"${total:.2f} ($")
    assert float(cost.split("$")[-1].removesuffix("/s)")) == pytest.approx(0.01 * per_second, rel=0.01)
