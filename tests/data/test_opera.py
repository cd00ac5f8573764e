"""OPeRA's filtered tables, from Parquet files with the hub's columns written here."""

import importlib.util
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facsim.data import DataSet
from facsim.data.ingest import ingest
from facsim.data.sources.opera_files import COLUMNS, is_hub_id, table_files
from facsim.data.sources.opera_persona import persona_of, text_or_none
from facsim.schema import Action
from facsim.util.errors import ConfigError, InputError

USER = "324934a2-5d58-49d9-bae8-545fba660731"
SESSION = f"{USER}_2025-04-14T21:52:46.756000Z_2025-04-14T21:55:50.785000Z"
OTHER = "0a4934a2-5d58-49d9-bae8-545fba660731_2025-04-20T21:52:46.756000Z_2025-04-20T21:55:50.785000Z"
UNREACHABLE = "target without a name: kept, counted as unreachable"


def page(text="page", name="nav_bar.search_input"):
    return f'<html><head></head><body><input name="{name}"><p>{text}</p></body></html>'


def row(second, action_type="click", session=SESSION, **fields):
    return (
        dict.fromkeys(COLUMNS)
        | {
            "session_id": session,
            "action_id": f"action-{second}-{session[:2]}",
            "timestamp": f"2025-04-14T21:53:{second:02d}.792Z",
            "action_type": action_type,
            "click_type": "search" if action_type == "click" else None,
            "semantic_id": None if action_type == "terminate" else "nav_bar.search_input",
            "url": "https://www.amazon.com/s?URL_MASKED",
            "simplified_html": page(f"{session[:2]} {second}"),
            "rationale": "",
            "input_text": "rice cooker" if action_type == "input" else "",
        }
        | fields
    )


def write(folder, kind, split, rows, columns=None, **options):
    file = folder / f"OPeRA_filtered/{kind}/{split}-00000-of-00001.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    names = columns or list(rows[0])
    schema = pa.schema([(name, pa.string()) for name in names])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file, **options)
    return file


def people(folder, split="train", sessions=((SESSION, USER),), survey='{"age": 30}', interview=None):
    rows = [{"session_id": one, "user_id": user, "action_count": "2"} for one, user in sessions]
    write(folder, "session", split, rows, ["session_id", "user_id", "action_count"])
    users = [
        {
            "user_id": user,
            "survey": survey,
            "raw_survey": "raw",
            "interview_transcript": "raw talk",
            "interview_transcript_processed": interview,
        }
        for user in sorted({user for _, user in sessions})
    ]
    write(folder, "user", split, users)


def read(folder, **options):
    report = ingest("opera", folder, folder.parent / "out", overwrite=True, **options)
    return DataSet.open(folder.parent / "out"), report


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "hub"
    people(found)
    return found


def test_rows_become_a_session(folder):
    people(folder, interview="I compare prices.")
    rows = [
        row(1, "input", rationale="I need a rice cooker"),
        row(2, click_type="product_link"),
        row(3, click_type="purchase"),
    ]
    write(folder, "action", "train", rows)
    data, report = read(folder)
    session = data.session(SESSION)
    assert (session.user_id, session.site, session.source) == (USER, "amazon.com", "opera")
    assert (session.official_split, session.outcome) == ("train", "purchase")
    assert session.persona == "age: 30\n\nInterview:\nI compare prices."
    assert session.steps[0].action == Action.type_and_submit("nav_bar.search_input", "rice cooker")
    assert session.steps[1].action == Action.click("nav_bar.search_input")
    assert [step.category for step in session.steps] == ["search", "product_link", "purchase"]
    assert [step.rationale for step in session.steps] == ["I need a rice cooker", None, None]
    assert [step.rationale_source for step in session.steps] == ["human", None, None]
    assert [step.elapsed for step in session.steps] == [0, 1, 2]
    assert session.steps[0].timestamp.isoformat() == "2025-04-14T21:53:01.792000+00:00"
    assert session.steps[0].url == "https://www.amazon.com/s?URL_MASKED"
    assert data.page(session.steps[0].page_id).html == page("32 1")
    assert report.repaired == report.noted == report.refused == {}


