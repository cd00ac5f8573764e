"""Plots of a training's loss and accuracy."""

from __future__ import annotations

from pathlib import Path

from facsim.train.report import TrainingReport

_BLUE, _ORANGE, _GREY = "#0072B2", "#C2500A", "#55606E"


def draw_curves(report: TrainingReport, folder: Path) -> None:
    """Write training.svg and training.png into a folder.

    Raises:
        OSError: if they cannot be written.
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator, PercentFormatter  # noqa: PLC0415

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left = figure.add_subplot(1, 2 if report.accuracies else 1, 1)
    steps = [entry["step"] for entry in report.losses]
    losses = [entry["loss"] for entry in report.losses]
    left.plot(steps, losses, color=_BLUE, linewidth=0.8, alpha=0.35)
    left.plot(steps, _smooth(losses), color=_BLUE, linewidth=1.8)
    left.set(title="Loss per trained token", xlabel="step")
    left.set_ylim(0, 1.08 * max(losses, default=1.0))
    if report.accuracies:
        right = figure.add_subplot(1, 2, 2)
        places = [entry["step"] for entry in report.accuracies]
        values = [entry["accuracy"] for entry in report.accuracies]
        right.plot(places, values, color=_ORANGE, marker="o", markersize=4, linewidth=1.8)
        kept, early = report.best_accuracy or 0.0, report.best_step < report.steps / 2
        right.plot(report.best_step, kept, color=_GREY, marker="o", markersize=10, fillstyle="none")
        right.annotate(
            f"kept: {kept:.1%}",
            (report.best_step, kept),
            xytext=(8 if early else -8, 8),
            textcoords="offset points",
            horizontalalignment="left" if early else "right",
            color=_GREY,
            fontsize=9,
        )
        right.set(title="Validation accuracy, macro", xlabel="step")
        right.set_ylim(0, max(0.05, 1.2 * max(values)))
        right.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#d8dce2", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    # No date and no random ids: the same training gives the same picture.
    with mpl.rc_context({"svg.hashsalt": "facsim"}):
        figure.savefig(folder / "training.svg", metadata={"Date": None})
    figure.savefig(folder / "training.png", dpi=150)


def _smooth(values: list[float]) -> list[float]:
    """A running mean over the latest twentieth of the steps: `(steps,)` to `(steps,)`."""
    width = max(1, len(values) // 20)
    return [sum(values[max(0, i - width + 1) : i + 1]) / min(i + 1, width) for i in range(len(values))]
