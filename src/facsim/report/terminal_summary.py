"""A run, a plan and a comparison, as a few lines or a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from facsim.evaluation import Run, RunPlan
from facsim.lm.operations import PEAK_OPERATIONS, UTILISATION
from facsim.metrics import Comparison, Estimate
from facsim.predict.endpoint.estimate import CostEstimate
from facsim.predict.local.estimate import LocalEstimate
from facsim.report.leaderboard_table import ABSENT, TextTable, dollars, with_interval
from facsim.util.display_text import escape_controls, format_hours, format_seconds

if TYPE_CHECKING:
    from facsim.evaluation.dry_run import ClusterPlan
    from facsim.shop import DesignEffect, Effect


def run_summary(run: Run) -> RenderableType:
    """The result of a run in one line, and what a reader of it should know."""
    metrics = run.metrics
    cost = metrics.get("cost_total")
    spent = f" · {dollars(cost.value)}" if cost else ""
    line = Text.assemble(
        (run.name, "bold"),
        f"  accuracy {with_interval(metrics['accuracy'])} % · "
        f"{metrics.steps:,} steps of {metrics.sessions:,} sessions{spent} · {run.path}",
    )
    failures = str(run.failures or "")
    styles = {failures: "bold red"}
    return Group(line, *(Text(f"  {note}", style=styles.get(note, "yellow")) for note in run.notes))


def run_plans_table(plans: Sequence[RunPlan]) -> RenderableType:
    """What runs would take, one per row, with the total cost.

    Args:
        plans: the runs, at least one, over the same test cases.
    """
    heads = ["Predictor", "Calls", "Input tokens", "Cached", "Output tokens", "Cost", "At most", "Time"]
    rows = [[plan.predictor, *_plan_cells(plan)] for plan in plans]
    estimates = [plan.estimate for plan in plans if isinstance(plan.estimate, CostEstimate)]
    if len(estimates) > 1:
        calls = f"{sum(found.calls for found in estimates):,}"
        tokens = f"{sum(found.input_tokens for found in estimates):,}"
        cost = dollars(_total(found.cost for found in estimates))
        at_most = dollars(_total(found.cost_at_most for found in estimates))
        rows.append(["Total", calls, tokens, "", "", cost, at_most, ""])
    below = [
        "No endpoint was called. Cost: typical answers, prefix caching. At most: longest answers, no caching."
    ]
    if any(found.cost is None for found in estimates):
        below.append("Some prices are unknown; give them with --price.")
    below += [
        _with_other_pages(plan.predictor, plan.estimate)
        for plan in plans
        if isinstance(plan.estimate, CostEstimate)
    ]
    if any(isinstance(plan.estimate, LocalEstimate) and plan.cluster is None for plan in plans):
        below.append("See how sessions of local models would be placed on GPUs with --on ray.")
    if any(plan.estimate is not None for plan in plans):
        below.append("See each predictor's longest prompt of the first session with --prompts.")
    first = plans[0]
    title = f"{first.steps:,} steps of {first.sessions:,} sessions"
    return TextTable(title, heads, rows, left=1, below=below)


def run_plan_prompt(plan: RunPlan) -> RenderableType:
    """The longest prompt of a run's first session."""
    title = Text(f"── {plan.predictor}", style="bold")
    if plan.estimate is None or plan.estimate.example is None:
        return title.append(": no prompt", style="dim")
    parts: list[RenderableType] = [title]
    for message in plan.estimate.example.messages:
        parts += [Text(f"── {message.role}", style="bold cyan"), Text(escape_controls(message.content))]
    return Group(*parts)


def cluster_plan_table(predictor: str, plan: ClusterPlan) -> RenderableType:
    """How the sessions of a local model would be placed on GPUs, and how long that would take."""
    heads = ["GPUs", "Units", "Busiest GPU", "Share of the possible rate", "Time", "GPU hours"]
    rows = [
        [
            f"{placed.gpus}",
            f"{placed.units:,}",
            f"{placed.busiest_sessions:,} sessions ({placed.busiest_tokens:,} tokens)",
            f"{placed.share:.1%}",
            ABSENT if placed.hours is None else format_seconds(3600 * placed.hours),
            format_hours(placed.gpu_hours),
        ]
        for placed in plan.placements
    ]
    below = ["Computed, not measured. Each GPU holds the model and takes the next unit when it is idle."]
    if plan.shape is None:
        below.append("Sessions cost their tokens. Time is not computed for this kind of model.")
    else:
        below.append(
            f"Time: 2 operations for each token and each of {plan.shape.parameters:,} parameters outside "
            f"the embedding, and attention, at {UTILISATION:.0%} of an H100's {PEAK_OPERATIONS / 1e12:g} "
            "teraflops; small models reach less. Sessions are read; writing answers is not counted."
        )
    if plan.gpus_per_model > 1:
        below.append(
            f"The model takes about {plan.gpus_per_model} GPUs of 80 GB: local: uses one per worker, so "
            "serve it and evaluate it as an endpoint."
        )
    return TextTable(f"{predictor} on a cluster", heads, rows, left=0, below=below)


