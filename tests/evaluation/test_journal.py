import json
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.evaluation.journal import Journal, read_records, repair
from facsim.evaluation.record_lines import encode_record
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.files import FolderLock, write_atomically


def line(session: str, step: int, *, failed: bool = False, **more: object) -> dict:
    return {"session_id": session, "step": step, "failed": failed, "answer": "Größe 🛒 \u2028 \n ok", **more}


LINES = [line("a", 1), line("a", 2), line("b}{", 1), line("ü", 1, nested={"x": [1, 2]})]


def write(file: Path, lines: list[dict]) -> Path:
    with Journal(file) as journal:
        for each in lines:
            journal.append(each)
    return file


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", LINES)
    assert list(read_records(file)) == LINES
    assert file.read_bytes().count(b"\n") == len(LINES)


def test_a_line_is_on_disk_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "p.jsonl") as journal:
        for count, each in enumerate(LINES, start=1):
            journal.append(each)
            assert len(list(read_records(journal.file))) == count == journal.count


def test_cut_at_every_byte_of_the_last_two_lines(tmp_path: Path) -> None:
    whole = b"".join(encode_record(each) for each in LINES)
    ends = [0]
    for each in LINES:
        ends.append(ends[-1] + len(encode_record(each)))
    file = tmp_path / "p.jsonl"
    for cut in range(ends[-3], len(whole) + 1):
        file.write_bytes(whole[:cut])
        # A line is whole once its closing brace is there; its newline may be missing.
        whole_lines = sum(end - 1 <= cut for end in ends[1:])
        assert list(read_records(file)) == LINES[:whole_lines], cut
        with Journal(file) as journal:
            assert journal.done == {(each["session_id"], each["step"]) for each in LINES[:whole_lines]}
            for each in LINES[whole_lines:]:
                journal.append(each)
        assert file.read_bytes() == whole, cut


@pytest.mark.parametrize("rubbish", [b"\0\0\0\0", b"{}x", b'{"session_id": "a"', b"\xff\xfe", b"{"])
def test_a_torn_last_line_is_dropped(tmp_path: Path, rubbish: bytes) -> None:
    file = write(tmp_path / "p.jsonl", LINES)
    file.write_bytes(file.read_bytes() + rubbish)
    assert list(read_records(file)) == LINES
    done, dropped = repair(file)
    assert (len(done), dropped) == (len(LINES), 1)
    assert list(read_records(file)) == LINES


@pytest.mark.parametrize(
    "rubbish", [b"{oops\n", b"\n", b"\xff\n", b"[1]\n", b'{"session_id": 3, "step": 1}\n']
)
@pytest.mark.parametrize("after", [encode_record(line("a", 2)), b""])
def test_damage_is_refused_and_nothing_changes(tmp_path: Path, rubbish: bytes, after: bytes) -> None:
    file = tmp_path / "p.jsonl"
    file.write_bytes(encode_record(LINES[0]) + rubbish + after)
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"p\.jsonl, line 2: is not"), Journal(file):
        pass
    with pytest.raises(InputError, match="line 2"):
        list(read_records(file))
    assert file.read_bytes() == before


def test_failed_calls_are_owed_again_and_repeats_kept_once(tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", [line("a", 1, failed=True), line("a", 2), line("a", 2), line("b", 1)])
    with Journal(file) as journal:
        assert journal.done == {("a", 2), ("b", 1)}
        assert journal.dropped == 2
        journal.append(line("a", 1))
    assert [(each["session_id"], each["step"]) for each in read_records(file)] == [
        ("a", 2),
        ("b", 1),
        ("a", 1),
    ]
    assert [found.name for found in tmp_path.iterdir()] == ["p.jsonl"]


def test_an_intact_file_is_not_rewritten(tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", LINES)
    inode = file.stat().st_ino
    with Journal(file):
        pass
    assert file.stat().st_ino == inode


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=3), st.integers(0, 3), st.booleans(), st.text(max_size=20))),
    st.data(),
)
def test_repair_then_append_gives_each_step_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list, data: st.DataObject
) -> None:
    lines = [
        line(
            session.encode("utf-8", "replace").decode(),
            step,
            failed=failed,
            text=text.encode("utf-8", "replace").decode(),
        )
        for session, step, failed, text in rows
    ]
    whole = b"".join(encode_record(each) for each in lines)
    cut = data.draw(st.integers(0, len(whole)))
    file = tmp_path_factory.mktemp("j") / "p.jsonl"
    file.write_bytes(whole[:cut])
    done, _ = repair(file)
    cases = [(each["session_id"], each["step"]) for each in read_records(file)]
    assert sorted(cases) == sorted(done)
    assert not any(each["failed"] for each in read_records(file))
    assert repair(file) == (done, 0)


def test_a_full_disk_keeps_every_finished_line(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    room = len(encode_record(LINES[0])) * 2 + 10
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with Journal(file) as journal:
            journal.append(LINES[0])
            journal.append(LINES[1])
            with pytest.raises(
                FacsimError, match=r"p\.jsonl: cannot be written: .*The 2 answers .* --resume"
            ):
                journal.append(LINES[2])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == encode_record(LINES[0]) + encode_record(LINES[1])


def test_a_rewrite_without_room_leaves_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", LINES)
    file.write_bytes(file.read_bytes() + b'{"torn')
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
    try:
        with pytest.raises(FacsimError, match="Nothing was changed"):
            repair(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["p.jsonl"]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(ConfigError, match="another process"), FolderLock(tmp_path):
        pass
    with FolderLock(tmp_path):
        pass
    (tmp_path / ".lock").unlink()
    (tmp_path / ".lock").mkdir()
    with pytest.raises(ConfigError, match=r"\.lock cannot be written: Is a directory"), FolderLock(tmp_path):
        pass


def test_atomic_write_replaces_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    write_atomically(file, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, hard))
    try:
        with pytest.raises(FacsimError, match=r"config\.json: cannot be written"):
            write_atomically(file, "new and longer")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["config.json"]


def test_lines_are_plain_json(tmp_path: Path) -> None:
    written = json.loads(encode_record(LINES[0]))
    assert written == LINES[0] | {"checksum": written["checksum"]}
    with pytest.raises(ValueError, match="JSON"):
        encode_record({"step": float("nan")})
