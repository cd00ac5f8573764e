"""Logs of one's own: every fault in the rows is repaired or refused by a rule, counted, and named."""

from __future__ import annotations

import gzip
import json
import math
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from facsim.data import DataSet, IngestReport
from facsim.data.ingest import ingest
from facsim.data.parquet_limits import _page_sizes, check_page_sizes
from facsim.data.sources import spool
from facsim.data.sources.rows import parquet_rows
from facsim.data.table_schemas import open_parquet
from facsim.schema import Action
from facsim.util.errors import ConfigError, FacsimError, InputError

UNREADABLE_TIME = (
    "time cannot be read (expected ISO 8601, or seconds since 1970), and the steps are ordered by it"
)

START = datetime(2025, 3, 1, tzinfo=UTC)
PAGE = '<html><body><a name="cart" href="/cart">Cart</a><input name="search"></body></html>'
MAPPING: dict[str, Any] = {
    "name": "own",
    "origin": "a test",
    "session": "visit",
    "user": "customer",
    "time": "at",
    "page": {"column": "html", "kind": "simplified"},
    "action": {
        "type": {"column": "event", "values": {"leave": "terminate", "scroll": "skip"}},
        "target": {"name": "element"},
        "text": "typed",
    },
}


def row(
    visit: object = "a", at: object = 1_740_000_000, event: object = "click", **more: object
) -> dict[str, Any]:
    found = {"visit": visit, "customer": "u1", "at": at, "event": event, "element": "cart", "typed": None}
    return found | {"html": PAGE} | more


