"""A/B tests as tables for the terminal and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Final

from rich.console import Group, RenderableType

from facsim.fidelity import ABPlan, ABReport, ChangeEffect
from facsim.fidelity.session_measures import SHARE, measure_title
from facsim.report.exports import spreadsheet_text
from facsim.report.leaderboard_table import ABSENT, TextTable
from facsim.report.terminal_summary import p_value
from facsim.util.display_text import one_line

_UNITS: Final[Mapping[str, tuple[str, float, int]]] = {
    "conversion": (", %", 100.0, 2),
    "revenue": (", $", 0.01, 2),
    "searches": ("", 1.0, 3),
    "length": ("", 1.0, 3),
}
_SHARES: Final = (", %", 100.0, 2)
_COLUMNS: Final = (
    *("measure", "a", "b", "difference", "low", "high", "error", "p", "adjusted_p", "detectable"),
    *("aa_difference", "aa_low", "aa_high", "aa_adjusted_p", "false_positives"),
)


def ab_table(report: ABReport) -> RenderableType:
    """The effects, and what A/A found where there is nothing to find."""
    aa = {one.measure: one for one in report.aa_effects}
    rows = []
    for one in report.effects:
        same = aa.get(one.measure)
        rows.append(
            [
                *_effect_cells(one),
                p_value(one.adjusted_p),
                f"±{_shown(one.measure, one.detectable)}",
                ABSENT if same is None else p_value(same.adjusted_p),
                ABSENT if same is None else f"{100 * report.false_positives[one.measure]:.1f}%",
            ]
        )
    level = f"{100 * report.level:g}%"
    heads = ["", "A", "B", "B - A", f"[{level}]", "Holm p", "Detectable", "A/A p", "False pos."]
    title = _heading(report)
    unfinished = ", ".join(f"{arm.upper()} {count:,}" for arm, count in report.unfinished.items())
    below = [
        f"{report.sessions:,} sessions of {report.people:,} people in each arm, with the same random "
        f"numbers; {100 * report.same:.0f}% were identical. Unfinished: {unfinished}.",
        "Detectable: the smallest effect found with 80% power. A/A p: the same site with other random "
        "numbers, Holm-corrected. False pos.: experiments drawn from A/A that find an effect; stated: "
        f"{100 - 100 * report.level:g}%.",
    ]
    if report.found_in_aa:
        below.append(f"A/A found an effect on {', '.join(report.found_in_aa)}: do not trust this test.")
    return TextTable(title, heads, rows, left=1, below=below)


def ab_plan_table(plan: ABPlan) -> RenderableType:
    """What a test would find, before it is run."""
    rows = [
        [
            _title(one.measure),
            _shown(one.measure, one.mean),
            _shown(one.measure, one.deviation),
            f"±{_shown(one.measure, one.detectable)}",
            ABSENT if one.sessions_needed is None else f"{one.sessions_needed:,}",
        ]
        for one in plan.measures
    ]
    heads = ["", "People", "Std. dev.", "Detectable", f"Sessions for {100 * plan.relative:g}%"]
    title = (
        f"A: {one_line(plan.site_a, 80)} · B: {one_line(plan.site_b, 80)} · {one_line(plan.predictor, 80)}"
    )
    price = ""
    if plan.cost is not None and plan.cost_at_most is not None:
        price = f" They cost about ${plan.cost:,.2f}, at most ${plan.cost_at_most:,.2f}."
    below = (
        f"{plan.sessions:,} sessions in each arm, about {plan.answers:,} answers in all (A, A again, B)."
        f"{price} Nothing was asked.",
        "Detectable: the smallest effect found with 80% power at 5%, if the sessions of a pair were "
        "independent. Pairing makes it smaller.",
    )
    return Group(TextTable(title, heads, rows, left=1, below=below))


def ab_csv(report: ABReport) -> str:
    """Every number, one measure per line; revenue in cents, shares between 0 and 1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    aa = {one.measure: one for one in report.aa_effects}
    for one in report.effects:
        numbers: list[float | None] = [one.a, one.b, one.difference.value, one.difference.low]
        numbers += [one.difference.high, one.error, one.p, one.adjusted_p, one.detectable]
        same = aa.get(one.measure)
        if same is None:
            numbers += [None] * 5
        else:
            found = same.difference
            numbers += [found.value, found.low, found.high, same.adjusted_p]
            numbers += [report.false_positives[one.measure]]
        cells = ["" if number is None else repr(number) for number in numbers]
        writer.writerow([spreadsheet_text(one_line(one.measure)), *cells])
    return out.getvalue()


def _heading(found: ABReport | ABPlan) -> str:
    a, b, predictor = (one_line(text, 80) for text in (found.site_a, found.site_b, found.predictor))
    return f"A: {a} · B: {b} · {predictor}"


def _effect_cells(one: ChangeEffect) -> list[str]:
    found = one.difference
    interval = ABSENT
    if found.low is not None and found.high is not None:
        interval = f"[{_shown(one.measure, found.low, '+')}, {_shown(one.measure, found.high, '+')}]"
    return [
        _title(one.measure),
        _shown(one.measure, one.a),
        _shown(one.measure, one.b),
        _shown(one.measure, found.value, "+"),
        interval,
    ]


def _unit(measure: str) -> tuple[str, float, int]:
    return _SHARES if measure.startswith(SHARE) else _UNITS[measure]


def _title(measure: str) -> str:
    return one_line(f"{measure_title(measure)}{_unit(measure)[0]}", 60)


def _shown(measure: str, value: float, sign: str = "") -> str:
    _, unit, digits = _unit(measure)
    return f"{unit * value:{sign}.{digits}f}"
