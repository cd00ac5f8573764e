"""Logs without pages: GA4, Matomo, Snowplow and plain events, by the mappings in examples/."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process_cli import facsim

from facsim import evaluate, synthesize
from facsim.data import DataSet, replay
from facsim.data.audit import audit
from facsim.data.ingest import ingest
from facsim.data.ingest_report import IngestReport
from facsim.data.scrub.scrub import scrub
from facsim.export.training_rows import write_training_rows
from facsim.train import SftConfig, check_training, train_sft
from facsim.util.errors import ConfigError, InputError
from facsim.view.library import Library, SessionFilter
from facsim.view.session_list import session_rows

SAMPLES = Path(__file__).parent / "samples"
EXAMPLES = Path(__file__).parents[2] / "examples"
FORMATS = {"ga4": ("jsonl", "ga4.jsonl"), "matomo": ("jsonl", "matomo.jsonl")}
FORMATS |= {"snowplow": ("csv", "snowplow.tsv"), "events": ("csv", "events.csv")}


def read(name: str, out: Path) -> tuple[DataSet, IngestReport]:
    source, file = FORMATS[name]
    report = ingest(source, SAMPLES / file, out, mapping=EXAMPLES / f"{name}.yaml")
    return DataSet.open(out), report


def told(data: DataSet) -> dict[str, list[tuple[str, str | None, str | None, str | None]]]:
    """Per session: type, name, text and category of each step."""
    return {
        session.session_id: [
            (step.action.type, step.action.name, step.action.text, step.category) for step in session.steps
        ]
        for session in data
    }


def test_ga4_with_nested_event_params(tmp_path: Path) -> None:
    data, report = read("ga4", tmp_path / "out")
    assert told(data) == {
        "11.22-1740819600": [
            ("click", "page_view", None, "other"),
            ("type_and_submit", "view_search_results", "kettle", "search"),
            ("click", "view_item", None, "product_click"),
            ("click", "purchase", None, "purchase"),
        ],
        "33.44-1740819600": [
            ("click", "page_view", None, "filter"),
            ("click", "add_to_cart", None, "other"),
        ],
    }
    assert data.sessions["user_id"].to_list() == ["11.22", "33.44"]
    assert data.sessions["outcome"].to_list() == ["purchase", "terminate"]
    assert data.session("11.22-1740819600").steps[1].elapsed == 19.0
    assert data.session("11.22-1740819600").steps[2].url == "https://shop.example/p/7"
    assert report.repaired["row equals another one, time included: left out"].count == 1
    assert report.noted == {}


def test_matomo_visits_with_lists_of_actions(tmp_path: Path) -> None:
    data, report = read("matomo", tmp_path / "out")
    assert told(data) == {
        "101": [
            ("click", "action", None, "other"),
            ("type_and_submit", "search", "kettle", "search"),
            ("click", "action", None, "product_click"),
            ("click", "ecommerceOrder", None, "purchase"),
        ],
        "102": [("click", "action", None, "product_click")],
    }
    assert data.sessions["outcome"].to_list() == ["purchase", "terminate"]
    assert report.repaired["row without a list of events: left out"].count == 1


def test_snowplow_events_sent_again(tmp_path: Path) -> None:
    data, report = read("snowplow", tmp_path / "out")
    assert told(data) == {
        "s1": [
            ("click", "page_view", None, "other"),
            ("type_and_submit", "site_search", "kettle", "search"),
            ("click", "link_click", None, "product_click"),
        ],
        "s2": [("click", "transaction", None, "purchase")],
    }
    assert report.repaired["event id was there before: left out"].count == 1
    assert data.session("s1").steps[1].elapsed == 20.5


def test_plain_events_are_cut_at_pauses_and_labelled_by_url(tmp_path: Path) -> None:
    data, report = read("events", tmp_path / "out")
    assert [len(session.steps) for session in data] == [3, 1, 1]
    assert data.sessions["outcome"].to_list() == ["purchase", None, None]
    assert data.sessions["censored"].to_list() == [None, True, True]
    assert data.steps["category"].to_list() == ["search", "product_click", "purchase", "other", "other"]
    assert data.steps["action_name"].to_list() == ["search box", "Steel kettle", "Thank you", "Home", "Home"]
    assert report.repaired["row equals another one, time included: left out"].count == 1


def test_the_card_says_that_there_are_no_pages(tmp_path: Path) -> None:
    data, report = read("ga4", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "card.json").read_text())["pages"] == "none"
    assert not data.has_pages
    assert report.written == {"sessions": 2, "steps": 6, "users": 2}
    scrub(data, tmp_path / "scrubbed")
    assert not DataSet.open(tmp_path / "scrubbed").has_pages


def test_verbs_that_need_pages_refuse_with_one_sentence(tmp_path: Path) -> None:
    data, _ = read("ga4", tmp_path / "out")
    sft = SftConfig(data=data.path, model="tiny", out=tmp_path / "model")
    refused = (
        lambda: evaluate(data, "baseline:always-terminate", part="all", run_dir=tmp_path / "run"),
        lambda: list(replay(data, data.session("11.22-1740819600"))),
        lambda: check_training(sft),
        lambda: train_sft(sft),
        lambda: synthesize(data, "endpoint:http://127.0.0.1:9/v1#m", tmp_path / "new"),
        lambda: write_training_rows(data, tmp_path / "rows.parquet", "verl"),
    )
    for verb in refused:
        with pytest.raises(InputError, match="has no pages: only the actions of its log are known"):
            verb()
    assert not (tmp_path / "run").exists()
    printed = facsim(
        "evaluate", data.path, "baseline:always-terminate", "--run-dir", tmp_path / "run", code=2
    )
    assert "has no pages" in printed


def test_what_needs_no_page_works(tmp_path: Path) -> None:
    data, _ = read("ga4", tmp_path / "out")
    report = audit(data)
    assert not report.failed
    assert report.reachability == {}
    assert "no pages" in {finding.check for finding in report.findings}
    assert report.shares["category"]["all"]["other"] == pytest.approx(2 / 6)
    assert facsim("audit", data.path)
    assert "kettle" in facsim("show", data.path, "11.22-1740819600")
    library = Library(data)
    rows, _ = session_rows(library, tuple(library.find(SessionFilter())))
    assert [row.about for row in rows] == ["kettle", ""]
    assert "This log has no pages." in data.page(data.steps["page_id"][0]).html


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"outcome": {"bought": {"event": "x"}}},
            "outcome: 'bought' is not an outcome; expected purchase, terminate",
        ),
        ({"outcome": {"purchase": {}}}, "expected url, event, or both"),
        ({"outcome": {"purchase": {"page": "x"}}}, "page"),
        ({"url": None}, "category: its rules match URLs. Set url"),
        ({"page": {"kind": "none", "column": "html"}}, "kind none takes no column"),
        ({"page": {"kind": "raw", "column": "html"}}, "action.target is missing"),
        ({"time": {"columns": ["a", "b"]}}, "expected one column for the time"),
    ],
)
def test_a_bad_mapping_is_told(tmp_path: Path, change: dict[str, object], message: str) -> None:
    import yaml

    mapping = yaml.safe_load((EXAMPLES / "ga4.yaml").read_text()) | change
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump({k: v for k, v in mapping.items() if v is not None}))
    with pytest.raises(ConfigError, match=message):
        ingest("jsonl", SAMPLES / "ga4.jsonl", tmp_path / "out", mapping=tmp_path / "bad.yaml")


def test_targets_without_pages_are_names(tmp_path: Path) -> None:
    text = (EXAMPLES / "events.yaml").read_text().replace("{name: label}", "{selector: label}")
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError, match="targets by name only"):
        ingest("csv", SAMPLES / "events.csv", tmp_path / "out", mapping=tmp_path / "bad.yaml")
