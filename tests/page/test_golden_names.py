"""The pages of docs/internals/page-names.md: their names are as the docs show them, and hold what names promise."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from page_properties import Hostile, check
from selectolax.lexbor import LexborHTMLParser

from facsim.page import read_page, simplify

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((Path(__file__).parent / "golden").glob("*.html"))


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    """benchmarks/draw_names.py, which makes the docs."""
    spec = importlib.util.spec_from_file_location("draw_names", ROOT / "benchmarks/draw_names.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_docs_show_the_names_that_pages_get(drawing: ModuleType) -> None:
    file = ROOT / "docs/internals/page-names.md"
    if os.environ.get("FACSIM_WRITE_GOLDEN"):
        file.write_text(drawing.document(), encoding="utf-8")
    assert file.read_text(encoding="utf-8").splitlines() == drawing.document().splitlines(), (
        "names have changed: read `git diff docs` after `FACSIM_WRITE_GOLDEN=1 pytest tests/page`, and draw the "
        "pictures again with `python benchmarks/draw_names.py --docs`"
    )


def test_every_picture_of_the_docs_is_there_and_small(drawing: ModuleType) -> None:
    pictures = re.findall(r"\]\(\.\./(pictures/[^)]+)\)", drawing.document())
    assert len(pictures) == len(drawing.PAGES) >= 6
    for picture in pictures:
        assert (ROOT / "docs" / picture).read_bytes().startswith(b"\x89PNG")
        assert (ROOT / "docs" / picture).stat().st_size < 150_000


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_golden_pages_keep_every_rule(file: Path) -> None:
    check(Hostile(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_names_do_not_depend_on_ids_and_classes(file: Path) -> None:
    html = file.read_text(encoding="utf-8")
    # Ids that labels and others refer to change everywhere at once.
    noisy = re.sub(r'\b(id|for|aria-labelledby|aria-describedby)="([^"]*)"', _other_ids, html)
    noisy = re.sub(r'\bclass="([^"]*)"', r'class="x9 \1 css-1f3"', noisy)
    names = [element.name for element in simplify(html).elements]
    assert [element.name for element in simplify(noisy).elements] == names
    # As if put into a larger page.
    inside = html.replace("<body>", '<body><div class="a"><div id="b">', 1)
    assert [element.name for element in simplify(inside).elements] == names


def _other_ids(found: re.Match[str]) -> str:
    return f'{found[1]}="{" ".join(f"r4nd0m{word}" for word in found[2].split())}"'


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_another_parser_reads_the_same_elements(file: Path) -> None:
    page = simplify(file.read_bytes())
    again = read_page(LexborHTMLParser(page.html).html or "")
    assert again.elements == tuple(replace(element, locator="") for element in page.elements)
