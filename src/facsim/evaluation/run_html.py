"""A run as HTML for notebooks: from config.json and metrics.json alone, for it must be quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from facsim.metrics import METRICS
from facsim.schema.notebook_html import Cell, figure, paragraph, table
from facsim.util.errors import FacsimError

if TYPE_CHECKING:
    from facsim.evaluation.run import Run

HEADLINES: Final = (
    "accuracy",
    "accuracy_equivalent",
    "accuracy_target",
    "exact_click",
    "exact_type_and_submit",
    "exact_terminate",
    "type_f1_macro",
    "category_f1_weighted",
    "outcome_f1",
    "nll",
    "reachability",
    "error_illegal",
    "error_unparseable",
    "error_failed",
    "cost_total",
)
"""The metrics shown, where a run has them."""


def run_html(run: Run) -> str:
    """A run: the predictor, the data, the headline metrics with their intervals, and what is amiss."""
    cases, counts = run.config.identity.cases, run.config.counts
    parts = [
        paragraph(f"· {run.predictor}", strong=f"Run {run.name}"),
        paragraph(
            f"{cases.data}, {cases.part} part, split by {cases.split_by} · {counts.cases:,} steps", dim=True
        ),
    ]
    try:
        metrics = run.metrics
    except FacsimError as error:
        return figure(*parts, paragraph(str(error), strong="Not scored."))
    rows = []
    for name in HEADLINES:
        if name not in metrics:
            continue
        found, share = metrics[name], METRICS[name].unit == "share"
        unit = " %" if share else f" {METRICS[name].unit}"
        shown = [
            "" if value is None else f"{100 * value:.1f}" if share else f"{value:.4g}"
            for value in (found.value, found.low, found.high)
        ]
        interval = f"[{shown[1]}, {shown[2]}]" if shown[1] else ""
        rows.append(
            [
                Cell(METRICS[name].title, strong=name == "accuracy"),
                Cell(f"{shown[0]}{unit}", number=True, strong=name == "accuracy"),
                Cell(interval, number=True, dim=True),
            ]
        )
    parts.append(table(["metric", "value", f"{100 * metrics.level:g}% interval"], rows, unit="metrics"))
    if metrics.steps < counts.cases:
        found_steps = f"{metrics.steps:,} of {counts.cases:,} steps were scored; finish the run with --resume"
        parts.append(paragraph(found_steps, strong="Unfinished."))
    return figure(*parts)
