"""A page of the list of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facsim.schema import Session
from facsim.view.library import Found, Library

LONGEST_STRIP = 48
"""Steps of a session that its row draws."""


@dataclass(frozen=True, slots=True)
class Cell:
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
class Row:
    """A session in the list.

    Attributes:
        found: the session, and which of its steps is the first that was looked for.
        session: the session.
        about: what it is about: the intent, or else the first text that was typed.
        cells: its steps, the first ones of a very long session.
    """

    found: Found
    session: Session
    about: str
    cells: tuple[Cell, ...]

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


def listing(library: Library, found: Sequence[Found]) -> tuple[Row, ...]:
    """The rows of some sessions."""
    hits = library.hits(one.session_id for one in found)
    rows = []
    for one in found:
        session = library.data.session(one.session_id)
        cells = tuple(
            Cell(step.action.type, *hits.get((one.session_id, index), (0, 0)))
            for index, step in enumerate(session.steps[:LONGEST_STRIP])
        )
        typed = next((step.action.text for step in session.steps if step.action.text), "")
        rows.append(Row(one, session, (session.intent or typed or "")[:300], cells))
    return tuple(rows)
