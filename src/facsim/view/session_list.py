"""The rows of the list of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from facsim.data.scrub import PersonalDataDetector
from facsim.schema import Action, Session
from facsim.view.library import Library, SessionMatch
from facsim.view.replay import ActionText, lines_of
from facsim.view.verdict import verdict_on

LONGEST_STRIP = 48
"""The maximum number of steps in a row."""


@dataclass(frozen=True, slots=True)
class StripCell:
    """A step in a row.

    Attributes:
        index: of the step.
        action: the action type.
        text: the action in words.
        right: how many runs predicted it correctly.
        asked: how many runs predicted it.
        pending: whether the predictor of a running rollout is being asked about it.
    """

    index: int
    action: str
    text: str
    right: int
    asked: int
    pending: bool = False

    @property
    def title(self) -> str:
        """The tooltip."""
        if self.pending:
            return f"Step {self.index + 1}: waiting for the predictor"
        if not self.asked:
            return f"Step {self.index + 1}: {self.text} (no prediction)"
        return f"Step {self.index + 1}: {self.text} ({self.right} of {self.asked} correct)"

    @property
    def shade(self) -> str:
        """How many are correct: `all`, `some`, `no`; `none` without predictions."""
        if not self.asked:
            return "none"
        return "all" if self.right == self.asked else "some" if self.right else "no"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in the list.

    Attributes:
        found: the session, with its first step that matches the filter.
        start: index of the step that the session opens at.
        session: the session.
        about: the intent, or else the first typed text that does not look personal.
        cells: its steps; of a very long session, the first ones.
        end: in a rollout, how the session ended; empty if it has not ended.
    """

    found: SessionMatch
    start: int
    session: Session
    about: str
    cells: tuple[StripCell, ...]
    end: str = ""

    @property
    def words(self) -> str:
        """The strip of cells in words, for screen readers."""
        asked = [cell for cell in self.cells if cell.asked]
        if not asked:
            return f"{len(self.session.steps)} steps without predictions"
        split = sum(cell.shade == "some" for cell in asked)
        return (
            f"{len(self.session.steps)} steps, {len(asked)} with predictions: all correct at "
            f"{sum(cell.shade == 'all' for cell in asked)}, some at {split}, none at "
            f"{sum(cell.shade == 'no' for cell in asked)}"
        )


def _is_personal(action: Action) -> bool:
    """Whether the typed text is personal data, by its field or by what it is."""
    return PersonalDataDetector.default().typed_kind(action.name, action.text) is not None


def _without_personal_text(action: Action) -> Action:
    """The action as a list may show it: lists are seen over shoulders and in pictures."""
    return replace(action, text="…") if action.text and _is_personal(action) else action


def session_rows(
    library: Library, found: Sequence[SessionMatch]
) -> tuple[tuple[SessionRow, ...], tuple[str, ...]]:
    """The rows of some sessions, and what is wrong with predictions that cannot be shown."""
    rows: list[SessionRow] = []
    problems: dict[str, None] = {}
    for one in found:
        session = library.data.session(one.session_id)
        said, damaged = lines_of(library, one.session_id)
        problems |= dict.fromkeys(damaged)
        cells = []
        for index, step in enumerate(session.steps[:LONGEST_STRIP]):
            lines = [of_run[index] for of_run in said if index in of_run]
            right = sum(verdict_on(step.action, line).right for line in lines)
            text = ActionText.of(_without_personal_text(step.action), None).sentence
            pending = library.details.is_pending(one.session_id, index)
            cells.append(StripCell(index, step.action.type, text, right, len(lines), pending))
        typed = next(
            (
                step.action.text
                for step in session.steps
                if step.action.text and not _is_personal(step.action)
            ),
            "",
        )
        first_asked = min((index for of_run in said for index in of_run), default=0)
        # Without conditions on steps, a session opens at its first test case.
        start = first_asked if one.steps == len(session.steps) else one.step
        about = (session.intent or typed or "")[:300]
        end = library.details.end(one.session_id)
        rows.append(SessionRow(one, start, session, about, tuple(cells), end))
    return tuple(rows), tuple(problems)
