"""The participant and persona of each session, from OPeRA's session and user tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from facsim.data.ingest_report import IngestReport
from facsim.data.sources.opera_actions import check_columns
from facsim.data.sources.opera_files import TableFile
from facsim.data.sources.opera_persona import persona_of, text_or_none
from facsim.data.sources.rows import parquet_rows

_SESSION_ID = re.compile(r"(?P<user>.+?)_\d{4}-\d{2}-\d{2}T[^_]*_\d{4}-\d{2}-\d{2}T[^_]*")


@dataclass(slots=True)
class OperaUsers:
    """The participants.

    Attributes:
        users: user id by session id, from the session table.
        personas: persona by user id.
    """

    users: dict[str, str] = field(default_factory=dict)
    personas: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, tables: Sequence[TableFile], report: IngestReport) -> OperaUsers:
        """Read all splits of both tables. Either table may be missing.

        Raises:
            InputError: if a file cannot be read or lacks a column.
        """
        people = cls()
        for table in tables:
            if table.kind == "session":
                people._read_sessions(table, report)
            elif table.kind == "user":
                people._read_users(table, report)
        return people

    def user_of(self, session_id: str, report: IngestReport, where: str) -> str:
        """Return the user of a session, from the table or else from the prefix of the session id."""
        if session_id in self.users:
            return self.users[session_id]
        found = _SESSION_ID.fullmatch(session_id)
        report.note("session is not in the session table: user taken from its id", where)
        return found["user"] if found else session_id

    def persona_of(self, user_id: str, report: IngestReport, where: str) -> str | None:
        """Return the persona of a user; None if there is none."""
        if user_id not in self.personas:
            report.note("user has no survey and no interview: no persona", where)
        return self.personas.get(user_id)

    def _read_sessions(self, table: TableFile, report: IngestReport) -> None:
        check_columns(table.file, ("session_id", "user_id"))
        for row in parquet_rows(table.file, ("session_id", "user_id")):
            session_id, user_id = (text_or_none(row.values[name]) for name in ("session_id", "user_id"))
            if session_id and user_id:
                self.users[session_id] = user_id
            else:
                report.note("row of the session table lacks an id: not used", row.where)

    def _read_users(self, table: TableFile, report: IngestReport) -> None:
        check_columns(table.file, ("user_id", "survey"))
        for row in parquet_rows(table.file, ("user_id", "survey", "interview_transcript_processed")):
            user_id = text_or_none(row.values["user_id"])
            if user_id is None:
                report.note("row of the user table lacks an id: not used", row.where)
                continue
            persona, is_json = persona_of(
                row.values["survey"], row.values.get("interview_transcript_processed")
            )
            if not is_json:
                report.note("survey is not JSON: taken as text", row.where)
            if persona is not None:
                self.personas[user_id] = persona
