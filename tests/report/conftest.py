"""Runs written by hand: a run folder needs no data set and no predictor."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from facsim.evaluation import CaseSelection, Run, RunConfig, score
from facsim.evaluation.config import Counts, Identity
from facsim.evaluation.environment import Environment
from facsim.evaluation.journal import Journal

TRUTHS = ("click", "type_and_submit", "terminate")


def write_run(
    folder: Path,
    *,
    right: Callable[[int, int], bool],
    sessions: int = 40,
    cost: float | None = None,
    failed: Callable[[int, int], bool] = lambda _session, _step: False,
    shown: bool = True,
    owed: int = 0,
    spec: str = "test:made",
    log_probability: float | None = None,
    **selection: Any,
) -> Run:
    """A scored run of `sessions` sessions of three steps; `right(session, step)` says which are right.

    `log_probability` is that of every true action.
    """
    cases = CaseSelection(
        **(
            {
                "data": "made",
                "content_hash": "h1",
                "part": "test",
                "split_by": "user",
                "seed": 0,
                "first_step": "exclude",
                "limit": None,
            }
            | selection
        )
    )
    identity = Identity(predictor=spec, settings={}, prompt_hash=None, cases=cases)
    start = Environment(
        time=datetime(2026, 1, 1, tzinfo=UTC), facsim="0.1.0", commit=None, dirty=None, python="3.11",
        platform="x", packages={},
    )  # fmt: skip
    folder.mkdir(parents=True)
    RunConfig(
        identity=identity,
        digest=identity.digest,
        data_path="data/made",
        counts=Counts(sessions=sessions, cases=3 * sessions + owed, sessions_without_case=0),
        starts=(start,),
    ).write(folder)
    with Journal(folder / "predictions.jsonl") as journal:
        for session in range(sessions):
            for step in range(3):
                made = line(session, step, right, failed, cost, shown)
                journal.append(made | {"log_probability": log_probability})
    return score(folder, resamples=200)


def line(session: int, step: int, right: Callable, failed: Callable, cost: float | None, shown: bool) -> dict:
    kind = TRUTHS[step]
    true = {"type": kind, "name": "a.b" if step < 2 else None, "text": "shoes" if step == 1 else None}
    answer = true if right(session, step) else {"type": "click", "name": "a.c", "text": None}
    none = failed(session, step)
    return {
        "session_id": f"s{session:03d}",
        "user_id": f"u{session}",
        "step": step + 1,
        "is_last": step == 2,
        "outcome": "terminate" if session % 2 else "purchase",
        **{f"true_{key}": value for key, value in true.items()},
        "true_category": "other",
        **{f"pred_{key}": None if none else value for key, value in answer.items()},
        "pred_category": None if none else "other",
        "parse": "failed" if none else "strict",
        "failed": none,
        "on_page": None if none or answer["type"] == "terminate" else True,
        "same_destination": False,
        "reachable": True,
        "shown": shown,
        "log_probability": None,
        "rank": None,
        "confidence": None,
        "input_tokens": 10,
        "cached_tokens": 0,
        "output_tokens": 1,
        "cost": cost,
        "seconds": 0.1,
    }


@pytest.fixture(scope="session")
def made() -> Callable[..., Run]:
    return write_run
