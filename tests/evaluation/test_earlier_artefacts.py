"""Artefacts that the version before the renaming wrote (tests/artefacts/0.1-before) are still read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from facsim.data import DataSet
from facsim.evaluation import Run, evaluate, score

BEFORE = Path(__file__).parents[1] / "artefacts" / "0.1-before"
SELECTION = {"split_by": "session", "seed": 1, "limit": 4}


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BEFORE, tmp_path / "before"))


def test_the_data_set_is_read(before: Path) -> None:
    data = DataSet.open(before / "data")
    assert (data.card.sessions, data.card.steps, len(data)) == (40, 96, 40)
    session = data.session("s0001")
    assert session.user_id == "u1"
    assert "search_input" in data.page(session.steps[0].page_id)
    cases = Run.open(before / "runs/choice").config.identity.cases
    assert data.content_hash == cases.content_hash


def test_the_run_is_read_and_scored_to_the_same_bytes(before: Path) -> None:
    run = Run.open(before / "runs/choice")
    file = run.path / "metrics.json"
    written = file.read_bytes()
    assert run.metrics.steps == run.cases().height == 8
    assert [record["parse"] for record in run.records()] == ["strict"] * 8
    file.unlink()
    assert score(run.path).metrics == run.metrics
    assert file.read_bytes() == written


def test_the_run_is_resumed(before: Path, by_case: Callable) -> None:
    folder = before / "runs/choice"
    whole = Run.open(folder).records()
    file = folder / "predictions.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-3]))
    again = evaluate(before / "data", "choice", run_dir=folder, resume=True, **SELECTION)
    assert by_case(again.records()) == by_case(whole)
    checksums = ["checksum" in json.loads(line) for line in file.read_bytes().splitlines()]
    assert checksums == [False] * 5 + [True] * 3


def test_the_fitted_model_is_read_and_answers_alike(before: Path, tmp_path: Path) -> None:
    saved = before / "runs/choice/choice"
    run = evaluate(before / "data", f"choice:{saved}", run_dir=tmp_path / "run", **SELECTION)
    assert run.cases().drop("seconds").equals(Run.open(before / "runs/choice").cases().drop("seconds"))
