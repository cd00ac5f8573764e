"""Runs over different steps of the same data, compared on those that all of them answered."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from in_process_cli import facsim

from facsim.data import DataSet
from facsim.evaluation import Run, compare, evaluate
from facsim.evaluation.common_steps import open_runs
from facsim.report import build_report, leaderboard
from facsim.util.errors import ConfigError

pytestmark = [
    pytest.mark.usefixtures("few_resamples"),
    pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens"),
]


@pytest.fixture
def runs(shop: DataSet, tmp_path: Path) -> list[Run]:
    """All sessions; seven of them; the same seven by another predictor."""
    return [
        evaluate(shop, "baseline:always-terminate", run_dir=tmp_path / "whole", part="all"),
        evaluate(shop, "baseline:random-element", run_dir=tmp_path / "seven", part="all", limit=7),
        evaluate(shop, "baseline:always-terminate", run_dir=tmp_path / "same", part="all", limit=7),
    ]


def test_other_steps_are_refused_with_the_way_out(runs: list[Run]) -> None:
    for work in (compare, leaderboard, build_report):
        with pytest.raises(
            ConfigError, match=r"limit None and 7.* --common-steps \(in Python common_steps=True\)"
        ):
            work(runs)


def test_a_limited_run_is_compared_on_the_common_steps(runs: list[Run]) -> None:
    whole, seven, same = runs
    [pair] = compare([whole, seven], common_steps=True)
    assert pair == replace(compare([same, seven])[0], a="whole")
    assert pair.steps == seven.config.counts.cases < whole.config.counts.cases
    board = leaderboard([whole, seven], common_steps=True)
    by_name = {row.name: row for row in board.rows}
    assert by_name["whole"].values["accuracy"] == same.metrics["accuracy"]
    assert by_name["seven"].values["accuracy"] == seven.metrics["accuracy"]
    heading = board.to_markdown().splitlines()[0]
    sessions = seven.metrics.sessions
    assert f"7 sessions drawn) · {pair.steps} steps of {sessions} sessions, common to all runs" in heading
    page = build_report([whole, seven], common_steps=True).render("html")
    assert "common to all runs" in page
    # The folders stay as they are.
    assert Run.open(whole.path).metrics == whole.metrics


def test_a_restricted_run_has_the_records_of_its_steps_only(runs: list[Run]) -> None:
    restricted, _ = open_runs(runs[:2], common_steps=True)
    steps = [(record["session_id"], record["step"]) for record in restricted.records()]
    assert sorted(steps) == restricted.cases().select("session_id", "step").rows()
    assert len(steps) == runs[1].config.counts.cases


def test_the_same_steps_need_no_restriction(runs: list[Run]) -> None:
    board = leaderboard(runs[1:], common_steps=True)
    assert "common to all runs" not in board.to_markdown()
    assert board.to_markdown() == leaderboard(runs[1:]).to_markdown()


def test_runs_without_a_common_step_are_refused(
    runs: list[Run], shop: DataSet, make_shop: Callable, tmp_path: Path
) -> None:
    other = evaluate(
        make_shop(tmp_path / "other", seed=9), "baseline:always-terminate", run_dir=tmp_path / "o", part="all"
    )
    with pytest.raises(ConfigError, match="different data"):
        compare([runs[0], other], common_steps=True)
    parts = [
        evaluate(shop, "baseline:always-terminate", run_dir=tmp_path / part, part=part, split_by="session")
        for part in ("train", "test")
    ]
    with pytest.raises(ConfigError, match="no step was answered by all of"):
        compare(parts, common_steps=True)


def test_the_verbs_take_it(runs: list[Run]) -> None:
    folders = [run.path for run in runs[:2]]
    assert "--common-steps" in facsim("compare", *folders, code=2)
    assert "sessions, common to all runs · right by" in facsim("compare", *folders, "--common-steps")
    assert "common to all runs" in facsim("report", *folders, "--common-steps")