Run = Callable[..., tuple[DataSet, IngestReport]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Write rows to a JSONL file, ingest it, and give the data set and the report."""

    def _run(
        rows: list[dict[str, Any]] | str | bytes, mapping: dict[str, Any] | None = None, **options: Any
    ) -> tuple[DataSet, IngestReport]:
        if isinstance(rows, list):
            rows = "".join(json.dumps(values) + "\n" for values in rows)
        content = rows.encode() if isinstance(rows, str) else rows
        (tmp_path / "log.jsonl").write_bytes(content)
        (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | (mapping or {})))
        report = ingest(
            "jsonl",
            tmp_path / "log.jsonl",
            tmp_path / "out",
            mapping=tmp_path / "mapping.yaml",
            overwrite=True,
            **options,
        )
        return DataSet.open(tmp_path / "out"), report

    return _run


def test_a_plain_log(run: Run) -> None:
    data, report = run(
        [
            row(event="input", element="search", typed="tea"),
            row(at=1_740_000_010),
            row(event="scroll", at=1_740_000_011),
            row(event="leave", at=1_740_000_012),
            row("b", customer=7),
        ]
    )
    first = data.session("a")
    assert [step.action for step in first.steps] == [
        Action.type_and_submit("search", "tea"),
        Action.click("cart"),
        Action.terminate(),
    ]
    assert first.user_id == "u1"
    assert first.source == "jsonl"
    assert first.steps[1].timestamp == datetime.fromtimestamp(1_740_000_010, UTC)
    assert [step.elapsed for step in first.steps] == [0, 10, 12]
    assert data.session("b").user_id == "7"
    assert report.read_counts == {"files": 1, "rows": 5, "sessions": 2, "rows skipped by the mapping": 1}
    assert report.written == {"sessions": 2, "steps": 4, "pages": 1, "users": 2}
    assert (report.repaired, report.refused) == ({}, {})


def test_the_report_lies_in_the_data_set(run: Run) -> None:
    data, report = run([row(), row("b", event="hover")])
    assert json.loads((data.path / "ingest.json").read_text()) == report.to_dict()
    text = (data.path / "ingest.md").read_text()
    assert "| action type 'hover' is not in the mapping | 1 | log.jsonl, line 2 |" in text


def test_rows_out_of_time_order_are_sorted_and_counted(run: Run) -> None:
    data, report = run([row(at=3, element="x"), row(at=1), row(at=2)])
    assert [step.elapsed for step in data.session("a").steps] == [0, 1, 2]
    assert report.repaired["times out of order: steps sorted by time"].count == 1


def test_equal_times_keep_the_order_of_rows(run: Run) -> None:
    data, report = run([row(at=1, element=f"e{number}") for number in range(5)])
    assert [step.action.name for step in data.session("a").steps] == [f"e{number}" for number in range(5)]
    assert not report.repaired


def test_times_of_mixed_kinds_are_one_clock(run: Run) -> None:
    moments = [1_740_000_000, "1740000001000", "2025-02-19T21:20:02Z", 1_740_000_003_000_000, 1_740_000_004.5]
    data, _ = run([row(at=moment) for moment in moments])
    assert [step.elapsed for step in data.session("a").steps] == [0, 1, 2, 3, 4.5]


def test_scattered_rows_are_gathered(run: Run) -> None:
    rows = [row(f"s{number % 50}", at=number, element=f"e{number}") for number in range(1000)]
    shuffled = random.Random(0).sample(rows, len(rows))
    data, report = run(shuffled)
    together, _ = run(sorted(rows, key=lambda values: values["visit"]))
    assert len(data) == 50
    assert {session.session_id: session.steps for session in data} == {
        session.session_id: session.steps for session in together
    }
    assert "rows of a session are apart from each other: gathered" in report.noted


def test_a_torn_last_line_is_left_out_and_counted(run: Run) -> None:
    whole = json.dumps(row()) + "\n"
    data, report = run(whole + whole[:100])
    assert len(data.session("a").steps) == 1
    torn = report.repaired["last line of a file is torn: left out"]
    assert (torn.count, torn.examples) == (1, ["log.jsonl, line 2"])


def test_a_whole_last_line_without_its_newline_counts(run: Run) -> None:
    data, report = run(json.dumps(row()) + "\n" + json.dumps(row(at=1_740_000_001)))
    assert data.steps.height == 2
    assert not report.repaired


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{nonsense}", "line 2: not JSON"),
        ("[1, 2]", "line 2: holds list"),
        ("[" * 100_000 + "\n", "line 2: not JSON"),
    ],
)
def test_a_broken_line_in_the_middle_is_an_error(run: Run, line: str, message: str) -> None:
    good = json.dumps(row())
    with pytest.raises(InputError, match=message):
        run(f"{good}\n{line}\n{good}\n")


def test_empty_lines_and_a_byte_order_mark_do_no_harm(run: Run) -> None:
    data, _ = run(b"\xef\xbb\xbf" + json.dumps(row()).encode() + b"\n\n  \n")
    assert data.steps.height == 1


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_told(run: Run, content: str) -> None:
    with pytest.raises(InputError, match=r"log.jsonl: holds no rows"):
        run(content)


def test_a_missing_column_is_told_with_the_nearest(run: Run) -> None:
    with pytest.raises(
        InputError, match=r"no column 'visits', which the mapping gives for session.*Did you mean 'visit'"
    ):
        run([row()], {"session": "visits"})


def test_nested_columns_are_reached(run: Run) -> None:
    nested = {"column": "detail.kind", "values": {"leave": "terminate"}}
    data, _ = run(
        [row(detail={"kind": "leave"}), row(detail={"kind": "click"}, at=1_740_000_001)],
        {"action": MAPPING["action"] | {"type": nested}},
    )
    assert [step.action.type for step in data.session("a").steps] == ["terminate", "click"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"html": None}, "page is null"),
        ({"html": 12}, "page holds int, expected HTML"),
        ({"html": ["<a>"]}, "page holds list, expected HTML"),
        ({"html": ""}, "page is not HTML"),
        ({"html": "just words"}, "page is not HTML"),
        ({"html": '{"json": "<b>yes</b>"}'}, "page is not HTML"),
        ({"html": "%PDF-1.7 <a>"}, "page is not HTML"),
        ({"event": None}, "action type is null"),
        ({"event": "hover"}, "action type 'hover' is not in the mapping"),
        ({"event": {"x": 1}}, "action type holds dict, expected text"),
        ({"element": ["a"]}, "target holds list, expected text"),
        ({"at": "yesterday"}, UNREADABLE_TIME),
        ({"at": [1]}, UNREADABLE_TIME),
        ({"at": 1e300}, UNREADABLE_TIME),
        ({"at": float("inf")}, UNREADABLE_TIME),
    ],
)
def test_a_session_with_a_bad_row_is_refused_whole_and_the_others_stay(
    run: Run, bad: dict[str, Any], reason: str
) -> None:
    rows = [row("bad", **bad), row("good")]
    data, report = run(rows)
    assert data.session_ids == ("good",)
    assert {kind: tally.count for kind, tally in report.refused.items()} == {reason: 1}
    assert report.refused[reason].examples[0].startswith("log.jsonl, line 1")
    with pytest.raises(InputError, match=r"line 1.*Without --strict"):
        run(rows, strict=True)


def test_not_a_number_is_null_as_data_frames_write_it(run: Run) -> None:
    rows = [row("a", kind=math.nan, element=math.nan), row("b", customer=math.nan)]
    data, report = run(rows, {"category": "kind"})
    step = data.session("a").steps[0]
    assert (step.category, step.action.name) == (None, None)
    assert data.session("b").user_id == "session b"
    assert report.noted["session without a user: counted as a person of its own"].count == 1


def test_a_wrong_column_does_not_fill_the_report(run: Run) -> None:
    rows = [row(f"s{number}", event=PAGE * 200 + str(number)) for number in range(200)]
    with pytest.raises(
        InputError, match=r"action type '<html.* is not in the mapping.*other reasons"
    ) as told:
        run(rows)
    assert len(str(told.value)) < 4000
    _, report = run([*rows, row("good")])
    assert report.sessions_refused == 200
    assert len(report.to_markdown()) < 40_000


def test_a_full_disk_for_scattered_rows_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")
    monkeypatch.setattr(spool, "TemporaryFile", lambda prefix: full.open("w+b"))
    with pytest.raises(FacsimError, match=r"temporary file cannot be written: No space left.*TMPDIR"):
        run([row(session, at=at) for at in range(20) for session in "ab"])


def test_one_bad_step_refuses_its_whole_session(run: Run) -> None:
    data, _ = run([row("bad"), row("bad", html=None), row("good")])
    assert data.session_ids == ("good",)


def test_nothing_usable_is_an_error_with_reasons_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no session that can be used: page is null \(2, first: log.jsonl, line 1"
    ):
        run([row(html=None), row("b", html=None)])
    assert not (tmp_path / "out").exists()


def test_a_session_of_skipped_rows_only_has_no_steps(run: Run) -> None:
    _, report = run([row("empty", event="scroll"), row("good")])
    assert list(report.refused) == ["session without steps"]


def test_two_users_in_one_session_are_refused(run: Run) -> None:
    _, report = run([row("bad"), row("bad", customer="u2"), row("good")])
    assert list(report.refused) == ["rows of one session differ in user"]


def test_a_user_known_in_one_row_is_known(run: Run) -> None:
    data, _ = run([row(customer=None), row(customer="u9")])
    assert data.session("a").user_id == "u9"


def test_rows_without_a_session_are_left_out_and_counted(run: Run) -> None:
    data, report = run([row(None, customer=None), row("", customer=None), row([1]), row()])
    assert data.steps.height == 1
    assert report.repaired["row without a session id or a user: left out"].count == 3


def test_rows_without_a_session_make_sessions_of_their_user(run: Run) -> None:
    start = 1_740_000_000
    times = (0, 60, 60 + 31 * 60, 90 + 31 * 60)
    rows = [row(None, at=start + second, customer="c") for second in times] + [row("a", customer="c")]
    data, report = run(rows)
    assert data.session_ids == ("user c", "user c#2", "a")
    assert [len(data.session(one).steps) for one in data.session_ids] == [2, 2, 1]
    assert {data.session(one).user_id for one in data.session_ids} == {"c"}
    assert [step.elapsed for step in data.session("user c#2").steps] == [0, 30]
    kind = "row without a session id: assigned to a session of its user, cut at pauses"
    assert report.repaired[kind].count == 4
    assert report.repaired["session cut at a pause of more than 30 minutes"].count == 1


def test_a_log_without_session_ids_is_cut_at_pauses(run: Run) -> None:
    start = 1_740_000_000
    rows = [row(at=start + second, customer="c") for second in (0, 500, 1_200, 1_300)]
    data, _ = run(rows, {"session": None, "gap": 10})
    assert data.session_ids == ("user c", "user c#2")
    with pytest.raises(ConfigError, match="set session or user"):
        run(rows, {"session": None, "user": None})
    with pytest.raises(ConfigError, match="set time: sessions are cut at pauses"):
        run(rows, {"session": None, "time": None})


def test_a_gap_cuts_sessions_and_each_part_has_its_own_outcome(run: Run) -> None:
    start = 1_740_000_000
    rows = [
        row(at=start, result="bought"),
        row(at=start + 90_000),
        row(at=start + 90_010, event="scroll", result="left"),
        row(at=start + 90_020, event="leave"),
    ]
    mapping = {"outcome": {"column": "result", "values": {"bought": "purchase", "left": "terminate"}}}
    data, _ = run(rows, mapping)
    assert data.session_ids == ("a",), "a session id is taken at its word unless a gap is given"
    data, report = run(rows, mapping | {"gap": 60})
    assert [(one, data.session(one).outcome) for one in data.session_ids] == [
        ("a", "purchase"),
        ("a#2", "terminate"),
    ]
    assert report.repaired["session cut at a pause of more than 60 minutes"].count == 1


def test_keystroke_rows_are_joined(run: Run) -> None:
    texts = ["k", "ke", "ket", "ke", "kettle"]
    rows = [
        row(at=1_740_000_000 + number, event="input", element="search", typed=text)
        for number, text in enumerate(texts)
    ]
    again = row(at=1_740_000_009, event="input", element="search", typed="red shoes")
    data, report = run([*rows, again, row(at=1_740_000_010)])
    steps = data.session("a").steps
    assert [step.action for step in steps] == [
        Action.type_and_submit("search", "kettle"),
        Action.type_and_submit("search", "red shoes"),
        Action.click("cart"),
    ]
    assert steps[0].elapsed == 0
    assert report.repaired["keystrokes in one field: rows joined"].count == 4
    other_page = [rows[0], rows[1] | {"html": PAGE + "<p>results</p>"}]
    assert len(run(other_page)[0].session("a").steps) == 2


def test_typing_on_after_a_pause_starts_a_session(run: Run) -> None:
    times_and_texts = [(0, "shoe"), (1, "shoes"), (86_400, "shoes red")]
    rows = [
        row(at=1_740_000_000 + at, event="input", element="search", typed=text, customer="c")
        for at, text in times_and_texts
    ]
    data, _ = run(rows, {"session": None})
    typed = {one: [step.action.text for step in data.session(one).steps] for one in data.session_ids}
    assert typed == {"user c": ["shoes"], "user c#2": ["shoes red"]}


@pytest.mark.timeout(20)  # a minute, when every session looked at all rows of its user
def test_a_user_with_hundreds_of_sessions_is_read_in_linear_time(run: Run) -> None:
    rows = [
        row(
            at=1_740_000_000 + 3_600 * session + second,
            event="scroll" if second % 2 else "click",
            customer="c",
        )
        for session in range(400)
        for second in range(20)
    ]
    data, _ = run(rows, {"session": None})
    assert {len(data.session(one).steps) for one in data.session_ids} == {10}
    assert len(data) == 400


def test_targets_by_xpath_and_by_text(run: Run) -> None:
    html = (
        "<body><div><a href=/a>One</a></div><div><a href=/b>Two <b>words</b></a><button>Go</button></div>"
        "<button>Twice</button><p><button>Twice</button></p></body>"
    )
    paths = {
        "/html/body/div[2]/a[1]": "two_words",
        "//div[2]//b": "two_words",
        "//button[text()='Go']": None,
        "//a[9]": None,
    }
    rows = [row(at=number, html=html, where=path) for number, path in enumerate(paths)]
    data, report = run(rows, _raw_mapping(xpath="where"))
    assert [step.action.name for step in data.session("a").steps] == list(paths.values())
    assert (
        report.noted[
            "XPath is more than a path of tags, attributes and positions by tag: target unknown"
        ].count
        == 1
    )
    texts = [
        ("two  words", "link", "two_words"),
        ("Go", "button", "go"),
        ("Go", "link", None),
        ("Twice", None, None),
    ]
    rows = [row(at=number, html=html, said=text, kind=role) for number, (text, role, _) in enumerate(texts)]
    data, report = run(rows, _raw_mapping(text="said", role="kind"))
    assert [step.action.name for step in data.session("a").steps] == [name for *_, name in texts]
    assert report.noted["text is that of several elements: kept, counted as unreachable"].count == 1
    assert report.noted["text is that of no element: kept, counted as unreachable"].count == 1


def test_zones_and_units_of_times(run: Run) -> None:
    mapping = {"time": {"column": "at", "zone": "Europe/Berlin"}}
    data, _ = run([row(at="2025-07-01 12:00"), row("b", at="2025-07-01T12:00:00Z")], mapping)
    assert data.session("a").steps[0].timestamp == datetime(2025, 7, 1, 10, tzinfo=UTC)
    assert data.session("b").steps[0].timestamp == datetime(2025, 7, 1, 12, tzinfo=UTC)
    data, _ = run([row(at=1_740_000_000)], {"time": {"column": "at", "unit": "ms"}})
    assert data.session("a").steps[0].timestamp == datetime(1970, 1, 21, 3, 20, tzinfo=UTC)
    with pytest.raises(ConfigError, match="zone 'Mars' is unknown"):
        run([row()], {"time": {"column": "at", "zone": "Mars"}})


BY_STEP = {"step": "n"}


def test_step_ids_order_the_steps(run: Run) -> None:
    data, report = run([row(n=10, at=2, element="x"), row(n="9", at=1), row(n=11.0, at=3)], BY_STEP)
    assert [step.elapsed for step in data.session("a").steps] == [0, 1, 2]
    assert not report.repaired


def test_the_same_row_twice_counts_once(run: Run) -> None:
    data, report = run([row(n=1), row(n=2, at=5), row(n=1)], BY_STEP | {"time": None})
    assert data.steps.height == 2
    assert report.repaired["row occurs twice under one step id: one left out"].count == 1


def test_two_rows_under_one_step_id_are_refused(run: Run) -> None:
    _, report = run([row("bad", n=1), row("bad", n=1, element="search"), row("good", n=1)], BY_STEP)
    assert list(report.refused) == ["two different rows have the same step id"]


@pytest.mark.parametrize("number", [None, "first", "nan", [1]])
def test_step_ids_that_are_no_numbers_are_refused(run: Run, number: object) -> None:
    _, report = run([row("bad", n=number), row("good", n=1)], BY_STEP)
    assert report.sessions_refused == 1


def test_times_against_step_ids_are_kept_and_noted(run: Run) -> None:
    data, report = run([row(n=1, at=9, element="x"), row(n=2, at=5)], BY_STEP)
    assert data.session("a").steps[0].action.name == "x"
    assert report.noted["times decrease while step ids increase: kept"].count == 1


def test_an_unreadable_time_is_dropped_when_step_ids_order(run: Run) -> None:
    data, report = run([row(n=1, at="??"), row(n=2)], BY_STEP)
    assert data.session("a").steps[0].timestamp is None
    assert sum(tally.count for tally in report.repaired.values()) == 1


def test_missing_times_keep_the_order_of_rows(run: Run) -> None:
    data, report = run([row(at=5, element="x"), row(at=None, element="y"), row(at=1, element="z")])
    assert [step.action.name for step in data.session("a").steps] == ["x", "y", "z"]
    assert "times out of order, and some missing: order of the rows kept" in report.noted


def test_null_text_is_read_as_empty_and_counted(run: Run) -> None:
    data, report = run([row(event="input", element="search", typed=None)])
    assert data.session("a").steps[0].action == Action.type_and_submit("search", "")
    assert report.repaired["typed text is null: read as empty"].count == 1


def test_nuls_and_surrogates_are_cleaned_and_counted(run: Run) -> None:
    line = json.dumps(row(event="input", typed="a\0b", html=PAGE + "\0")).replace("tea", "")
    surrogate = json.dumps(row("b", element="x")).replace('"x"', '"x\\ud800"')
    bad_bytes = json.dumps(row("c", element="x")).encode().replace(b'"x"', b'"x\xff"')
    data, report = run(f"{line}\n{surrogate}\n".encode() + bad_bytes + b"\n")
    assert data.session("a").steps[0].action.text == "ab"
    assert data.page(data.session("a").steps[0].page_id).html == PAGE
    assert [data.session(key).steps[0].action.name for key in "bc"] == ["x\ufffd", "x\ufffd"]
    assert report.repaired["NUL or lone surrogate in a text: removed, or replaced by U+FFFD"].count == 4


def test_refusals_may_quote_what_is_no_text(run: Run, tmp_path: Path) -> None:
    _, report = run([row("good"), row("b\udcff"), row("b\udcff", customer="other")])
    assert r"(session b\udcff)" in (tmp_path / "out" / "ingest.md").read_text()
    assert r"(session b\udcff)" in report.to_markdown()
    assert json.loads((tmp_path / "out" / "ingest.json").read_text())["refused"]


def test_a_pair_of_surrogates_written_apart_is_one_character(run: Run) -> None:
    data, _ = run(json.dumps(row(element="x")).replace('"x"', '"\\ud83d\\ude00"') + "\n")
    assert data.session("a").steps[0].action.name == "\U0001f600"


def test_unreachable_targets_are_kept_and_noted(run: Run) -> None:
    data, report = run([row(element=None), row(element="gone"), row(element="")])
    assert [step.action.name for step in data.session("a").steps] == [None, "gone", None]
    assert {kind.split(":")[0]: tally.count for kind, tally in report.noted.items()} == {
        "target without a name": 2,
        "target's name is not on its page": 1,
    }


def test_a_page_of_10_megabytes(run: Run) -> None:
    large = PAGE.replace("</body>", "<p>words</p>" * 900_000 + "</body>")
    data, report = run([row(html=large), row(html=large, at=1_740_000_001)])
    assert data.page(data.session("a").steps[0].page_id).html == large
    assert report.noted["page of more than 10 million characters"].count == 2


def test_optional_columns(run: Run) -> None:
    data, report = run(
        [
            row(
                who="likes tea", goal="tea", why="I want tea", kind="nav", end="left", fold="train", link="/x"
            ),
            row(
                who="likes coffee",
                goal=None,
                why="",
                kind=None,
                end="bought",
                fold="train",
                link=None,
                at=1_740_000_001,
            ),
        ],
        {
            "persona": "who",
            "intent": "goal",
            "rationale": "why",
            "category": {"column": "kind", "values": {"nav": "other"}},
            "outcome": {"column": "end", "values": {"left": "terminate", "bought": "purchase"}},
            "split": "fold",
            "url": "link",
            "site": {"constant": "shop.example"},
        },
    )
    session = data.session("a")
    assert (session.persona, session.intent, session.outcome) == ("likes tea", "tea", "purchase")
    assert (session.official_split, session.site) == ("train", "shop.example")
    assert [(step.rationale, step.rationale_source) for step in session.steps] == [
        ("I want tea", "human"),
        (None, None),
    ]
    assert [step.category for step in session.steps] == ["other", None]
    assert [step.url for step in session.steps] == ["/x", None]
    assert set(report.repaired) == {
        "rows of one session differ in persona: the first one counts",
        "rows of one session differ in outcome: the last one counts",
    }


def test_an_unknown_outcome_is_refused(run: Run) -> None:
    _, report = run([row("bad", end="asleep"), row("good", end=None)], {"outcome": "end"})
    assert list(report.refused) == ["outcome 'asleep' is neither purchase nor terminate"]


def test_limit_and_progress(run: Run) -> None:
    told: list[tuple[int, int | None, str]] = []
    data, _ = run(
        [row(f"s{number}") for number in range(9)],
        limit=4,
        progress=lambda done, total, note="": told.append((done, total, note)),
    )
    assert len(data) == 4
    assert told[-1] == (3, 9, "sessions")
    with pytest.raises(ConfigError, match="limit is 0"):
        run([row()], limit=0)


def test_same_rows_same_bytes(run: Run) -> None:
    rows = [row(f"s{number % 7}", at=number, who=f"p{number}") for number in range(50)]
    data, _ = run(rows, {"persona": "who"})
    first = {file.name: file.read_bytes() for file in data.path.iterdir()}
    data, _ = run(rows, {"persona": "who"})
    assert {file.name: file.read_bytes() for file in data.path.iterdir()} == first


def test_gzip_and_folders(tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
    logs = tmp_path / "logs"
    (logs / "march").mkdir(parents=True)
    for name, at in (("a.jsonl.gz", 1), ("march/b.jsonl.gz", 2)):
        lines = "".join(json.dumps(row(visit, at=at)) + "\n" for visit in ("x", "y"))
        (logs / name).write_bytes(gzip.compress(lines.encode()))
    (logs / "readme.txt").write_text("not a log")
    ingest("jsonl", logs, tmp_path / "out", mapping=tmp_path / "mapping.yaml")
    data = DataSet.open(tmp_path / "out")
    assert [[step.elapsed for step in session.steps] for session in data] == [[0, 1], [0, 1]]
    (logs / "a.jsonl.gz").write_bytes((logs / "a.jsonl.gz").read_bytes()[:-20])
    with pytest.raises(InputError, match=r"a.jsonl.gz: gzip stream is broken"):
        ingest("jsonl", logs, tmp_path / "out2", mapping=tmp_path / "mapping.yaml")


def test_a_path_that_is_too_long_is_told(run: Run, tmp_path: Path) -> None:
    run([row()])
    too_long = tmp_path / ("x" * 300)
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        ingest("jsonl", too_long, tmp_path / "new", mapping=tmp_path / "mapping.yaml")
    with pytest.raises(FacsimError, match="could not be written: File name too long"):
        ingest("jsonl", tmp_path / "log.jsonl", too_long, mapping=tmp_path / "mapping.yaml")


def test_nothing_at_the_path(tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
    with pytest.raises(InputError, match="no such file or folder"):
        ingest("jsonl", tmp_path / "nowhere", tmp_path / "out", mapping=tmp_path / "mapping.yaml")
    with pytest.raises(InputError, match="folder holds no such file"):
        ingest("parquet", tmp_path, tmp_path / "out", mapping=tmp_path / "mapping.yaml")


class TestParquet:
    @pytest.fixture
    def ingested(self, tmp_path: Path) -> Callable[[pa.Table], DataSet]:
        def _ingest(table: pa.Table, **options: Any) -> DataSet:
            (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
            pq.write_table(table, tmp_path / "log.parquet", row_group_size=3)
            ingest(
                "parquet",
                tmp_path / "log.parquet",
                tmp_path / "out",
                mapping=tmp_path / "mapping.yaml",
                overwrite=True,
                **options,
            )
            return DataSet.open(tmp_path / "out")

        return _ingest

    def test_gives_what_json_lines_give(self, ingested: Callable[[pa.Table], DataSet], run: Run) -> None:
        rows = [row(f"s{number % 5}", at=number, element=f"e{number}") for number in range(40)]
        assert [session.steps for session in ingested(pa.Table.from_pylist(rows))] == [
            session.steps for session in run(rows)[0]
        ]

    def test_types_that_parquet_has(self, ingested: Callable[[pa.Table], DataSet]) -> None:
        table = pa.Table.from_pylist([row(visit=7), row(visit=7, event="leave")])
        times = pa.array([1_740_000_000_000_000_001, 1_740_000_001_000_000_000], pa.timestamp("ns"))
        table = table.set_column(table.column_names.index("at"), "at", times)
        table = table.set_column(
            table.column_names.index("event"), "event", table["event"].dictionary_encode()
        ).set_column(table.column_names.index("html"), "html", table["html"].cast(pa.binary()))
        session = ingested(table).session("7")
        assert [step.elapsed for step in session.steps] == [0, 1]
        assert session.steps[0].timestamp == datetime.fromtimestamp(1_740_000_000, UTC)

    def test_text_that_is_not_utf_8_is_repaired(self, ingested: Callable[[pa.Table], DataSet]) -> None:
        table = pa.Table.from_pylist([row(element="")])
        broken = pa.StringArray.from_buffers(
            1, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff")
        )
        table = table.set_column(table.column_names.index("element"), "element", broken)
        assert ingested(table).session("a").steps[0].action.name == "a\ufffd"

    def test_years_that_python_does_not_know(self, ingested: Callable[[pa.Table], DataSet]) -> None:
        table = pa.Table.from_pylist([row()])
        milliseconds_as_seconds = pa.array([1_740_000_000_000], pa.timestamp("s"))
        table = table.set_column(table.column_names.index("at"), "at", milliseconds_as_seconds)
        with pytest.raises(InputError, match=r"log.parquet: cannot be read as Parquet: .*out of range"):
            ingested(table)

    def test_nested_values_of_any_type_survive_scattered_rows(self, tmp_path: Path) -> None:
        rows = [row(visit, at=1_740_000_000 + number) for number, visit in enumerate("aba")]
        for values in rows:
            values["event"] = {
                "kind": "click",
                "when": [START],
                "of_day": START.time(),
                "raw": [b"\xff"],
                "price": Decimal("1.5"),
                "took": timedelta(seconds=1),
            }
        nested = {"action": MAPPING["action"] | {"type": "event.kind"}}
        (tmp_path / "nested.yaml").write_text(yaml.safe_dump(MAPPING | nested))
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "log.parquet")
        ingest("parquet", tmp_path / "log.parquet", tmp_path / "out", mapping=tmp_path / "nested.yaml")
        assert len(DataSet.open(tmp_path / "out").session("a").steps) == 2

    def test_missing_column(self, ingested: Callable[[pa.Table], DataSet]) -> None:
        with pytest.raises(InputError, match="no column 'html', which the mapping gives for page"):
            ingested(pa.Table.from_pylist([row()]).drop_columns(["html"]))

    def test_no_rows(self, ingested: Callable[[pa.Table], DataSet]) -> None:
        with pytest.raises(InputError, match="holds no rows"):
            ingested(pa.Table.from_pylist([row()])[:0])

    def test_wrong_types_refuse_the_session(self, ingested: Callable[[pa.Table], DataSet]) -> None:
        table = pa.Table.from_pylist([row()])
        with pytest.raises(InputError, match="page holds int, expected HTML"):
            ingested(table.set_column(table.column_names.index("html"), "html", pa.array([3])))

    @pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"x" * 50 + b"PAR1"])
    def test_broken(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
        (tmp_path / "log.parquet").write_bytes(content)
        with pytest.raises(InputError, match=r"log.parquet: cannot be read as Parquet"):
            ingest("parquet", tmp_path / "log.parquet", tmp_path / "out", mapping=tmp_path / "mapping.yaml")

    def test_broken_in_the_middle_writes_nothing(self, tmp_path: Path) -> None:
        noise = random.Random(0)
        rows = [row(f"s{number}", html=PAGE + noise.randbytes(3000).hex()) for number in range(300)]
        file = tmp_path / "log.parquet"
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=20, compression="zstd")
        content = bytearray(file.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 3000] = bytes(3000)
        file.write_bytes(bytes(content))
        (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
        with pytest.raises(InputError, match=r"log.parquet.*cannot be read as Parquet"):
            ingest("parquet", file, tmp_path / "out", mapping=tmp_path / "mapping.yaml")
        assert not (tmp_path / "out").exists()


RAW = """<html><head><style>b{}</style></head><body><script>1</script>
<nav><a id="home" href="/">Home</a></nav>
<div class=card><a href="/p/1"><img src=x><b class=title>Kettle</b></a><button id='buy "now"'>Buy</button></div>
<form><input id="q" type="search" placeholder="Search"></form><p id=para>words</p></body></html>"""


def _raw_mapping(**target: object) -> dict[str, Any]:
    return {
        "page": {"column": "html", "kind": "raw"},
        "action": {"type": "event", "target": target, "text": "typed"},
    }


def test_targets_by_selector_in_raw_pages(run: Run) -> None:
    rows = [
        row(html=RAW, element=".card .title", at=1),
        row(html=RAW, element="nav > a", at=2),
        row(html=RAW, event="input", element="#q", typed="kettle", at=3),
        row(html=RAW, element="#para", at=4),
        row(html=RAW, element="#gone", at=5),
        row(html=RAW, element="a[[", at=6),
        row(html=RAW, element=None, at=7),
    ]
    data, report = run(rows, _raw_mapping(selector="element"))
    steps = data.session("a").steps
    page = data.page(steps[0].page_id)
    assert [page.by_name[step.action.name].text for step in steps[:3] if step.action.name] == [
        "Kettle",
        "Home",
        "Search",
    ]
    assert [step.action.name for step in steps[3:]] == [None] * 4
    assert data.pages.raw_html(steps[0].page_id) == RAW
    assert sorted(kind.split(":")[0] for kind in report.noted) == [
        "selector finds no named element",
        "selector finds nothing on its page",
        "selector is not CSS",
        "target without a name",
    ]


def test_targets_by_id_in_raw_pages(run: Run) -> None:
    data, _ = run([row(html=RAW, element='buy "now"')], _raw_mapping(id="element"), keep_raw=False)
    step = data.session("a").steps[0]
    assert data.page(step.page_id).by_name[step.action.name or ""].text == "Buy"
    assert data.pages.raw_html(step.page_id) is None


def test_raw_pages_that_cannot_be_simplified_refuse_their_session(run: Run) -> None:
    deep = "<div>" * 30_000
    _, report = run([row("bad", html=deep), row("good", html=RAW)], _raw_mapping(id="element"))
    assert list(report.refused) == ["page cannot be simplified: elements nested deeper than 20,000"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sesion": "visit"}, "top level: unknown key 'sesion': did you mean 'session'"),
        ({"page": {"column": "html", "kind": "simple"}}, "page.kind"),
        ({"page": {"colunm": "html", "kind": "raw"}}, "page: unknown key 'colunm': did you mean 'column'"),
        ({"user": {"column": "a", "constant": "b"}}, "user: expected either column, columns or constant"),
        ({"action": MAPPING["action"] | {"target": {}}}, "exactly one of name, selector, id, xpath, text"),
        (
            {"action": MAPPING["action"] | {"target": {"selector": "css"}}},
            "a selector, id, xpath or text needs raw pages",
        ),
        (
            {"action": MAPPING["action"] | {"type": {"column": "event", "values": {"x": "tap"}}}},
            "value 'x' is mapped to 'tap', which is not one of click, type_and_submit, terminate, skip",
        ),
    ],
)
def test_a_bad_mapping_is_told(run: Run, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"mapping.yaml: .*{message}"):
        run([row()], change)


def test_a_mapping_that_is_no_mapping(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("{}\n")
    for content, message in (
        ("[1]", "holds list"),
        ("a: [", "not YAML"),
        ("", "holds NoneType"),
        ("origin: 2025-99-99", "not YAML: month must be"),
        ("[" * 5000, "not YAML: maximum recursion depth"),
        ("name: a\nsession: b\nname: c", "m.yaml, line 3: 'name' is in line 1 already"),
        ("page: {column: a, kind: raw, column: b}", "m.yaml, line 1: 'column' is in line 1 already"),
    ):
        (tmp_path / "m.yaml").write_text(content)
        with pytest.raises(ConfigError, match=message):
            ingest("jsonl", tmp_path / "log.jsonl", tmp_path / "out", mapping=tmp_path / "m.yaml")
    os.mkfifo(tmp_path / "pipe")
    for name, message in (
        ("none.yaml", "No such file"),
        ("pipe", "not a regular file"),
        ("/dev/zero", "not a regular file"),
    ):
        with pytest.raises(ConfigError, match=message):
            ingest("jsonl", tmp_path / "log.jsonl", tmp_path / "out", mapping=tmp_path / name)


def test_sources_say_what_they_need(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="unknown source 'xml': expected one of miniwob, opera, csv, jsonl, parquet"
    ):
        ingest("xml", tmp_path, tmp_path / "out")
    with pytest.raises(ConfigError, match="source jsonl needs a mapping"):
        ingest("jsonl", tmp_path, tmp_path / "out")
    with pytest.raises(ConfigError, match="takes no mapping"):
        ingest("miniwob", tmp_path, tmp_path / "out", mapping="m.yaml")


def test_a_key_that_is_there_twice_is_not_guessed(run: Run, tmp_path: Path) -> None:
    good = json.dumps(row())
    twice = good[:-1] + ', "visit": "another"}'
    (tmp_path / "log.jsonl").write_text(f"{good}\n{twice}\n")
    with pytest.raises(InputError, match=r"log.jsonl, line 2: key 'visit' occurs twice, with different"):
        ingest("jsonl", tmp_path / "log.jsonl", tmp_path / "out", mapping=_mapping_file(tmp_path))
    nested = good[:-1] + ', "more": {"a": 1, "a": 2}}'
    (tmp_path / "log.jsonl").write_text(f"{nested}\n")
    with pytest.raises(InputError, match="key 'a' occurs twice"):
        ingest("jsonl", tmp_path / "log.jsonl", tmp_path / "out", mapping=_mapping_file(tmp_path))
    same = good[:-1] + f', "visit": {json.dumps(row()["visit"])}}}'
    (tmp_path / "log.jsonl").write_text(f"{same}\n")
    report = ingest("jsonl", tmp_path / "log.jsonl", tmp_path / "out", mapping=_mapping_file(tmp_path))
    assert report.written["steps"] == 1


def _mapping_file(folder: Path) -> Path:
    file = folder / "mapping.yaml"
    file.write_text(yaml.safe_dump(MAPPING))
    return file


def test_a_lone_surrogate_in_a_selector_finds_nothing(run: Run) -> None:
    _, report = run([row(html=RAW, element="a\ud800b")], _raw_mapping(selector="element"))
    assert "selector finds nothing on its page: kept, counted as unreachable" in report.noted


def test_a_parquet_page_that_unpacks_to_hundreds_of_megabytes_is_refused(tmp_path: Path) -> None:
    size = 600 * 2**20
    table = pa.table({"html": pa.array([" " * size], pa.large_string())})
    pq.write_table(
        table, tmp_path / "bomb.parquet", compression="zstd", use_dictionary=False, write_statistics=False
    )
    del table
    assert (tmp_path / "bomb.parquet").stat().st_size < 2**20
    with pytest.raises(
        InputError, match=r"a page of column html unpacks to 600 MiB; expected at most 512 MiB"
    ):
        list(parquet_rows(tmp_path / "bomb.parquet"))
    for name in ("sessions", "steps", "pages"):
        (tmp_path / f"{name}.parquet").write_bytes((tmp_path / "bomb.parquet").read_bytes())
    with pytest.raises(InputError, match="unpacks to 600 MiB"):
        open_parquet(tmp_path / "pages.parquet")


def test_page_sizes_are_read_from_every_kind_of_page(tmp_path: Path) -> None:
    texts = [f"{number % 7}{'x' * 5_000}" for number in range(400)]
    table = pa.table({"a": texts, "n": list(range(400)), "deep": [{"b": [text]} for text in texts]})
    for options in (
        {"data_page_version": "1.0"},
        {"data_page_version": "2.0", "compression": "gzip"},
        {"use_dictionary": False, "data_page_size": 10_000, "write_batch_size": 10},
        {"row_group_size": 50, "compression": "none", "write_page_checksum": True},
    ):
        pq.write_table(table, tmp_path / "t.parquet", **options)
        metadata = pq.read_metadata(tmp_path / "t.parquet")
        stated = sum(
            metadata.row_group(group).column(column).total_uncompressed_size
            for group in range(metadata.num_row_groups)
            for column in range(metadata.num_columns)
        )
        with (tmp_path / "t.parquet").open("rb") as stream:
            found = [
                size
                for group in range(metadata.num_row_groups)
                for column in range(metadata.num_columns)
                for size in _page_sizes(stream, metadata.row_group(group).column(column))
            ]
        check_page_sizes(tmp_path / "t.parquet", metadata)
        # The footer's sum has the headers in it.
        assert 0.95 * stated < sum(found) < stated


def test_an_exact_duplicate_without_step_ids_is_left_out_and_counted(run: Run) -> None:
    def at(second: int, **fields: Any) -> dict[str, Any]:
        return row(at=1_740_000_000 + second) | fields

    rows = [at(0), at(5), at(5), at(5, event_id=7), at(9)]
    data, report = run(rows, {"step": None})
    assert report.repaired["row equals another one, time included: left out"].count == 1
    assert [step.elapsed for step in data.session("a").steps] == [0, 5, 5, 9], (
        "another event id: another click"
    )
    data, report = run([row(), row()], {"step": None, "time": None})
    assert (
        report.noted["row equals another one, without a time or step id that distinguishes them: kept"].count
        == 1
    )
    assert len(data.session("a").steps) == 2


def test_a_date_is_no_time_of_day(run: Run) -> None:
    data, report = run([row(at="2025-03-01"), row(at="2025-03-01")])
    kind = "time is a date without a time of day: kept as midnight UTC, elapsed time unknown"
    assert report.noted[kind].count == 2
    assert [step.elapsed for step in data.session("a").steps] == [None, None], "both rows are kept"
    assert {step.timestamp for step in data.session("a").steps} == {datetime(2025, 3, 1, tzinfo=UTC)}


def test_a_recording_that_just_ends_is_censored(run: Run) -> None:
    rows = [row("open"), row("left", event="leave"), row("told", result="purchase")]
    data, _ = run(rows, {"outcome": "result"})
    assert {one.session_id: one.censored for one in data} == {"open": True, "left": False, "told": False}


def test_a_missing_folder_of_pages_is_named_before_anything_is_read(tmp_path: Path, run: Run) -> None:
    with pytest.raises(
        InputError, match=r"screenz: no such folder; expected the pages' files, as page.folder"
    ):
        run([row(html="a.html")], {"page": {"file": "html", "folder": "screenz", "kind": "raw"}})
