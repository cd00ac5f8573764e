"""What an ingest read, repaired, noted and refused, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from facsim.util.display_text import one_line
from facsim.util.errors import InputError

EXAMPLES_KEPT = 5
KINDS_KEPT = 50
_OTHER = "something else: there are too many kinds to tell them all"
_LONGEST = 200


@dataclass(slots=True)
class IssueCount:
    """How often one kind of thing was met, and where the first few were."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, where: str, times: int = 1) -> None:
        """Count `times` more, and keep the place if few are kept so far."""
        self.count += times
        if where and len(self.examples) < EXAMPLES_KEPT:
            self.examples.append(_short(where))


@dataclass(slots=True)
class IngestReport:
    """Filled while a source is read; written into the data set as `ingest.json` and `ingest.md`.

    A kind is a short clause that a reader understands without the code, the same for all its cases
    (`"times out of order: sorted"`); what differs from case to case (file, row, session) goes into `where`.
    A kind may quote a value that a log has where it should have one of a few (`"action type 'hover' is …"`):
    both are shortened, and only `KINDS_KEPT` kinds are kept apart, lest a wrong column fill the report.

    Attributes:
        source: the source's name.
        path: what was read.
        strict: whether the first refusal ends the ingest.
        read_counts: what the source contained, for example `{"rows": 5856}`.
        repaired: what was put right, by kind.
        noted: what was kept as it is and a reader should know, by kind.
        refused: sessions that were left out, by reason.
        written: counts of the data set: sessions, steps, pages, users.
    """

    source: str
    path: str
    strict: bool = False
    read_counts: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, IssueCount] = field(default_factory=dict)
    noted: dict[str, IssueCount] = field(default_factory=dict)
    refused: dict[str, IssueCount] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)

    def count_read(self, what: str, times: int = 1) -> None:
        """Count something that was read: `rows`, `files`, `sessions`."""
        self.read_counts[what] = self.read_counts.get(what, 0) + times

    def repair(self, kind: str, where: str = "", times: int = 1) -> None:
        """Count something that was put right."""
        _add(self.repaired, kind, where, times)

    def note(self, kind: str, where: str = "", times: int = 1) -> None:
        """Count something that was kept as it is, and that a reader should know."""
        _add(self.noted, kind, where, times)

    def refuse(self, kind: str, where: str = "") -> None:
        """Count a session that is left out.

        Raises:
            InputError: if the ingest is strict.
        """
        if self.strict:
            raise InputError(
                _short(kind),
                file=self.path,
                where=_short(where),
                remedy="Without --strict this session would be left out",
            )
        _add(self.refused, kind, where)

    @property
    def sessions_refused(self) -> int:
        """How many sessions were left out."""
        return sum(tally.count for tally in self.refused.values())

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values. Says nothing of time or machine: equal input gives equal bytes."""
        return {
            "source": self.source,
            "path": self.path,
            "strict": self.strict,
            "read": dict(sorted(self.read_counts.items())),
            "written": dict(self.written),
            **{
                part: {
                    kind: {"count": tally.count, "examples": tally.examples}
                    for kind, tally in sorted(getattr(self, part).items())
                }
                for part in ("repaired", "noted", "refused")
            },
        }

    def to_markdown(self) -> str:
        """The report for a reader."""
        lines = [f"# Ingest of {self.source}", "", f"Read from `{one_line(self.path)}`.", ""]
        lines += [f"- read: {_counts(self.read_counts)}", f"- written: {_counts(self.written)}", ""]
        titles = {
            "repaired": "Repaired",
            "noted": "Kept as it is, and worth knowing",
            "refused": "Refused (sessions left out)",
        }
        for part, title in titles.items():
            tallies: dict[str, IssueCount] = getattr(self, part)
            lines += [f"## {title}", ""]
            if not tallies:
                lines += ["Nothing.", ""]
                continue
            lines += ["| what | how often | first seen |", "|---|---:|---|"]
            for kind, tally in sorted(tallies.items(), key=lambda item: (-item[1].count, item[0])):
                places = "; ".join(tally.examples) or "-"
                lines.append(f"| {_cell(kind)} | {tally.count:,} | {_cell(places)} |")
            lines.append("")
        # Places quote what was found, and paths are what they are: neither need be Unicode text.
        return "\n".join(lines).encode("utf-8", "replace").decode()


class DeferredReport(IngestReport):
    """Records what a source reports, to be replayed later in its place among other reports.

    Args:
        target: the report that the records are replayed on.
    """

    def __init__(self, target: IngestReport) -> None:
        super().__init__(target.source, target.path, target.strict)
        self._target = target
        self._events: list[Callable[[], None]] = []

    def count_read(self, what: str, times: int = 1) -> None:
        """Count later."""
        self._events.append(partial(self._target.count_read, what, times))

    def repair(self, kind: str, where: str = "", times: int = 1) -> None:
        """Count later."""
        self._events.append(partial(self._target.repair, kind, where, times))

    def note(self, kind: str, where: str = "", times: int = 1) -> None:
        """Count later."""
        self._events.append(partial(self._target.note, kind, where, times))

    def refuse(self, kind: str, where: str = "") -> None:
        """Count later. A strict report raises when this is replayed."""
        self._events.append(partial(self._target.refuse, kind, where))

    def take(self) -> DeferredReport:
        """The records so far, in a report of their own."""
        taken = DeferredReport(self._target)
        taken._events, self._events = self._events, taken._events
        return taken

    def replay(self) -> None:
        """Report what was recorded, once."""
        events, self._events = self._events, []
        for event in events:
            event()


def _add(tallies: dict[str, IssueCount], kind: str, where: str, times: int = 1) -> None:
    kind = _short(kind)
    if kind not in tallies and len(tallies) >= KINDS_KEPT:
        kind = _OTHER
    tallies.setdefault(kind, IssueCount()).add(where, times)


def _short(text: str) -> str:
    """Text from outside, shortened and safe to print: it may steer terminals."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
    return one_line(text)


def _counts(counts: dict[str, int]) -> str:
    """Counts of plural nouns in words.

    >>> _counts({"files": 1, "rows": 1200})
    '1 file, 1,200 rows'
    """
    words = (f"{count:,} {_singular(what) if count == 1 else what}" for what, count in counts.items())
    return ", ".join(words) or "nothing"


def _singular(what: str) -> str:
    first, space, rest = what.partition(" ")
    return f"{first.removesuffix('s')}{space}{rest}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
