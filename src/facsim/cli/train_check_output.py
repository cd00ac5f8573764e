"""What `facsim train check` prints."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from facsim.cli.console import console
from facsim.train.check import StyleCheck, TrainingCheck
from facsim.train.token_spans import Kind, stretches

_STYLES: dict[Kind, str] = {
    "context": "dim",
    "rationale": "bold cyan",
    "action": "bold green",
    "not trained": "yellow strike",
}
_ROWS = (
    ("sessions", "sessions"),
    ("steps", "steps"),
    ("sequences", "rows"),
    ("tokens", "tokens"),
    ("trained tokens", "trained"),
    ("of these, rationale", "trained_rationale"),
    ("longest sequence", "longest"),
    ("sessions in several sequences", "split_sessions"),
    ("most sequences of a session", "most_rows"),
    ("steps without a rationale", "without_rationale"),
    ("not trained: target has no name", "unnamed"),
    ("not trained: target cut from the prompt", "not_shown"),
    ("sequences with nothing to learn, left out", "rows_left_out"),
)


def counts_table(found: TrainingCheck) -> Table:
    """What every style would learn."""
    table = Table(title="What would be learned", title_justify="left")
    table.add_column("")
    for check in found.styles:
        table.add_column(check.style, justify="right")
    for label, name in _ROWS:
        table.add_row(label, *(f"{getattr(check.counts, name):,}" for check in found.styles))
    table.add_row("share of tokens trained", *(f"{_share(check):.1%}" for check in found.styles))
    table.add_row(
        "tokens of a prompt, at most", *(f"{check.prompt.budget_tokens:,}" for check in found.styles)
    )
    return table


def example_texts(found: TrainingCheck, *, whole: bool) -> Iterator[Text]:
    """A session in every style, with a legend. Without colours marks stand around what is trained."""
    if not found.styles:
        return
    marked = not console.is_terminal or console.no_color
    legend = Text("Trained: ")
    legend.append_text(_shown("rationale", "rationale", marked=marked)).append(", ")
    legend.append_text(_shown("action", "action", marked=marked)).append(". Not trained: ")
    legend.append("context", style=_STYLES["context"]).append(", ")
    legend.append_text(
        _shown("not trained", "an answer whose target the prompt does not show", marked=marked)
    )
    yield legend
    for check in found.styles:
        for number, lesson in enumerate(check.example, start=1):
            of = f", sequence {number} of {len(check.example)}" if len(check.example) > 1 else ""
            text = Text(f"\n{check.style}: session {lesson.row.session_id}{of}\n", style="bold underline")
            body = Text()
            for stretch in stretches(lesson, found.chat, whole=whole):
                body.append_text(_shown(stretch.kind, stretch.text, marked=marked))
            yield Text.assemble(text, body)


def _shown(kind: Kind, text: str, *, marked: bool) -> Text:
    if marked and kind != "context":
        text = f"⟦{text}⟧" if kind != "not trained" else f"⟦not trained: {text}⟧"
    return Text(text, style=_STYLES[kind])


def _share(check: StyleCheck) -> float:
    return check.counts.trained / max(1, check.counts.tokens)
