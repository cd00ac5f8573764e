"""Everything that a person looks at: the report, the leaderboard, summaries of runs and comparisons."""

from facsim.report.build import build_report
from facsim.report.leaderboard import Leaderboard, Row, leaderboard
from facsim.report.model import Report
from facsim.report.published import PublishedBoard, PublishedRow, published_boards
from facsim.report.summary import comparison_table, effect_table, plan_summary, run_summary

__all__ = [
    "Leaderboard",
    "PublishedBoard",
    "PublishedRow",
    "Report",
    "Row",
    "build_report",
    "comparison_table",
    "effect_table",
    "leaderboard",
    "plan_summary",
    "published_boards",
    "run_summary",
]
