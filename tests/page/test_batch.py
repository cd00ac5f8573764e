"""Simplifying files, and the verb that does it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from facsim.page import simplify
from facsim.page.batch import simplify_folder
from facsim.util.errors import ConfigError, InputError


@pytest.fixture
def folder(golden: Path, tmp_path: Path) -> Path:
    pages = tmp_path / "pages"
    (pages / "deep").mkdir(parents=True)
    (pages / "a.html").write_bytes((golden / "results.html").read_bytes())
    (pages / "deep" / "b.HTM").write_bytes((golden / "forms.html").read_bytes())
    (pages / "c.html").write_bytes(b"%PDF-1.7")
    (pages / "notes.txt").write_text("not a page")
    return pages


def facsim(*arguments: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    code = "from facsim.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], input=given, capture_output=True
    )


def test_a_folder_gives_the_same_on_any_number_of_workers(folder: Path, tmp_path: Path) -> None:
    one = simplify_folder(folder, tmp_path / "one")
    two = simplify_folder(folder, tmp_path / "two", workers=2)
    assert one == two
    assert one.written == 2 and list(one.refused) == [folder / "c.html"]
    for file in ("a.html", "deep/b.HTM"):
        written = (tmp_path / "one" / file).read_text(encoding="utf-8")
        assert written == (tmp_path / "two" / file).read_text(encoding="utf-8")
        assert written == simplify((folder / file).read_bytes()).html + "\n"


def test_a_folder_needs_another_folder_and_pages(folder: Path, tmp_path: Path) -> None:
    for out in (None, folder):
        with pytest.raises(ConfigError, match="--out"):
            simplify_folder(folder, out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no HTML files"):
        simplify_folder(tmp_path / "empty", tmp_path / "x")


def test_the_verb(folder: Path, golden: Path, tmp_path: Path) -> None:
    raw = (golden / "results.html").read_bytes()
    piped = facsim("simplify", "-", "--elements", "json", given=raw)
    assert piped.returncode == 0, piped.stderr
    assert [element["name"] for element in json.loads(piped.stdout)] == [
        element.name for element in simplify(raw).elements
    ]
    folder_run = facsim("simplify", folder, "--out", tmp_path / "out")
    assert folder_run.returncode == 1 and b"c.html" in folder_run.stderr
    missing = facsim("simplify", tmp_path / "none.html")
    assert missing.returncode == 2 and b"none.html" in missing.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_a_sentence_and_keeps_what_was_there(
    folder: Path, golden: Path, tmp_path: Path, workers: int
) -> None:
    """The process may write no file larger than 100 bytes."""
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, -1)); "
    one, many = tmp_path / "one.html", tmp_path / "many"
    one.write_text("before")
    for arguments in (
        ("simplify", golden / "results.html", "--out", one),
        ("simplify", folder, "--out", many, "--workers", workers),
    ):
        code = f"{full}from facsim.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
        )
        assert done.returncode == 2, done.stderr
        assert "cannot be written: File too large" in done.stderr
        assert "Traceback" not in done.stderr
    assert one.read_text() == "before"
    assert [file for file in many.rglob("*") if file.is_file()] == []
