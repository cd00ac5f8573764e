"""How long a report of 20 runs with 20,000 predictions each takes, and how large it is.

    python benchmarks/bench_report.py [RUNS PREDICTIONS]

The runs are generated: sessions of six test cases with random answers, probabilities, costs and rationales.
The time covers reading and comparing the runs, and building the page.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from facsim import build_report
from facsim.evaluation import CaseSelection, RunConfig, score
from facsim.evaluation.config import Counts, Identity
from facsim.evaluation.environment import Environment
from facsim.evaluation.record_lines import encode_record

CASES = 6
KINDS = ("click", "click", "click", "type_and_submit", "terminate")
CATEGORIES = {"click": ("product_click", "filter", "other", "purchase"), "type_and_submit": ("search",)}


def action(rng: random.Random, side: str) -> dict[str, object]:
    """An action as in a line of predictions.jsonl."""
    kind = rng.choice(KINDS)
    return {
        f"{side}_type": kind,
        f"{side}_name": None if kind == "terminate" else f"results.product_{rng.randrange(40)}.view_product",
        f"{side}_text": f"red shoes {rng.randrange(9)}" if kind == "type_and_submit" else None,
        f"{side}_category": rng.choice(CATEGORIES.get(kind, ("terminate",))),
    }


def make_run(folder: Path, predictions: int, index: int) -> Path:
    """A scored run."""
    selection = CaseSelection(
        data="made",
        content_hash="made",
        part="test",
        split_by="user",
        seed=0,
        first_step="exclude",
        limit=None,
    )
    identity = Identity(predictor=f"test:{index}", settings={}, prompt_hash=None, cases=selection)
    start = Environment(
        time=datetime.now(UTC), facsim="0", commit=None, dirty=None, python="3", platform="", packages={}
    )
    sessions = predictions // CASES
    folder.mkdir(parents=True)
    RunConfig(
        identity=identity,
        digest=identity.digest,
        data_path="made",
        counts=Counts(sessions=sessions, cases=sessions * CASES, sessions_without_case=0),
        starts=(start,),
    ).write(folder)
    truths, rng = random.Random(0), random.Random(index + 1)
    with (folder / "predictions.jsonl").open("wb") as out:
        for session in range(sessions):
            for step in range(1, CASES + 1):
                true = action(truths, "true")
                right = rng.random() < 0.1 + 0.02 * index
                predicted = (
                    {name.replace("true", "pred"): value for name, value in true.items()}
                    if right
                    else action(rng, "pred")
                )
                points = predicted["pred_type"] != "terminate"
                line = {
                    "session_id": f"session-{session:06d}",
                    "user_id": f"user-{session % 997}",
                    "step": step,
                    "is_last": step == CASES,
                    "outcome": "terminate" if session % 5 else "purchase",
                    **true,
                    **predicted,
                    "parse": "strict",
                    "failed": False,
                    "on_page": True if points else None,
                    "same_destination": False,
                    "reachable": True,
                    "shown": True,
                    "log_probability": -5.0 * rng.random(),
                    "rank": rng.randrange(1, 40),
                    "confidence": rng.random(),
                    "input_tokens": 9000,
                    "cached_tokens": 0,
                    "output_tokens": 60,
                    "cost": 0.001,
                    "seconds": 1.5,
                    "forgiven": [],
                    "rationale": "I want the cheaper one because the reviews say that it lasts. " * 3,
                    "answer": None,
                    "error": None,
                    "from_cache": False,
                }
                out.write(encode_record(line))
    score(folder)
    return folder


def main() -> None:
    """Generate the runs, then build the report once."""
    runs, predictions = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (20, 20_000)
    with tempfile.TemporaryDirectory() as folder:
        made = [make_run(Path(folder) / f"run-{index:02d}", predictions, index) for index in range(runs)]
        wall, cpu = time.perf_counter(), time.process_time()
        report = build_report(made)
        read = time.process_time() - cpu
        page = report.to_html()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    size = len(page.encode()) / 1e6
    print(
        f"RESULT runs={runs} predictions={predictions} cpu_s={cpu:.2f} read_and_compare_s={read:.2f} "
        f"wall_s={wall:.2f} page_mb={size:.2f} threads={os.environ.get('POLARS_MAX_THREADS', 'all')}"
    )


if __name__ == "__main__":
    main()
