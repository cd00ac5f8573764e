"""Leaderboards with an oracle: its place, and the shares of the way to it."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from shutil import copytree

import pytest
from rich.console import Console

from facsim.evaluation import Run
from facsim.report import leaderboard

Made = Callable[..., Run]


@pytest.fixture(scope="module")
def originals(made: Made, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("runs")
    return [
        made(folder / "oracle", right=lambda _, step: step != 1, spec="oracle:", log_probability=-1.0),
        # Better than the oracle, by luck.
        made(folder / "lucky", right=lambda session, step: step != 1 or session == 0, log_probability=-2.0),
        made(folder / "half", right=lambda session, step: step == 0 or (step == 2 and session % 2 == 0)),
        made(
            folder / "base", right=lambda _, step: step == 0, spec="baseline:markov-1", log_probability=-3.0
        ),
        made(folder / "worse", right=lambda *_: False, spec="baseline:repeat-last"),
    ]


@pytest.fixture
def runs(originals: list[Run], tmp_path: Path) -> list[Run]:
    return [Run.open(copytree(run.path, tmp_path / run.name)) for run in originals]


def test_the_oracle_stands_first_and_is_not_ranked(runs: list[Run]) -> None:
    board = leaderboard(runs)
    assert [row.name for row in board.rows] == ["oracle", "lucky", "half", "base", "worse"]
    oracle, lucky, half, *_ = board.rows
    assert (oracle.oracle, oracle.best, oracle.separable, oracle.p_value) == (True, False, None, None)
    assert (lucky.oracle, lucky.best) == (False, True)
    assert half.separable is True
    assert leaderboard(runs[::-1]) == board


def test_every_other_row_gets_its_shares(runs: list[Run]) -> None:
    board = leaderboard(runs)
    assert board.ceiling is not None
    assert board.ceiling.floors == {"accuracy": "base", "log_likelihood": "base"}
    oracle, lucky, half, base, worse = board.rows
    assert not oracle.shares
    assert half.shares["accuracy"].value == pytest.approx(0.5)  # 1/3, 1/2, 2/3
    assert half.shares["accuracy"].low < 0.5 < half.shares["accuracy"].high
    assert (base.shares["accuracy"].value, worse.shares["accuracy"].value) == (0.0, -1.0)
    assert lucky.shares["accuracy"].value > 1
    assert lucky.shares["log_likelihood"].value == pytest.approx(0.5)
    assert "log_likelihood" not in half.shares


def test_shares_are_in_every_form(runs: list[Run]) -> None:
    board = leaderboard(runs)
    table = board.to_polars()
    assert table["oracle"].to_list() == [True, False, False, False, False]
    assert table["share_accuracy"].to_list()[2] == pytest.approx(0.5)
    assert table["share_accuracy_low"].to_list()[2] < 0.5
    assert table["share_log_likelihood"].to_list() == [None, pytest.approx(0.5), None, 0.0, None]
    text = board.to_markdown()
    ranking, shares = text.split("**Share of what is possible, in %**")
    assert "| ◆ | oracle | 66.7 [" in ranking
    assert "◆ the oracle answers with the true probabilities of the simulated shoppers" in ranking
    assert "| Run | Accuracy [95%] | Log-likelihood [95%] |" in shares
    assert "|  | half | 50.0 [" in shares
    assert "(run - baseline) / (oracle - baseline)" in shares
    assert "The baseline: base by accuracy and log-likelihood." in shares
    assert "| oracle |" not in shares


@pytest.mark.parametrize("width", [80, 120])
def test_they_fit_the_terminal(runs: list[Run], width: int) -> None:
    file = StringIO()
    Console(width=width, file=file).print(leaderboard(runs).to_table())
    text = file.getvalue()
    assert max(len(line) for line in text.splitlines()) <= width
    assert "Share of what is possible, in %" in text
    assert "◆" in text and "…" not in text


def test_without_an_oracle_or_a_baseline_there_are_no_shares(runs: list[Run]) -> None:
    oracle, lucky, half, base, _ = runs
    board = leaderboard([lucky, half, base])
    assert board.ceiling is None
    assert "possible" not in board.to_markdown()
    assert board.to_polars()["share_accuracy"].to_list() == [None, None, None]
    board = leaderboard([oracle, lucky])
    assert board.ceiling is not None and not board.ceiling.shares
    assert "Share of" not in board.to_markdown()
    assert [row.name for row in leaderboard([oracle]).rows] == ["oracle"]
    assert "◆" in leaderboard([oracle]).to_markdown()
