"""Everything that a person looks at: the leaderboard, summaries of runs, plans and comparisons."""

from facsim.report.leaderboard import Leaderboard, Row, leaderboard
from facsim.report.published import PublishedBoard, PublishedRow, published_boards
from facsim.report.summary import comparison_table, effect_table, plan_summary, run_summary

__all__ = [
    "Leaderboard",
    "PublishedBoard",
    "PublishedRow",
    "Row",
    "comparison_table",
    "effect_table",
    "leaderboard",
    "plan_summary",
    "published_boards",
    "run_summary",
]
