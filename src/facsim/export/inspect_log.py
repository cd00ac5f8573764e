"""A run as a log of Inspect (inspect_ai), for its viewer and its analysis tools.

One sample per test case, with the score of each matching rule. Prompts are not in the log, as they are not in
the run: Inspect shows the person's action as the target and the predictor's as the answer. The layout is
that of version 2 of Inspect's JSON logs (inspect_ai.log.EvalLog).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from facsim.evaluation import Run
from facsim.metrics import RULES
from facsim.util.files import write_atomically

_LOG_VERSION: Final = 2
_SCORER: Final = "facsim"


def write_inspect_log(run: Run, out: str | Path) -> Path:
    """Write one run as an Inspect log in JSON.

    Args:
        run: the run; it must have been scored.
        out: the file to write. Inspect's viewer lists files that end in `.json`.

    Returns:
        The file.

    Raises:
        InputError: if a file of the run is missing or damaged.
        FacsimError: if the log cannot be written.
    """
    samples = [_sample(row, run.predictor) for row in run.to_polars().iter_rows(named=True)]
    identity, start = run.config.identity, run.config.starts[0]
    created = start.time.isoformat()
    log = {
        "version": _LOG_VERSION,
        "status": "success",
        "eval": {
            "run_id": run.config.digest,
            "created": created,
            "task": f"facsim/{identity.cases.data}",
            "task_id": run.config.digest,
            "task_args": identity.cases.model_dump(mode="json"),
            "dataset": {"name": identity.cases.data, "samples": len(samples)},
            "model": run.predictor,
            "model_args": dict(identity.settings),
            "config": {"epochs": 1},
            "packages": dict(start.packages) | {"facsim": start.facsim},
        },
        "results": {
            "total_samples": len(samples),
            "completed_samples": len(samples),
            "scores": [_metrics(run)],
        },
        "stats": {"started_at": created, "completed_at": run.config.starts[-1].time.isoformat()},
        "samples": samples,
    }
    file = Path(out)
    write_atomically(file, json.dumps(log, ensure_ascii=False, allow_nan=False, default=str) + "\n")
    return file


def _metrics(run: Run) -> dict[str, Any]:
    """Every metric of the run by name; those that are undefined are left out, as Inspect has no null."""
    values = {
        name: {"name": name, "value": found.value, "metadata": {"low": found.low, "high": found.high}}
        for name, found in run.metrics.estimates.items()
        if found.value is not None
    }
    return {"name": _SCORER, "scorer": _SCORER, "params": {}, "metrics": values}


def _sample(row: Mapping[str, Any], model: str) -> dict[str, Any]:
    true, predicted = (_action(row, prefix) for prefix in ("true", "pred"))
    answer = predicted if row["pred_type"] is not None else row["answer"] or ""
    scores = {
        rule: {"value": "C" if row[f"right_{rule}"] else "I", "answer": answer, "explanation": row["error"]}
        for rule in RULES
    }
    usage = {
        "input_tokens": row["input_tokens"] or 0,
        "output_tokens": row["output_tokens"] or 0,
        "total_tokens": (row["input_tokens"] or 0) + (row["output_tokens"] or 0),
    }
    message = {"role": "assistant", "content": answer, "source": "generate"}
    return {
        "id": f"{row['session_id']}/{row['step']}",
        "epoch": 1,
        "input": f"Session {row['session_id']}, step {row['step']}: what does the person do next?",
        "target": true,
        "output": {
            "model": model,
            "choices": [{"message": message, "stop_reason": "stop"}],
            "usage": usage,
            "time": row["seconds"],
        },
        "scores": scores,
        "metadata": {
            name: row[name]
            for name in (
                "user_id",
                "outcome",
                "true_category",
                "pred_category",
                "parse",
                "failed",
                "rationale",
            )
        },
    }


def _action(row: Mapping[str, Any], prefix: str) -> str:
    fields = {key: row[f"{prefix}_{key}"] for key in ("type", "name", "text")}
    return json.dumps({key: value for key, value in fields.items() if value is not None}, ensure_ascii=False)
