"""The collector: what it takes, what it refuses, and that nothing it took is lost."""

from __future__ import annotations

import http.client
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from recorded_browser import study_of

from facsim.data import DataSet
from facsim.record.extension_package import ORIGIN
from facsim.record.recording import Recording
from facsim.util.errors import ConfigError, InputError
from facsim.util.localhost import bind_localhost

SITE = "https://shop.example"
INSTALLATION = "ab" * 12
PAGE = '<!doctype html><html><body><a href="/cart" data-facsim-target="{mark}">Cart</a><input name=q></body></html>'
SCROLL = {"x": 0, "y": 0, "width": 100, "height": 100, "page_height": 100}


class Client:
    """Sends requests as the extension does."""

    def __init__(self, recording: Recording, port: int) -> None:
        self.recording, self.port = recording, port
        self._clock = count(1)

    def post(self, body: Any, path: str = "/events", **headers: str | None) -> tuple[int, dict[str, Any]]:
        given = {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": ORIGIN,
            "Authorization": f"Bearer {self.recording.token}",
            "Content-Type": "application/json",
        }
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.putrequest("POST", path, skip_host=True)
        for name, value in {**given, "Content-Length": str(len(content))}.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        connection.send(content)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def send(self, *events: dict[str, Any], installation: str = INSTALLATION) -> dict[str, Any]:
        status, said = self.post({"installation": installation, "events": list(events)})
        assert status == 200, said
        return said

    def event(self, kind: str, time: float = 1e12, **fields: Any) -> dict[str, Any]:
        clock = next(self._clock)
        return {"id": f"{clock:024x}", "clock": clock, "time": time, "kind": kind, **fields}

    def consent(self) -> dict[str, Any]:
        return self.event(
            "consent",
            participant="p",
            persona=[{"question": "Age?", "answer": "30"}],
            intent="",
            sites=[SITE],
            text="I agree",
        )

    def on_page(self, kind: str, time: float = 1e12, doc: str = "cd" * 12, **fields: Any) -> dict[str, Any]:
        fields = {"mono": time - 1e12, "doc": doc, "url": f"{SITE}/", "title": "Shop", **fields}
        return self.event(kind, time, **fields)

    def click(self, time: float = 1e12, **fields: Any) -> dict[str, Any]:
        mark = "0123456789abcdef"
        html = fields.pop("html", PAGE.format(mark=mark))
        return self.on_page(
            "action", time, action="click", html=html, mark=mark, masked=0, scroll=SCROLL, **fields
        )

    def leave(self, time: float = 1e12, **fields: Any) -> dict[str, Any]:
        return self.on_page("leave", time, html=PAGE.format(mark="x"), masked=0, scroll=SCROLL, **fields)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    recording = Recording(study_of(SITE, purchase_urls=("*/thanks",)), tmp_path / "data")
    with recording.collector(0) as port:
        yield Client(recording, port)
    recording.store.close()


def sessions(client: Client) -> list[Any]:
    assert client.recording.write() is not None
    return list(DataSet.open(client.recording.out))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": None}, 403),
        ({"Origin": "chrome-extension://" + "a" * 32}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer forged"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Content_Type": "text/plain"}, 415),
    ],
)
def test_only_the_extension_gets_in(client: Client, headers: dict[str, str | None], status: int) -> None:
    merged = {**{name.replace("-", "_"): value for name, value in headers.items()}}
    body = {"installation": INSTALLATION, "events": [client.consent(), client.click()]}
    found, said = client.post(
        body, **{name if name != "Content_Type" else "Content-Type": value for name, value in merged.items()}
    )
    assert found == status
    assert said["error"]
    assert client.recording.store.count() == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"installation": "x", "events": []}',
        b'{"installation": "' + b"ab" * 12 + b'"}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_a_delivery_is_refused(client: Client, body: bytes) -> None:
    status, said = client.post(body)
    assert status == 400
    assert said["error"]


def test_a_body_is_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facsim.record.collector.MAX_BODY", 1000)
    status, said = client.post(b" " * 2000)
    assert (status, said["error"]) == (413, "the request has more than 0 MiB")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "spy"}, "kind"),
        ({"clock": "1"}, "clock"),
        ({"time": float("inf")}, "time"),
        ({"id": "x"}, "id"),
        ({"more": 1}, "more"),
        ({"mark": "no mark"}, "mark"),
        ({"url": "https://bank.example/"}, "the address is on no site of the study"),
    ],
)
def test_events_that_are_wrong_are_set_aside(client: Client, change: dict[str, Any], reason: str) -> None:
    wrong, right = client.click() | change, client.click()
    said = client.send(client.consent(), wrong, right)
    assert list(said["refused"]) == [wrong["id"]]
    assert reason in said["refused"][wrong["id"]]
    assert client.recording.store.count("action") == 1