def _plan_cells(plan: RunPlan) -> list[str]:
    found = plan.estimate
    if found is None:
        return ["0", "", "", "", "$0.00", "$0.00", ""]
    if isinstance(found, CostEstimate):
        return [
            f"{found.calls:,}",
            f"{found.input_tokens:,}",
            f"{found.cached_tokens:,}",
            f"{found.output_tokens:,}",
            dollars(found.cost),
            dollars(found.cost_at_most),
            "",
        ]
    time = "" if found.seconds is None else f"about {format_seconds(found.seconds)}"
    return ["0", f"{found.tokens:,}", "", "", "$0.00", "$0.00", time]


def _with_other_pages(predictor: str, found: CostEstimate) -> str:
    """What the other setting of `--pages` takes, compared with this one."""
    other = found.otherwise
    taken = f"{predictor} with --pages {other.pages}: {other.input_tokens:,} input tokens"
    if found.input_tokens:
        taken += f" ({other.input_tokens / found.input_tokens - 1:+.0%})"
    if other.cost is None or found.cost is None:
        return taken
    saved = found.cost - other.cost
    return f"{taken}, {dollars(other.cost)}: {dollars(abs(saved))} {'less' if saved >= 0 else 'more'}"


def _total(costs: Iterable[float | None]) -> float | None:
    """The sum; None if one of the costs is unknown."""
    known = list(costs)
    return None if any(cost is None for cost in known) else sum(cost or 0.0 for cost in known)


def comparison_table(comparisons: Sequence[Comparison], *, common_steps: bool = False) -> RenderableType:
    """Paired comparisons, one per row, with corrected p-values.

    Args:
        comparisons: at least one.
        common_steps: whether they are restricted to the steps that all runs answered; the heading says so.
    """
    first = comparisons[0]
    rows = [
        [
            found.a,
            found.b,
            f"{100 * found.accuracy_a:.1f}",
            f"{100 * found.accuracy_b:.1f}",
            _signed(found.difference),
            f"{found.only_a:,}",
            f"{found.only_b:,}",
            p_value(found.mcnemar_p),
            p_value(found.permutation_p),
            p_value(found.adjusted_p),
        ]
        for found in comparisons
    ]
    heads = [
        "A",
        "B",
        "Acc. A",
        "Acc. B",
        f"A - B [{100 * first.level:g}%]",
        "Only A",
        "Only B",
        "McNemar p",
        "Perm. p",
        "Holm p",
    ]
    common = ", common to all runs" if common_steps else ""
    title = f"{first.steps:,} steps of {first.sessions:,} sessions{common} · right by the {first.rule} rule"
    legend = (
        f"Judge by Holm p: the permutation test with whole {first.cluster}s swapped, corrected over "
        f"{len(comparisons)} comparison{'s' if len(comparisons) > 1 else ''}. "
        "McNemar assumes independent steps and its p is too small; it is shown because papers report it."
    )
    return TextTable(title, heads, rows, left=2, below=(legend,))


def effect_table(found: DesignEffect) -> RenderableType:
    """The effect of a design change, one measure per row."""
    rows = [_effect_row(effect) for effect in found.effects.values()]
    heads = ["", "A", "B", "B - A", "Std. error", f"[{100 * found.level:g}%]"]
    title = f"A: {found.a} · B: {found.b} · shop of seed {found.seed}"
    legend = (
        f"{found.sessions:,} sessions of {found.people:,} simulated shoppers, each in both designs with "
        f"the same random numbers; {100 * found.same:.0f}% were identical. {found.seconds:.0f} seconds."
    )
    return TextTable(title, heads, rows, left=1, below=(legend,))


_EFFECT_ROWS: Mapping[str, tuple[str, float, int]] = {
    "conversion": ("Conversion, %", 100.0, 2),
    "searches": ("Searches per session", 1.0, 3),
    "length": ("Actions per session", 1.0, 3),
    "revenue": ("Revenue per session, $", 0.01, 2),
}


def _effect_row(effect: Effect) -> list[str]:
    title, unit, digits = _EFFECT_ROWS[effect.measure]
    a, b, error = (f"{unit * number:.{digits}f}" for number in (effect.a, effect.b, effect.error))
    difference, low, high = (
        f"{unit * number:+.{digits}f}" for number in (effect.difference, effect.low, effect.high)
    )
    return [title, a, b, difference, error, f"[{low}, {high}]"]


def p_value(p: float) -> str:
    """A p-value with three decimals."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _signed(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{100 * estimate.value:+.1f}"
    return f"{100 * estimate.value:+.1f} [{100 * estimate.low:+.1f}, {100 * estimate.high:+.1f}]"
