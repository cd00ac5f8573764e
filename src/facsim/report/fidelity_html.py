"""The fidelity section of the HTML report, and the same as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from facsim.evaluation.environment import facsim_version
from facsim.fidelity import MEASURES, FidelityReport, Measure, PopulationFidelity
from facsim.fidelity.fidelity_report import Distribution, NotableSession
from facsim.report.charts import interval
from facsim.report.fidelity_tables import measure_cells, notable_sessions, paired_words
from facsim.report.replay_urls import replay_address
from facsim.report.svg import share, tag
from facsim.report.templating import asset, environment, palette_css, source_hash

_COLOURS: Final = 8
_PEOPLE: Final = "r-oracle"


class FidelitySection:
    """What the template needs.

    Args:
        report: the result of `measure_fidelity`.
    """

    def __init__(self, report: FidelityReport) -> None:
        self.report = report
        self.populations = report.populations
        self.distributions = report.distributions
        self._letters = {
            one.name: (chr(ord("A") + place % 26), f"r-{place}" if place < _COLOURS else "r-rest")
            for place, one in enumerate(report.populations)
        }

    @property
    def level(self) -> str:
        """Of the intervals."""
        return f"{100 * self.report.level:g}%"

    def letter(self, name: str) -> str:
        """The letter of a population."""
        return self._letters[name][0]

    def css(self, name: str) -> str:
        """The class of its colour."""
        return self._letters[name][1]

    def measure(self, name: str) -> Measure:
        """The definition of a measure."""
        return MEASURES[name]

    def cells(self, one: PopulationFidelity) -> list[list[str]]:
        """The table of a population's measures."""
        return [measure_cells(found) for found in one.measures]

    def notable(self, one: PopulationFidelity) -> list[tuple[str, NotableSession]]:
        """Its typical and strange sessions, with the word for it."""
        return notable_sessions(one)

    def replay(self, session: NotableSession) -> str:
        """Where the viewer shows a session."""
        return replay_address(session.session_id, 0)

    def paired(self, one: PopulationFidelity) -> str:
        """What paired sessions have in common."""
        return paired_words(one)

    def drawn_score(self, one: PopulationFidelity) -> Markup:
        """The score with its interval, and the floor as a dashed line."""
        if one.score is None:
            return Markup("")
        highest = [max(found.score.value, found.score.high or 0) for found in self.populations if found.score]
        return interval(one.score, max(1.0, *highest) * 1.04, self.css(one.name), one.floor)

    def shown(self, drawn: Distribution) -> list[str]:
        """The populations that have this measure, in their order."""
        return [one.name for one in self.populations if one.name in drawn.produced]

    def bars(self, drawn: Distribution) -> list[tuple[str, Markup, list[str]]]:
        """For each bar: its label, its drawing, and its shares as text, people first."""
        shown = self.shown(drawn)
        top = max(max(shares) for shares in (drawn.real, *drawn.produced.values())) or 1.0
        rows = []
        for place, label in enumerate(drawn.labels):
            shares = {name: drawn.produced[name][place] for name in shown}
            texts = [f"{100 * value:.1f}" for value in (drawn.real[place], *shares.values())]
            rows.append((label, self._bar(drawn.real[place], shares, top), texts))
        return rows

    def _bar(self, real: float, shares: Mapping[str, float], top: float) -> Markup:
        """The people's share as a bar, that of each population as a dot on it."""
        parts = [
            tag("line", x1="0", x2="100%", y1="50%", y2="50%", class_="base"),
            tag("rect", x="0", y="20%", width=share(real / top), height="60%", class_=f"band {_PEOPLE}"),
        ]
        for name, value in shares.items():
            title = tag("title", f"{self.letter(name)} {name}: {100 * value:.1f}%")
            at = share(value / top)
            parts.append(tag("circle", title, cx=at, cy="50%", r="4", class_=f"dot {self.css(name)}"))
        return tag("svg", *parts, class_="interval", aria_hidden="true", focusable="false")


def fidelity_page(report: FidelityReport) -> str:
    """One self-contained HTML file: the section on a page of its own. It loads nothing."""
    style = Markup(asset("report.css") + palette_css())  # noqa: S704 - our own files
    policy = f"default-src 'none'; style-src '{source_hash(style)}'; base-uri 'none'; form-action 'none'"
    template = environment().get_template("fidelity_page.html")
    return template.render(
        section=FidelitySection(report), style=style, policy=policy, version=facsim_version()
    )