def test_without_consent_nothing_is_stored(client: Client) -> None:
    said = client.send(client.click(), client.leave())
    assert set(said["refused"].values()) == {"no consent was recorded for this installation"}
    assert client.recording.store.count() == 0


def test_a_repeated_delivery_changes_nothing(client: Client) -> None:
    events = [client.consent(), client.click(), client.click(), client.leave()]
    for _ in range(3):
        client.send(*events)
    (session,) = sessions(client)
    assert [step.action.type for step in session.steps] == ["click", "click", "terminate"]
    first = DataSet.open(client.recording.out).content_hash
    client.send(*events[1:])
    client.recording.write()
    assert DataSet.open(client.recording.out).content_hash == first


def test_a_full_disk_loses_nothing(client: Client) -> None:
    client.send(client.consent(), client.click())
    database = client.recording.store._db
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    late = client.click(
        html=PAGE.format(mark="0123456789abcdef") + "".join(f"<p>{i * 7919}" for i in range(50_000))
    )
    status, said = client.post({"installation": INSTALLATION, "events": [late]})
    assert status == 507
    assert "database or disk is full" in said["error"]
    assert client.recording.store.count("action") == 1
    database.execute("PRAGMA max_page_count = 1000000")
    client.send(late)
    assert client.recording.store.count("action") == 2


def test_events_survive_the_death_of_the_collector(tmp_path: Path) -> None:
    recording = Recording(study_of(SITE), tmp_path / "data")
    with recording.collector(0) as port:
        client = Client(recording, port)
        client.send(client.consent(), client.click())
        # The answer is there, so the events are on the disk: another process sees them.
        with sqlite3.connect(recording.store.file) as other:
            assert other.execute("SELECT count(*) FROM events").fetchone() == (2,)
        token = recording.token
    again = Recording(study_of(SITE), tmp_path / "data")
    assert (again.token, again.store.count("action")) == (token, 1)


def test_a_port_that_is_taken_is_named(client: Client, tmp_path: Path) -> None:
    other = Recording(study_of(SITE, port=client.port), tmp_path / "other")
    with pytest.raises(ConfigError, match=f"port {client.port} is taken"), other.collector():
        pass
    other.store.close()


def test_other_data_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "card.json").write_text("{}")
    with pytest.raises(ConfigError, match="was not recorded here"):
        Recording(study_of(SITE), tmp_path / "data")


def test_forgetting_removes_the_bytes(client: Client) -> None:
    client.send(
        client.consent(),
        client.click(1e12),
        client.click(
            1e12 + 60_000, label="secret-label", html=PAGE.format(mark="0123456789abcdef") + "secret-page"
        ),
    )
    before = client.recording.store.count("action")
    forget = client.event("forget", 1e12 + 90_000, since=1e12 + 30_000, minutes=1)
    client.send(forget)
    assert (before, client.recording.store.count("action")) == (2, 1)
    assert b"secret-label" not in b"".join(file.read_bytes() for file in client.recording.folder.iterdir())
    (session,) = sessions(client)
    assert session.censored
    assert len(session.steps) == 1


def test_forgetting_goes_by_order_after_the_clock_was_set_back(client: Client) -> None:
    # 10:00, 10:01, then the clock is set back by an hour: 9:02, and at 9:03 "forget the last 5 minutes".
    hour, minute = 3_600_000, 60_000
    start = 1e12
    client.send(
        client.consent(),
        client.click(start),
        client.click(start + minute),
        client.click(start - hour + 2 * minute),
    )
    now = start - hour + 3 * minute
    client.send(client.event("forget", now, since=now - 5 * minute, minutes=5))
    assert client.recording.store.count("action") == 0


def test_a_late_copy_of_what_was_forgotten_is_refused(client: Client) -> None:
    click = client.click(1e12)
    client.send(client.consent(), click)
    client.send(client.event("forget", 1e12 + 1, since=1e12 - 1, minutes=1))
    said = client.send(click)
    assert said["refused"] == {click["id"]: "the person had this time forgotten"}
    assert client.recording.store.count("action") == 0


