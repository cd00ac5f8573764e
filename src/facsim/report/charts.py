"""The charts of the HTML report: inline SVG that scales with the page, coloured by its style sheet.

Horizontal lengths are percentages, so that a chart fills its width while text keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from facsim.metrics import Estimate
from facsim.metrics.estimate import TableRow
from facsim.report.report_data import Breakdown
from facsim.report.svg import share, tag, ticks

_PLOT_HEIGHT: Final = 240.0
_TOP: Final = 12.0
_LABEL_GAP: Final = 15.0
_Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class SeriesStyle:
    """How a run is drawn: its letter, its name, and the CSS class of its colour."""

    letter: str
    name: str
    css: str


@dataclass(frozen=True, slots=True)
class BarSegment:
    """A segment of a stacked bar."""

    title: str
    share: float
    css: str


def interval(estimate: Estimate, top: float, css: str, ceiling: float | None = None) -> Markup:
    """A number with its interval on a line from 0 to `top`; screen readers get the number beside it."""
    middle = "50%"
    drawn = [tag("line", x1="0", x2="100%", y1=middle, y2=middle, class_="base")]
    if ceiling is not None and ceiling <= top:
        at = share(ceiling / top)
        drawn.append(tag("line", x1=at, x2=at, y1="0", y2="100%", class_="ceiling"))
    if estimate.low is not None and estimate.high is not None:
        low, high = share(estimate.low / top), share(estimate.high / top)
        drawn.append(tag("line", x1=low, x2=high, y1=middle, y2=middle, class_="whisker"))
    drawn.append(tag("circle", cx=share(estimate.value / top), cy=middle, r="3.5", class_="dot"))
    return tag("svg", *drawn, class_=f"interval {css}", aria_hidden="true", focusable="false")


def bar(parts: Iterable[BarSegment], label: str) -> Markup:
    """A stacked bar."""
    drawn: list[Markup] = []
    start = 0.0
    for part in parts:
        if part.share > 0:
            title = tag("title", f"{part.title}: {100 * part.share:.1f}%")
            drawn.append(
                tag("rect", title, x=share(start), width=share(part.share), height="100%", class_=part.css)
            )
        start += part.share
    return tag("svg", *drawn, class_="bar", role="img", aria_label=label)


def lines(breakdown: Breakdown, marks: Mapping[str, SeriesStyle], x_title: str, label: str) -> Markup:
    """Accuracy by bin: one line per run with its interval as a band and its letter at the end."""
    count = len(breakdown.bins)
    shown = [(mark, breakdown.accuracy[name]) for name, mark in marks.items()]
    highest = max(
        (found.high if found.high is not None else found.value for _, row in shown for found in row if found),
        default=0.0,
    )
    axis = ticks(max(highest, 0.01))

    def y(value: float) -> float:
        return _TOP + _PLOT_HEIGHT * (1 - value / axis[-1])

    def x(index: int) -> float:
        return 100 * (index + 0.5) / count

    bottom = _TOP + _PLOT_HEIGHT
    drawn = _axis(axis, y, bottom)
    for index, one in enumerate(breakdown.bins):
        drawn.append(tag("text", one.label, x=f"{x(index)}%", y=bottom + 20, class_="tick middle"))
    drawn.append(tag("text", x_title, x="50%", y=bottom + 40, class_="axis middle"))
    bands, strokes, dots = [], [], []
    for mark, row in shown:
        points = [(x(index), found) for index, found in enumerate(row) if found is not None]
        if not points:
            continue
        bands.append(_band(points, y, mark.css))
        path = " ".join(f"{at:.2f},{y(found.value):.2f}" for at, found in points)
        strokes.append(tag("polyline", points=path, class_=f"stroke {mark.css}"))
        for at, found in points:
            title = tag("title", f"{mark.letter} {mark.name}: {percent_with_interval(found)}")
            dots.append(
                tag("circle", title, cx=f"{at:.2f}%", cy=y(found.value), r="3.5", class_=f"dot {mark.css}")
            )
    height = bottom + 46
    # This part is stretched to the width of the chart, so it holds only shapes that survive stretching.
    stretched = tag(
        "svg", *bands, *strokes, viewBox=f"0 0 100 {height:g}", preserveAspectRatio="none",
        width="100%", height=height,
    )  # fmt: skip
    ends = [(mark, known[-1].value) for mark, row in shown if (known := [one for one in row if one])]
    drawn += [stretched, *dots, *_end_labels(ends, y)]
    return tag("svg", *drawn, class_="plot", height=height, role="img", aria_label=label)


def _axis(axis: Sequence[float], y: _Scale, bottom: float) -> list[Markup]:
    drawn = []
    for value in axis:
        at = y(value)
        drawn.append(tag("line", x1="0", x2="100%", y1=at, y2=at, class_="zero" if at == bottom else "grid"))
        drawn.append(tag("text", f"{100 * value:g}%", x="-8", y=at + 4, class_="tick end"))
    return drawn


def _band(points: Sequence[tuple[float, Estimate]], y: _Scale, css: str) -> Markup:
    above = [(at, found.high) for at, found in points if found.high is not None]
    below = [(at, found.low) for at, found in points if found.low is not None]
    outline = " ".join(f"{at:.2f},{y(value):.2f}" for at, value in [*above, *reversed(below)])
    return tag("polygon", points=outline, class_=f"band {css}") if outline else Markup("")


def _end_labels(ends: Sequence[tuple[SeriesStyle, float]], y: _Scale) -> list[Markup]:
    """Letters at the ends of lines, pushed apart where they would overlap."""
    ordered = sorted(ends, key=lambda end: -end[1])
    places = [y(value) for _, value in ordered]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + _LABEL_GAP)
    floor = y(0) - 4
    for index in reversed(range(len(places))):
        places[index] = min(places[index], floor)
        floor = places[index] - _LABEL_GAP
    return [
        tag("text", mark.letter, x="100%", dx="8", y=at + 4, class_=f"letter {mark.css}")
        for (mark, _), at in zip(ordered, places, strict=True)
    ]


def costs(points: Sequence[tuple[SeriesStyle, float, Estimate]], label: str) -> Markup:
    """Accuracy over cost on a logarithmic axis; runs that cost nothing are at its left end."""
    paid = [cost for _, cost, _ in points if cost > 0]
    low = math.floor(math.log10(min(paid)) - 0.05) if paid else -1
    high = math.ceil(math.log10(max(paid)) + 0.05) if paid else 0
    high = max(high, low + 1)
    free = any(cost <= 0 for _, cost, _ in points)
    left = 0.2 if free else 0.04

    def x(cost: float) -> float:
        if cost <= 0:
            return 0.05
        return left + (0.98 - left) * (math.log10(cost) - low) / (high - low)

    axis = ticks(max((found.high or found.value for _, _, found in points), default=0.01) or 0.01)

    def y(value: float) -> float:
        return _TOP + _PLOT_HEIGHT * (1 - value / axis[-1])

    bottom = _TOP + _PLOT_HEIGHT
    drawn = _axis(axis, y, bottom)
    for exponent in range(low, high + 1):
        at = share(x(10.0**exponent))
        drawn.append(tag("line", x1=at, x2=at, y1=_TOP, y2=bottom, class_="grid"))
        drawn.append(tag("text", _dollars(exponent), x=at, y=bottom + 20, class_="tick middle"))
    if free:
        drawn.append(tag("text", "$0", x=share(x(0)), y=bottom + 20, class_="tick middle"))
    drawn.append(tag("text", "US dollars for the whole run", x="50%", y=bottom + 40, class_="axis middle"))
    for mark, cost, found in points:
        at = share(x(cost))
        if found.low is not None and found.high is not None:
            drawn.append(
                tag("line", x1=at, x2=at, y1=y(found.low), y2=y(found.high), class_=f"whisker {mark.css}")
            )
        title = tag("title", f"{mark.letter} {mark.name}: {percent_with_interval(found)}, ${cost:,.2f}")
        drawn.append(tag("circle", title, cx=at, cy=y(found.value), r="5", class_=f"dot {mark.css}"))
        drawn.append(
            tag("text", mark.letter, x=at, dx="9", y=y(found.value) + 4, class_=f"letter {mark.css}")
        )
    return tag("svg", *drawn, class_="plot", height=bottom + 46, role="img", aria_label=label)


def _dollars(exponent: int) -> str:
    return f"${10**exponent:,}" if exponent >= 0 else f"${10.0**exponent:.{max(2, -exponent)}f}"


def reliability(rows: Sequence[TableRow], mark: SeriesStyle, label: str) -> Markup:
    """Accuracy over confidence, one dot per bin; on the diagonal both are equal."""
    size, left, top = 190.0, 34.0, 8.0

    def x(value: float) -> float:
        return left + size * value

    def y(value: float) -> float:
        return top + size * (1 - value)

    drawn = []
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        css = "zero" if value == 0 else "grid"
        drawn.append(tag("line", x1=x(0), x2=x(1), y1=y(value), y2=y(value), class_=css))
        if value in (0.0, 0.5, 1.0):
            text = f"{value:g}"
            drawn.append(tag("text", text, x=x(0) - 7, y=y(value) + 4, class_="tick end"))
            drawn.append(tag("text", text, x=x(value), y=y(0) + 16, class_="tick middle"))
    drawn.append(tag("line", x1=x(0), x2=x(1), y1=y(0), y2=y(1), class_="ideal"))
    points = [(float(row["confidence"] or 0), float(row["accuracy"] or 0), row["steps"]) for row in rows]
    path = " ".join(f"{x(sure):.2f},{y(right):.2f}" for sure, right, _ in points)
    drawn.append(tag("polyline", points=path, class_=f"stroke {mark.css}"))
    for sure, right, steps in points:
        title = tag("title", f"confidence {100 * sure:.0f}%, accuracy {100 * right:.0f}% ({steps} steps)")
        drawn.append(tag("circle", title, cx=x(sure), cy=y(right), r="4", class_=f"dot {mark.css}"))
    drawn.append(tag("text", "confidence", x=x(0.5), y=y(0) + 32, class_="axis middle"))
    return tag(
        "svg", *drawn, viewBox=f"0 0 {left + size + 12:g} {top + size + 38:g}", class_="square",
        role="img", aria_label=label,
    )  # fmt: skip


def percent_with_interval(estimate: Estimate) -> str:
    """A share with its interval, in percent."""
    text = f"{100 * estimate.value:.1f}%"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def shares_of(rows: Sequence[TableRow], kind: str, column: str, css: Mapping[str, str]) -> list[BarSegment]:
    """The shares of classes as segments of a bar, in the order of `css`."""
    by_name = {str(row[kind]): row for row in rows}
    parts = []
    for name, style in css.items():
        found = by_name[name][column] if name in by_name else None
        parts.append(BarSegment(name, float(found or 0.0), style))
    return parts
