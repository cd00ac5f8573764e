"""`facsim ingest --init`: a first mapping for a log that nobody has described yet."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from facsim.cli.main import app
from facsim.data import DataSet
from facsim.data.ingest import ingest
from facsim.data.mapping import ColumnMapping
from facsim.data.mapping_draft import draft_mapping
from facsim.util.errors import ConfigError, InputError

PAGE = "<html><body><a id=buy href=/b>Buy now</a><input id=q placeholder=Search></body></html>"
ROWS: list[dict[str, Any]] = [
    {
        "session_id": f"v{number // 4}",
        "customer": f"c{number // 8}",
        "event_type": ("input", "click", "click", "page_leave")[number % 4],
        "css_selector": "#q" if number % 4 == 0 else "#buy",
        "typed": "kettle" if number % 4 == 0 else None,
        "created_at": f"2025-03-01T10:{number:02}:00Z",
        "page_url": "https://shop.example/",
        "dom": PAGE,
        "screen": "1440x900",
    }
    for number in range(16)
]


def write(folder: Path, kind: str) -> Path:
    file = folder / f"my log.{kind}"
    if kind == "csv":
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, ROWS[0])
            writer.writeheader()
            writer.writerows(ROWS)
    elif kind == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_drafted_mapping_ingests_once_the_questions_are_answered(tmp_path: Path, kind: str) -> None:
    log = write(tmp_path, kind)
    text = draft_mapping(log)
    assert "TODO: where the sessions come from" in text
    assert "# Columns that nothing above uses: screen" in text
    assert text.count("# guess") >= 8
    (tmp_path / "mapping.yaml").write_text(text)
    mapping = ColumnMapping.read(tmp_path / "mapping.yaml")
    given = {name: field.column for name, field in mapping.fields().items()}
    assert given == {
        "session": "session_id",
        "user": "customer",
        "time": "created_at",
        "url": "page_url",
        "page": "dom",
        "action.type": "event_type",
        "action.text": "typed",
        "action.target": "css_selector",
    }
    assert mapping.action.type.values == {
        "input": "type_and_submit",
        "click": "click",
        "page_leave": "terminate",
    }
    ingest(kind, log, tmp_path / "out", mapping=tmp_path / "mapping.yaml")
    data = DataSet.open(tmp_path / "out")
    assert len(data) == 4 and data.steps.height == 16
    assert [step.action.name for step in data.session("v0").steps] == ["search", "buy_now", "buy_now", None]


def test_what_is_not_found_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    text = draft_mapping(tmp_path / "log.csv")
    assert yaml.safe_load(text)["page"] == {"column": "TODO", "kind": "raw"}
    assert "# session: COLUMN" in text and "without ids a user's rows are cut at pauses" in text


def test_pages_in_files_and_xpaths_and_nested_events(tmp_path: Path) -> None:
    rows = [
        {
            "visit": "a",
            "event": {"kind": kind, "path": "//*[@id='buy']"},
            "snapshot": f"pages/{number}.html",
            "ts": 1_740_000_000_000 + number,
        }
        for number, kind in enumerate(("tap", "scroll", "tap"))
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = yaml.safe_load(draft_mapping(tmp_path / "log.jsonl"))
    assert given["page"]["file"] == "snapshot"
    assert given["action"]["target"] == {"xpath": "event.path"}
    assert given["action"]["type"] == {"column": "event.kind", "values": {"tap": "click", "scroll": "skip"}}
    assert (given["session"], given["time"]) == ("visit", "ts")


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = 'user"\x1b[31m: {}\n# x'
    (tmp_path / "log.jsonl").write_text(json.dumps({name: "u", "type": 'a": b\n'}) + "\n")
    text = draft_mapping(tmp_path / "log.jsonl")
    assert "\x1b" not in text
    assert isinstance(yaml.safe_load(text), dict)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "csv")
    assert app(["ingest", "--init", "my log.csv"], result_action="return_value") == 0
    assert (tmp_path / "my log.mapping.yaml").read_text() == draft_mapping(tmp_path / "my log.csv")
    assert "facsim ingest csv" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(ConfigError, match="exists"):
        app(["ingest", "--init", "my log.csv"], result_action="return_value")
    with pytest.raises(ConfigError, match="expected SOURCE, PATH and --out"):
        app(["ingest", "csv"], result_action="return_value")
    with pytest.raises(
        InputError, match=r"is not a log, by its name; expected a file ending in one of \.csv"
    ):
        draft_mapping(Path(__file__))


def test_columns_with_unhelpful_names_are_recognised_by_their_values(tmp_path: Path) -> None:
    rows = [
        {
            "user": {"age": 30 + number, "id": f"u{number % 3}"},
            "sess": {"device": "ios", "id": f"s{number // 4}"},
            "Zeit": f"2025-03-01T10:{number:02}:00+01:00",
            "seq": number,
            "was": ("input", "tap", "scroll", "close")[number % 4],
            "Ziel": "#q" if number % 4 == 0 else "li:nth-child(2) > a",
            "val": "kettle" if number % 4 == 0 else None,
            "html": PAGE,
            "result": ("bought", "left")[number // 4],
        }
        for number in range(8)
    ]
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)) + "\n")
    drafted = yaml.safe_load(draft_mapping(file))
    assert drafted["user"] == "user.id"
    assert drafted["session"] == "sess.id"
    assert drafted["time"] == "Zeit"
    assert drafted["step"] == "seq"
    assert drafted["outcome"] == {
        "column": "result",
        "values": {"bought": "purchase", "left": "terminate"},
    }
    assert drafted["action"] == {
        "type": {
            "column": "was",
            "values": {"input": "type_and_submit", "tap": "click", "scroll": "skip", "close": "terminate"},
        },
        "target": {"selector": "Ziel"},
        "text": "val",
    }


def test_a_known_export_is_recognised_and_its_columns_are_told_apart(tmp_path: Path) -> None:
    rows = [
        {
            "event_date": "20231215",
            "event_timestamp": str(1_702_643_009_060_308 + number),
            "event_name": ("page_view", "purchase")[number % 2],
            "event_params": [{"key": "ga_session_id", "value": {"int_value": "1702642286"}}],
            "user_id": None,
            "user_pseudo_id": f"107079580.{number % 3}",
        }
        for number in range(8)
    ]
    log = tmp_path / "ga4.jsonl"
    log.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    text = draft_mapping(log)
    assert "export of Google Analytics 4: use examples/ga4.yaml" in text
    drafted = yaml.safe_load(text)
    assert drafted["time"] == "event_timestamp"
    assert drafted["user"] == "user_pseudo_id"
    assert drafted["action"]["type"]["column"] == "event_name"
