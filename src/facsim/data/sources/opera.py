"""OPeRA: volunteers shopping on Amazon, from the filtered tables of the hub data set NEU-HAI/OPeRA.

How rows become sessions:
- sessions are ordered by split (train first), then by the time of their first action; steps are ordered by
  timestamp, then action id;
- `input` is `type_and_submit`, category `search`; clicks have their click type as category; `terminate` has
  `terminate`. A click's name is its `semantic_id`; where that is null the step is kept without a name;
- the outcome is `purchase` if the last action is a click of type `purchase`, otherwise `terminate`;
- the persona is the survey and the processed interview (`opera_persona`);
- rationales are the participants' own.

Pages are used as published (`simplified_html`). They are read once, a few rows at a time. Pages of later
sessions wait in a temporary file, so memory holds only one session, whatever the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from facsim.data.card import Card
from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawSession, RawStep, SessionRefused
from facsim.data.sources.opera_actions import (
    HTML,
    ActionRow,
    check_columns,
    outcome_of,
    sessions_of,
    sorted_steps,
    start_of,
)
from facsim.data.sources.opera_files import TableFile, download, is_hub_id, table_files
from facsim.data.sources.opera_pages import read_pages, text_of
from facsim.data.sources.opera_users import OperaUsers
from facsim.data.sources.spool import Spool, SpoolEntry
from facsim.util.progress import Progress

_SPLIT_ORDER = ("train", "test", None)
_PROGRESS_EVERY = 50


@dataclass(slots=True)
class _Plan:
    """A session before its pages are read.

    Attributes:
        steps: its rows, in order.
        pages: by step: the page (None if null), or its position in the spool. Filled as the files are read.
    """

    session_id: str
    split: str | None
    steps: list[ActionRow]
    pages: dict[int, str | SpoolEntry | None] = field(default_factory=dict)

    @property
    def where(self) -> str:
        return f"{self.steps[0].where} (session {self.session_id})"


class Opera:
    """OPeRA's filtered tables.

    Args:
        path: a folder of Parquet files, or a data set of the hub: `OWNER/NAME` or `OWNER/NAME@REVISION`.

    Raises:
        ConfigError: if it is on the hub and `huggingface_hub` is not installed.
        InputError: if the path has no such tables.
    """

    name = "opera"

    def __init__(self, path: str | Path) -> None:
        self._hub_id = str(path) if is_hub_id(str(path)) else None
        folder = download(self._hub_id) if self._hub_id else Path(path)
        # The hub cache names a snapshot folder after its commit.
        self._revision = folder.name if self._hub_id else None
        self._files = table_files(folder)

    def card(self) -> Card:
        """Return the dataset card: origin, license and citation."""
        return Card(
            name="opera",
            source=self.name,
            origin="OPeRA, filtered tables: volunteers' own shopping on Amazon.com, recorded by a browser "
            "extension (hub data set NEU-HAI/OPeRA)",
            licence="CC-BY-4.0",
            citation="Wang et al.: OPeRA: A Dataset of Observation, Persona, Rationale, and Action for "
            "Evaluating LLMs on Human Online Shopping Behavior Simulation. arXiv 2506.05606",
            settings={"hub_id": self._hub_id, "revision": self._revision} if self._hub_id else {},
        )

    def sessions(self, report: IngestReport, progress: Progress) -> Iterator[RawSession]:
        """Yield the sessions by split, then by time.

        Raises:
            InputError: if a table cannot be read or lacks a column.
        """
        report.count_read("files", len(self._files))
        people = OperaUsers.read(self._files, report)
        tables = [table for table in self._files if table.kind == "action"]
        plans = _plans(tables, people, report)
        owners = {
            (step.file, step.row): (plan, index) for plan in plans for index, step in enumerate(plan.steps)
        }
        pending = iter(plans)
        current = next(pending, None)
        with Spool() as spool:
            for row, page in _pages(tables, progress):
                plan, index = owners.pop(row, (None, 0))
                if plan is None:
                    continue
                if page is None or plan is current:
                    plan.pages[index] = None if page is None else text_of(page)
                else:
                    plan.pages[index] = spool.put(page)
                while current is not None and len(current.pages) == len(current.steps):
                    yield _session(current, people, spool, report)
                    current.pages.clear()  # left over from a session that was refused halfway
                    current = next(pending, None)


def _plans(tables: Sequence[TableFile], people: OperaUsers, report: IngestReport) -> list[_Plan]:
    """Return the sessions in output order."""
    plans: list[_Plan] = []
    found = sessions_of(tables, report)
    for (split, session_id), rows in found.items():
        where = f"session {session_id}"
        if rows:
            plans.append(_Plan(session_id, split, sorted_steps(rows, report, f"{rows[0].where} ({where})")))
        else:
            report.refuse("session without steps", where)
    known = {session_id for _, session_id in found}
    for session_id in people.users:
        if session_id not in known:
            report.refuse("session without rows in the action table", f"session {session_id}")
    return sorted(
        plans, key=lambda plan: (_SPLIT_ORDER.index(plan.split), start_of(plan.steps), plan.session_id)
    )


def _pages(
    tables: Sequence[TableFile], progress: Progress
) -> Iterator[tuple[tuple[Path, int], pa.Buffer | None]]:
    """Yield file and row number of every row, and its page, in file order."""
    total = sum(check_columns(table.file, (HTML,)) for table in tables)
    done = 0
    for table in tables:
        for number, page in enumerate(read_pages(table.file, HTML)):
            yield (table.file, number), page
            done += 1
            if done % _PROGRESS_EVERY == 0 or done == total:
                progress(done, total, "rows")


def _session(plan: _Plan, people: OperaUsers, spool: Spool, report: IngestReport) -> RawSession:
    user_id = people.user_of(plan.session_id, report, plan.where)
    return RawSession(
        session_id=plan.session_id,
        user_id=user_id,
        persona=people.persona_of(user_id, report, plan.where),
        outcome=outcome_of(plan.steps, report, plan.where),
        site="amazon.com",
        official_split=plan.split,
        steps=_steps(plan, spool),
        where=plan.where,
    )


def _steps(plan: _Plan, spool: Spool) -> Iterator[RawStep]:
    start = plan.steps[0].time
    for index, step in enumerate(plan.steps):
        page = plan.pages.pop(index)
        if page is None:
            raise SessionRefused("page is null", step.where)
        yield RawStep(
            html=text_of(spool.get(page)) if isinstance(page, tuple) else page,
            simplified=True,
            action=step.action,
            category=step.category,
            rationale=step.rationale,
            rationale_source="human" if step.rationale else None,
            timestamp=step.time,
            elapsed=(step.time - start).total_seconds() if step.time and start else None,
            url=step.url,
            where=step.where,
        )
