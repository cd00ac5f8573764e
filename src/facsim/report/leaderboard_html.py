"""The leaderboard as HTML for notebooks, from the cells of the terminal table."""

from __future__ import annotations

from facsim.report import leaderboard_table
from facsim.report.leaderboard_data import LeaderboardData
from facsim.util.notebook_html import HtmlCell, figure, paragraph, scrolled, table


def leaderboard_html(board: LeaderboardData) -> str:
    """A leaderboard with its legend; shares of what is possible and published numbers in separate tables."""
    heads, rows = leaderboard_table.cells(board)
    strong = [row.best for row in board.rows]
    parts = [paragraph("", strong=leaderboard_table.heading(board)), scrolled(_table(heads, rows, strong))]
    parts += [
        paragraph(text, dim=True)
        for text in (*leaderboard_table.marks(board), leaderboard_table.legend(board), *board.notes)
    ]
    if board.ceiling is not None and board.ceiling.shares:
        heads, rows = leaderboard_table.share_cells(board, board.ceiling)
        parts += [paragraph("", strong=leaderboard_table.SHARES_TITLE), scrolled(_table(heads, rows))]
        parts.append(paragraph(leaderboard_table.shares_legend(board, board.ceiling), dim=True))
    if board.published is not None:
        heads, rows = leaderboard_table.published_cells(board.published)
        parts += [paragraph("", strong=f"{leaderboard_table.PUBLISHED}: {board.published.title}")]
        parts += [scrolled(_table(heads, rows))]
        parts += [paragraph(f"{key}: {text}", dim=True) for key, text in board.published.sources.items()]
    return figure(*parts)


def _table(heads: list[str], rows: list[list[str]], strong: list[bool] | None = None) -> str:
    """Cells as a table; the first two columns are text, the others numbers."""
    drawn = [
        [
            HtmlCell(text, number=column >= _TEXT_COLUMNS, strong=bool(strong and strong[place]))
            for column, text in enumerate(row)
        ]
        for place, row in enumerate(rows)
    ]
    return table(heads, drawn, unit="runs")


_TEXT_COLUMNS = 2
