"""The figures of a report as SVG for a paper, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from facsim.metrics import METRICS, Estimate
from facsim.metrics.error_types import ERROR_TYPES
from facsim.report.class_breakdown import ClassKind, class_estimate, class_rows, classes, true_classes
from facsim.report.palette import CATEGORY_COLOURS, ERROR_COLOURS, OTHER_COLOURS
from facsim.report.report_data import Breakdown, ReportData, ReportEntry
from facsim.util.display_text import one_line
from facsim.util.errors import FacsimError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

_INK: Final = "#1f2933"
_LINE: Final = "#d5dae0"
_WIDTH: Final = 6.4
_STYLE: Final[dict[RcKeyType, Any]] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.parse_math": False,
    "axes.edgecolor": _INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": _INK,
    "axes.titlesize": 9,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "facsim",
}


def save_figures(report: ReportData, folder: Path) -> list[Path]:
    """Write every figure that the report has data for. Returns the files.

    Raises:
        FacsimError: if one cannot be written.
    """
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only figures need

    drawers: dict[str, Callable[[ReportData], Figure | None]] = {
        "accuracy": _accuracy,
        "shares": _shares,
        "errors": _errors,
        "by-step": lambda found: _lines(found, found.by_step, "number of the step in its session"),
        "by-length": lambda found: _lines(found, found.by_length, "steps of the session"),
        "cost": _cost,
        "reliability": _reliability,
    }
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(_STYLE):
            for name, draw in drawers.items():
                figure = draw(report)
                if figure is not None:
                    file = folder / f"{name}.svg"
                    # No date: the same runs give the same files.
                    figure.savefig(file, format="svg", metadata={"Date": None}, bbox_inches="tight")
                    written.append(file)
    except OSError as error:
        raise FacsimError(f"{folder}: figures cannot be written: {error.strerror}") from error
    return written


def _figure(height: float, columns: int = 1, width: float = _WIDTH) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    made = figure.subplots(1, columns, squeeze=False, sharey=columns > 1)
    return figure, list(made.ravel())


def _name(entry: ReportEntry) -> str:
    return one_line(entry.name, 40)


def _colours(report: ReportData) -> dict[str, str]:
    return {entry.name: entry.style.colours[0] for entry in report.entries}


def _accuracy(report: ReportData) -> Figure:
    """Accuracy of each run with its interval, the best possible as a line."""
    entries, colours = report.entries, _colours(report)
    figure, (axes,) = _figure(0.7 + 0.26 * len(entries))
    for place, entry in enumerate(reversed(entries)):
        found = entry.row.values[report.board.ranking_metric]
        _interval(axes, 100 * found.value, place, found, colours[entry.name])
        if entry.kind == "oracle":
            axes.axvline(100 * found.value, color=_INK, linewidth=0.6, linestyle=(0, (3, 3)))
    axes.set_yticks(range(len(entries)), [_name(entry) for entry in reversed(entries)])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"accuracy, % [{100 * report.board.level:g}% interval]")
    axes.grid(axis="x", color=_LINE, linewidth=0.5)
    axes.set_axisbelow(True)
    return figure


def _interval(axes: Axes, value: float, place: float, found: Estimate, colour: str) -> None:
    if found.low is not None and found.high is not None:
        axes.plot([100 * found.low, 100 * found.high], [place, place], color=colour, linewidth=1.2)
    axes.plot([value], [place], "o", color=colour, markersize=4)


def _shares(report: ReportData) -> Figure | None:
    """True and predicted shares of categories, or of types where there are none."""
    kind: ClassKind = "category" if true_classes(report.entries, "category") else "type"
    names = classes(report.entries, kind)
    rows = class_rows(report.entries, kind)
    own = [name for name in names if name not in CATEGORY_COLOURS]
    bars = [
        (
            report.board.population.people.capitalize(),
            [_share(rows[report.entries[0].name].get(name), "share") for name in names],
        )
    ]
    bars += [
        (_name(entry), [_share(rows[entry.name].get(name), "predicted_share") for name in names])
        for entry in report.entries
    ]
    colours = [
        CATEGORY_COLOURS[name][0]
        if name in CATEGORY_COLOURS
        else OTHER_COLOURS[own.index(name) % len(OTHER_COLOURS)][0]
        for name in names
    ]
    return _stacked(bars, [one_line(name, 40) for name in names], colours, "share of actions, %")


def _share(row: Any, column: str) -> float:
    found = class_estimate(row, column)
    return found.value if found else 0.0


def _errors(report: ReportData) -> Figure:
    """Results of all steps of every run."""
    shown = [
        error
        for error in ERROR_TYPES
        if any(entry.metrics[f"error_{error}"].value > 0 for entry in report.entries)
    ]
    bars = [
        (
            _name(entry),
            [
                entry.metrics["accuracy_micro"].value,
                *(entry.metrics[f"error_{error}"].value for error in shown),
            ],
        )
        for entry in report.entries
    ]
    titles = ["correct", *(METRICS[f"error_{error}"].title for error in shown)]
    colours = [_INK, *(ERROR_COLOURS[error][0] for error in shown)]
    return _stacked(bars, titles, colours, "share of all steps, %")


def _stacked(
    bars: Sequence[tuple[str, Sequence[float]]], titles: Sequence[str], colours: Sequence[str], label: str
) -> Figure:
    figure, (axes,) = _figure(1.1 + 0.24 * len(bars))
    places = range(len(bars))[::-1]
    starts = [0.0] * len(bars)
    for index, (title, colour) in enumerate(zip(titles, colours, strict=True)):
        widths = [100 * shares[index] for _, shares in bars]
        axes.barh(
            list(places),
            widths,
            left=starts,
            color=colour,
            height=0.72,
            label=title,
            edgecolor="white",
            linewidth=0.5,
        )
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    axes.set_yticks(list(places), [name for name, _ in bars])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlim(0, 100)
    axes.set_xlabel(label)
    figure.legend(loc="outside upper center", ncols=min(4, len(titles)), handlelength=1, handleheight=1)
    return figure


def _lines(report: ReportData, breakdown: Breakdown, label: str) -> Figure:
    """Accuracy along steps or lengths."""
    colours = _colours(report)
    figure, (axes,) = _figure(3.0)
    for entry in report.lined:
        points = [
            (place, found) for place, found in enumerate(breakdown.accuracy[entry.name]) if found is not None
        ]
        places = [place for place, _ in points]
        style = (0, (4, 3)) if entry.kind == "oracle" else "solid"
        axes.plot(
            places,
            [100 * found.value for _, found in points],
            marker="o",
            markersize=3,
            linewidth=1.2,
            linestyle=style,
            color=colours[entry.name],
            label=_name(entry),
        )
        if all(found.low is not None and found.high is not None for _, found in points):
            axes.fill_between(
                places,
                [100 * (found.low or 0.0) for _, found in points],
                [100 * (found.high or 0.0) for _, found in points],
                color=colours[entry.name],
                alpha=0.1,
                linewidth=0,
            )
    axes.set_xticks(range(len(breakdown.bins)), [one.label for one in breakdown.bins])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(label)
    axes.set_ylabel("accuracy, %")
    axes.grid(axis="y", color=_LINE, linewidth=0.5)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def _cost(report: ReportData) -> Figure | None:
    """Accuracy over cost, of the runs that cost something."""
    from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: PLC0415

    priced = [entry for entry in report.entries if entry.row.cost]
    if not priced:
        return None
    colours = _colours(report)
    figure, (axes,) = _figure(3.0)
    for entry in priced:
        cost, found = entry.row.cost or 0.0, entry.row.values[report.board.ranking_metric]
        if found.low is not None and found.high is not None:
            ends = [100 * found.low, 100 * found.high]
            axes.plot([cost, cost], ends, color=colours[entry.name], linewidth=1.2)
        axes.plot([cost], [100 * found.value], "o", color=colours[entry.name], markersize=5)
        axes.annotate(
            _name(entry), (cost, 100 * found.value), xytext=(6, 3), textcoords="offset points", fontsize=8
        )
    axes.set_xscale("log")
    # Plain numbers: powers of ten would need math text, which is off because run names may hold dollar signs.
    axes.xaxis.set_major_formatter(FuncFormatter(lambda dollars, _: f"{dollars:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(bottom=0)
    axes.set_xlabel("US dollars for the whole run")
    axes.set_ylabel("accuracy, %")
    axes.grid(axis="y", color=_LINE, linewidth=0.5)
    return figure


def _reliability(report: ReportData) -> Figure | None:
    """Accuracy over confidence, of the first runs that give probabilities."""
    sure = [entry for entry in report.entries if entry.metrics.tables.get("calibration")][:4]
    if not sure:
        return None
    colours = _colours(report)
    figure, all_axes = _figure(1.9, columns=len(sure), width=1.7 * len(sure) + 0.4)
    for axes, entry in zip(all_axes, sure, strict=True):
        rows = entry.metrics.tables["calibration"]
        axes.plot([0, 1], [0, 1], color=_LINE, linewidth=0.8, linestyle=(0, (3, 3)))
        confidence = [float(row["confidence"] or 0) for row in rows]
        accuracy = [float(row["accuracy"] or 0) for row in rows]
        axes.plot(confidence, accuracy, "o-", color=colours[entry.name], markersize=3, linewidth=1)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", aspect="equal")
        axes.set_title(_name(entry))
    all_axes[0].set_ylabel("accuracy")
    return figure
