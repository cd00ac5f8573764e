"""A page of the list of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facsim.schema import Session
from facsim.view.library import Library, SessionMatch
from facsim.view.verdict import verdict_on

LONGEST_STRIP = 48
"""Steps of a session that its row draws."""


@dataclass(frozen=True, slots=True)
class StripCell:
    """A step in a row: its action's type, and how many runs are right of those asked."""

    action: str
    right: int
    asked: int

    @property
    def shade(self) -> str:
        """How many are right: `all`, `some`, `no`; `none` where nobody was asked."""
        if not self.asked:
            return "none"
        return "all" if self.right == self.asked else "some" if self.right else "no"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in the list.

    Attributes:
        found: the session, and which of its steps is the first that was looked for.
        session: the session.
        about: what it is about: the intent, or else the first text that was typed.
        cells: its steps, the first ones of a very long session.
    """

    found: SessionMatch
    session: Session
    about: str
    cells: tuple[StripCell, ...]

    @property
    def words(self) -> str:
        """What the strip of cells shows, for screen readers."""
        asked = [cell for cell in self.cells if cell.asked]
        if not asked:
            return f"{len(self.session.steps)} steps, no run was asked"
        split = sum(cell.shade == "some" for cell in asked)
        return (
            f"{len(self.session.steps)} steps, runs were asked about {len(asked)}: all right at "
            f"{sum(cell.shade == 'all' for cell in asked)}, some at {split}, none at "
            f"{sum(cell.shade == 'no' for cell in asked)}"
        )


def session_rows(library: Library, found: Sequence[SessionMatch]) -> tuple[SessionRow, ...]:
    """The rows of some sessions.

    Raises:
        InputError: if predictions are damaged, or not what they were.
    """
    rows = []
    for one in found:
        session = library.data.session(one.session_id)
        said = [run.of_session(one.session_id) for run in library.runs]
        cells = []
        for index, step in enumerate(session.steps[:LONGEST_STRIP]):
            lines = [of_run[index] for of_run in said if index in of_run]
            right = sum(verdict_on(step.action, line).right for line in lines)
            cells.append(StripCell(step.action.type, right, len(lines)))
        typed = next((step.action.text for step in session.steps if step.action.text), "")
        rows.append(SessionRow(one, session, (session.intent or typed or "")[:300], tuple(cells)))
    return tuple(rows)
