"""The report, the leaderboard, and summaries of runs and comparisons.

Names are loaded on first use, so that the viewer starts quickly.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facsim.report.ab_tables import ab_csv, ab_plan_table, ab_table
    from facsim.report.build import build_report
    from facsim.report.document import Report
    from facsim.report.fidelity_files import save_fidelity
    from facsim.report.fidelity_tables import (
        fidelity_csv,
        fidelity_latex,
        fidelity_markdown,
        fidelity_table,
    )
    from facsim.report.leaderboard_data import LeaderboardRow
    from facsim.report.published import PublishedBoard, PublishedRow, published_boards
    from facsim.report.ranking import Leaderboard, leaderboard
    from facsim.report.terminal_summary import (
        cluster_plan_table,
        comparison_table,
        effect_table,
        run_plan_prompt,
        run_plans_table,
        run_summary,
    )

# The module of each name; the block above repeats it for type checkers.
_HOMES = {
    "ab_tables": ("ab_csv", "ab_plan_table", "ab_table"),
    "build": ("build_report",),
    "document": ("Report",),
    "fidelity_files": ("save_fidelity",),
    "fidelity_tables": (
        "fidelity_csv",
        "fidelity_latex",
        "fidelity_markdown",
        "fidelity_table",
    ),
    "published": ("PublishedBoard", "PublishedRow", "published_boards"),
    "leaderboard_data": ("LeaderboardRow",),
    "ranking": ("Leaderboard", "leaderboard"),
    "terminal_summary": (
        "cluster_plan_table",
        "comparison_table",
        "effect_table",
        "run_plan_prompt",
        "run_plans_table",
        "run_summary",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Leaderboard",
    "LeaderboardRow",
    "PublishedBoard",
    "PublishedRow",
    "Report",
    "ab_csv",
    "ab_plan_table",
    "ab_table",
    "build_report",
    "cluster_plan_table",
    "comparison_table",
    "effect_table",
    "fidelity_csv",
    "fidelity_latex",
    "fidelity_markdown",
    "fidelity_table",
    "leaderboard",
    "published_boards",
    "run_plan_prompt",
    "run_plans_table",
    "run_summary",
    "save_fidelity",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'facsim.report' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"facsim.report.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
