"""What `facsim train check` prints."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from facsim.cli.console import console
from facsim.lm.operations import UTILISATION
from facsim.train.check import StyleCheck, TrainingCheck
from facsim.train.token_spans import Kind, token_spans
from facsim.util.display_text import format_hours

_STYLES: dict[Kind, str] = {
    "context": "dim",
    "rationale": "bold cyan",
    "action": "bold green",
    "not trained": "yellow strike",
}
_COUNTS = (
    ("sessions", "sessions"),
    ("steps", "steps"),
    ("examples", "examples"),
    ("tokens", "tokens"),
    ("trained tokens", "trained_tokens"),
    ("of these, rationale", "trained_rationale_tokens"),
    ("longest example", "longest_example"),
    ("sessions in several examples", "split_sessions"),
    ("most examples of a session", "most_examples"),
    ("steps without a rationale", "without_rationale"),
    ("not trained: target has no name", "unnamed"),
    ("not trained: target cut from the prompt", "not_shown"),
    ("not trained: text masked by the recorder", "masked_text"),
    ("examples with nothing to learn, left out", "examples_left_out"),
)


def counts_table(found: TrainingCheck) -> Table:
    """What every style would teach."""
    table = Table(title="What would be learned", title_justify="left", caption_justify="left")
    table.add_column("")
    for check in found.styles:
        table.add_column(check.style, justify="right")
    for label, name in _COUNTS:
        table.add_row(label, *(f"{getattr(check.counts, name):,}" for check in found.styles))
    table.add_row("share of tokens trained", *(f"{_share(check):.1%}" for check in found.styles))
    table.add_row(
        "tokens of a prompt, at most", *(f"{check.prompt.budget_tokens:,}" for check in found.styles)
    )
    table.add_row("H100 hours, computed", *(format_hours(check.gpu_hours) for check in found.styles))
    table.caption = (
        f"Hours: operations of all passes at {UTILISATION:.0%} of the peak rate; small models reach less. "
        "Nothing was measured, and validation is not counted."
    )
    return table


def example_texts(found: TrainingCheck, *, whole: bool) -> Iterator[Text]:
    """A session in every style, with a legend. Without colours, brackets mark what is trained."""
    if not found.styles:
        return
    marked = not console.is_terminal or console.no_color
    legend = Text("Trained: ")
    legend.append_text(_styled("rationale", "rationale", marked=marked)).append(", ")
    legend.append_text(_styled("action", "action", marked=marked)).append(". Not trained: ")
    legend.append("context", style=_STYLES["context"]).append(", ")
    legend.append_text(
        _styled("not trained", "an answer whose target the prompt does not show", marked=marked)
    )
    yield legend
    for check in found.styles:
        for number, example in enumerate(check.shown, start=1):
            of = f", example {number} of {len(check.shown)}" if len(check.shown) > 1 else ""
            title = Text(
                f"\n{check.style}: session {example.tokenized.session_id}{of}\n", style="bold underline"
            )
            body = Text()
            for span in token_spans(example, found.chat, whole=whole):
                body.append_text(_styled(span.kind, span.text, marked=marked))
            yield Text.assemble(title, body)


def _styled(kind: Kind, text: str, *, marked: bool) -> Text:
    if marked and kind != "context":
        text = f"⟦{text}⟧" if kind != "not trained" else f"⟦not trained: {text}⟧"
    return Text(text, style=_STYLES[kind])


def _share(check: StyleCheck) -> float:
    return check.counts.trained_tokens / max(1, check.counts.tokens)
