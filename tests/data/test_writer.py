"""A data set is written whole or not at all, whatever happens on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from facsim.data import Card, DataSet, DataSetWriter
from facsim.schema import Action, Session, Step
from facsim.util.errors import ConfigError, FacsimError

HTML = '<a name="cart">Cart</a>'
CARD = Card(name="n", source="jsonl", origin="o")


def _one_session(writer: DataSetWriter, session_id: str = "s") -> None:
    writer.add_session(Session(session_id, "u", (Step(writer.add_page(HTML), Action.click("cart")),)))


def _write(path: Path, session_id: str = "s", **options: Any) -> None:
    with DataSetWriter(path, CARD, **options) as writer:
        _one_session(writer, session_id)


def _hidden(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.name.startswith("."))


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), DataSetWriter(tmp_path / "d", CARD) as writer:
        _one_session(writer)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_the_data_set_that_was_there(tmp_path: Path) -> None:
    _write(tmp_path / "d", "old")
    with pytest.raises(RuntimeError), DataSetWriter(tmp_path / "d", CARD, overwrite=True) as writer:
        _one_session(writer, "new")
        raise RuntimeError
    assert DataSet.open(tmp_path / "d").session_ids == ("old",)
    assert _hidden(tmp_path) == []


def test_overwriting_replaces_all(tmp_path: Path) -> None:
    _write(tmp_path / "d", "old")
    (tmp_path / "d" / "ingest.md").write_text("of old")
    _write(tmp_path / "d", "new", overwrite=True)
    assert DataSet.open(tmp_path / "d").session_ids == ("new",)
    assert not (tmp_path / "d" / "ingest.md").exists()
    assert _hidden(tmp_path) == []


def test_what_is_there_is_not_overwritten_unasked(tmp_path: Path) -> None:
    _write(tmp_path / "d")
    with pytest.raises(ConfigError, match="--overwrite"):
        DataSetWriter(tmp_path / "d", CARD)


def test_only_data_sets_are_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("precious")
    with pytest.raises(ConfigError, match="not a data set"):
        DataSetWriter(tmp_path / "thesis", CARD, overwrite=True)
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ConfigError, match="not a data set"):
        DataSetWriter(tmp_path / "file", CARD, overwrite=True)
    (tmp_path / "empty").mkdir()
    _write(tmp_path / "empty", overwrite=True)
    assert len(DataSet.open(tmp_path / "empty")) == 1


def test_what_is_no_part_of_a_data_set_is_not_deleted(tmp_path: Path) -> None:
    _write(tmp_path / "d", "old")
    (tmp_path / "d" / "runs").mkdir()
    with pytest.raises(ConfigError, match="also holds runs, which is no part of a data set"):
        _write(tmp_path / "d", "new", overwrite=True)
    assert (tmp_path / "d" / "runs").is_dir()


def test_two_writers_of_one_place_do_not_replace_each_other_unasked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exists"), DataSetWriter(tmp_path / "d", CARD) as slow:
        _one_session(slow, "slow")
        _write(tmp_path / "d", "quick")
    assert DataSet.open(tmp_path / "d").session_ids == ("quick",)
    assert _hidden(tmp_path) == []


def test_ctrl_c_between_the_two_renames_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "d", "old")
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.suffix == ".partial":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _write(tmp_path / "d", "new", overwrite=True)
    assert DataSet.open(tmp_path / "d").session_ids == ("old",)
    assert _hidden(tmp_path) == []


def test_no_room_for_the_report_is_told_in_a_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(FacsimError, match="could not be written"),
        DataSetWriter(tmp_path / "d", CARD) as writer,
    ):
        _one_session(writer, "s")
        next(tmp_path.glob(".d.*.partial")).joinpath("ingest.md").mkdir()
        writer.add_report("{}", "# Ingest")
    assert list(tmp_path.iterdir()) == []


# Writes sessions until it is killed; says when row groups have reached the disk.
_ENDLESS = """
    import itertools, os, sys
    from pathlib import Path
    import facsim.data.writer as w
    from facsim.data import Card, DataSetWriter
    from facsim.schema import Action, Session, Step
    w.ROW_GROUP_BYTES = 10_000
    with DataSetWriter(Path(sys.argv[1]), Card(name="n", source="jsonl", origin="o"), overwrite=True) as writer:
        for n in itertools.count():
            page = writer.add_page(f"<p>{n}</p>" + os.urandom(2000).hex())
            writer.add_session(Session(f"s{n}", "u", (Step(page, Action.terminate()),)))
            if n == 50:
                print("half way", flush=True)
