"""The data set folder: what is written is what is read, by us and by others; damage is named."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.data import Card, DataSet, DataSetWriter, page_id_of
from facsim.data.audit import audit
from facsim.data.table_schemas import LATER_COLUMNS, SESSIONS_SCHEMA, STEPS_SCHEMA
from facsim.schema import Action, Session, Step, Truth
from facsim.util.errors import InputError

HTML = '<a name="cart">Cart</a><input name="search">'
SEARCH_THEN_LEAVE = [(HTML, Action.type_and_submit("search", "tea")), (HTML, Action.terminate())]

# Any text that is Unicode: no lone surrogates, which nothing that stores UTF-8 can hold.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
names = st.one_of(st.none(), texts)
actions = st.one_of(
    st.builds(Action.click, names),
    st.builds(Action.type_and_submit, names, texts),
    st.just(Action.terminate()),
)
times = st.datetimes(
    datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5))])
)
steps = st.builds(
    Step,
    page_id=texts,
    action=actions,
    category=names,
    rationale=names,
    rationale_source=st.sampled_from([None, "human", "synthetic", "simulated"]),
    timestamp=st.none() | times,
    elapsed=st.none() | st.floats(allow_nan=False) | st.integers(0, 1000),
    url=names,
    submitted=st.sampled_from([None, True, False]),
    truth=st.none()
    | st.builds(
        Truth,
        probability=st.floats(0, 1),
        best_probability=st.floats(0, 1),
        best=actions,
        entropy=st.floats(0, 20),
    ),
)
sessions = st.lists(
    st.builds(
        Session,
        session_id=texts,
        user_id=texts,
        steps=st.lists(steps, min_size=1, max_size=5).map(tuple),
        persona=names,
        intent=names,
        outcome=st.sampled_from([None, "purchase", "terminate"]),
        site=names,
        source=names,
        official_split=names,
        persona_fields=names,
    ),
    max_size=5,
    unique_by=lambda session: session.session_id,
)


@given(sessions)
@settings(max_examples=30, deadline=None)
def test_sessions_come_back_as_they_were_stored(given_sessions: list[Session]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with DataSetWriter(Path(folder) / "d", Card(name="n", source="jsonl", origin="o")) as writer:
            stored = []
            for session in given_sessions:
                # The drawn page_id serves as the page's content.
                with_pages = tuple(
                    Step(
                        writer.add_page(step.page_id),
                        *(
                            getattr(step, name)
                            for name in ("action", "category", "rationale", "rationale_source", "timestamp")
                        ),
                        *(getattr(step, name) for name in ("elapsed", "url", "submitted", "truth")),
                    )
                    for step in session.steps
                )
                stored.append(Session(session.session_id, session.user_id, with_pages, *_rest(session)))
                writer.add_session(stored[-1])
        data = DataSet.open(Path(folder) / "d")
        assert list(data) == stored
        for before, after in zip(given_sessions, data, strict=True):
            for was, step in zip(before.steps, after.steps, strict=True):
                assert data.page(step.page_id).html == was.page_id


def _rest(session: Session) -> tuple[Any, ...]:
    fields = ("persona", "intent", "outcome", "site", "source", "official_split", "persona_fields")
    return tuple(getattr(session, name) for name in fields)


def test_polars_and_duckdb_read_it_without_our_code(writing: Callable[..., Any]) -> None:
    path = writing().add("s1", "u1", SEARCH_THEN_LEAVE).add("s2", "u2", SEARCH_THEN_LEAVE).write().path
    assert pl.read_parquet(path / "steps.parquet")["action_text"].to_list() == ["tea", None, "tea", None]
    rows = duckdb.sql(
        f"""
        SELECT s.user_id, count(*) AS steps, max(length(p.html)) AS characters
        FROM '{path}/sessions.parquet' s JOIN '{path}/steps.parquet' t USING (session_id)
        JOIN '{path}/pages.parquet' p USING (page_id) GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    assert rows == [("u1", 2, len(HTML)), ("u2", 2, len(HTML))]


def test_data_sets_from_before_truth_and_persona_fields_are_what_they_were(made: Path) -> None:
    whole = DataSet.open(made)
    later = [name for name in (*STEPS_SCHEMA.names, *SESSIONS_SCHEMA.names) if name in LATER_COLUMNS]
    assert len(later) == 9
    for table in ("sessions", "steps"):
        _change(made / f"{table}.parquet", lambda frame: frame.drop(later, strict=False))
    old = DataSet.open(made)
    assert list(old) == list(whole)
    assert old.steps.schema == whole.steps.schema
    assert "content hash" not in {finding.check for finding in audit(old).findings}


