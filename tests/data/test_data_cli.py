"""`facsim ingest` and `facsim audit`, as a person runs them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from in_process_cli import completed as facsim
from rrweb_recordings import Recorder, element, page, text

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    page = '<a name="cart">Cart</a><input name="search">'
    steps = [("input", "search", "tea"), ("click", "gone", None), ("leave", None, None)]
    rows = [
        {
            "visit": f"v{visit}",
            "visitor": f"p{visit}",
            "time": 1_740_000_000 + visit * 100 + number,
            "html": page,
        }
        | {"event": event, "element": element, "typed": typed}
        for visit in range(30)
        for number, (event, element, typed) in enumerate(steps)
    ]
    file = tmp_path / "log.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_ingest_then_audit(log: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "{name: own, origin: a test, session: visit, user: visitor, time: time, "
        "page: {column: html, kind: simplified}, "
        "action: {type: {column: event, values: {leave: terminate}}, target: {name: element}, text: typed}}"
    )
    done = facsim("ingest", "jsonl", log, "--mapping", mapping, "--out", "own", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "30 sessions, 90 steps" in done.stdout
    done = facsim("ingest", "jsonl", log, "--mapping", mapping, "--out", "own", folder=tmp_path)
    assert done.returncode == 2
    assert "--overwrite" in done.stderr

    done = facsim("audit", "own", "--min-reachability", "0.6", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed." in done.stdout
    assert "test, after budgeting" in done.stdout
    done = facsim("audit", "own", "--split-by", "time", "--format", "json", "--no-budget", folder=tmp_path)
    assert done.returncode == 1, "a third of the targets is not on its page"
    report = json.loads(done.stdout)
    assert report["failed"]
    assert report["parts"]["test"]["sessions"] == 6
    done = facsim("audit", "own", "--split-by", "time", "--format", "csv", "--no-budget", folder=tmp_path)
    assert done.returncode == 1
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["check"] for row in rows] == [finding["check"] for finding in report["findings"]]
    assert rows[0]["severity"] == "error"


def test_words_of_the_data_are_printed_as_they_are(log: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    for row in rows:
        row |= {"visit": f"{row['visit']}:bug:", "kind": "[/red]"}
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "mapping.yaml").write_text(
        '{name: "[/bold]", origin: a test, session: visit, user: visitor, category: kind, '
        "page: {column: html, kind: simplified}, "
        "action: {type: {column: event, values: {leave: terminate}}, target: {name: element}, text: typed}}"
    )
    done = facsim("ingest", "jsonl", log, "--mapping", "mapping.yaml", "--out", "own", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = facsim("audit", "own", "--no-budget", folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "[/bold] (split by user" in done.stdout
    assert "[/red]" in done.stdout
    assert ":bug:" in done.stdout
    done = facsim("audit", "own", "--min-reachability", "90", folder=tmp_path)
    assert done.returncode == 2


def test_errors_are_sentences(tmp_path: Path) -> None:
    done = facsim("audit", "nowhere", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "nowhere/card.json: no such file" in done.stderr


def test_the_worked_example_of_the_docs(tmp_path: Path) -> None:
    """docs/your-data/logs.md shows this log; examples/own-log.yaml is its mapping."""
    text = (ROOT / "docs" / "your-data" / "logs.md").read_text()
    block = text.split("```jsonl\n")[1].split("```")[0]
    (tmp_path / "log.jsonl").write_text(block)
    mapping = ROOT / "examples" / "own-log.yaml"
    done = facsim("ingest", "jsonl", "log.jsonl", "--mapping", mapping, "--out", "own", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "own" / "ingest.json").read_text())
    assert report["written"] == {"sessions": 2, "steps": 5, "pages": 3, "users": 2}
    assert (report["refused"], report["repaired"]) == ({}, {})
    assert not any("unreachable" in kind for kind in report["noted"])


@pytest.mark.parametrize("name", ["own-log.yaml", "shopcart.yaml"])
def test_example_mappings_are_usable(name: str) -> None:
    from facsim.data.mapping import ColumnMapping

    assert ColumnMapping.read(ROOT / "examples" / name).fields()


def test_control_characters_of_a_log_do_not_reach_the_terminal(tmp_path: Path) -> None:
    page = '<a name="cart">Cart</a>'
    evil = "\x1b[2J\x1b]0;owned\x07\u202e"
    rows = [
        {"visit": f"v{evil}", "visitor": "p", "html": page, "event": event, "element": evil}
        for event in ("click", f"hover{evil}")
    ]
    rows.append({"visit": "good", "visitor": "p", "html": page, "event": "click", "element": evil})
    folder = tmp_path / f"log{evil}"
    folder.mkdir()
    log = folder / f"log{evil}.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "{name: own, origin: a test, session: visit, user: visitor, page: {column: html, kind: simplified}, "
        "action: {type: event, target: {name: element}}}"
    )
    done = facsim("ingest", "jsonl", log, "--mapping", mapping, "--out", "own", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\\x1b[2J" in done.stdout
    strict = facsim("ingest", "jsonl", log, "--mapping", mapping, "--out", "o", "--strict", folder=tmp_path)
    log.write_text("broken\n")
    broken = facsim("ingest", "jsonl", log, "--mapping", mapping, "--out", "o", folder=tmp_path)
    missing = facsim("ingest", "jsonl", f"none{evil}", "--mapping", mapping, "--out", "o", folder=tmp_path)
    for answer in (done, strict, broken, missing):
        for stream in (answer.stdout, answer.stderr):
            assert not {"\x1b", "\x07", "\u202e"} & set(stream), stream
    assert all(answer.returncode == 2 for answer in (strict, broken, missing))


def test_ingest_of_a_recording(tmp_path: Path) -> None:
    link = element(20, "a", text(21, "Kettles"), href="/kettles")
    Recorder(page(link)).clicks(20).clicks(20, after=1200).write(tmp_path / "replay.json")
    done = facsim("ingest", "rrweb", "replay.json", "--gap", "15", "--out", "own", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 sessions, 2 steps, 1 page, 1 user" in done.stdout
    assert "session cut at a pause of more than 15 minutes" in done.stdout
    (tmp_path / "no.json").write_text("no")
    done = facsim("ingest", "rrweb", "no.json", "--out", "none", folder=tmp_path)
    assert done.returncode == 2
    assert "no.json: is not JSON" in done.stderr
    assert "Traceback" not in done.stderr
