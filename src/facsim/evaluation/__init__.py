"""Runs predictors step by step into crash-safe run folders; scores and compares the runs."""

from facsim.evaluation.common_steps import CommonStepsRun, open_runs
from facsim.evaluation.compare import comparable_cases, compare, run_labels
from facsim.evaluation.config import CaseSelection, RunConfig
from facsim.evaluation.dry_run import RunPlan, plan_run
from facsim.evaluation.evaluate import Outcome, check_resumable, evaluate, evaluate_many
from facsim.evaluation.run import Run, score
from facsim.evaluation.run_dir import run_name
from facsim.evaluation.runner import RunInterrupted
from facsim.evaluation.targets import resolve_targets

__all__ = [
    "CaseSelection",
    "CommonStepsRun",
    "Outcome",
    "Run",
    "RunConfig",
    "RunInterrupted",
    "RunPlan",
    "check_resumable",
    "comparable_cases",
    "compare",
    "evaluate",
    "evaluate_many",
    "open_runs",
    "plan_run",
    "resolve_targets",
    "run_labels",
    "run_name",
    "score",
]