@pytest.mark.parametrize(
    "wrong",
    [
        {"truth_probability": 0.5},
        {
            "truth_probability": 0.5,
            "truth_entropy": 1.0,
            "truth_best_probability": 0.5,
            "truth_best_type": "tap",
        },
        {"truth_best_type": "terminate"},
        {
            "truth_probability": 0.5,
            "truth_entropy": 1.0,
            "truth_best_probability": 0.5,
            "truth_best_type": "type_and_submit",
        },
    ],
)
def test_a_truth_is_whole_or_absent(made: Path, wrong: dict[str, Any]) -> None:
    _change(
        made / "steps.parquet", lambda frame: frame.with_columns(pl.lit(v).alias(k) for k, v in wrong.items())
    )
    with pytest.raises(InputError, match=r"session s1, step 0: truth in part"):
        DataSet.open(made)


def test_pages_are_stored_once_and_counted(writing: Callable[..., Any]) -> None:
    data = writing().add("s1", "u1", SEARCH_THEN_LEAVE).add("s2", "u1", SEARCH_THEN_LEAVE).write()
    card = data.card
    assert (card.sessions, card.steps, card.pages, card.users) == (2, 4, 1, 1)
    assert list(data.pages) == [page_id_of(HTML)]
    assert data.page(page_id_of(HTML)) is data.page(page_id_of(HTML)), "elements must not be read again"
    assert list(data.pages.scan()) == [(page_id_of(HTML), HTML)]


def test_selection_shares_pages_and_hash(writing: Callable[..., Any]) -> None:
    data = writing().add("s1", "u1", SEARCH_THEN_LEAVE).add("s2", "u2", SEARCH_THEN_LEAVE[:1]).write()
    chosen = data.select(["s2"])
    assert [session.session_id for session in chosen] == ["s2"]
    assert chosen.steps.height == 1
    assert chosen.content_hash == data.content_hash
    with pytest.raises(KeyError):
        chosen.session("s1")


def test_pages_are_read_back_from_many_row_groups(
    writing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facsim.data.writer.ROW_GROUP_BYTES", 1000)
    pages = [f"<p>{number}</p>" * 40 for number in range(100)]
    data = writing().add("s", "u", [(html, Action.click(None)) for html in pages]).write()
    assert pq.ParquetFile(data.path / "pages.parquet").num_row_groups > 20
    for html in [*pages, *reversed(pages)]:
        assert data.page(page_id_of(html)).html == html


@pytest.fixture
def made(writing: Callable[..., Any]) -> Path:
    path: Path = writing().add("s1", "u1", SEARCH_THEN_LEAVE).add("s2", "u2", SEARCH_THEN_LEAVE).write().path
    return path


def _change(file: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    change(pl.read_parquet(file)).write_parquet(file)


@pytest.mark.parametrize("table", ["sessions.parquet", "steps.parquet"])
@pytest.mark.parametrize("content", [b"", b"PAR1 nonsense PAR1", b"<html>"])
def test_broken_parquet_is_named(made: Path, table: str, content: bytes) -> None:
    (made / table).write_bytes(content)
    with pytest.raises(InputError, match=f"{table}: cannot be read as Parquet"):
        DataSet.open(made)


def test_broken_pages_are_named(made: Path) -> None:
    data = DataSet.open(made)
    (made / "pages.parquet").write_bytes(b"PAR1PAR1")
    with pytest.raises(InputError, match=r"pages.parquet: cannot be read as Parquet"):
        data.page(page_id_of(HTML))


def test_pages_damaged_in_the_middle_are_named(writing: Callable[..., Any]) -> None:
    html = "".join(chr(0x4E00 + number * 7 % 20000) for number in range(100_000))
    data = writing().add("s1", "u1", [(html, Action.terminate())]).write()
    file = data.path / "pages.parquet"
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    file.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"pages.parquet: cannot be read as Parquet"):
        list(data.pages.scan())


def test_missing_table_is_named(made: Path) -> None:
    (made / "steps.parquet").unlink()
    with pytest.raises(InputError, match=r"steps.parquet: no such file"):
        DataSet.open(made)


def test_missing_column_is_named(made: Path) -> None:
    _change(made / "steps.parquet", lambda table: table.drop("category"))
    with pytest.raises(InputError, match="column category: column missing; expected string"):
        DataSet.open(made)


def test_wrong_type_is_named(made: Path) -> None:
    _change(made / "steps.parquet", lambda table: table.with_columns(timestamp=pl.lit("yesterday")))
    with pytest.raises(InputError, match="column timestamp: holds large_string"):
        DataSet.open(made)


def test_type_that_can_be_converted_is(made: Path) -> None:
    _change(made / "steps.parquet", lambda table: table.with_columns(pl.col("step").cast(pl.Int64)))
    assert len(list(DataSet.open(made))) == 2


def test_extra_columns_stay(made: Path) -> None:
    before = list(DataSet.open(made))
    _change(made / "steps.parquet", lambda table: table.with_columns(mouse=pl.lit("1,2"), row=pl.lit(7)))
    _change(made / "sessions.parquet", lambda table: table.with_columns(age=pl.lit(40)))
    data = DataSet.open(made)
    assert "mouse" in data.steps.columns
    assert "age" in data.sessions.columns
    assert list(data) == before


def test_bytes_that_are_no_text_are_named(made: Path) -> None:
    file = made / "sessions.parquet"
    table = pq.read_table(file)
    wrong = pa.StringArray.from_buffers(
        2, pa.array([0, 2, 4], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfea\xff")
    )
    place = table.column_names.index("persona")
    pq.write_table(table.set_column(place, table.schema.field("persona"), wrong), file)
    with pytest.raises(InputError, match=r"sessions.parquet: cannot be read as Parquet: .*UTF8"):
        DataSet.open(made)


def test_a_time_that_no_calendar_has_is_named(made: Path) -> None:
    late = pl.lit(2**62).cast(pl.Datetime("us", "UTC"))
    _change(made / "steps.parquet", lambda table: table.with_columns(timestamp=late))
    with pytest.raises(InputError, match="session s1, step 0: time out of range"):
        DataSet.open(made)


def test_null_in_a_required_column_is_named(made: Path) -> None:
    _change(made / "sessions.parquet", lambda table: table.with_columns(user_id=pl.lit(None, pl.String)))
    with pytest.raises(InputError, match="column user_id: holds nulls"):
        DataSet.open(made)


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("sessions", lambda t: pl.concat([t, t[:1]]), "session s1: session id occurs twice"),
        ("steps", lambda t: t.filter(pl.col("session_id") != "s2"), "session s2: session without steps"),
        ("sessions", lambda t: t[:1], "session s2, step 0: step of no session"),
        ("steps", lambda t: t[[0, 2, 1, 3]], "session s1, step 1: step number out of order"),
        ("steps", lambda t: t[[0, 0, 2, 3]], "session s1, step 0: step number out of order"),
        ("steps", lambda t: t[[1, 2, 3]], "session s1, step 1: step number out of order"),
        ("steps", lambda t: t[[0, 2, 3, 0]], "session s1, step 0: step number out of order"),
        ("sessions", lambda t: t.with_columns(outcome=pl.lit("bought")), "session s1: not an outcome"),
        ("steps", lambda t: t.with_columns(action_type=pl.lit("hover")), "session s1, step 0: not an action"),
        ("steps", lambda t: t.with_columns(action_text=pl.lit("x")), "session s1, step 1: not an action"),
        ("steps", lambda t: t.with_columns(action_name=pl.lit("x")), "session s1, step 1: not an action"),
    ],
)
def test_tables_that_do_not_fit_together_are_refused(
    made: Path, table: str, change: Callable[[pl.DataFrame], pl.DataFrame], message: str
) -> None:
    _change(made / f"{table}.parquet", change)
    with pytest.raises(InputError, match=message):
        DataSet.open(made)


