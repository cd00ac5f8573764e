"""Building blocks of the HTML that notebooks show: tables, paragraphs and the box around them.

Nothing built here can run or load anything: all text is escaped, and there are no links, images, scripts or
style sheets. Inline styles inherit the notebook's colours, so they work in light and dark themes.
MathJax is switched off: it would typeset the text between two dollar prices as a formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from facsim.util.display_text import one_line

MOST_ROWS: Final = 200
"""The maximum number of rows a table shows; the remaining rows are counted below it."""

_LINE: Final = "1px solid rgba(128,128,128,.35)"
_BOX: Final = "line-height:1.4;max-width:100%;overflow-x:auto"
_TABLE: Final = "border-collapse:collapse;border:0;margin:.4em 0;font-size:.92em"
_CELL: Final = (
    "padding:.2em .7em .2em 0;border:0;vertical-align:top;text-align:{align};background:none;"
    "max-width:34em;overflow-wrap:anywhere"
)
_DIM: Final = "opacity:.72"
_MONO: Final = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em"
_STRONG: Final = "font-weight:600"
_SHORT: Final = 20
"""Texts up to this many characters stay on one line."""
_LONGEST: Final = 300
_LONGEST_PARAGRAPH: Final = 1_200


@dataclass(frozen=True, slots=True)
class HtmlCell:
    """A table cell.

    Attributes:
        text: any text; it is escaped, never interpreted as markup.
        number: whether the cell is right-aligned.
        strong: whether it is bold.
        dim: whether it is faded.
        mono: whether it is set in a monospaced font, as names and ids are.
        limit: the maximum number of characters shown.
    """

    text: str
    number: bool = False
    strong: bool = False
    dim: bool = False
    mono: bool = False
    limit: int = _LONGEST

    def html(self, tag: str = "td") -> str:
        """The cell as HTML."""
        style = [_CELL.format(align="right" if self.number else "left")]
        style += [
            rule for rule, holds in ((_STRONG, self.strong), (_DIM, self.dim), (_MONO, self.mono)) if holds
        ]
        text = one_line(self.text, self.limit)
        if self.number or len(text) <= _SHORT:
            style.append("white-space:nowrap")
        # dir=auto keeps right-to-left text inside its cell.
        return f'<{tag} dir="auto" style="{";".join(style)}">{escape(text)}</{tag}>'


def table(heads: Sequence[str], rows: Sequence[Sequence[HtmlCell]], *, unit: str = "rows") -> str:
    """An HTML table of the first `MOST_ROWS` rows.

    Args:
        heads: column titles.
        rows: cells, row by row.
        unit: what a row is, in the plural.
    """
    numbers = [cell.number for cell in rows[0]] if rows else [False] * len(heads)
    head = "".join(
        HtmlCell(text, number=number, strong=True).html("th")
        for text, number in zip(heads, numbers, strict=True)
    )
    body = "".join(
        f'<tr style="border-top:{_LINE};background:none">{"".join(cell.html() for cell in row)}</tr>'
        for row in rows[:MOST_ROWS]
    )
    more = f"… and {len(rows) - MOST_ROWS:,} more {unit}" if len(rows) > MOST_ROWS else ""
    drawn = (
        f'<table style="{_TABLE}"><thead><tr style="background:none">{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    return drawn + (paragraph(more, dim=True) if more else "")


def paragraph(text: str, *, dim: bool = False, strong: str = "") -> str:
    """A paragraph of text, optionally after a bold label."""
    style = f"margin:.2em 0;max-width:60em;overflow-wrap:anywhere;{_DIM if dim else ''}"
    label = f"<strong>{escape(one_line(strong, _LONGEST))}</strong> " if strong else ""
    body = escape(one_line(text, _LONGEST_PARAGRAPH))
    return f'<div style="{style}">{label}<span dir="auto">{body}</span></div>'


def scrolled(html: str) -> str:
    """HTML in a box that scrolls when it is long."""
    return f'<div style="max-height:32em;overflow:auto">{html}</div>'


def figure(*parts: str) -> str:
    """The outer box of one object's HTML."""
    return f'<div class="facsim tex2jax_ignore mathjax_ignore" style="{_BOX}">{"".join(parts)}</div>'