def test_terminate_ends_without_a_purchase(folder):
    write(folder, "action", "train", [row(1, click_type="purchase"), row(2, "terminate")])
    data, _ = read(folder)
    session = data.session(SESSION)
    assert session.outcome == "terminate"
    assert session.steps[1].action == Action.terminate()
    assert session.steps[1].category == "terminate"


def test_a_session_that_just_stops_is_noted(folder):
    write(folder, "action", "train", [row(1), row(2, "input")])
    data, report = read(folder)
    assert data.session(SESSION).outcome == "terminate"
    assert len(report.noted) == 1 and "neither a purchase click nor terminate" in next(iter(report.noted))


@pytest.mark.parametrize("null", [None, "", "nan", "None", "null", " NaN "])
def test_every_way_to_write_null(folder, null):
    fields = {"semantic_id": null, "click_type": null, "rationale": null, "url": null, "input_text": null}
    write(folder, "action", "train", [row(1, **fields), row(2, "input", **fields)])
    data, report = read(folder)
    click, typed = data.session(SESSION).steps
    assert click.action == Action.click(None)
    assert typed.action == Action.type_and_submit(None, "")
    assert click.category is None and click.rationale is None and click.url is None
    assert report.noted[UNREACHABLE].count == 2
    assert report.noted["input without text: kept with empty text"].count == 1


def test_rows_out_of_time_order_are_sorted_and_ties_go_by_action_id(folder):
    rows = [
        row(5, action_id="z"),
        row(1, action_id="b", semantic_id="second"),
        row(1, action_id="a", semantic_id="first"),
    ]
    write(folder, "action", "train", rows)
    data, report = read(folder)
    names = [step.action.name for step in data.session(SESSION).steps]
    assert names == ["first", "second", "nav_bar.search_input"]
    assert report.repaired["rows of a session out of time order: sorted"].count == 1


def test_times_of_any_zone_are_compared_as_times(folder):
    early, late = "2025-04-14T23:53:01+02:00", "2025-04-14T21:53:02Z"
    write(folder, "action", "train", [row(1, timestamp=late, semantic_id="late"), row(2, timestamp=early)])
    data, _ = read(folder)
    assert data.session(SESSION).steps[1].action.name == "late"


@pytest.mark.parametrize("bad", [None, "yesterday", "nan"])
def test_a_session_with_an_unreadable_time_keeps_the_order_of_the_file(folder, bad):
    write(folder, "action", "train", [row(9), row(5, timestamp=bad, semantic_id="second"), row(1)])
    data, report = read(folder)
    assert data.session(SESSION).steps[1].action.name == "second"
    assert (
        report.noted["timestamps missing or not ISO 8601: rows of the session kept in file order"].count == 1
    )


def test_a_row_that_stands_twice_counts_once(folder):
    rows = [row(1), row(1), row(2, action_id=row(1)["action_id"], semantic_id="other")]
    write(folder, "action", "train", rows)
    data, report = read(folder)
    assert len(data.session(SESSION).steps) == 2
    assert report.repaired["duplicate row in a session: dropped"].count == 1
    assert report.noted["one action id on different actions: both kept"].count == 1


def test_other_action_types_are_left_out_and_counted(folder):
    write(folder, "action", "train", [row(1), row(2, "scroll"), row(3, None), row(4, "terminate")])
    data, report = read(folder)
    assert [step.action.type for step in data.session(SESSION).steps] == ["click", "terminate"]
    assert report.repaired["action type scroll is not a step: row dropped"].count == 1
    assert report.repaired["action type null is not a step: row dropped"].count == 1


def test_a_session_of_other_rows_only_is_refused(folder):
    write(folder, "action", "train", [row(1), row(2, "scroll", session=OTHER)])
    data, report = read(folder)
    assert data.session_ids == (SESSION,)
    assert report.refused["session without steps"].examples == [f"session {OTHER}"]


def test_sessions_of_one_table_only(folder):
    # SESSION is in the session table and has no rows; OTHER has rows and is not in the table.
    write(folder, "action", "train", [row(1, session=OTHER)])
    data, report = read(folder)
    assert data.session(OTHER).user_id == OTHER.split("_", maxsplit=1)[0]
    assert data.session(OTHER).persona is None
    assert report.refused["session without rows in the action table"].count == 1
    assert report.noted["session is not in the session table: user taken from its id"].count == 1
    assert report.noted["user has no survey and no interview: no persona"].count == 1


