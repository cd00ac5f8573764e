"""What `audit` says of how sessions were recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from facsim.data import Card, DataSet, DataSetWriter
from facsim.data.audit import audit
from facsim.data.recording_checks import recordings
from facsim.schema import Action, Outcome, Session, Step
from facsim.util.errors import InputError

PAGE = '<html data-simplified="1"><body><a name="cart">Cart</a><input name="q"></body></html>'
START = datetime(2025, 3, 1, tzinfo=UTC)
CLICK, LEAVE = Action.click("cart"), Action.terminate()


def typed(text: str) -> Action:
    return Action.type_and_submit("q", text)


def data_set(
    folder: Path,
    *sessions: list[tuple[float, Action]],
    outcome: Outcome | None = None,
    censored: bool = False,
) -> DataSet:
    """A data set of sessions, each a list of seconds and actions."""
    with DataSetWriter(
        folder / "d", Card(name="d", source="test", origin="a test"), overwrite=True
    ) as writer:
        page_id = writer.add_page(PAGE)
        for number, steps in enumerate(sessions):
            made = tuple(
                Step(page_id, action, timestamp=START + timedelta(seconds=second)) for second, action in steps
            )
            writer.add_session(Session(f"s{number}", f"u{number}", made, outcome=outcome, censored=censored))
    return DataSet.open(folder / "d")


def found(data: DataSet) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.check: (one.message, one.examples) for one in recordings(data)}


def test_a_good_recording_has_no_findings(tmp_path: Path) -> None:
    good = [(0.0, typed("kettle")), (8.0, CLICK), (20.0, typed("red kettle")), (31.0, CLICK), (40.0, LEAVE)]
    other = [(second * 1.1, action) for second, action in good]
    assert found(data_set(tmp_path, good, other)) == {}


def test_pauses_and_long_sessions(tmp_path: Path) -> None:
    paused = [(0.0, CLICK), (1801.0, LEAVE)]
    long = [(number * 1700.0, CLICK) for number in range(52)] + [(88_500.0, LEAVE)]
    almost = [(0.0, CLICK), (1800.0, LEAVE)]
    checks = found(data_set(tmp_path, almost, paused, long))
    assert checks["pauses"] == (
        "1 sessions have a pause of more than 30 minutes. If they are several visits, ingest again with --gap 30",
        ("s1",),
    )
    assert checks["long sessions"][1] == ("s2",)
    assert set(checks) == {"pauses", "long sessions"}


def test_keystrokes_and_duplicates_and_equal_times(tmp_path: Path) -> None:
    keys = [(0.0, typed("k")), (1.0, typed("ke")), (2.0, typed("ket")), (9.0, typed("red")), (12.0, LEAVE)]
    twice = [(0.0, CLICK), (5.0, CLICK), (5.0, CLICK), (9.0, LEAVE)]
    checks = found(data_set(tmp_path, keys, twice))
    assert checks["keystrokes"][0].startswith("2 steps type on")
    assert checks["keystrokes"][1] == ("s0",)
    assert checks["duplicate steps"][0].startswith("1 steps repeat")
    assert checks["duplicate steps"][1] == ("s1",)
    assert checks["equal times"][0].startswith("1 of 7 steps")


def test_sessions_that_never_leave_and_censored_ones(tmp_path: Path) -> None:
    open_end = [(0.0, CLICK), (9.0, CLICK)]
    checks = found(data_set(tmp_path, open_end, open_end, censored=True))
    assert set(checks) == {"no one leaves", "censored sessions"}
    assert checks["censored sessions"][0].startswith("2 of 2 sessions (100.0%) are censored")
    assert set(found(data_set(tmp_path, open_end, outcome="terminate"))) == set()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to ana.lopez@example.org please", "1 with e-mail addresses"),
        ("+49 (0)89 1234567", "1 with phone numbers"),
        ("4111 1111 1111 1111", "1 with card numbers"),
        ("4111-1111-1111-1111x", "1 with card numbers"),
        ("DE89 3704 0044 0532 0130 00", "1 with bank accounts"),
        ("kettle 1.7 l under $50", None),
        ("iphone 15 128gb", None),
        ("4111-1111-1111-1112x", None),
    ],
)
def test_personal_data_in_typed_text(tmp_path: Path, text: str, kind: str | None) -> None:
    checks = found(data_set(tmp_path, [(0.0, typed(text)), (9.0, LEAVE)]))
    assert (kind is None) == ("personal data" not in checks)
    if kind is not None:
        message, cases = checks["personal data"]
        assert kind in message and text not in message and cases == ("s0",)


def test_personal_data_in_urls_texts_and_pages(tmp_path: Path) -> None:
    html = '<html><body><p>Hello, Maria Lopez</p><input name="first_name"></body></html>'
    with DataSetWriter(tmp_path / "made", Card(name="made", source="jsonl", origin="a test")) as writer:
        page = writer.add_page(html)
        url = "https://shop.example/?token=abcdef0123"
        step = Step(page, Action.type_and_submit("first_name", "Ann"), url=url, rationale="I am red.")
        writer.add_session(Session("s0", "u", (step,), persona="My name is Ann Berg."))
    message, cases = found(DataSet.open(tmp_path / "made"))["personal data"]
    for place in (
        "typed texts: 1 with names",
        "URLs: 1 with tokens",
        "personas and intents: 1 with names",
        "pages: 1 with names",
        "facsim scrub",
    ):
        assert place in message
    assert "rationales" not in message
    assert "Ann" not in message and "Lopez" not in message
    assert cases[0] == "s0"


def test_superhuman_speed(tmp_path: Path) -> None:
    def at_pace(seconds: float) -> list[tuple[float, Action]]:
        return [(number * seconds, CLICK) for number in range(6)] + [(7 * seconds, LEAVE)]

    assert found(data_set(tmp_path, at_pace(0.1), at_pace(2.0)))["bots"][1] == ("s0",)


def test_sessions_with_equal_actions_and_pauses(tmp_path: Path) -> None:
    def session(start: float, *pauses: float) -> list[tuple[float, Action]]:
        times = [start + sum(pauses[:number]) for number in range(len(pauses) + 1)]
        return [(time, CLICK) for time in times[:-1]] + [(times[-1], LEAVE)]

    script, person = (2.0, 3.5, 1.25, 4.0, 2.0), (2.0, 3.5, 1.25, 4.0, 2.3)
    checks = found(data_set(tmp_path, session(0, *script), session(500, *script), session(900, *person)))
    message, cases = checks["identical sessions"]
    assert cases == ("s0", "s1") and message.startswith("2 sessions")
    assert "bots" not in checks
    short = found(data_set(tmp_path / "short", session(0, 2.0), session(500, 2.0)))
    assert "identical sessions" not in short


def test_the_audit_has_these_findings(tmp_path: Path) -> None:
    report = audit(data_set(tmp_path, [(0.0, CLICK), (9.0, CLICK)], censored=True))
    assert {"no one leaves", "censored sessions"} <= {finding.check for finding in report.findings}


def test_a_censored_session_is_stored_and_has_no_outcome(tmp_path: Path) -> None:
    data = data_set(tmp_path, [(0.0, CLICK)], censored=True)
    assert data.session("s0").censored and data.sessions["censored"].to_list() == [True]
    kept = data_set(tmp_path, [(0.0, CLICK), (3.0, LEAVE)])
    assert kept.session("s0").censored is False and kept.sessions["censored"].to_list() == [None]
    with pytest.raises(InputError, match="censored session with an outcome"):
        data_set(tmp_path, [(0.0, CLICK)], outcome="purchase", censored=True)
