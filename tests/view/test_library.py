"""Which sessions are found, and predictions read by place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from viewing import illegal, line_of, made_session, perfect, write_data, write_run, wrong

from facsim import build_report
from facsim.data import DataSet
from facsim.evaluation import Run, score
from facsim.report.run_styles import style_at
from facsim.util.errors import ConfigError, InputError
from facsim.view.library import Library, SessionFilter
from facsim.view.prediction_index import PredictionIndex


@pytest.fixture(scope="module")
def library(shelf: Path, runs: list[Path]) -> Library:
    return Library(shelf / "data", runs)


def ids(library: Library, **search: object) -> list[str]:
    return [found.session_id for found in library.find(SessionFilter(**search))]  # type: ignore[arg-type]


def test_everything_is_found_as_stored(library: Library, shelf: Path) -> None:
    assert ids(library) == list(DataSet.open(shelf / "data").session_ids)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({"outcome": "purchase"}, [f"s{n:02d}" for n in range(0, 60, 3)]),
        ({"outcome": "none"}, [f"s{n:02d}" for n in range(2, 60, 3)]),
        ({"outcome": "bought"}, []),
        ({"text": "PERSON 7."}, ["s07"]),
        ({"text": "s1"}, [f"s1{n}" for n in range(10)]),
        ({"text": "u59"}, ["s59"]),
        ({"text": ".*"}, []),
        ({"shortest": 4}, []),
        ({"longest": 2}, []),
        ({"category": "purchase"}, []),
        ({"right": "Z"}, []),
    ],
)
def test_sessions_are_found_by_what_is_asked(library: Library, search: dict, expected: list[str]) -> None:
    assert ids(library, **search) == expected


@pytest.mark.parametrize(
    ("search", "step", "steps"),
    [
        ({"text": "BLUE mug"}, 0, 1),
        ({"text": "sturdy"}, 1, 1),
        ({"text": "mug is blue"}, 1, 2),
        ({"category": "product_click"}, 1, 1),
        ({"action": "terminate"}, 2, 1),
        ({"hits": "answered"}, 1, 2),
        ({"hits": "split"}, 1, 2),
        ({"right": "A", "wrong": "B", "category": "terminate"}, 2, 1),
        ({"hits": "split", "text": "sturdy"}, 1, 1),
        ({"shortest": 3, "longest": 3}, 0, 3),
    ],
)
def test_conditions_meet_at_one_step(library: Library, search: dict, step: int, steps: int) -> None:
    found = library.find(SessionFilter(**search))
    assert len(found) == 60
    assert {(one.step, one.steps) for one in found} == {(step, steps)}


def test_all_right_and_all_wrong(shelf: Path, runs: list[Path]) -> None:
    wrong = Library(shelf / "data", runs[1:])
    assert len(wrong.find(SessionFilter(hits="all_wrong"))) == 60
    assert not wrong.find(SessionFilter(hits="all_right"))
    right = Library(shelf / "data", runs[:1])
    assert [found.steps for found in right.find(SessionFilter(hits="all_right"))] == [2] * 60
    assert not right.find(SessionFilter(hits="split"))
    nobody = Library(shelf / "data")
    assert not nobody.find(SessionFilter(hits="all_wrong"))
    assert not nobody.find(SessionFilter(hits="answered"))


def test_sessions_are_ordered_by_length_and_by_matches(tmp_path: Path) -> None:
    session, pages = made_session(1)
    longer = made_session(2)[0]
    more = type(session)(
        **{name: getattr(longer, name) for name in longer.__slots__}
        | {"steps": longer.steps + longer.steps[:2]}
    )
    data = write_data(tmp_path / "data", [(session, pages), (more, [*pages, *pages[:2]])])
    library = Library(data)
    assert ids(library, order="longest") == ["s02", "s01"]
    assert [found.steps for found in library.find(SessionFilter(order="most", category="search"))] == [2, 1]


def test_lines_are_read_by_place(library: Library, runs: list[Path]) -> None:
    for run, path in zip(library.runs, runs, strict=True):
        read = run.of_session("s41")
        assert sorted(read) == [1, 2]
        assert read[2] == line_of(path, "s41", 2)
        assert run.of_session("nobody") == {}


def test_a_torn_last_line_is_passed_over_and_a_whole_one_without_its_end_is_read(
    shelf: Path, runs: list[Path], tmp_path: Path
) -> None:
    copy = tmp_path / "good"
    shutil.copytree(runs[0], copy)
    file = copy / "predictions.jsonl"
    whole = file.read_bytes()
    last = json.loads(whole.splitlines()[-1])
    file.write_bytes(whole[:-1])
    assert last["step"] in PredictionIndex(Run.open(copy), "good", style_at(0), 0).of_session(
        last["session_id"]
    )
    file.write_bytes(whole[:-40])
    torn = PredictionIndex(Run.open(copy), "good", style_at(0), 0)
    assert last["step"] not in torn.of_session(last["session_id"])
    assert sorted(torn.of_session("s00")) == [1, 2]


def test_a_file_that_changed_is_told(shelf: Path, runs: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "good"
    shutil.copytree(runs[0], copy)
    run = PredictionIndex(Run.open(copy), "good", style_at(0), 0)
    file = copy / "predictions.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[5:]))
    with pytest.raises(InputError, match="Start `facsim view` again"):
        run.of_session("s30")


def test_damage_is_told_with_its_line(shelf: Path, runs: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "good"
    shutil.copytree(runs[0], copy)
    lines = (copy / "predictions.jsonl").read_bytes().splitlines(keepends=True)
    (copy / "predictions.jsonl").write_bytes(b"".join([*lines[:3], b"nonsense\n", *lines[3:]]))
    with pytest.raises(InputError, match="line 4"):
        Library(shelf / "data", [copy])


def test_a_run_over_other_data_is_refused(shelf: Path, runs: list[Path], tmp_path: Path) -> None:
    other = write_data(tmp_path / "other", [made_session(1)])
    write_run(tmp_path / "run", other, perfect)
    with pytest.raises(ConfigError, match="answers steps of another data set"):
        Library(shelf / "data", [*runs, tmp_path / "run"])


def test_trivial_baselines_come_after_the_other_runs(shelf: Path, runs: list[Path], tmp_path: Path) -> None:
    data = DataSet.open(shelf / "data")
    trivial = write_run(tmp_path / "trivial", data, perfect, predictor="baseline:markov-2").path
    library = Library(shelf / "data", [runs[0], trivial, *runs[1:]])
    assert [run.label for run in library.runs] == [*(run.name for run in runs), "trivial"]
    assert [run.place for run in library.runs] == list(range(len(library.runs)))


def test_letters_and_colours_are_those_of_the_report(shelf: Path, tmp_path: Path) -> None:
    """Whatever the order in which runs are given; the oracle has its own sign."""
    data = DataSet.open(shelf / "data")
    folders = []
    for name, answers, spec in (
        ("a-wrong", wrong, "test:made"),
        ("b-trivial", illegal, "baseline:markov-2"),
        ("c-right", perfect, "test:made"),
        ("d-oracle", perfect, "oracle:"),
    ):
        folders.append(write_run(tmp_path / name, data, answers, predictor=spec).path)
        score(folders[-1], resamples=10)
    report = {entry.name: (entry.letter, entry.style.css) for entry in build_report(folders).entries}
    for given in (folders, folders[::-1]):
        library = Library(shelf / "data", given)
        assert {run.label: (run.letter, run.colour) for run in library.runs} == report
    assert report["c-right"] == ("A", "r-0")
    assert report["d-oracle"] == ("◆", "r-oracle")
    assert [run.label for run in library.runs][:2] == ["d-oracle", "c-right"]


def test_a_run_given_twice_is_refused(shelf: Path, runs: list[Path]) -> None:
    with pytest.raises(ConfigError, match="given twice"):
        Library(shelf / "data", [runs[0], runs[0]])


def test_letters_go_on_after_z(runs: list[Path]) -> None:
    run = Run.open(runs[0])
    indices = [PredictionIndex(run, "x", style_at(place), place) for place in (0, 25, 26, 53)]
    assert [index.letter for index in indices] == ["A", "Z", "AA", "BB"]


@pytest.mark.parametrize(
    "damage",
    [b'{"session_id":"s99', b'{"session_id":"s99"', b'{"session_id":"s\n99","step":1}\n', b"{}\n", b"\n"],
)
def test_damage_at_the_end_is_passed_over_or_told(runs: list[Path], tmp_path: Path, damage: bytes) -> None:
    copy = tmp_path / "good"
    shutil.copytree(runs[0], copy)
    file = copy / "predictions.jsonl"
    file.write_bytes(file.read_bytes() + damage)
    try:
        assert sorted(PredictionIndex(Run.open(copy), "good", style_at(0), 0).of_session("s59")) == [1, 2]
    except InputError as error:
        assert b"\n" in damage and "line 1" in str(error)


def test_lines_are_found_whatever_their_order_and_however_they_are_written(
    runs: list[Path], tmp_path: Path
) -> None:
    copy = tmp_path / "good"
    shutil.copytree(runs[0], copy)
    file = copy / "predictions.jsonl"
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    for line in lines:
        del line["checksum"]
    # Interleaved as a busy runner writes them, with an id that JSON escapes, and one line given twice.
    mixed = [*lines[::2], *lines[1::2], lines[0] | {"pred_text": "again"}]
    odd = [line | {"session_id": 'a"b\\c\nd'} for line in lines[:2]]
    for written in (mixed, [*odd, *mixed]):
        file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in written))
        read = PredictionIndex(Run.open(copy), "good", style_at(0), 0)
        for line in lines:
            assert read.of_session(line["session_id"])[line["step"]] == line
        assert sorted(read.of_session('a"b\\c\nd')) == ([1, 2] if written is not mixed else [])


def test_damage_within_a_line_is_told_where_it_is_met(shelf: Path, runs: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "good"
    shutil.copytree(runs[0], copy)
    lines = (copy / "predictions.jsonl").read_bytes().splitlines(keepends=True)
    lines[6] = lines[6][:60] + b"\n"
    (copy / "predictions.jsonl").write_bytes(b"".join(lines))
    library = Library(shelf / "data", [copy])
    with pytest.raises(InputError, match="line 7"):
        library.runs[0].of_session("s03")
    with pytest.raises(InputError, match="line 7"):
        library.find(SessionFilter(hits="all_right"))
    assert len(library.find(SessionFilter())) == 60
