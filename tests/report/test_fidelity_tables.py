"""Fidelity as tables, as HTML and on the command line: the same numbers everywhere."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from in_process_cli import facsim
from made_populations import clicks, data_set
from reporting import varied

from facsim import FidelityReport, build_report, measure_fidelity
from facsim.data import DataSet
from facsim.evaluation import Run
from facsim.fidelity import MEASURES
from facsim.report import fidelity_csv, fidelity_latex, fidelity_markdown, save_fidelity
from facsim.report.fidelity_html import FidelitySection, fidelity_page
from facsim.schema import Session

Made = Callable[..., Run]
BROWSE, BUY = ("search", "product_click", "terminate"), ("search", "other", "product_click", "purchase")
HOSTILE = "<script>alert(1)</script>|\x1b[31m"


def sessions(count: int, purchases: int, intent: str = "") -> list[Session]:
    return [
        Session(
            f"s{number}", f"u{number // 2}", clicks(*(BUY if number < purchases else BROWSE)),
            outcome="purchase" if number < purchases else "terminate", intent=intent or f"intent {number}",
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[DataSet]:
    folder = tmp_path_factory.mktemp("data")
    return [
        data_set(folder / "people", sessions(40, 10)),
        data_set(folder / "rollout", sessions(40, 30)),
        data_set(folder / "other", sessions(20, 5, intent="gloves")),
    ]


@pytest.fixture(scope="module")
def report(data: list[DataSet]) -> FidelityReport:
    return measure_fidelity(*data, resamples=50)


def test_csv_has_every_number(report: FidelityReport) -> None:
    rows = list(csv.DictReader(io.StringIO(fidelity_csv(report))))
    assert len(rows) == sum(1 + len(one.measures) for one in report.populations)
    by_key = {(row["population"], row["measure"]): row for row in rows}
    found = report["rollout"]["length"]
    row = by_key["rollout", "length"]
    assert float(row["score"]) == found.score.value and float(row["effect_low"]) == found.effect.low
    assert float(row["p"]) == found.p and float(row["difference"]) == found.difference.value
    assert row["paired_by"] == "session_id" and by_key["other", "length"]["paired_by"] == ""
    total = by_key["rollout", "score"]
    assert float(total["score"]) == report["rollout"].score.value and total["effect"] == ""


def test_markdown_and_latex_have_a_table_for_each_population(report: FidelityReport) -> None:
    for text in (fidelity_markdown(report), fidelity_latex(report)):
        for one in report.populations:
            assert one.name in text
        assert text.count("Session length") == len(report.populations)
        assert f"{report['rollout'].score.value:.2f}" in text


def test_the_page_draws_every_distribution_and_loads_nothing(report: FidelityReport) -> None:
    page = fidelity_page(report)
    for drawn in report.distributions:
        assert f"<h3>{MEASURES[drawn.measure].title}</h3>" in page
    values = [float(value) for value in re.findall(r'data-value="([^"]+)"', page)]
    assert values == [one.score.value for one in report.populations]
    assert "default-src &#39;none&#39;" in page
    assert not re.search(r"<script|<link|src=|url\(", page)


def test_typical_and_strange_sessions_are_linked(report: FidelityReport) -> None:
    page, markdown = fidelity_page(report), fidelity_markdown(report)
    shown = [one for found in report.rollouts for one in (*found.typical, *found.strangest)]
    assert len(shown) == 12 and shown[0].distance <= shown[3].distance
    links = re.findall(r'href="(http[^"]+)"', page)
    assert links == [f"http://127.0.0.1:8421/session?id={one.session_id}&amp;step=1" for one in shown]
    assert markdown.count("typical and strange sessions") == len(report.rollouts)


def test_bars_are_the_shares_of_the_distribution(report: FidelityReport) -> None:
    section = FidelitySection(report)
    outcome = next(one for one in report.distributions if one.measure == "outcome")
    assert outcome.labels == ("purchase", "terminate", "unfinished")
    assert outcome.real == (0.25, 0.75, 0.0)
    assert outcome.produced["rollout"] == (0.75, 0.25, 0.0)
    [bought, *_] = section.bars(outcome)
    assert bought[2][:2] == ["25.0", "75.0"]
    top = max(max(shares) for shares in outcome.produced.values())
    width, place = (f"{100 * value / top:.2f}".rstrip("0") for value in (0.25, 0.75))
    assert f'width="{width}%"' in bought[1] and f'cx="{place}%"' in bought[1]


def test_names_from_outside_stay_text(tmp_path: Path) -> None:
    people = data_set(tmp_path / "people", sessions(12, 3))
    hostile = data_set(tmp_path / HOSTILE.replace("/", "_"), sessions(12, 3))
    report = measure_fidelity(people, hostile, resamples=20)
    page, table = fidelity_page(report), fidelity_markdown(report)
    assert "<script" not in page and "\x1b" not in page + table + fidelity_csv(report) + fidelity_latex(
        report
    )
    assert "\\|" in table


def test_the_report_of_runs_has_a_section_of_it(made: Made, tmp_path: Path, report: FidelityReport) -> None:
    runs = varied(made, tmp_path / "runs")
    save_fidelity(report, tmp_path / "fidelity")
    page = build_report(runs, fidelity=tmp_path / "fidelity").to_html()
    assert '<section id="fidelity"' in page and '<a href="#fidelity">Fidelity</a>' in page
    assert 'id="fidelity"' not in build_report(runs).to_html()


def test_the_command_prints_and_writes_the_same(data: list[DataSet], tmp_path: Path) -> None:
    out = tmp_path / "result"
    paths = [one.path for one in data]
    printed = facsim("fidelity", *paths, "--resamples", 30, "--format", "json", "-o", out)
    text, _, files = printed[printed.index("{") :].partition("\n}\n")
    expected = measure_fidelity(*paths, resamples=30)
    assert json.loads(text + "\n}") == json.loads(expected.to_json())
    assert FidelityReport.read(out) == expected
    assert {Path(line).name for line in files.split("\n") if line} >= {
        f"fidelity.{form}" for form in ("json", "md", "csv", "tex", "html")
    }
    table = facsim("fidelity", *paths, "--resamples", 30)
    assert "uniform walker" in table and "replayed people" in table and "Query words" in table


def test_wrong_calls_end_in_a_sentence(data: list[DataSet], tmp_path: Path) -> None:
    assert "card.json" in facsim("fidelity", tmp_path / "nothing", code=2)
    assert "occurs twice" in facsim("fidelity", data[0].path, data[1].path, data[1].path, code=2)
