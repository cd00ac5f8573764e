"""Simplifies one file, or all files of a folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from facsim.page.recipe import Recipe
from facsim.page.simplify import simplify
from facsim.schema import Element, Page
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.executor import open_executor
from facsim.util.files import write_atomically
from facsim.util.progress import Progress, no_progress

_PAGES = frozenset({".html", ".htm", ".xhtml"})
STANDARD_INPUT = Path("-")
_BATCH = 8
"""Files that a worker gets at a time."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """Result for a folder: the number of pages written, and by file why others were not."""

    written: int
    refused: dict[Path, str]


def elements_json(page: Page) -> str:
    """Return the elements of a page as a JSON array of objects with the fields of `facsim.Element`."""
    return json.dumps([_plain(element) for element in page.elements], ensure_ascii=False, indent=1)


def _plain(element: Element) -> dict[str, object]:
    plain = {field.name: getattr(element, field.name) for field in fields(element)}
    return plain | {"states": sorted(element.states)}


def simplify_one(
    source: Path, out: Path | None = None, *, elements: bool = False, recipe: Recipe | None = None
) -> None:
    """Simplify one file.

    Args:
        source: the file; `-` is standard input.
        out: the file to write; standard output by default.
        elements: whether to write the elements as JSON instead of the page.
        recipe: hints for the site.

    Raises:
        InputError: if the file cannot be read or is not a page.
        FacsimError: if `out` cannot be written; an existing file is kept.
    """
    try:
        raw = sys.stdin.buffer.read() if source == STANDARD_INPUT else source.read_bytes()
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", file=source) from None
    try:
        page = simplify(raw, recipe=recipe)
    except InputError as error:
        raise InputError(error.problem, file=source, expected=error.expected) from None
    text = (elements_json(page) if elements else page.html) + "\n"
    # Pages may contain characters that the terminal's encoding lacks.
    written = text.encode("utf-8", "replace")
    if out is None:
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
    else:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FacsimError(f"{out.parent}: cannot be created: {error.strerror}") from None
        write_atomically(out, written)


def simplify_folder(
    source: Path,
    out: Path | None,
    *,
    elements: bool = False,
    recipe: Recipe | None = None,
    workers: int | None = None,
    on: str | None = None,
    progress: Progress = no_progress,
) -> BatchReport:
    """Simplify all HTML files of a folder, at any depth, into a folder of the same layout.

    Args:
        source: the folder.
        out: the folder to write.
        elements: whether to write the elements as JSON (`.json`) instead of the pages.
        recipe: hints for the site.
        workers: number of processes; by default one, on a cluster as many as it has cores. The output does
            not depend on it.
        on: `ray` or `ray://HOST:PORT` for a Ray cluster, whose nodes must all see both folders; None for this
            machine.
        progress: called after each file.

    Raises:
        ConfigError: if `out` is missing or is the folder itself, or a node does not see the folders.
        InputError: if the folder contains no HTML files.
        FacsimError: if a page cannot be written.
    """
    if out is None or out.resolve() == source.resolve():
        raise ConfigError("A folder of pages needs --out with another folder")
    files = sorted(file for file in source.rglob("*") if file.suffix.lower() in _PAGES and file.is_file())
    if not files:
        raise InputError("no HTML files", file=source, expected=" or ".join(sorted(_PAGES)))
    pairs = [(file, _target(out / file.relative_to(source), elements)) for file in files]
    refused: dict[Path, str] = {}
    work = partial(_attempt, elements=elements, recipe=recipe)
    done = 0
    with open_executor(workers, on) as executor:
        executor.check_files([files[0], files[-1]])
        executor.check_shared(out)
        batches = [pairs[start : start + _BATCH] for start in range(0, len(pairs), _BATCH)]
        for batch, problems in zip(batches, executor.map(work, batches), strict=True):
            for (file, _), problem in zip(batch, problems, strict=True):
                if problem:
                    refused[file] = problem
                done += 1
                progress(done, len(pairs), file.name)
    return BatchReport(len(pairs) - len(refused), refused)


def _target(file: Path, elements: bool) -> Path:
    return file.with_suffix(".json") if elements else file


def _attempt(
    pairs: Sequence[tuple[Path, Path]], *, elements: bool, recipe: Recipe | None
) -> list[str | None]:
    """Simplify some files. Returns why a file was refused, or None, for each."""
    problems: list[str | None] = []
    for file, target in pairs:
        try:
            simplify_one(file, target, elements=elements, recipe=recipe)
        except InputError as error:
            problems.append(str(error.problem))
        else:
            problems.append(None)
    return problems
