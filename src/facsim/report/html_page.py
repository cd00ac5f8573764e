"""The report as one HTML file: what its template needs, and a content security policy that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from facsim.evaluation.environment import facsim_version
from facsim.metrics import METRICS, Estimate
from facsim.metrics.error_types import ERROR_TYPES
from facsim.metrics.estimate import TableRow
from facsim.report import charts, leaderboard_table
from facsim.report.charts import BarSegment, SeriesStyle
from facsim.report.class_breakdown import (
    CLASS_TABLES,
    ClassKind,
    class_estimate,
    class_rows,
    classes,
    true_classes,
)
from facsim.report.exports import embedded_json
from facsim.report.fidelity_html import FidelitySection
from facsim.report.leaderboard_data import LeaderboardRow
from facsim.report.palette import CATEGORY_COLOURS, OTHER_COLOURS
from facsim.report.report_data import ReportData, ReportEntry
from facsim.report.templating import asset, environment, number, palette_css, source_hash, uncapitalised


def html_page(report: ReportData) -> str:
    """The HTML of a report."""
    style = Markup(asset("report.css") + palette_css())  # noqa: S704 - our own files
    script = Markup(asset("report.js"))  # noqa: S704
    view = _Page(report)
    policy = (
        f"default-src 'none'; style-src '{source_hash(style)}'; script-src '{source_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return (
        environment()
        .get_template("report.html")
        .render(
            page=view,
            report=report,
            board=report.board,
            style=style,
            script=script,
            policy=policy,
            data=Markup(embedded_json(report)),  # noqa: S704 - escaped for a script element
        )
    )


class _Page:
    """What the template needs."""

    def __init__(self, report: ReportData) -> None:
        self.report = report
        self.board = report.board
        self.entries = report.entries
        self.version = facsim_version()
        self.fidelity = FidelitySection(report.fidelity) if report.fidelity is not None else None
        self.styles = {entry.name: _series_style(entry) for entry in report.entries}
        self.ranked = [entry for entry in report.entries if entry.kind != "oracle"]
        self.folded = _folded(self.ranked)
        self.unfolded = [entry for entry in report.entries if entry not in self.folded]
        self.oracle = next((entry for entry in report.entries if entry.kind == "oracle"), None)
        self.classes = {kind: _class_colours(classes(report.entries, kind)) for kind in CLASS_TABLES}
        self.errors = {error: f"e-{error}" for error in ERROR_TYPES}
        self.metrics = [
            (group, [one for one in METRICS.values() if one.group == group and self.has(one.name)])
            for group in dict.fromkeys(one.group for one in METRICS.values())
        ]
        self.heading = leaderboard_table.heading(report.board)
        # Problems with answers have sections of their own.
        elsewhere = ("error_illegal", "error_unparseable", "error_failed", "shown")
        self.columns = {
            name: head
            for name, head in leaderboard_table.columns(report.board).items()
            if name not in elsewhere
        }

    def has(self, metric: str) -> bool:
        """Whether any run has the metric."""
        return any(metric in entry.metrics for entry in self.entries)

    def has_table(self, name: str) -> bool:
        """Whether any run has rows in the table."""
        return any(entry.metrics.tables.get(name) for entry in self.entries)

    @property
    def top(self) -> float:
        """The right end of the scale of the leaderboard."""
        found = [entry.row.values[self.board.ranking_metric] for entry in self.entries]
        highest = max(one.high if one.high is not None else one.value for one in found)
        return min(1.0, max(0.02, 1.04 * highest))

    @property
    def ceiling(self) -> float | None:
        """The oracle's accuracy."""
        return None if self.oracle is None else self.oracle.row.values[self.board.ranking_metric].value

    def interval(
        self, entry: ReportEntry, estimate: Estimate | None, top: float, ceiling: float | None = None
    ) -> Markup:
        """The interval of a number, as a drawing."""
        if estimate is None:
            return Markup("")
        return charts.interval(estimate, top, self.styles[entry.name].css, ceiling)

    def people_bar(self, kind: ClassKind) -> Markup:
        """The true shares of types or categories."""
        parts = charts.shares_of(self._table(self.entries[0], kind), kind, "share", self.classes[kind])
        return charts.bar(parts, _bar_label(f"True actions of {self.board.population.people}", parts))

    def shares_bar(self, entry: ReportEntry, kind: ClassKind) -> Markup:
        """A run's predicted shares."""
        parts = charts.shares_of(self._table(entry, kind), kind, "predicted_share", self.classes[kind])
        return charts.bar(parts, _bar_label(f"Predictions of {entry.name}", parts))

    def error_bar(self, entry: ReportEntry) -> Markup:
        """All steps of a run: correct, or which error."""
        parts = [BarSegment("correct", entry.metrics["accuracy_micro"].value, "right")]
        parts += [
            BarSegment(METRICS[f"error_{error}"].title, entry.metrics[f"error_{error}"].value, css)
            for error, css in self.errors.items()
        ]
        return charts.bar(parts, _bar_label(f"Steps of {entry.name}", parts))

    def error_title(self, error: str) -> str:
        """An error type in words."""
        return METRICS[f"error_{error}"].title

    @property
    def shown_errors(self) -> list[str]:
        """The error types that occur."""
        return [
            error
            for error in self.errors
            if any(entry.metrics[f"error_{error}"].value > 0 for entry in self.entries)
        ]

    def lines(self, which: str, x_title: str, label: str) -> Markup:
        """Accuracy along steps or lengths."""
        breakdown = self.report.by_step if which == "step" else self.report.by_length
        return charts.lines(
            breakdown, {entry.name: self.styles[entry.name] for entry in self.report.lined}, x_title, label
        )

    @property
    def priced(self) -> list[ReportEntry]:
        """The runs whose cost is known."""
        return [entry for entry in self.entries if entry.row.cost is not None]

    def costs(self) -> Markup:
        """Accuracy over cost."""
        points = [
            (self.styles[entry.name], entry.row.cost or 0.0, entry.row.values[self.board.ranking_metric])
            for entry in self.priced
        ]
        return charts.costs(points, "Accuracy over cost, one dot a run")

    @property
    def calibrated(self) -> list[ReportEntry]:
        """The runs that give probabilities."""
        return [entry for entry in self.entries if entry.metrics.tables.get("calibration")]

    def reliability(self, entry: ReportEntry) -> Markup:
        """A run's reliability diagram."""
        rows = entry.metrics.tables["calibration"]
        return charts.reliability(rows, self.styles[entry.name], f"Accuracy over confidence of {entry.name}")

    @property
    def what(self) -> str:
        """When a prediction counts as right."""
        return leaderboard_table.WHAT[self.board.rule]

    @property
    def level(self) -> str:
        """Of the intervals."""
        return f"{100 * self.board.level:g}%"

    @property
    def shares(self) -> bool:
        """Whether the distance to the oracle is known."""
        return any(entry.row.shares.get("accuracy") for entry in self.entries)

    def mark(self, row: LeaderboardRow) -> str:
        """The mark before a row of the leaderboard."""
        return leaderboard_table.mark(row)

    def mark_in_words(self, row: LeaderboardRow) -> str:
        """The mark in words, for screen readers."""
        if row.oracle:
            return "oracle"
        return "best" if row.best else "not separable from the best" if row.separable is False else ""

    def tag(self, entry: ReportEntry) -> str:
        """The kind of run, where its name does not say it."""
        if entry.kind == "oracle":
            return "ceiling"
        return "baseline" if entry.kind == "baseline" and "baseline" not in entry.name else ""

    @property
    def folded_label(self) -> str:
        """The line that stands for the folded baselines."""
        found = [entry.row.values[self.board.ranking_metric].value for entry in self.folded]
        return (
            f"{len(self.folded)} more trivial baselines, accuracy {100 * min(found):.1f} to "
            f"{100 * max(found):.1f}%"
        )

    @property
    def likely(self) -> bool:
        """Whether any run has a log-likelihood."""
        return leaderboard_table.has_likelihood(self.board)

    @property
    def best_likelihood(self) -> ReportEntry | None:
        """The ranked run with the highest log-likelihood."""
        likely = [(found.value, entry) for entry in self.ranked if (found := entry.row.log_likelihood)]
        return max(likely, key=lambda pair: pair[0], default=(0.0, None))[1]

    whole_percent = staticmethod(leaderboard_table.whole_percent)

    @property
    def legend(self) -> str:
        """What the columns of the leaderboard mean."""
        return "; ".join(
            f"{head}: {uncapitalised(self.meaning(name))}" for name, head in self.columns.items()
        )

    @property
    def counted(self) -> str:
        """The number of runs of each kind."""
        parts = []
        for kind, one, many in (
            ("model", "model", "models"),
            ("baseline", "trivial baseline", "trivial baselines"),
        ):
            count = sum(entry.kind == kind for entry in self.entries)
            parts += [f"{count} {one if count == 1 else many}"] if count else []
        parts += ["the oracle"] if self.oracle else []
        return ", ".join(parts)

    @property
    def all_reachable(self) -> bool:
        """Whether every target could be named and was shown."""
        return all(
            (found := entry.metrics.get(name)) is None or found.value == 1
            for entry in self.entries
            for name in ("reachability", "shown")
        )

    @property
    def all_read(self) -> bool:
        """Whether every answer was parsed strictly."""
        return all(entry.metrics["parse_strict"].value == 1 for entry in self.entries)

    def meaning(self, metric: str) -> str:
        """The definition of a metric."""
        return self._worded(METRICS[metric].meaning)

    def title(self, metric: str) -> str:
        """The title of a metric."""
        return METRICS[metric].title

    @property
    def published(self) -> dict[str, list[str]]:
        """Columns of the published numbers."""
        assert self.board.published is not None
        used = leaderboard_table.published_columns(self.board.published)
        return {"metrics": list(used), "heads": list(used.values())}

    def true_classes(self, kind: ClassKind) -> dict[str, int]:
        """The types or categories of the true actions, with their counts."""
        return true_classes(self.entries, kind)

    def class_rows(self, kind: ClassKind) -> dict[str, dict[str, TableRow]]:
        """By run and class, the row of the table."""
        return class_rows(self.entries, kind)

    class_estimate = staticmethod(class_estimate)

    @property
    def share_kinds(self) -> list[ClassKind]:
        """Categories, if there are any, and types."""
        kinds: tuple[ClassKind, ...] = ("category", "type")
        return [kind for kind in kinds if self.true_classes(kind)]

    def where(self, kind: ClassKind, name: str, column: str) -> Markup:
        """Attributes that name the number of metrics.json a cell holds."""
        return Markup('data-table="{}" data-key="{}" data-column="{}"').format(
            CLASS_TABLES[kind], name, column
        )

    def plain_number(self, entry: ReportEntry, metric: str) -> str:
        """A metric, formatted for its unit."""
        found = entry.metrics.get(metric)
        return leaderboard_table.ABSENT if found is None else number(found, METRICS[metric])

    @property
    def timed(self) -> list[str]:
        """The metrics of effort that are above zero for some run."""
        names = [one.name for one in METRICS.values() if one.group == "Effort" and one.unit != "steps"]
        return [
            name
            for name in names
            if any(
                (found := entry.metrics.get(name)) is not None and found.value > 0 for entry in self.entries
            )
        ]

    @property
    def probability(self) -> list[str]:
        """The metrics on probabilities."""
        return [one.name for one in METRICS.values() if one.group == "Probabilities" and self.has(one.name)]

    most_unread = 40

    def _worded(self, definition: str) -> str:
        """A definition that speaks of people, for data of simulated shoppers."""
        population = self.board.population
        return definition.replace("people's", population.possessive).replace(
            "the person", f"the {population.person}"
        )

    def _table(self, entry: ReportEntry, kind: ClassKind) -> Sequence[TableRow]:
        return entry.metrics.tables[CLASS_TABLES[kind]]


def _folded(ranked: Sequence[ReportEntry]) -> list[ReportEntry]:
    """The trivial baselines that one line stands for: all but the best, if that makes a section shorter."""
    baselines = [entry for entry in ranked if entry.kind == "baseline"]
    rest = baselines[1:]
    return rest if len(rest) > 1 and len(ranked) > len(baselines) else []


def _bar_label(what: str, parts: Iterable[BarSegment]) -> str:
    listed = ", ".join(f"{part.title} {100 * part.share:.1f}%" for part in parts if part.share > 0)
    return f"{what}: {listed or 'nothing'}"


def _series_style(entry: ReportEntry) -> SeriesStyle:
    return SeriesStyle(entry.letter, entry.name, entry.style.css)


def _class_colours(names: Sequence[str]) -> dict[str, str]:
    """The CSS class of each type or category."""
    own = [name for name in names if name not in CATEGORY_COLOURS]
    return {
        name: f"k-own-{own.index(name) % len(OTHER_COLOURS)}" if name in own else f"k-{name}"
        for name in names
    }
