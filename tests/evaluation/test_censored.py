"""Sessions whose recording just ends: outcome metrics leave them out, and the run says how many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from in_process_cli import facsim

from facsim.data import DataSet, DataSetWriter
from facsim.evaluation import Run, evaluate


@pytest.fixture
def censored(tmp_path: Path, shop: DataSet) -> DataSet:
    """30 sessions, of which every fourth just ends."""
    with DataSetWriter(tmp_path / "censored", shop.card) as writer:
        writer.copy_pages(shop.pages)
        for index, session in enumerate(shop):
            steps = session.steps[:-1] or session.steps
            cut = replace(session, outcome=None, censored=True, steps=steps)
            writer.add_session(session if index % 4 else cut)
    return DataSet.open(tmp_path / "censored")


def test_outcome_metrics_leave_censored_sessions_out_and_say_how_many(
    censored: DataSet, tmp_path: Path
) -> None:
    run = evaluate(censored, "baseline:always-terminate", part="all", run_dir=tmp_path / "run")
    cut = [session for session in censored if session.censored and len(session.steps) > 1]
    known = [session for session in censored if not session.censored and len(session.steps) > 1]
    assert len(censored) == 30
    assert 0 < len(cut) <= 8
    assert run.metrics["outcome_f1_weighted"].n == len(known)
    note = (
        f"{len(cut)} of {len(cut) + len(known)} sessions are censored, their recording just ends: "
        "outcome metrics leave them out"
    )
    assert note in run.notes
    assert note in Run.open(tmp_path / "run").notes
    assert note in facsim("report", tmp_path / "run", "--format", "json")
    facsim("report", tmp_path / "run", "-o", tmp_path / "report.html")
    assert note in (tmp_path / "report.html").read_text()


def test_a_run_without_censored_sessions_has_no_such_note(shop: DataSet, tmp_path: Path) -> None:
    run = evaluate(shop, "baseline:always-terminate", part="all", run_dir=tmp_path / "run")
    assert not any("censored" in note for note in run.notes)
