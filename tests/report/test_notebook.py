"""Runs, leaderboards, metrics, comparisons and data sets in notebooks: their numbers, and nothing that runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import HUGE, PAYLOADS, render

from facsim import Card, DataSet, DataSetWriter, Run, audit, compare, leaderboard
from facsim.report.leaderboard_table import with_interval
from facsim.schema import Action, Session, Step

FORBIDDEN = re.compile(r"<(?!/?(?:div|strong|span|table|thead|tbody|tr|th|td)\b)", re.IGNORECASE)


def text_of(html: str) -> str:
    assert not FORBIDDEN.search(html)
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", html))


@pytest.fixture(scope="module")
def two(made: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("runs")
    return [
        made(folder / "good", right=lambda session, step: (session + step) % 3 > 0, cost=0.01),
        made(folder / "poor", right=lambda session, step: session % 7 == 0, cost=0.02),
    ]


def test_a_run_shows_its_headline_metrics(two: list[Run]) -> None:
    for run in two:
        shown = text_of(run._repr_html_())
        found = run.metrics["accuracy"]
        assert f"accuracy {100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]" in shown
        assert run.name in shown
        assert run.predictor in shown


def test_a_run_that_was_not_scored_says_so(made: Callable[..., Run], tmp_path: Path) -> None:
    run = made(tmp_path / "r", right=lambda *_: True)
    (run.path / "metrics.json").unlink()
    assert "facsim score" in text_of(Run.open(run.path)._repr_html_())
    owing = made(tmp_path / "owing", right=lambda *_: True, owed=5)
    assert "120 of 125 steps were scored" in text_of(owing._repr_html_())


def test_a_run_as_tables(two: list[Run]) -> None:
    table = two[0].to_polars()
    assert table.height == two[0].metrics.steps
    assert table["right_exact"].mean() == two[0].metrics["accuracy_micro"].value
    assert table["right_target"].mean() == two[0].metrics["accuracy_target_micro"].value
    pandas = two[0].to_pandas()
    assert pandas.shape == table.shape
    assert pandas["right_exact"].tolist() == table["right_exact"].to_list()


def test_metrics_as_tables(two: list[Run]) -> None:
    metrics = two[0].metrics
    table = metrics.to_polars()
    assert table["name"].to_list() == list(metrics)
    assert table["value"].to_list() == [found.value for found in metrics.values()]
    assert table["low"].to_list() == [found.low for found in metrics.values()]
    assert metrics.to_pandas().shape == table.shape
    shown = text_of(metrics._repr_html_())
    for name, found in metrics.items():
        assert f" {name} " in shown
        assert f"{found.value:.4g}" in shown


def test_a_leaderboard_shows_every_row(two: list[Run]) -> None:
    board = leaderboard(two, published="opera")
    shown = text_of(board._repr_html_())
    for row in board.rows:
        assert f"{row.name} {with_interval(row.values['accuracy'])}" in shown
    assert "Published, not measured here" in shown
    assert board.to_pandas()["name"].tolist() == [row.name for row in board.rows]


def test_a_comparison_says_who_is_ahead(two: list[Run]) -> None:
    [found] = compare(two, resamples=200)
    shown = text_of(found._repr_html_())
    assert f"{100 * found.difference.value:+.1f} [" in shown
    assert "good poor" in shown


def write(folder: Path, text: str) -> DataSet:
    with DataSetWriter(folder, Card(name=text, source="jsonl", origin=text, licence=text)) as writer:
        page_id = writer.add_page("<p>")
        for number in range(12):
            steps = (Step(page_id, Action.terminate()),) * (number + 1)
            writer.add_session(Session(f"{text}{number}", text, steps, persona=text, intent=text))
    return DataSet.open(folder)


def test_a_data_set_shows_its_first_sessions(tmp_path: Path) -> None:
    data = write(tmp_path / "d", "visit")
    shown = text_of(data._repr_html_())
    assert "12 sessions · 78 steps" in shown
    assert "visit9" in shown
    assert "visit10" not in shown
    assert "… and 2 more sessions" in shown
    assert "A selection out of 12 sessions." in text_of(data.select(["visit3"])._repr_html_())


def test_hostile_texts_do_nothing_in_a_browser(
    tmp_path: Path, made: Callable[..., Run], chromium: object
) -> None:
    text = " ".join(text for text in PAYLOADS if text is not HUGE and "\ud800" not in text)
    texts = [text for text in PAYLOADS if "\ud800" not in text and "\0" not in text and text is not HUGE]
    runs = [
        made(
            tmp_path / f"{number}" / re.sub("/", "|", one)[:200],
            right=lambda *_: True,
            spec=one,
            data=text,
            sessions=3,
        )
        for number, one in enumerate(texts[:12])
    ]
    drawn = [run._repr_html_() for run in runs]
    drawn += [leaderboard(runs)._repr_html_(), write(tmp_path / "d", text)._repr_html_()]
    drawn += [found._repr_html_() for found in compare(runs[:3], resamples=100)]
    for html in drawn:
        text_of(html)
    page, loaded = render(chromium, "".join(drawn))
    assert loaded == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
    page.close()


def test_an_audit_shows_its_verdict_and_findings(tmp_path: Path) -> None:
    """With hostile text in an example, which is escaped."""
    folder = tmp_path / "data"
    with DataSetWriter(folder, Card(name="<b>bold</b>", source="jsonl", origin="tests")) as writer:
        page = writer.add_page('<a name="a">A</a>')
        for person in range(12):
            steps = (Step(page, Action.click("gone<script>")), Step(page, Action.terminate()))
            writer.add_session(Session(f"s{person}", f"u{person}", steps))
    report = audit(DataSet.open(folder))
    html = report._repr_html_()
    assert report.failed
    assert "Failed: results on this data would be spoilt." in html
    assert "<script>" not in html
    assert "<b>bold" not in html
    assert all(str(counts["sessions"]) in html for counts in report.parts.values())


def test_a_leaderboard_is_one_line_as_text(two: list[Run]) -> None:
    assert "\n" not in repr(leaderboard(two))
    assert len(repr(leaderboard(two))) < 200
