"""A run, a plan and a comparison, as a few lines or a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from facsim.evaluation import Run, RunPlan
from facsim.metrics import Comparison, Estimate
from facsim.predict.endpoint.estimate import CostEstimate
from facsim.report.leaderboard_table import TextTable, dollars, with_interval
from facsim.util.display_text import escape_controls, format_seconds

if TYPE_CHECKING:
    from facsim.predict.local.estimate import LocalEstimate
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


def run_plan_summary(plan: RunPlan) -> RenderableType:
    """What a run would take, and the longest prompt of its first session."""
    asked = f"{plan.steps:,} steps of {plan.sessions:,} sessions"
    found = plan.estimate
    if found is None:
        return Text.assemble((plan.predictor, "bold"), f"  {asked}; calls no model")
    parts: list[RenderableType] = []
    if found.example is not None:
        for message in found.example.messages:
            parts += [Text(f"── {message.role}", style="bold cyan"), Text(escape_controls(message.content))]
        parts.append(Text())
    if isinstance(found, CostEstimate):
        told, rows = "Nothing was asked", _calls(found)
    else:
        told, rows = f"{found.tried} steps were tried, nothing was written", _passes(found)
    parts.append(TextTable(plan.predictor, ["", told], [["steps", asked], *rows], left=2))
    return Group(*parts)


def _calls(found: CostEstimate) -> list[list[str]]:
    return [
        ["calls", f"{found.calls:,}"],
        ["input tokens", f"{found.input_tokens:,}, of which a cache can serve {found.cached_tokens:,}"],
        ["longest prompt", f"{found.longest:,} tokens"],
        ["output tokens", f"{found.output_tokens:,} if typical, {found.output_tokens_at_most:,} at most"],
        ["cost", _costs(found.cost, found.cost_at_most)],
        [f"with --pages {found.otherwise.pages}", _with_other_pages(found)],
    ]


def _with_other_pages(found: CostEstimate) -> str:
    """What the other setting of `--pages` takes, compared with this one."""
    other = found.otherwise
    taken = f"{other.input_tokens:,} input tokens"
    if found.input_tokens:
        taken += f" ({other.input_tokens / found.input_tokens - 1:+.0%})"
    if other.cost is None or found.cost is None:
        return taken
    saved = found.cost - other.cost
    return (
        f"{taken}, {dollars(other.cost)} expected: {dollars(abs(saved))} {'less' if saved >= 0 else 'more'}"
    )


def _passes(found: LocalEstimate) -> list[list[str]]:
    return [
        ["sequences", f"{found.sequences:,}, each of which goes through the model once"],
        ["tokens", f"{found.tokens:,}; {found.input_tokens:,} if each step were asked by itself"],
        ["longest prompt", f"{found.longest:,} tokens"],
        ["time", f"about {format_seconds(found.seconds)} on this machine, by the steps that were tried"],
    ]


def _costs(expected: float | None, at_most: float | None) -> str:
    if expected is None:
        return "no price known; give one with --price"
    return f"{dollars(expected)} expected, {dollars(at_most)} at most"


def comparison_table(comparisons: Sequence[Comparison]) -> RenderableType:
    """Paired comparisons, one a row, with corrected p-values."""
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
    title = f"{first.steps:,} steps of {first.sessions:,} sessions · right by the {first.rule} rule"
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