def test_the_action_table_alone_is_enough(tmp_path):
    folder = tmp_path / "hub"
    write(folder, "action", "train", [row(1)])
    data, _ = read(folder)
    assert data.session(SESSION).user_id == USER


def test_a_survey_that_is_no_json_is_taken_as_text(folder):
    people(folder, survey='{"age": ')
    write(folder, "action", "train", [row(1)])
    data, report = read(folder)
    assert data.session(SESSION).persona == '{"age":'
    assert report.noted["survey is not JSON: taken as text"].count == 1


def test_splits_are_kept_and_sessions_come_by_time(folder):
    write(folder, "action", "test", [row(1, session="c_x")])
    later = [row(30, session="a_x"), row(20, session="b_x")]
    write(folder, "action", "train", later)
    people(folder, "test", [("c_x", "u")])
    data, _ = read(folder)
    assert data.session_ids == ("b_x", "a_x", "c_x")
    assert data.sessions["official_split"].to_list() == ["train", "train", "test"]
    assert data.session("c_x").user_id == "u"


def test_a_session_in_both_splits_is_refused_the_second_time(folder):
    write(folder, "action", "train", [row(1)])
    write(folder, "action", "test", [row(2)])
    data, report = read(folder)
    assert data.session(SESSION).official_split == "train"
    assert report.refused["session id was used before"].count == 1


@pytest.mark.parametrize("html", [None, "not a page"])
def test_a_session_without_a_page_is_refused_and_the_next_is_not(folder, html):
    rows = [row(1), row(2, simplified_html=html), row(3), row(4, session=OTHER)]
    write(folder, "action", "train", rows)
    data, report = read(folder)
    assert data.session_ids == (OTHER,)
    (reason,) = [kind for kind in report.refused if kind.startswith("page")]
    assert "row 2" in report.refused[reason].examples[0]


def test_scattered_rows_find_their_pages_in_any_row_group(folder):
    sessions = [f"{letter}_x" for letter in "abcdefg"]
    rows = [row(second, session=one) for second in range(9, 0, -1) for one in sessions]
    write(folder, "action", "train", rows, row_group_size=5)
    data, _ = read(folder)
    assert len(data) == 7
    for session in data:
        told = [data.page(step.page_id).html for step in session.steps]
        assert told == [page(f"{session.session_id[:2]} {second}") for second in range(1, 10)]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_other_layouts_of_text_columns(folder, kind):
    file = write(folder, "action", "train", [row(1), row(2, "terminate")])
    table = pq.read_table(file)
    pq.write_table(table.cast(pa.schema([(name, kind) for name in COLUMNS])), file)
    data, _ = read(folder)
    assert len(data.session(SESSION).steps) == 2


def test_a_page_column_that_is_no_text_is_an_error(folder):
    file = write(folder, "action", "train", [row(1)])
    table = pq.read_table(file)
    numbers = pa.array([1], pa.int64())
    place = table.column_names.index("simplified_html")
    pq.write_table(table.set_column(place, "simplified_html", numbers), file)
    with pytest.raises(InputError, match=r"column simplified_html: holds int64; expected text"):
        read(folder)


@pytest.mark.parametrize(
    "column", ["session_id", "timestamp", "action_type", "semantic_id", "simplified_html"]
)
def test_a_missing_column_is_an_error_that_names_it(folder, column):
    write(folder, "action", "train", [row(1)], [name for name in COLUMNS if name != column])
    with pytest.raises(InputError, match=f"column {column}: column missing; expected the columns session_id"):
        read(folder)


def test_a_broken_file_is_an_error_and_leaves_nothing(folder):
    file = write(folder, "action", "train", [row(1)])
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"train-00000-of-00001\.parquet: cannot be read as Parquet"):
        read(folder)
    assert [one.name for one in folder.parent.iterdir()] == ["hub"]


def test_an_empty_table_is_an_error(folder):
    write(folder, "action", "train", [], COLUMNS)
    with pytest.raises(InputError, match="holds no session that can be used"):
        read(folder)


