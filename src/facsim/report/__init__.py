"""Everything that a person looks at: the leaderboard."""

from facsim.report.leaderboard import Leaderboard, Row, leaderboard
from facsim.report.published import PublishedBoard, PublishedRow, published_boards

__all__ = ["Leaderboard", "PublishedBoard", "PublishedRow", "Row", "leaderboard", "published_boards"]
