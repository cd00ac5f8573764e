"""`facsim ingest`: recorded sessions in, a data set and a report out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators


def command(
    source: str,
    path: str,
    *,
    out: Path,
    mapping: Path | None = None,
    recipe: Path | None = None,
    keep_raw: Annotated[bool, Parameter(negative="--drop-raw")] = True,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    strict: Annotated[bool, Parameter(negative="")] = False,
    limit: int | None = None,
    workers: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1,
) -> int:
    """Turn recorded sessions into a data set.

    The data set folder also gets ingest.md: what was read, repaired and refused and why.

    Args:
        source: miniwob, opera, jsonl or parquet.
        path: What to read: a file, a folder, or for opera also a hub id.
        out: The data set folder to make.
        mapping: YAML file that says which column is what, for jsonl and parquet.
        recipe: YAML file with a site's rules for simplifying raw pages.
        keep_raw: Store raw pages beside the simplified ones.
        overwrite: Replace a data set that is already there.
        strict: End at the first session that would be refused.
        limit: Stop after so many sessions.
        workers: Processes that simplify raw pages. The result does not depend on it.
    """
    from rich.markdown import Markdown

    from facsim.cli.console import console, progress_bar
    from facsim.data.ingest import ingest

    with progress_bar("Ingesting") as progress:
        report = ingest(
            source,
            path,
            out,
            mapping=mapping,
            recipe=recipe,
            keep_raw=keep_raw,
            overwrite=overwrite,
            strict=strict,
            limit=limit,
            workers=workers,
            progress=progress,
        )
    console.print(Markdown(report.to_markdown()))
    console.print(f"The data set is in {out}. Next: facsim audit {out}", highlight=False, markup=False)
    return 0
