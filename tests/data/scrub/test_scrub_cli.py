"""`facsim scrub`, `facsim ingest --scrub`, and what ingest and the viewer do with personal texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process_cli import facsim

from facsim.data import DataSet
from facsim.data.ingest import ingest
from facsim.data.scrub.scrub import scrub
from facsim.view.library import Library, SessionFilter
from facsim.view.session_list import session_rows

PAGE = "<html><body><p>Hello, Maria Lopez</p><form><label>E-mail <input id=mail></label></form></body></html>"
SEARCH = "<html><body><form><label>Search <input id=q type=search></label></form></body></html>"
MAPPING = """
name: own
origin: a test
session: visit
user: who
page: {column: html, kind: raw}
action: {type: event, target: {id: target}, text: typed}
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rows = [
        {
            "visit": "v",
            "who": "c1",
            "event": "input",
            "target": "mail",
            "typed": "maria@example.com",
            "html": PAGE,
        },
        {"visit": "v", "who": "c1", "event": "input", "target": "q", "typed": "red mug", "html": SEARCH},
        {
            "visit": "w",
            "who": "c2",
            "event": "input",
            "target": "q",
            "typed": "MARIA@example.com",
            "html": SEARCH,
        },
    ]
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "map.yaml").write_text(MAPPING)
    return tmp_path


def test_ingest_notes_typed_texts_that_look_personal(log: Path) -> None:
    report = ingest("jsonl", log / "log.jsonl", log / "out", mapping=log / "map.yaml")
    notes = {kind: found for kind, found in report.noted.items() if "personal" in kind}
    assert [(kind, found.count) for kind, found in notes.items()] == [
        ("typed text looks personal (e-mail addresses): kept. facsim scrub replaces it", 2)
    ]
    assert "maria" not in (log / "out" / "ingest.md").read_text().lower()


def test_ingest_with_scrub_stores_no_personal_value_and_leaves_nothing_beside(log: Path) -> None:
    command = ["ingest", "jsonl", str(log / "log.jsonl"), "--mapping", str(log / "map.yaml")]
    before = {file.name for file in log.iterdir()}
    facsim(*command, "--out", log / "out", "--scrub")
    assert {file.name for file in log.iterdir()} == before | {"out"}
    data = DataSet.open(log / "out")
    typed = [step.action.text or "" for session in data for step in session.steps]
    assert typed[0] == typed[2]
    assert typed[0].startswith("EMAIL_")
    assert typed[1] == "red mug"
    pages = [data.page(step.page_id) for session in data for step in session.steps]
    assert "Maria" not in pages[0].html
    assert data.pages.raw_pages == 0
    assert (log / "out" / "scrub.md").is_file()
    assert "looks personal" not in (log / "out" / "ingest.md").read_text()
    assert "exists" in facsim(*command, "--out", log / "out", "--scrub", code=2)
    facsim(*command, "--out", log / "out", "--scrub", "--overwrite")


def test_the_verb_writes_a_data_set_that_can_be_audited(log: Path) -> None:
    ingest("jsonl", log / "log.jsonl", log / "in", mapping=log / "map.yaml")
    (log / "key").write_text("a secret that is long enough")
    for name in ("out", "out2"):
        printed = facsim("scrub", log / "in", log / name, "--key-file", log / "key")
    assert "e-mail addresses" in printed
    assert "maria" not in printed.lower()
    assert DataSet.open(log / "out").content_hash == DataSet.open(log / "out2").content_hash
    audit = json.loads(facsim("audit", log / "out", "--no-budget", "--format", "json", code=None))
    assert "personal data" not in {finding["check"] for finding in audit["findings"]}
    assert "exists" in facsim("scrub", log / "in", log / "out", code=2)
    (log / "key").write_text("short")
    assert "at least 16" in facsim("scrub", log / "in", log / "other", "--key-file", log / "key", code=2)


def test_the_viewer_lists_no_typed_text_that_looks_personal(log: Path) -> None:
    ingest("jsonl", log / "log.jsonl", log / "out", mapping=log / "map.yaml")
    library = Library(log / "out")
    rows, _ = session_rows(library, tuple(library.find(SessionFilter())))
    assert [row.about for row in rows] == ["red mug", ""]
    tooltips = [cell.title for row in rows for cell in row.cells]
    assert not any("maria" in tooltip.lower() for tooltip in tooltips)
    assert any("red mug" in tooltip for tooltip in tooltips)


def test_nothing_in_the_shop_looks_personal_but_the_recipient_and_the_delivery_address(
    tmp_path: Path,
) -> None:
    """Its pages were written for other purposes: products, brands, reviews signed by their authors."""
    facsim("shop", "sample", "--sessions", "12", "--seed", "3", "--out", tmp_path / "shop")
    report = scrub(tmp_path / "shop", tmp_path / "out")
    assert set(report.replaced) <= {"address", "name"}
    # The field `name` of its shoppers, and the recipient beside the delivery address.
    assert set(report.replaced["name"]) <= {"personas", "pages"}
    assert report.replaced["name"]["pages"] <= report.replaced["address"]["pages"]
    assert len(report.values.get("address", ())) <= 1