def test_missing_page_is_named(made: Path) -> None:
    _change(made / "steps.parquet", lambda table: table.with_columns(page_id=pl.lit("gone")))
    with pytest.raises(InputError, match="no page gone"):
        DataSet.open(made).page("gone")


def test_pages_without_their_column_are_named(made: Path) -> None:
    pq.write_table(pa.table({"page_id": ["x"]}), made / "pages.parquet")
    with pytest.raises(InputError, match="column html: column missing"):
        DataSet.open(made).page("x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("[]", "valid dictionary"),
        ('{"name": "x"}', "field source"),
        (
            '{"schema_version": 99, "name": "x", "new": 1}',
            r"schema version 99; expected version 1\. Ingest the source again",
        ),
        ('{"name": "x", "source": "s", "origin": "o", "extra": 1}', "field extra"),
    ],
)
def test_bad_card_is_named(made: Path, content: str, message: str) -> None:
    (made / "card.json").write_text(content)
    with pytest.raises(InputError, match=message):
        DataSet.open(made)


def test_folder_without_a_card_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="facsim ingest"):
        DataSet.open(tmp_path)
    with pytest.raises(InputError, match="facsim ingest"):
        DataSet.open(tmp_path / "nowhere")


def test_card_is_readable_json(made: Path) -> None:
    card = json.loads((made / "card.json").read_text())
    assert card["schema_version"] == 1
    assert card["content_hash"]


def test_pages_can_be_asked_for_while_their_index_is_made(writing: Callable[..., Any]) -> None:
    """Two threads that want the index must not wait for each other."""
    data = writing().add("s", "u", SEARCH_THEN_LEAVE).write()
    page_id = data.steps["page_id"][0]
    for _ in range(20):
        store = DataSet.open(data.path).pages
        with ThreadPoolExecutor(2) as threads:
            counted, page = threads.submit(len, store), threads.submit(store.page, page_id)
            assert counted.result(timeout=30) == 1
            assert page.result(timeout=30).html == HTML
