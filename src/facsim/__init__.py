"""Measure how accurately language models act like real people on the web.

    from facsim import evaluate, ingest, leaderboard

    ingest("miniwob", "miniwob_flight/", out="data/flight")
    runs = [evaluate("data/flight", name, run_dir=f"runs/{name}") for name in ("choice", "baseline:markov-2")]
    print(leaderboard(runs).to_markdown())

Everything public can be imported from here, and is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from facsim.data import Card, DataSet, DataSetWriter, replay
    from facsim.data.audit import audit
    from facsim.data.ingest import ingest
    from facsim.data.scrub.scrub import scrub
    from facsim.data.splits import split
    from facsim.evaluation import Run, compare, evaluate, score
    from facsim.fidelity import ABReport, FidelityReport, ab_test, measure_fidelity, plan_ab_test
    from facsim.metrics import compare_runs, compute_metrics
    from facsim.page import CategoryRules, Recipe, element_at, read_page, simplify
    from facsim.predict import Predictor, load_predictor
    from facsim.prompt import PromptConfig, build_prompt, parse_answer
    from facsim.rationale import synthesize
    from facsim.record import Study
    from facsim.report import Leaderboard, Report, build_report, leaderboard
    from facsim.rollout import Rollout, SimulatedPerson
    from facsim.schema import Action, Element, Page, PastStep, Prediction, Session, SessionSoFar, Step
    from facsim.train import SftConfig, check_training, train_sft
    from facsim.util.errors import ConfigError, FacsimError, InputError

# One line per public name: where it is loaded from. The block above tells type checkers the same.
_HOMES = {
    "facsim.data": ("Card", "DataSet", "DataSetWriter", "replay"),
    "facsim.data.audit": ("audit",),
    "facsim.data.ingest": ("ingest",),
    "facsim.data.scrub.scrub": ("scrub",),
    "facsim.data.splits": ("split",),
    "facsim.evaluation": ("Run", "compare", "evaluate", "score"),
    "facsim.fidelity": ("ABReport", "FidelityReport", "ab_test", "measure_fidelity", "plan_ab_test"),
    "facsim.metrics": ("compare_runs", "compute_metrics"),
    "facsim.page": ("CategoryRules", "Recipe", "element_at", "read_page", "simplify"),
    "facsim.predict": ("Predictor", "load_predictor"),
    "facsim.prompt": ("PromptConfig", "build_prompt", "parse_answer"),
    "facsim.rationale": ("synthesize",),
    "facsim.report": ("Leaderboard", "Report", "build_report", "leaderboard"),
    "facsim.record": ("Study",),
    "facsim.rollout": ("Rollout", "SimulatedPerson"),
    "facsim.schema": (
        "Action",
        "Element",
        "Page",
        "PastStep",
        "Prediction",
        "Session",
        "SessionSoFar",
        "Step",
    ),
    "facsim.train": ("SftConfig", "check_training", "train_sft"),
    "facsim.util.errors": ("ConfigError", "FacsimError", "InputError"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ABReport",
    "Action",
    "Card",
    "CategoryRules",
    "ConfigError",
    "DataSet",
    "DataSetWriter",
    "Element",
    "FacsimError",
    "FidelityReport",
    "InputError",
    "Leaderboard",
    "Page",
    "PastStep",
    "Prediction",
    "Predictor",
    "PromptConfig",
    "Recipe",
    "Report",
    "Rollout",
    "Run",
    "Session",
    "SessionSoFar",
    "SftConfig",
    "SimulatedPerson",
    "Step",
    "Study",
    "__version__",
    "ab_test",
    "audit",
    "build_prompt",
    "build_report",
    "check_training",
    "compare",
    "compare_runs",
    "compute_metrics",
    "element_at",
    "evaluate",
    "ingest",
    "leaderboard",
    "load_predictor",
    "measure_fidelity",
    "parse_answer",
    "plan_ab_test",
    "read_page",
    "replay",
    "score",
    "scrub",
    "simplify",
    "split",
    "synthesize",
    "train_sft",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'facsim' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