def test_deleting_everything_also_removes_the_data_set(client: Client) -> None:
    client.send(client.consent())
    click = client.click(label="secret-label")
    client.send(click)
    assert len(sessions(client)) == 1
    client.send(client.event("delete_all"))
    assert client.recording.write() is None
    assert not client.recording.out.exists()
    assert b"secret-label" not in b"".join(file.read_bytes() for file in client.recording.folder.iterdir())
    assert client.send(click)["refused"] == {click["id"]: "this person had everything deleted"}


def test_how_sessions_end(client: Client) -> None:
    minute = 60_000
    other = {"doc": "ef" * 12}
    tab = {"doc": "cd" * 12, "tab": 1}
    client.send(
        client.consent(),
        # Closed: terminate.
        client.click(1e12),
        client.leave(1e12 + 1),
        client.event("tab_closed", 1e12 + 2, **tab),
        # Away for longer than 30 minutes: censored.
        client.click(1e12 + 3, **other),
        # A purchase, after which only the window is closed.
        client.click(1e12 + 40 * minute, **other),
        client.on_page("navigate", 1e12 + 40 * minute + 1, how="navigate", **{**other, "url": f"{SITE}/thanks"}),
        client.leave(1e12 + 41 * minute, **other),
        client.event("tab_closed", 1e12 + 41 * minute, doc="ef" * 12, tab=2),
        # Two tabs: closing the first one ends nothing.
        client.click(1e12 + 42 * minute, doc="01" * 12),
        client.click(1e12 + 42 * minute, doc="02" * 12),
        client.leave(1e12 + 42 * minute, doc="01" * 12),
        client.event("tab_closed", 1e12 + 42 * minute, doc="01" * 12, tab=3),
        client.click(1e12 + 43 * minute, doc="02" * 12),
        # Paused: censored. Afterwards the recording just ends: censored.
        client.event("pause", 1e12 + 44 * minute),
        client.event("resume", 1e12 + 45 * minute),
        client.click(1e12 + 46 * minute, doc="02" * 12),
    )  # fmt: skip
    found = [(session.outcome, session.censored, len(session.steps)) for session in sessions(client)]
    assert found == [
        ("terminate", False, 2),
        (None, True, 1),
        ("purchase", False, 1),
        (None, True, 3),
        (None, True, 1),
    ]


def test_time_does_not_go_back_with_the_clock(client: Client) -> None:
    hour = 3_600_000
    client.send(
        client.consent(),
        client.click(1e12),
        client.click(1e12 - hour, mono=5000),
        client.click(1e12 - hour + 2000, mono=7000),
    )
    (session,) = sessions(client)
    assert [step.elapsed for step in session.steps] == [0, 5, 7]
    times = [step.timestamp for step in session.steps]
    assert times == sorted(times)


def test_rationales_and_persona(client: Client) -> None:
    consent, click = client.consent(), client.click()
    client.send(consent, click, client.event("rationale", action=click["id"], text="It is cheap."))
    (session,) = sessions(client)
    assert session.persona == "Age? 30"
    assert (session.steps[0].rationale, session.steps[0].rationale_source) == ("It is cheap.", "human")


def test_the_command_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with bind_localhost(0) as listener:
        port = listener.getsockname()[1]
    fields = study_of(SITE, port=port).model_dump(mode="json", exclude_none=True)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(fields))
    command = [sys.executable, "-m", "facsim", "record", "study.yaml", "--out", "data"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert f"127.0.0.1:{port}" in first
        assert (tmp_path / "data.recording" / "token").read_text() in process.stdout.readline()
        assert (tmp_path / "data.recording" / "token").stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert process.returncode == 0
    assert "Nothing was recorded" in rest
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "a page is missing", "a page is torn"])
def test_a_damaged_file_is_an_error_that_names_it(client: Client, damage: str) -> None:
    recording = client.recording
    client.send(client.consent(), *(client.click() for _ in range(40)))
    recording.store.close()
    file = recording.folder / "events.sqlite"
    content = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "overwritten":
        file.write_bytes(content[:8192] + b"x" * (len(content) - 8192))
    else:
        statement = (
            "DELETE FROM pages" if "missing" in damage else "UPDATE pages SET html = substr(html, 1, 20)"
        )
        database = sqlite3.connect(file, isolation_level=None)
        database.execute(statement)
        database.close()
    with pytest.raises(InputError, match=r"events\.sqlite"):
        Recording(recording.study, recording.out).write()


@pytest.mark.parametrize("content", ["", "\n", "abc", "a b" * 11])
def test_a_damaged_token_lets_no_one_in(client: Client, content: str) -> None:
    (client.recording.folder / "token").write_text(content)
    with pytest.raises(ConfigError, match=r"token is damaged\. Delete it"):
        Recording(client.recording.study, client.recording.out)
