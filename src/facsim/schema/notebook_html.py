"""The nouns as HTML for notebooks.

Nothing here can run or load anything: every text is escaped, and there are no links, pictures, scripts or
style sheets. Inline styles take the notebook's own colours, so that they are readable in dark and light.
MathJax is told to leave it alone: it would set what stands between two prices as a formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from facsim.util.display_text import format_seconds, one_line
from facsim.util.errors import FacsimError

if TYPE_CHECKING:
    from facsim.schema.action import Action
    from facsim.schema.page import Page
    from facsim.schema.session import Session, Step

MOST_ROWS: Final = 200
"""Rows of a table; the rest is counted."""

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
"""So many characters are not broken into lines."""
_LONGEST: Final = 300
_LONGEST_PARAGRAPH: Final = 1_200


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: any text; it is shown, never taken for markup.
        number: whether it is set to the right.
        strong: whether it stands out.
        dim: whether it stands back.
        mono: whether it is something to be typed: a name, an id.
        limit: most characters shown.
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
        # dir=auto keeps what reads from right to left within its cell.
        return f'<{tag} dir="auto" style="{";".join(style)}">{escape(text)}</{tag}>'


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, unit: str = "rows") -> str:
    """A table; only the first `MOST_ROWS` rows are drawn.

    Args:
        heads: of the columns.
        rows: their cells.
        unit: what a row is, in the plural.
    """
    numbers = [cell.number for cell in rows[0]] if rows else [False] * len(heads)
    head = "".join(
        Cell(text, number=number, strong=True).html("th") for text, number in zip(heads, numbers, strict=True)
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
    """A line or two of text, after a word or two that stand out."""
    style = f"margin:.2em 0;max-width:60em;overflow-wrap:anywhere;{_DIM if dim else ''}"
    label = f"<strong>{escape(one_line(strong, _LONGEST))}</strong> " if strong else ""
    body = escape(one_line(text, _LONGEST_PARAGRAPH))
    return f'<div style="{style}">{label}<span dir="auto">{body}</span></div>'


def scrolled(html: str) -> str:
    """What is drawn, in a box that scrolls when it is long."""
    return f'<div style="max-height:32em;overflow:auto">{html}</div>'


def figure(*parts: str) -> str:
    """What is drawn of one object."""
    return f'<div class="facsim tex2jax_ignore mathjax_ignore" style="{_BOX}">{"".join(parts)}</div>'


def page_html(page: Page) -> str:
    """A page as a person reads it, line by line, with the names of what can be acted on."""
    try:
        elements, outline = page.by_name, page.outline
    except FacsimError as error:
        return figure(paragraph(str(error), strong="This page cannot be read."))
    rows = []
    for line in outline.lines:
        element = elements.get(line.name) if line.name else None
        if element is None:
            rows.append([Cell(line.text, strong=line.heading), Cell(""), Cell("")])
            continue
        shown = element.text if element.value is None else f"{element.text} [{element.value}]"
        rows.append(
            [Cell(shown, strong=line.heading), Cell(element.role, dim=True), Cell(element.name, mono=True)]
        )
    counts = f"{len(elements):,} elements · {len(page.html):,} characters"
    head = paragraph(f"· {counts}", strong=outline.title or "Page")
    if not rows:
        return figure(head, paragraph("nothing to read on it", dim=True))
    return figure(head, scrolled(table(["on the page", "role", "name"], rows, unit="lines")))


def session_html(session: Session) -> str:
    """A session: who, what for, and what was done, step by step."""
    facts = [f"{len(session.steps)} steps", f"by {session.user_id}"]
    facts += [f"outcome {session.outcome}"] if session.outcome else []
    facts += [session.site] if session.site else []
    parts = [paragraph(f"· {' · '.join(facts)}", strong=f"Session {session.session_id}")]
    parts += [paragraph(session.persona, strong="Persona")] if session.persona else []
    parts += [paragraph(session.intent, strong="Intent")] if session.intent else []
    columns = _step_columns(session.steps)
    rows = [_step_row(number, step, columns) for number, step in enumerate(session.steps)]
    heads = ["step", *(["at"] if "at" in columns else []), "action", "target"]
    heads += [name for name in ("category", "rationale") if name in columns]
    parts.append(scrolled(table(heads, rows, unit="steps")))
    return figure(*parts)


def _step_columns(steps: Iterable[Step]) -> set[str]:
    """The columns that some step has something for."""
    columns: set[str] = set()
    for step in steps:
        found = {"at": step.elapsed, "category": step.category, "rationale": step.rationale}
        columns |= {name for name, value in found.items() if value is not None}
    return columns


def _step_row(number: int, step: Step, columns: set[str]) -> list[Cell]:
    row = [Cell(str(number), number=True, dim=True)]
    if "at" in columns:
        row.append(Cell("" if step.elapsed is None else format_seconds(step.elapsed), number=True, dim=True))
    row += [Cell(step.action.type), Cell(target_of(step.action), mono=True)]
    if "category" in columns:
        row.append(Cell(step.category or ""))
    if "rationale" in columns:
        source = f" ({step.rationale_source})" if step.rationale_source and step.rationale else ""
        row.append(Cell(f"{step.rationale or ''}{source}", limit=600))
    return row


def in_words(kind: str, target: str, text: str | None) -> str:
    """An action as people say it.

    Args:
        kind: its type.
        target: what the element is called.
        text: what is typed.

    >>> in_words("type_and_submit", "Search", "red shoes"), in_words("click", "a.b", None)
    ('type “red shoes” into Search', 'click a.b')
    """
    if kind == "terminate":
        return "leave the site"
    return f"click {target}" if kind == "click" else f"type “{text or ''}” into {target}"


def target_of(action: Action) -> str:
    """What an action is done to, and what is typed.

    >>> from facsim.schema import Action
    >>> target_of(Action.type_and_submit("search_input", "red shoes"))
    'search_input ← “red shoes”'
    """
    if action.type == "terminate":
        return ""
    name = action.name if action.name is not None else "(no name on the page)"
    return name if action.text is None else f"{name} ← “{action.text}”"
