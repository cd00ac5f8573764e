"""All metrics with their intervals over many predictions, on one core.

    python benchmarks/bench_metrics.py [--sessions 10000] [--cases 200000] [--resamples 2000]

The target is 20 s for 2,000 resamples over 200,000 predictions in 10,000 sessions.
"""

from __future__ import annotations

import argparse
import os
import resource
import time

# One core: thread pools are sized when the libraries load, so this comes before their import.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[variable] = "1"

# ruff: noqa: E402
import numpy as np
import polars as pl

from facsim.metrics import CASES_SCHEMA, compute_metrics

TYPES = np.array(["click", "type_and_submit", "terminate"])
CATEGORIES = np.array(["search", "filter", "product_click", "purchase", "other"])
WORDS = np.array(["red", "blue", "running", "shoes", "hat", "washing", "machine", "cable", "kids", "usb"])


def random_cases(cases: int, sessions: int, seed: int = 0) -> pl.DataFrame:
    """A table with every column in use: three types, typed queries, probabilities, tokens and costs."""
    rng = np.random.default_rng(seed)
    session = np.sort(np.concatenate([np.arange(sessions), rng.integers(sessions, size=cases - sessions)]))
    first = np.flatnonzero(np.diff(session, prepend=-1))
    step = np.arange(cases) - np.repeat(first, np.diff(first, append=cases)) + 1
    skill = rng.beta(2, 3, sessions)[session]
    right = rng.random(cases) < skill
    true, other = (rng.choice(TYPES, cases, p=(0.6, 0.3, 0.1)) for _ in range(2))
    predicted = np.where(right, true, other)
    answered = rng.random(cases) < 0.98
    side = {}
    for name, types in (("true", true), ("pred", predicted)):
        target = rng.integers(50, size=cases).astype(str).astype(object)
        texts = [" ".join(words) for words in rng.choice(WORDS, (cases, 4))]
        side[f"{name}_name"] = np.where(types == "terminate", None, target)
        side[f"{name}_text"] = np.where(types == "type_and_submit", np.array(texts, dtype=object), None)
        side[f"{name}_category"] = np.where(
            types == "terminate", "terminate", rng.choice(CATEGORIES, cases).astype(object)
        )
    for name in ("name", "text", "category"):
        side[f"pred_{name}"] = np.where(right, side[f"true_{name}"], side[f"pred_{name}"])
    columns = {
        "session_id": pl.Series([f"session-{i:06d}" for i in session]),
        "user_id": pl.Series([f"user-{i // 4:06d}" for i in session]),
        "step": step,
        "is_last": np.diff(session, append=sessions) > 0,
        "outcome": np.where(rng.random(sessions) < 0.2, "purchase", "terminate")[session].astype(str),
        "true_type": true.astype(object),
        "pred_type": predicted.astype(object),
        **side,
        "parse": np.where(answered, "strict", "failed").astype(object),
        "failed": np.zeros(cases, dtype=bool),
        "on_page": rng.random(cases) < 0.97,
        "same_destination": rng.random(cases) < 0.02,
        "reachable": rng.random(cases) < 0.99,
        "shown": rng.random(cases) < 0.95,
        "log_probability": np.log(rng.beta(1, 2, cases)),
        "rank": rng.geometric(0.2, cases),
        "confidence": rng.beta(2, 2, cases),
        "input_tokens": rng.integers(1000, 40000, cases),
        "cached_tokens": rng.integers(0, 1000, cases),
        "output_tokens": rng.integers(10, 200, cases),
        "cost": rng.gamma(2, 0.001, cases),
        "seconds": rng.gamma(2, 1.0, cases),
    }
    table = pl.DataFrame({name: pl.Series(name, list(columns[name])) for name in CASES_SCHEMA})
    silent = pl.Series(~answered)
    return table.with_columns(
        pl.when(~silent).then(pl.col(name)) for name in table.columns if name.startswith("pred_")
    ).with_columns(
        on_page=pl.when(pl.col("pred_type") != "terminate").then(pl.col("on_page")),
    )


def main() -> None:
    """Time it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--resamples", type=int, default=2_000)
    options = parser.parse_args()
    table = random_cases(options.cases, options.sessions)
    wall, cpu = time.perf_counter(), time.process_time()
    metrics = compute_metrics(table, resamples=options.resamples)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"accuracy {metrics['accuracy']}, {len(metrics)} metrics")
    print(
        f"RESULT seconds={cpu:.2f} wall_seconds={wall:.2f} peak_mb={peak:.0f} cases={options.cases} "
        f"sessions={options.sessions} resamples={options.resamples}"
    )


if __name__ == "__main__":
    main()