"""


def _start_endless_writer(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_ENDLESS), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half way\n"
    return process


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_kill_9_leaves_no_half_data_set_and_the_next_writer_cleans_up(tmp_path: Path) -> None:
    process = _start_endless_writer(tmp_path / "d")
    _kill(process)
    assert not (tmp_path / "d").exists()
    assert len(_hidden(tmp_path)) == 1, "a killed process cannot clean up after itself"
    _write(tmp_path / "d")
    assert DataSet.open(tmp_path / "d").session_ids == ("s",)
    assert _hidden(tmp_path) == []


def test_kill_9_while_overwriting_keeps_the_old_one(tmp_path: Path) -> None:
    _write(tmp_path / "d", "old")
    _kill(_start_endless_writer(tmp_path / "d"))
    assert DataSet.open(tmp_path / "d").session_ids == ("old",)


def test_a_writer_at_work_is_left_alone(tmp_path: Path) -> None:
    process = _start_endless_writer(tmp_path / "d")
    try:
        _write(tmp_path / "d")
        assert len(_hidden(tmp_path)) == 1, "the other writer's folder is in use"
    finally:
        _kill(process)


def test_other_data_sets_leftovers_are_left_alone(tmp_path: Path) -> None:
    for name in (".data.bak.99999999-abcdef.partial", ".d.notes", ".d.99999999-abcdef.partial.keep"):
        (tmp_path / name).mkdir()
    _write(tmp_path / "d")
    assert len(_hidden(tmp_path)) == 3


def test_killed_between_the_two_renames_the_old_one_comes_back(tmp_path: Path) -> None:
    _write(tmp_path / "d", "old")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / "d").rename(tmp_path / f".d.{dead.pid}-abcdef.old")
    with pytest.raises(RuntimeError), DataSetWriter(tmp_path / "d", CARD, overwrite=True):
        raise RuntimeError
    assert DataSet.open(tmp_path / "d").session_ids == ("old",)


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    process = _start_endless_writer(tmp_path / "d")
    process.send_signal(signal.SIGINT)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    assert list(tmp_path.iterdir()) == []


_TOO_LITTLE_SPACE = """
    import os, resource, sys
    from pathlib import Path
    import facsim.data.writer as w
    from facsim.data import Card, DataSetWriter
    from facsim.util.errors import FacsimError
    w.ROW_GROUP_BYTES = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    try:
        with DataSetWriter(Path(sys.argv[1]), Card(name="n", source="jsonl", origin="o")) as writer:
            for n in range(100):
                writer.add_page(os.urandom(2000).hex())
    except FacsimError as error:
        print(error)
"""


@pytest.mark.parametrize("row_group_bytes", [10_000, 10_000_000])
def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(tmp_path: Path, row_group_bytes: int) -> None:
    script = [
        sys.executable,
        "-c",
        textwrap.dedent(_TOO_LITTLE_SPACE),
        str(tmp_path / "d"),
        str(row_group_bytes),
    ]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert "could not be written: File too large. Nothing there was changed" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FacsimError, match="could not be written"):
        _write(tmp_path / "file" / "d")


def test_the_same_sessions_give_the_same_bytes(writing: Callable[..., Any]) -> None:
    def write(name: str) -> Path:
        made = writing(name)
        for number in range(50):
            made.add(
                f"s{number}", f"u{number % 7}", [(f"<p>{number % 11}</p>", Action.terminate())], persona="é"
            )
        path: Path = made.write().path
        return path

    first, second = write("first"), write("second")
    files = sorted(file.name for file in first.iterdir())
    assert files == ["card.json", "pages.parquet", "sessions.parquet", "steps.parquet"]
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_content_hash_depends_on_content_only(writing: Callable[..., Any]) -> None:
    def hash_of(name: str, text: str, origin: str = "o") -> str:
        data = writing(name).add("s", "u", [(HTML, Action.type_and_submit("cart", text))]).write()
        return str(data.content_hash)

    assert hash_of("a", "tea") == hash_of("b", "tea")
    assert hash_of("c", "tea") != hash_of("d", "Tea")


def test_the_hash_does_not_depend_on_how_a_time_is_given(tmp_path: Path) -> None:
    hashes = []
    for name, time in (
        ("a", datetime.fromisoformat("2025-01-01T00:00:00")),
        ("b", "2025-01-01T01:00:00+01:00"),
    ):
        at = datetime.fromisoformat(time) if isinstance(time, str) else time
        with DataSetWriter(tmp_path / name, CARD) as writer:
            step = Step(writer.add_page(HTML), Action.terminate(), timestamp=at)
            writer.add_session(Session("s", "u", (step,)))
        hashes.append(DataSet.open(tmp_path / name).content_hash)
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize(
    ("session", "message"),
    [
        (Session("s2", "u", ()), "has no steps"),
        (Session("s", "u", (Step("x", Action.terminate()),)), "stored before"),
        (Session("s2", "u", (Step("x", Action.terminate()),)), "page x was not added"),
    ],
)
def test_sessions_that_do_not_fit_are_refused(tmp_path: Path, session: Session, message: str) -> None:
    with DataSetWriter(tmp_path / "d", CARD) as writer:
        _one_session(writer)
        with pytest.raises(ValueError, match=message):
            writer.add_session(session)
    assert DataSet.open(tmp_path / "d").session_ids == ("s",)


def test_lone_surrogates_are_refused_before_anything_is_stored(tmp_path: Path) -> None:
    with DataSetWriter(tmp_path / "d", CARD) as writer:
        with pytest.raises(ValueError, match="surrogates"):
            writer.add_page("<p>\ud800</p>")
        with pytest.raises(ValueError, match="surrogates"):
            writer.add_page("<p>fine</p>", raw_html="\ud800")
        page = writer.add_page(HTML)
        with pytest.raises(ValueError, match="surrogates"):
            writer.add_session(Session("s", "u", (Step(page, Action.click("\udfff")),)))
        writer.add_session(Session("s", "u", (Step(page, Action.click("cart")),)))
    data = DataSet.open(tmp_path / "d")
    assert (data.card.sessions, len(data.pages)) == (1, 1)


def test_raw_pages_are_kept_unless_told_otherwise(tmp_path: Path) -> None:
    for keep_raw, expected in ((True, "<raw>"), (False, None)):
        path = tmp_path / str(keep_raw)
        with DataSetWriter(path, CARD, keep_raw=keep_raw) as writer:
            page = writer.add_page(HTML, "<raw>")
            assert writer.add_page(HTML, "<other raw>") == page
            writer.add_session(Session("s", "u", (Step(page, Action.click("cart")),)))
        assert DataSet.open(path).pages.raw_html(page) == expected
