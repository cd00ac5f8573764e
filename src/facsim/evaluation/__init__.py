"""Asking predictors, step by step, into run folders that survive anything; scoring and comparing them."""

from facsim.evaluation.compare import comparable_cases, compare, labels
from facsim.evaluation.config import CaseSelection, RunConfig
from facsim.evaluation.dry_run import Plan, plan
from facsim.evaluation.evaluate import evaluate
from facsim.evaluation.run import Run, score
from facsim.evaluation.runner import RunInterrupted
from facsim.evaluation.targets import named_predictors, run_name

__all__ = [
    "CaseSelection",
    "Plan",
    "Run",
    "RunConfig",
    "RunInterrupted",
    "comparable_cases",
    "compare",
    "evaluate",
    "labels",
    "named_predictors",
    "plan",
    "run_name",
    "score",
]