@pytest.mark.parametrize(
    "layout",
    [
        "OPeRA_filtered/{kind}/{split}/{split}.parquet",
        "OPeRA_filtered/{kind}/{split}-00003-of-00010.parquet",
        "filtered_{kind}/{split}-00000-of-00001.parquet",
        "filtered_{kind}/{split}/0000.parquet",
        "filtered_{kind}_{split}.parquet",
        "{kind}/{split}.parquet",
        "{kind}s/{split}/part.0.parquet",
    ],
)
def test_tables_are_recognised_by_their_paths(tmp_path, layout):
    folder = tmp_path / "users" / "test_data"  # words of the folder's own place must not count
    for kind in ("action", "session", "user", "image"):
        for split in ("train", "test"):
            for prefix in ("", "full/"):
                file = folder / (prefix + layout.format(kind=kind, split=split))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
    found = {(table.kind, table.split) for table in table_files(folder)}
    assert found == {(kind, split) for kind in ("action", "session", "user") for split in ("train", "test")}
    assert len(table_files(folder)) == 6


def test_the_folder_of_one_table_is_enough(tmp_path):
    file = tmp_path / "filtered_action" / "train.parquet"
    file.parent.mkdir()
    file.touch()
    (table,) = table_files(file.parent)
    assert (table.kind, table.split) == ("action", "train")


def test_only_full_tables_are_said_not_to_be_enough(tmp_path):
    file = tmp_path / "OPeRA_full" / "action" / "train.parquet"
    file.parent.mkdir(parents=True)
    file.touch()
    with pytest.raises(InputError, match="no filtered action table; expected Parquet files"):
        ingest("opera", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="no such folder"):
        ingest("opera", tmp_path / "gone", tmp_path / "out")


def test_hub_ids(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_hub_id("NEU-HAI/OPeRA") and is_hub_id("NEU-HAI/OPeRA@6f26a2c")
    assert not any(map(is_hub_id, ("../..", "a/..", "../a", "./a", "a/.b", "-a/b", "a/b@../c")))
    assert not is_hub_id("/data/opera") and not is_hub_id("opera") and not is_hub_id("a/b/c")
    (tmp_path / "data" / "opera").mkdir(parents=True)
    assert not is_hub_id("data/opera")


@pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is not None, reason="huggingface_hub is installed"
)
def test_the_hub_without_its_package_says_what_to_install(tmp_path):
    with pytest.raises(ConfigError, match=r"pip install 'facsim\[hub\]'"):
        ingest("opera", "NEU-HAI/OPeRA", tmp_path / "out")


def test_a_persona_reads_like_a_form():
    survey = {
        "demographics": {"age": "25-34", "children": "none", "income": None},
        "shopping_preference": ["price", "reviews"],
        "self_description": "I like\nbooks",
        "personality": {"mbti": "INTJ", "scores": {"openness": 4.5}},
        "prime": True,
        "answers": [{"question": "How often?", "answer": "weekly"}, {}],
        "raw": json.dumps({"inner": [1, 2]}),
    }
    told, is_json = persona_of(json.dumps(survey), None)
    assert is_json
    assert told.splitlines() == [
        "demographics:",
        "  age: 25-34",
        "  children: none",
        "shopping preference: price, reviews",
        "self description: I like books",
        "personality:",
        "  mbti: INTJ",
        "  scores:",
        "    openness: 4.5",
        "prime: yes",
        "answers:",
        "  - question: How often?",
        "    answer: weekly",
        "raw:",
        "  inner: 1, 2",
    ]


@pytest.mark.parametrize("survey", [None, "", "nan", "{}", "[null]"])
def test_no_persona(survey):
    assert persona_of(survey, "") == (None, True)


def test_text_or_none_keeps_numbers_and_trims():
    assert text_or_none(" x ") == "x" and text_or_none(3) == "3" and text_or_none(float("nan")) is None


def test_tables_are_looked_for_near_the_folder_only(tmp_path):
    near, far, hidden = (tmp_path / name for name in ("action", "a/b/c/d/e/action", ".cache/action"))
    for folder in (near, far, hidden):
        folder.mkdir(parents=True)
        (folder / "train.parquet").write_bytes(b"")
    assert [table.file for table in table_files(tmp_path)] == [near / "train.parquet"]
