"""Ingest: foreign sessions in, a data set and a report of what was met out."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from facsim.data.ingest_report import IngestReport
from facsim.data.session_builder import SessionBuilder
from facsim.data.sources import Source, open_source
from facsim.data.writer import DataSetWriter
from facsim.page import Recipe
from facsim.util.errors import ConfigError, InputError
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
    progress: Progress = no_progress,
) -> IngestReport:
    """Read the source called `source` at `path` and write a data set to `out`, whole or not at all.

    The folder also gets `ingest.json` and `ingest.md`: what was read, repaired and refused
    and why.

    Args:
        source: `miniwob`, `opera`, `rrweb`, `csv`, `jsonl` or `parquet`.
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
    progress: Progress = no_progress,
) -> IngestReport:
    """Write the data set of a source that is open already, one's own perhaps. Else as `ingest`."""
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
        if not len(writer):
            raise _nothing_usable(report)
        report.written = writer.counts
        text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
        writer.add_report(text, report.to_markdown())
    return report


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
