"""Data sources. A source reads files of other formats and yields sessions one at a time.

To add one: write a module here with a class that is a `Source`, and name it in `SOURCES`. A source

- yields what it read: raw or simplified HTML, and the recorded action. Simplifying, cleaning text,
  storing each page once and writing are done by `facsim.data.ingest`, the same for every source;
- keeps at most one session in memory (`RawSession.steps` may be a generator, which needs even less);
- reports what it read, repaired and refused. A session that cannot be used is
  refused with `report.refuse(kind, where)`, or, while its steps are being read, by raising `SessionRefused`;
- raises `InputError` only when the input as a whole cannot be read: a broken or missing file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from facsim.data.card import Card
from facsim.schema import Action, Outcome, RationaleSource
from facsim.util.errors import ConfigError, InputError
from facsim.util.progress import Progress

if TYPE_CHECKING:
    from facsim.data.ingest_report import IngestReport


PAGE_OF_NO_PAGES = (
    '<html data-simplified="1"><head><title>No page</title></head>'
    "<body><p>This log has no pages.</p></body></html>"
)
"""Stands for every page of a log without pages. The viewer shows it."""


@dataclass(frozen=True, slots=True)
class RawStep:
    """A step as recorded by a source.

    Attributes:
        html: the page: raw HTML, or simplified HTML if `simplified`.
        action: the person's action. `name` is None if the source does not know it.
        simplified: whether the elements in `html` already have names.
        raw_html: the original document of a simplified page, if there is one.
        selector: CSS selector of the target in a raw page, resolved to a name if the action has no name.
        target_text: visible text of the target in a raw page, used if there is no selector.
        target_role: the ARIA role that an element with this text must have; any if None.
        where: file and row, for messages.

    Other attributes are copied to `facsim.schema.Step`.
    """

    html: str
    action: Action
    simplified: bool = False
    raw_html: str | None = None
    selector: str | None = None
    target_text: str | None = None
    target_role: str | None = None
    category: str | None = None
    rationale: str | None = None
    rationale_source: RationaleSource | None = None
    timestamp: datetime | None = None
    elapsed: float | None = None
    url: str | None = None
    submitted: bool | None = None
    context: str | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class RawSession:
    """A session as recorded by a source. Fields as in `facsim.schema.Session`; `source` is filled in.

    Attributes:
        steps: in order; may be a generator that reads pages on demand.
        where: file and row, for messages.
    """

    session_id: str
    user_id: str
    steps: Iterable[RawStep]
    persona: str | None = None
    intent: str | None = None
    outcome: Outcome | None = None
    site: str | None = None
    official_split: str | None = None
    censored: bool = False
    where: str = ""


class SessionRefused(Exception):
    """Raised while the steps of an unusable session are read. The ingest continues with the next session.

    Args:
        kind: the reason, worded the same for all such sessions.
        where: file and row.
    """

    def __init__(self, kind: str, where: str = "") -> None:
        self.kind, self.where = kind, where
        super().__init__(f"{where}: {kind}" if where else kind)


class Source(Protocol):
    """Reads files of another format. The constructor takes the path, and the mapping if it needs one."""

    name: str
    """The name in `SOURCES`."""

    def card(self) -> Card:
        """Name, origin, licence, citation and settings. Counts and hash are set by the ingest."""

    def sessions(self, report: IngestReport, progress: Progress) -> Iterator[RawSession]:
        """The sessions one by one, always in the same order.

        Raises:
            InputError: if the input as a whole cannot be read.
        """


SOURCES: Mapping[str, str] = {
    "miniwob": "facsim.data.sources.miniwob:MiniWob",
    "opera": "facsim.data.sources.opera:Opera",
    "csv": "facsim.data.sources.mapped_log:CsvLog",
    "jsonl": "facsim.data.sources.mapped_log:JsonLines",
    "parquet": "facsim.data.sources.mapped_log:ParquetTable",
    "rrweb": "facsim.data.sources.rrweb.rrweb_source:Rrweb",
    "playwright": "facsim.data.sources.playwright_trace.trace_source:PlaywrightTrace",
}
"""Name -> module and class, imported on use."""

MAPPED_SOURCES = frozenset({"csv", "jsonl", "parquet"})
"""Sources for a user's own logs, which need a column mapping."""
RECORDING_SOURCES = frozenset({"rrweb"})
"""Sources that cut recordings into sessions at pauses."""


def open_source(
    name: str, path: str | Path, *, mapping: str | Path | None = None, gap: float | None = None
) -> Source:
    """The source `name`, reading from `path`.

    Args:
        name: one of `SOURCES`.
        path: a file or folder, or anything else that the source accepts (a hub id).
        mapping: YAML file that maps columns; for `csv`, `jsonl` and `parquet`.
        gap: minutes of a pause that ends a session; overrides the mapping. Recordings have 30 if it is None.

    Raises:
        ConfigError: if there is no such source, or the mapping is missing, invalid or not supported.
        InputError: if there is nothing at `path`, or it cannot be read.
    """
    if name not in SOURCES:
        raise ConfigError(f"unknown source {name!r}: expected one of {', '.join(SOURCES)}")
    if name in MAPPED_SOURCES and mapping is None:
        raise ConfigError(
            f"source {name} needs a mapping that says which column is what: --mapping FILE.yaml. "
            "docs/your-data/logs.md has a worked example; facsim ingest --init writes one to start from"
        )
    if name not in MAPPED_SOURCES and mapping is not None:
        raise ConfigError(f"source {name} knows its columns and takes no mapping")
    if name not in MAPPED_SOURCES | RECORDING_SOURCES and gap is not None:
        raise ConfigError(f"source {name} has sessions of its own and takes no gap")
    module, class_name = SOURCES[name].split(":")
    make = getattr(import_module(module), class_name)
    arguments = (path,) if mapping is None else (path, mapping)
    options = {"gap": gap} if name in MAPPED_SOURCES | RECORDING_SOURCES else {}
    try:
        source: Source = make(*arguments, **options)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    return source
