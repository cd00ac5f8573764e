"""`facsim ingest`: recorded sessions to a data set and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators


def command(
    source: str | None = None,
    path: str | None = None,
    *,
    out: Path | None = None,
    mapping: Path | None = None,
    init: Path | None = None,
    gap: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    recipe: Path | None = None,
    keep_raw: Annotated[bool, Parameter(negative="--drop-raw")] = True,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    strict: Annotated[bool, Parameter(negative="")] = False,
    limit: int | None = None,
    workers: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    on: str | None = None,
    scrub: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Turn recorded sessions into a data set.

    The data set folder also gets ingest.md: what was read, repaired and refused and why.

    Args:
        source: miniwob, opera, rrweb (also exports of PostHog and Sentry), playwright, csv, jsonl or parquet.
        path: What to read: a file, a folder, or for opera also a hub id.
        out: The data set folder to create.
        mapping: YAML file that says which column is what, for csv, jsonl and parquet.
        init: A log in CSV, JSON Lines or Parquet to write a first mapping for, with comments. It goes to the
            file of --mapping, or to NAME.mapping.yaml in the current folder. Nothing else is done.
        gap: Minutes. Mapped logs are cut into sessions at every longer pause, and recordings where nobody was
            there for longer (default for recordings: 30).
        recipe: YAML file with a site's rules for simplifying raw pages.
        keep_raw: Store raw pages with the simplified ones.
        overwrite: Replace an existing data set.
        strict: Stop at the first session that would be refused.
        limit: Stop after this many sessions.
        workers: Processes that simplify raw pages. The result does not depend on it. Default: 1; with --on,
            every core of the cluster.
        on: ray, or ray://HOST:PORT: simplify raw pages on a Ray cluster.
        scrub: Replace personal data by placeholders, as facsim scrub does. Raw pages are not stored.
    """
    from rich.markdown import Markdown

    from facsim.cli.console import console, progress_bar
    from facsim.data.ingest import ingest
    from facsim.util.errors import ConfigError

    if init is not None:
        return _write_draft(init, mapping, overwrite=overwrite)
    if source is None or path is None or out is None:
        raise ConfigError(
            "expected SOURCE, PATH and --out, for example: facsim ingest csv log.csv "
            "--mapping log.mapping.yaml --out data/own. For a first mapping: facsim ingest --init log.csv"
        )
    with progress_bar("Ingesting") as progress:
        report = ingest(
            source,
            path,
            out,
            mapping=mapping,
            gap=gap,
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
    console.print(Markdown(report.to_markdown()))
    console.print(f"The data set is in {out}. Next: facsim audit {out}", highlight=False, markup=False)
    return 0


def _write_draft(log: Path, mapping: Path | None, *, overwrite: bool) -> int:
    from facsim.cli.console import console
    from facsim.data.mapping_draft import draft_mapping, log_format
    from facsim.util.errors import ConfigError
    from facsim.util.files import write_atomically

    file = mapping or Path(f"{log.name.split('.')[0] or 'log'}.mapping.yaml")
    if file.exists() and not overwrite:
        raise ConfigError(f"{file} exists. Choose another file with --mapping, or use --overwrite")
    write_atomically(file, draft_mapping(log))
    console.print(
        f"A first mapping is in {file}. Check its guesses, answer every TODO, then: "
        f"facsim ingest {log_format(log)} {log} --mapping {file} --out data/own",
        highlight=False,
        markup=False,
    )
    return 0
