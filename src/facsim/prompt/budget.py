"""Decide what to drop when a session exceeds its token budget, from token counts alone.

The plan for a step is computed by replaying the session from its first step. It depends only on the session
so far, so a resumed run, or a run in any order, builds the same prompts. True actions are used for past steps
only.

Dropping pages invalidates a cached prefix. It is therefore done in blocks: once the budget is exceeded, pages
are dropped until three quarters of the room are used, and the following steps append again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BudgetPlan:
    """How the session so far is shown. Counts are of the oldest steps: 2 means the steps 0 and 1.

    Attributes:
        steps_left_out: left out completely.
        pages_left_out: shown without their page, including the steps left out.
        pages_in_window: shown at most as a window, including the pages left out. The next page is whole, and
            no later page refers to these.
        page_room: tokens to which the current page must be shortened; None if it fits.
    """

    steps_left_out: int = 0
    pages_left_out: int = 0
    pages_in_window: int = 0
    page_room: int | None = None


def plan_history(
    room: int,
    *,
    pages: Sequence[int],
    answers: Sequence[int],
    mark: int,
    note: int,
    below: int = 0,
    window: Callable[[int], int] | None = None,
) -> BudgetPlan:
    """Fit a session so far into `room` tokens.

    First, old pages become windows (policy `anchored`); then old pages become placeholders. If the current
    page would still get less than a quarter of the room, the oldest steps are left out until half of the room
    is free. Last, the current page is shortened.

    Args:
        room: what the system message leaves of the budget.
        pages: tokens of every whole page, the current one last.
        answers: tokens of the answer at every past step.
        mark: tokens of the placeholder of a page.
        note: tokens of the note on the number of steps left out.
        below: tokens below every page, included in its count, which shortening keeps; less than half of
            `room`.
        window: tokens of the window of a past page; called only for pages that must shrink. None: the policy
            has no windows.
    """
    steps_out = pages_out = windows = used = 0
    page_room = None
    for step, page in enumerate(pages):
        page_room = None
        if used + page > room:
            target = room * 3 // 4 - page
            while window and windows < step and used > target:
                used += window(windows) - pages[windows]
                windows += 1
            while pages_out < step and used > target:
                shown = window(pages_out) if window and pages_out < windows else pages[pages_out]
                used += mark - shown
                pages_out += 1
            if used + min(page, room // 4 + below) > room:
                used += 0 if steps_out else note
                while steps_out < step and used > room // 2:
                    used -= mark + answers[steps_out]
                    steps_out += 1
            if used + page > room:
                page_room = room - used
        if step < len(answers):
            # A shortened page counts as whole from here on, so it is the next to be dropped.
            used += page + answers[step]
    return BudgetPlan(steps_out, pages_out, max(windows, pages_out), page_room)


def plan_changes(
    room: int,
    *,
    page: Callable[[int, int], int],
    answers: Sequence[int],
    mark: int,
    note: int,
    below: int = 0,
    window: Callable[[int], int] | None = None,
) -> BudgetPlan:
    """Fit a session with pages as changes into `room` tokens.

    The oldest page that stays is whole, and later pages refer to it and to each other only. Otherwise like
    `plan_history`.

    Args:
        room: as in `plan_history`.
        page: `page(first, step)` returns the tokens of the page at `step` if the page at `first` is the
            oldest one to which it may refer.
        answers: as in `plan_history`.
        mark: as in `plan_history`.
        note: as in `plan_history`.
        below: as in `plan_history`.
        window: as in `plan_history`.
    """
    steps_out = pages_out = first = used = 0
    page_room = None

    def past(first: int, step: int) -> int:
        """Tokens of the steps before `step`."""
        shown = [
            mark if window is None or old < pages_out else window(old) for old in range(steps_out, first)
        ]
        shown += [page(first, old) for old in range(max(first, steps_out), step)]
        return sum(shown) + sum(answers[steps_out:step]) + (note if steps_out else 0)

    for step in range(len(answers) + 1):
        page_room = None
        current = page(first, step)
        if used + current > room:
            target = room * 3 // 4
            candidates = range(first + 1, step + 1)
            place = bisect_left(
                candidates, True, key=lambda first: past(first, step) + page(first, step) <= target
            )
            first = candidates[place] if place < len(candidates) else step
            pages_out = first if window is None else pages_out
            used, current = past(first, step), page(first, step)
            while pages_out < first and used + current > target:
                pages_out += 1
                used = past(first, step)
            if used + min(current, room // 4 + below) > room:
                used += 0 if steps_out else note
                while steps_out < step and used > room // 2:
                    used -= mark + answers[steps_out]
                    steps_out += 1
            if used + current > room:
                page_room = room - used
        if step < len(answers):
            used += current + answers[step]
    return BudgetPlan(steps_out, pages_out, max(first, pages_out), page_room)
