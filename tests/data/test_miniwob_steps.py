"""The MiniWoB steps file: made ones here, the real one where it is at hand."""

import gzip
import json
from pathlib import Path

import pytest

from facsim.data import DataSet, replay
from facsim.data.ingest import ingest
from facsim.data.sources.miniwob_steps import intent_of, unique_names
from facsim.schema import Action
from facsim.util.errors import InputError

REAL = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "miniwob_flight"
PAGE = '<input type="text" name="geo_from"><a name="faq">FAQ</a>'
NAMES = ["geo_from", "faq"]


def step(t_ms=1000, page=PAGE, names=NAMES, **action):
    return {"t_ms": t_ms, "page": page, "names": names, "action": action}


def record(session="s_d1", steps=None, **fields):
    return {
        "session": session,
        "group": "s",
        "collection": "2017",
        "task": "flight.Alaska-auto",
        "goal": {"Departure City": "San Diego", "Passengers": 3},
        "raw_reward": 1,
        "steps": steps if steps is not None else [step(type="click", name="faq", ref=2)],
    } | fields


def write(file, records):
    lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    return file


def read(tmp_path, records):
    report = ingest("miniwob", write(tmp_path / "steps.jsonl.gz", records), tmp_path / "out")
    return DataSet.open(tmp_path / "out"), report


def test_fields_become_a_session(tmp_path):
    typed = {
        "type": "type",
        "name": "geo_from",
        "ref": 1,
        "text": "san die",
        "deleted": 0,
        "submit": True,
        "value_before": "",
    }
    steps = [step(1016, type="click", name="faq", ref=2), step(2541, **typed)]
    data, _ = read(tmp_path, [record(steps=steps)])
    session = data.session("s_d1")
    assert (session.user_id, session.site, session.source) == ("s", "flight.Alaska-auto", "miniwob")
    assert session.intent == "Departure City: San Diego; Passengers: 3"
    assert session.outcome is None and session.persona is None
    assert [one.action for one in session.steps] == [
        Action.click("faq"),
        Action.type_and_submit("geo_from", "san die"),
    ]
    assert [one.elapsed for one in session.steps] == [1.016, 2.541]
    assert [one.submitted for one in session.steps] == [None, True]
    assert data.page(session.steps[0].page_id).html == PAGE


def test_a_target_without_a_name_is_kept_and_counted(tmp_path):
    data, report = read(tmp_path, [record(steps=[step(type="click", name=None, ref=9)])])
    assert data.session("s_d1").steps[0].action == Action.click(None)
    assert report.noted["target without a name: kept, counted as unreachable"].count == 1


def test_typing_into_a_full_field_keeps_what_was_typed(tmp_path):
    typed = {
        "type": "type",
        "name": "geo_from",
        "ref": 1,
        "text": "go",
        "submit": False,
        "value_before": "san die",
    }
    erased = {
        "type": "type",
        "name": "geo_from",
        "ref": 1,
        "text": "",
        "deleted": 3,
        "submit": False,
        "value_before": "abc",
    }
    on_a_box = {"type": "type", "name": "faq", "ref": 1, "text": "", "submit": True, "value_before": True}
    data, report = read(tmp_path, [record(steps=[step(**typed), step(**erased), step(**on_a_box)])])
    assert [one.action.text for one in data.session("s_d1").steps] == ["go", "", ""]
    assert report.noted["typing into a non-empty field: the text is only what was added"].count == 2


def test_sentences_are_intents_as_they_are():
    assert intent_of("Book the cheapest flight.") == "Book the cheapest flight."
    assert intent_of(" ") is None and intent_of({}) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "EOF"),
        ('{"steps": 5}', "field session"),
        (json.dumps(record("b", steps=[step(type="hover", name="faq")])), "field steps.0.action.type"),
        (json.dumps(record("b", steps=[step(t_ms=float("inf"), type="click", name="faq")])), "steps.0.t_ms"),
        (json.dumps(record("b", steps=[step(page=None, type="click", name="faq")])), "field steps.0.page"),
    ],
)
def test_a_bad_record_is_refused_with_its_place_and_the_rest_goes_on(tmp_path, line, reason):
    data, report = read(tmp_path, [record(), line, record("t_d1")])
    assert data.session_ids == ("s_d1", "t_d1")
    (example,) = report.refused["record is not as documented"].examples
    assert "row 2" in example and reason in example


