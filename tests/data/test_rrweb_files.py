"""Files of rrweb events: shapes, packing, damage and hostile content."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cpu_time import cpu_limit
from rrweb_recordings import Recorder, adding, element, page, text

from facsim.data import DataSet, IngestReport
from facsim.data.ingest import ingest
from facsim.data.sources.rrweb import json_stream
from facsim.data.sources.rrweb.event_files import read_events
from facsim.data.sources.rrweb.event_spool import EventSpool
from facsim.util.errors import ConfigError, InputError

LINK = element(20, "a", text(21, "Kettles"), href="/kettles")


def recording(clicks: int = 2) -> Recorder:
    recorder = Recorder(page(LINK))
    for _ in range(clicks):
        recorder.clicks(20)
        recorder.moves()
    return recorder


EVENTS = recording().events


def latin(data: bytes) -> str:
    """Bytes as the strings that pako and fflate make: a character per byte."""
    return data.decode("latin-1")


def packed(event: dict[str, Any]) -> str:
    return latin(zlib.compress(json.dumps({**event, "v": "v1"}).encode()))


def posthog(event: dict[str, Any]) -> dict[str, Any]:
    """An event as posthog-js packs it."""
    if event["type"] == 2:
        return {**event, "cv": "2024-10", "data": latin(gzip.compress(json.dumps(event["data"]).encode()))}
    if event["data"].get("source") == 0:
        parts = {
            key: latin(gzip.compress(json.dumps(value).encode())) if isinstance(value, list) else value
            for key, value in event["data"].items()
        }
        return {**event, "cv": "2024-10", "data": parts}
    return event


def in_postgres_order(value: Any) -> Any:
    """JSON as Postgres stores it: short keys first."""
    if isinstance(value, list):
        return [in_postgres_order(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: in_postgres_order(value[key]) for key in sorted(value, key=lambda key: (len(key), key))}


def lines(*values: Any) -> bytes:
    return "\n".join(json.dumps(value) for value in values).encode()


SHAPES: dict[str, Callable[[list[Any]], bytes]] = {
    "array": lambda events: json.dumps(events).encode(),
    "with a byte order mark": lambda events: b"\xef\xbb\xbf" + json.dumps(events).encode(),
    "wrapped": lambda events: json.dumps(
        {"session_guid": "s", "rrweb_data": events, "metadata": {}}
    ).encode(),
    "indented": lambda events: json.dumps({"a": {"events": events}}, indent=2).encode(),
    "lines": lambda events: lines(*events),
    "lines in Postgres order": lambda events: lines(*map(in_postgres_order, events)),
    "rows": lambda events: lines(*({"session_id": "s", "event": event} for event in events)),
    "rows of JSON in text": lambda events: lines(
        *({"session_id": "s", "data": json.dumps(event)} for event in events)
    ),
    "PostHog export": lambda events: json.dumps(
        {"version": "2023-04-28", "data": {"id": "s", "person": {"distinct_ids": ["d"]}, "snapshots": events}}
    ).encode(),
    "PostHog blob": lambda events: lines(
        {"window_id": "w", "data": events[:2]}, {"window_id": "w", "data": events[2:]}
    ),
    "PostHog pairs": lambda events: lines(*(["w", event] for event in events)),
    "PostHog by window": lambda events: json.dumps({"snapshot_data_by_window_id": {"w": events}}).encode(),
    "PostHog packed": lambda events: lines(*(["w", posthog(event)] for event in events)),
    "Sentry segments": lambda events: json.dumps([events[:3], events[3:]]).encode(),
    "Sentry stored": lambda events: b'{"segment_id":0}\n' + zlib.compress(json.dumps(events).encode()),
    "pako": lambda events: json.dumps([packed(event) for event in events]).encode(),
    "gzip": lambda events: gzip.compress(json.dumps(events).encode()),
    "zlib": lambda events: zlib.compress(json.dumps(events).encode()),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("small", [False, True], ids=["whole", "key by key"])
def test_all_shapes_hold_the_same_session(
    shape: str, small: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small:  # every object takes the way of those that are too large to decode at once
        monkeypatch.setattr("facsim.data.sources.rrweb.event_files._WHOLE", 300)
        monkeypatch.setattr(json_stream, "_CHUNK", 64)
    recorder = recording(1).mutates(adds=[adding(4, element(30, "p")), adding(30, text(31, "More"))])
    (tmp_path / "x.json").write_bytes(SHAPES[shape](recorder.clicks(20).events))
    report = ingest("rrweb", tmp_path / "x.json", tmp_path / "data")
    data = DataSet.open(tmp_path / "data")
    assert data.steps["action_name"].to_list() == ["kettles", "kettles"]
    assert "More" in data.pages.page(data.steps["page_id"][1]).html
    assert not report.refused
    assert not report.repaired
    named = shape in ("wrapped", "rows", "rows of JSON in text", "PostHog export")
    assert data.sessions["session_id"].to_list() == ["s" if named else "x"]


def sessions(tmp_path: Path, **files: bytes) -> tuple[DataSet, IngestReport]:
    folder = tmp_path / "in"
    for name, content in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    report = ingest("rrweb", folder, tmp_path / "data")
    return DataSet.open(tmp_path / "data"), report


def test_a_folder_has_a_recording_per_file(tmp_path: Path) -> None:
    data, _ = sessions(tmp_path, a=lines(*EVENTS), b=gzip.compress(lines(*EVENTS)))
    assert data.sessions["session_id"].to_list() == ["a", "b"]
    assert data.sessions["user_id"].to_list() == ["recording a", "recording b"]


def test_files_that_name_one_recording_are_read_together(tmp_path: Path) -> None:
    data, report = sessions(
        tmp_path,
        b=json.dumps({"session_id": "s", "events": EVENTS[4:]}).encode(),
        a=json.dumps({"session_id": "s", "events": EVENTS[:4]}).encode(),
    )
    assert data.sessions["session_id"].to_list() == ["s"]
    assert len(data.steps) == 2
    assert report.read_counts["recordings"] == 1


def test_numbered_files_of_a_folder_are_segments(tmp_path: Path) -> None:
    parts = {
        f"replay__{number}": json.dumps(EVENTS[number : number + 1]).encode() for number in range(len(EVENTS))
    }
    data, report = sessions(tmp_path, **parts)
    assert data.sessions.height == 1
    assert len(data.steps) == 2
    assert not report.repaired


def test_a_file_of_many_recordings_takes_linear_time(tmp_path: Path) -> None:
    """As a database exports them: a row for each event, the recordings mixed."""
    count = 3_000
    with (tmp_path / "x.jsonl").open("w") as file:
        for event in EVENTS[:6]:
            for number in range(count):
                file.write(json.dumps({"session_id": f"s{number}", "user_id": "u", "data": event}) + "\n")
    report = IngestReport("", "")
    with cpu_limit(20), EventSpool(report) as spool:
        spool.read(tmp_path / "x.jsonl")
        recordings = spool.recordings("x")
        assert [one.key for one in recordings] == [f"s{number}" for number in range(count)]
        assert {one.user for one in recordings} == {"u"}
        assert {one.targets for one in recordings} == {frozenset({20})}
        for one in recordings:
            assert [found.event["type"] for found in spool.events(one) if found.event] == [4, 2, 3, 3, 3]
    assert not report.repaired


def test_events_out_of_order_are_sorted_and_repeated_ones_dropped(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(lines(*EVENTS[5:], *EVENTS[:5], EVENTS[3], EVENTS[1]))
    report = ingest("rrweb", tmp_path / "x.json", tmp_path / "data")
    assert len(DataSet.open(tmp_path / "data").steps) == 2
    assert report.repaired["events out of order: sorted by time"].count == 3
    assert report.repaired["event recorded twice: one is kept"].count == 2


@pytest.mark.parametrize("time", ["NaN", "null", '"soon"', "-1", "1e300", "true", "Infinity"])
def test_impossible_times_are_those_of_the_event_before(time: str, tmp_path: Path) -> None:
    written = json.dumps(EVENTS).replace(str(EVENTS[3]["timestamp"]), time)
    (tmp_path / "x.json").write_text(written)
    report = ingest("rrweb", tmp_path / "x.json", tmp_path / "data")
    data = DataSet.open(tmp_path / "data")
    assert len(data.steps) == 2
    assert report.repaired["event without a time: takes that of the event before it"].count == 1
    assert data.steps["timestamp"][0].timestamp() * 1000 == EVENTS[2]["timestamp"]


def test_a_recording_without_any_time(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(
        lines(*({key: event[key] for key in ("type", "data")} for event in EVENTS))
    )
    ingest("rrweb", tmp_path / "x.json", tmp_path / "data")
    assert len(DataSet.open(tmp_path / "data").steps) == 2


def test_seconds_are_seconds(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(
        lines(*({**one, "timestamp": one["timestamp"] / 1000} for one in EVENTS))
    )
    ingest("rrweb", tmp_path / "x.json", tmp_path / "data")
    found = DataSet.open(tmp_path / "data").steps["timestamp"][0]
    assert found.timestamp() * 1000 == pytest.approx(EVENTS[3]["timestamp"])


LATER = [{**EVENTS[-1], "timestamp": EVENTS[-1]["timestamp"] + number} for number in range(99)]
WHOLE = json.dumps([*EVENTS, *LATER]).encode()


@pytest.mark.parametrize("cut", [gzip.compress(WHOLE)[:-20], zlib.compress(WHOLE)[:-20], WHOLE[:-20]])
def test_a_torn_end_loses_only_the_end(cut: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(cut)
    report = ingest("rrweb", tmp_path / "x.json", tmp_path / "data")
    assert len(DataSet.open(tmp_path / "data").steps) == 2
    assert report.repaired["file is damaged or cut off: the events before the damage are kept"].count == 1


def test_a_torn_line_loses_the_line(tmp_path: Path) -> None:
    written = lines(*EVENTS).split(b"\n")
    written[3] = written[3][:30]
    (tmp_path / "x.json").write_bytes(b"\n".join(written))
    report = ingest("rrweb", tmp_path / "x.json", tmp_path / "data")
    assert len(DataSet.open(tmp_path / "data").steps) == 1
    assert report.repaired["line that is not JSON: left out"].count == 1


NOTHING = {
    "not JSON": (b"<html>no</html>", "is not JSON"),
    "empty": (b"", "no rrweb events"),
    "a cut first event": (b'[{"type":4,"data":{', "is not JSON"),
    "other JSON": (b'{"log": {"entries": [1, 2, "three"]}}', "no rrweb events"),
    "a number": (b"17", "no rrweb events"),
    "binary": (bytes(range(256)) * 10, "is not JSON"),
    "an archive": (b"PK\x03\x04rest", "is a ZIP archive"),
    "a cut gzip header": (b"\x1f\x8b\x08", "is not JSON|cannot be unpacked|no rrweb events"),
    "deep": (b"[" * 100_000, "is not JSON"),
    "deep objects": (b'{"a":' * 100_000, "is not JSON"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_no_recording_is_an_error(name: str, tmp_path: Path) -> None:
    content, problem = NOTHING[name]
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=problem):
        ingest("rrweb", tmp_path / "x.json", tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_no_recording_is_refused_in_a_folder(tmp_path: Path) -> None:
    data, report = sessions(tmp_path, **{"a.json": lines(*EVENTS), "b.json": b"no", "c.json": b"[]"})
    assert len(data) == 1
    assert [kind for kind in report.refused if "is not JSON" in kind]
    assert report.noted["file without rrweb events of pages or actions"].count == 1


def test_no_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        ingest("rrweb", tmp_path / "x", tmp_path / "data")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="contains no recordings"):
        ingest("rrweb", tmp_path / "empty", tmp_path / "data")
    with pytest.raises(ConfigError, match="takes no mapping"):
        ingest("rrweb", tmp_path / "x", tmp_path / "data", mapping=tmp_path / "m.yaml")


def test_a_gzip_bomb_is_an_error(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "x.gz", "wb", 9) as bomb:
        bomb.write(b"[")
        for _ in range(100):
            bomb.write(b" " * 2**20)
    assert (tmp_path / "x.gz").stat().st_size < 200_000
    with pytest.raises(InputError, match="unpacks to more than 200 times its size"):
        ingest("rrweb", tmp_path / "x.gz", tmp_path / "data")


def test_a_bomb_in_an_event_is_left_out(tmp_path: Path) -> None:
    bomb = latin(zlib.compress(b'{"type":3,"timestamp":1,"data":"' + b" " * 100 * 2**20 + b'"}', 9))
    (tmp_path / "x.json").write_bytes(json.dumps([bomb, *EVENTS]).encode())
    report = ingest("rrweb", tmp_path / "x.json", tmp_path / "data")
    assert report.repaired["packed event that cannot be unpacked: left out"].count == 1
    assert len(DataSet.open(tmp_path / "data").steps) == 2


def test_memory_holds_one_event_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 20 MB is read through a buffer that never holds more than a few chunks."""
    monkeypatch.setattr(json_stream, "_CHUNK", 2**16)
    sizes = []
    more = json_stream.JsonStream.more

    def measured(self: json_stream.JsonStream, size: int = 2**16) -> bool:
        found = more(self, size)
        sizes.append(len(self.buffer))
        return found

    monkeypatch.setattr(json_stream.JsonStream, "more", measured)
    event = {"type": 3, "data": {"source": 1, "positions": [{"x": 1}] * 100}, "timestamp": 1}
    with (tmp_path / "x.json").open("w") as file:
        file.write('{"events":[')
        file.write(",".join([json.dumps(event)] * 20_000))
        file.write("]}")
    assert sum(1 for _ in read_events(tmp_path / "x.json", IngestReport("", ""))) == 20_000
    assert len(sizes) > 60
    # Up to 8 MB are tried at once before the file is read key by key.
    assert max(sizes) < 20_000_000
    assert max(sizes[-50:]) < 2**18
