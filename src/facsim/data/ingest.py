"""Ingest: foreign sessions in, a data set and a report of what was met out."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex

from facsim.data.ingest_report import IngestReport
from facsim.data.scrub import PersonalDataDetector
from facsim.data.scrub.report import title_of
from facsim.data.scrub.scrub import scrub as scrub_data_set
from facsim.data.session_builder import SessionBuilder
from facsim.data.sources import Source, open_source
from facsim.data.writer import DataSetWriter
from facsim.page import Recipe
from facsim.schema import Session
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.executor import open_executor
from facsim.util.progress import Progress, no_progress

_REASONS_TOLD = 5


def ingest(
    source: str,
    path: str | Path,
    out: str | Path,
    *,
    mapping: str | Path | None = None,
    gap: float | None = None,
    recipe: str | Path | None = None,
    keep_raw: bool = True,
    overwrite: bool = False,
    strict: bool = False,
    limit: int | None = None,
    workers: int | None = None,
    on: str | None = None,
    scrub: bool = False,
    progress: Progress = no_progress,
) -> IngestReport:
    """Read the source called `source` at `path` and write a data set to `out`, whole or not at all.

    The folder also gets `ingest.json` and `ingest.md`: what was read, repaired and refused
    and why.

    Args:
        source: `miniwob`, `opera`, `rrweb`, `playwright`, `csv`, `jsonl` or `parquet`.
        path: what to read: a file, a folder, or for `opera` also a hub id.
        out: the data set folder to make.
        mapping: YAML file that says which column is what; for `csv`, `jsonl` and `parquet`.
        gap: minutes; a session is cut at every longer pause. For the same sources and `rrweb` (default 30).
        recipe: YAML file with a site's rules for simplifying raw pages; else the source's own, if it has one.
        keep_raw: store raw pages beside the simplified ones.
        overwrite: replace a data set that is already at `out`.
        strict: end at the first session that would be refused.
        limit: stop after so many sessions.
        workers: processes that simplify raw pages; by default one, on a cluster as many as it has cores. The
            result does not depend on it.
        on: `ray` or `ray://HOST:PORT` to simplify them on a Ray cluster; None for this machine.
        scrub: replace personal data as `facsim.scrub` does, with a random key. Raw pages are not stored.
        progress: told how far the source is.

    Raises:
        ConfigError: if an option, the mapping or the recipe is not usable.
        InputError: if the input cannot be read, holds no usable session, or `strict` met a refusal.
    """
    return write_source(
        open_source(source, path, mapping=mapping, gap=gap),
        path,
        out,
        recipe=recipe,
        keep_raw=keep_raw,
        overwrite=overwrite,
        strict=strict,
        limit=limit,
        workers=workers,
        on=on,
        scrub=scrub,
        progress=progress,
    )


def write_source(
    source: Source,
    path: str | Path,
    out: str | Path,
    *,
    recipe: str | Path | None = None,
    keep_raw: bool = True,
    overwrite: bool = False,
    strict: bool = False,
    limit: int | None = None,
    workers: int | None = None,
    on: str | None = None,
    scrub: bool = False,
    progress: Progress = no_progress,
) -> IngestReport:
    """Write the data set of a source that is open already, one's own perhaps. Else as `ingest`."""
    write = partial(
        _write,
        source,
        path,
        recipe=recipe,
        strict=strict,
        limit=limit,
        workers=workers,
        on=on,
        progress=progress,
    )
    if not scrub:
        return write(out, keep_raw=keep_raw, overwrite=overwrite)
    DataSetWriter(out, source.card(), overwrite=overwrite)  # refuse the folder before any work
    with _unscrubbed_folder(Path(out)) as folder:
        report = write(folder, keep_raw=False, overwrite=False, scrub_follows=True)
        scrub_data_set(folder, out, overwrite=overwrite, progress=progress)
    return report


@contextmanager
def _unscrubbed_folder(out: Path) -> Iterator[Path]:
    """A place beside the data set, readable by this user only, for what is not scrubbed yet.

    It is named like the folder of a writer: the next writer of `out` removes it if this process is killed.
    """
    folder = out.parent / f".{out.name}.{os.getpid()}-{token_hex(3)}.partial"
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise FacsimError(f"{out} could not be written: {error.strerror or error}") from None
    try:
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(
    source: Source,
    path: str | Path,
    out: str | Path,
    *,
    recipe: str | Path | None,
    keep_raw: bool,
    overwrite: bool,
    scrub_follows: bool = False,
    strict: bool,
    limit: int | None,
    workers: int | None,
    on: str | None,
    progress: Progress,
) -> IngestReport:
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}: expected a number of sessions, at least 1")
    report = IngestReport(source.name, str(path), strict=strict)
    # A source may bring a recipe for its own sites along.
    recipe = recipe if recipe is not None else getattr(source, "recipe", None)
    hints = Recipe.read(recipe) if recipe is not None else None
    with (
        open_executor(workers, on) as executor,
        DataSetWriter(out, source.card(), keep_raw=keep_raw, overwrite=overwrite) as writer,
    ):

        def wanted() -> int | None:
            return None if limit is None else limit - len(writer)

        builder = SessionBuilder(report, recipe=hints, keep_raw=keep_raw, executor=executor)
        read = partial(source.sessions, progress=progress)
        for raw, session, pages in builder.sessions(read, source.name, writer.page_ids, wanted):
            if session.session_id in writer:
                report.refuse("session id was used before", raw.where or f"session {session.session_id}")
                continue
            for page_id, page in pages.items():
                writer.add_page(page.html, page.raw_html, page_id=page_id)
            writer.add_session(session)
            if not scrub_follows:
                _note_personal_texts(session, report)
        if not len(writer):
            raise _nothing_usable(report)
        report.written = writer.counts
        text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
        writer.add_report(text, report.to_markdown())
    return report


def _note_personal_texts(session: Session, report: IngestReport) -> None:
    for index, step in enumerate(session.steps):
        kind = PersonalDataDetector.default().typed_kind(step.action.name, step.action.text)
        if kind is not None:
            report.note(
                f"typed text looks personal ({title_of(kind)}): kept. facsim scrub replaces it",
                f"session {session.session_id}, step {index}",
            )


def _nothing_usable(report: IngestReport) -> InputError:
    most_often = sorted(report.refused.items(), key=lambda item: -item[1].count)
    reasons = "; ".join(
        f"{kind} ({tally.count}, first: {', '.join(tally.examples[:1])})"
        for kind, tally in most_often[:_REASONS_TOLD]
    )
    if len(most_often) > _REASONS_TOLD:
        reasons += f"; {len(most_often) - _REASONS_TOLD} other reasons"
    return InputError(
        "holds no session that can be used" + (f": {reasons}" if reasons else ""),
        file=report.path,
        expected="at least one session with a page and an action at every step",
    )