def test_a_session_without_steps_is_refused(tmp_path):
    _, report = read(tmp_path, [record(), record("t_d1", steps=[])])
    assert report.refused["session without steps"].count == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "nothing", "no such file or folder"),
        (lambda folder: folder, "folder contains no records"),
        (lambda folder: write(folder / "a.jsonl.gz", ['{"x": 1}']), "neither steps nor states"),
        (lambda folder: write(folder / "a.jsonl.gz", []), "neither steps nor states"),
    ],
)
def test_what_is_no_such_data_is_said(tmp_path, make, says):
    with pytest.raises(InputError, match=says):
        ingest("miniwob", make(tmp_path), tmp_path / "out")


def test_a_file_that_breaks_off_is_an_error_and_leaves_nothing(tmp_path):
    file = write(tmp_path / "steps.jsonl.gz", [record(f"s{i}_d1") for i in range(50)])
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"steps\.jsonl\.gz: cannot be read"):
        ingest("miniwob", file, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["steps.jsonl.gz"]


def test_plain_and_xz_files_are_read_too(tmp_path):
    import lzma

    text = json.dumps(record()).encode()
    (tmp_path / "a.jsonl").write_bytes(text)
    (tmp_path / "b.jsonl.xz").write_bytes(lzma.compress(text))
    for name in ("a.jsonl", "b.jsonl.xz"):
        assert ingest("miniwob", tmp_path / name, tmp_path / f"{name}.out").written["sessions"] == 1


def test_a_name_on_two_tags_stays_where_the_record_lists_it():
    page = '<body name="sa"><a name="prev"><span>&lt;</span></a><span name="sa">Sa</span></body>'
    repaired, changed = unique_names(page, ["prev", "sa"])
    assert changed
    assert repaired == page.replace('<body name="sa">', "<body>")
    assert unique_names(repaired, ["prev", "sa"]) == (repaired, False)


def test_a_page_that_does_not_hold_the_listed_names_is_left_alone():
    page = '<a name="x">x</a><a name="x">x</a>'
    assert unique_names(page, ["x", "y"]) == (page, False)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    if not REAL.is_dir():
        pytest.skip("../shared/data/miniwob_flight is not there")
    out = tmp_path_factory.mktemp("miniwob") / "data"
    report = ingest("miniwob", REAL, out)
    return DataSet.open(out), report


def test_the_real_sessions_are_all_there(real):
    data, report = real
    assert (len(data), data.steps.height) == (1127, 16_947)
    assert data.sessions["user_id"].n_unique() == 571
    assert report.noted["target without a name: kept, counted as unreachable"].count == 821
    assert data.steps["action_name"].null_count() == 821
    assert report.refused == {}
    assert (
        report.repaired["name on two tags of a page: removed from the one outside the record's order"].count
        == 16
    )
    assert "target's name is not on its page: kept, counted as unreachable" not in report.noted
    by_type = dict(data.steps["action_type"].value_counts().iter_rows())
    assert by_type == {"click": 14_796, "type_and_submit": 2_151}


def test_goals_are_quoted_verbatim(real):
    data, _ = real
    with gzip.open(REAL / "steps.jsonl.gz", "rt") as lines:
        for line in lines:
            found = json.loads(line)
            intent = data.session(found["session"]).intent
            goal = found["goal"]
            parts = [goal] if isinstance(goal, str) else [f"{key}: {value}" for key, value in goal.items()]
            assert all(part.strip() in intent for part in parts)


@pytest.mark.parametrize("every", [30, pytest.param(1, marks=pytest.mark.slow)])
def test_pages_have_the_names_that_their_records_list(real, every):
    data, _ = real
    wanted = set(list(data.pages)[::every])
    with gzip.open(REAL / "steps.jsonl.gz", "rt") as lines:
        seen = set()
        for line in lines:
            found = json.loads(line)
            for stored, given in zip(data.session(found["session"]).steps, found["steps"], strict=True):
                if stored.page_id in wanted and stored.page_id not in seen:
                    seen.add(stored.page_id)
                    names = [element.name for element in data.page(stored.page_id).elements]
                    assert names == given["names"]
    assert seen == wanted


def test_every_step_can_be_replayed(real):
    data, _ = real
    steps = 0
    for session in data:
        for so_far, truth in replay(data, session):
            assert so_far.step == len(so_far.past)
            assert truth.action.name is None or f' name="{truth.action.name}"' in so_far.page.html
            steps += 1
    assert steps == 16_947
