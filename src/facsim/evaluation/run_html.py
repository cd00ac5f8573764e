"""A run as HTML for notebooks. Uses only config.json and metrics.json, which are quick to read."""

from __future__ import annotations

from typing import Final

from facsim.evaluation.config import RunConfig
from facsim.metrics import METRICS, Metrics
from facsim.util.errors import FacsimError
from facsim.util.notebook_html import HtmlCell, figure, paragraph, table

SHOWN_METRICS: Final = (
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
"""The metrics shown, if the run has them."""


def run_html(name: str, config: RunConfig, metrics: Metrics | FacsimError) -> str:
    """A run: the predictor, the data, the main metrics with their intervals, and any problems.

    Args:
        name: of the run.
        config: its config.json.
        metrics: its metrics.json, or the error that reading it raised.
    """
    cases, counts = config.identity.cases, config.counts
    parts = [
        paragraph(f"· {config.identity.predictor}", strong=f"Run {name}"),
        paragraph(
            f"{cases.data}, {cases.part} part, split by {cases.split_by} · {counts.cases:,} steps", dim=True
        ),
    ]
    if isinstance(metrics, FacsimError):
        return figure(*parts, paragraph(str(metrics), strong="Not scored."))
    rows = []
    for metric in SHOWN_METRICS:
        if metric not in metrics:
            continue
        found, share = metrics[metric], METRICS[metric].unit == "share"
        unit = " %" if share else f" {METRICS[metric].unit}"
        shown = [
            "" if value is None else f"{100 * value:.1f}" if share else f"{value:.4g}"
            for value in (found.value, found.low, found.high)
        ]
        interval = f"[{shown[1]}, {shown[2]}]" if shown[1] else ""
        rows.append(
            [
                HtmlCell(METRICS[metric].title, strong=metric == "accuracy"),
                HtmlCell(f"{shown[0]}{unit}", number=True, strong=metric == "accuracy"),
                HtmlCell(interval, number=True, dim=True),
            ]
        )
    parts.append(table(["metric", "value", f"{100 * metrics.level:g}% interval"], rows, unit="metrics"))
    if metrics.steps < counts.cases:
        found_steps = f"{metrics.steps:,} of {counts.cases:,} steps were scored; finish the run with --resume"
        parts.append(paragraph(found_steps, strong="Unfinished."))
    return figure(*parts)
