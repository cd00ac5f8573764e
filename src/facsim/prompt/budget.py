"""What gives way when a session does not fit: arithmetic on token counts alone, no page is read here.

The plan for a step is found by replaying the session from its first step, so it depends on nothing but the
session so far: a resumed run, or a run in any order, builds the same prompts. True actions count for past
steps only.

Giving way changes the prefix that a server may have cached. So it happens in blocks: once the budget is
exceeded, pages give way until three quarters of the room are used, and the steps that follow append again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """How the session so far is shown. All are counts of oldest steps: 2 means the steps 0 and 1.

    Attributes:
        steps_left_out: left out altogether.
        pages_left_out: shown without their page (these include the steps left out).
        pages_in_window: shown with a window of their page at most (these include the pages left out). The
            page after them is whole, and nothing refers to them.
        page_room: tokens that the current page must be cut to; None when all of it fits.
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
) -> Plan:
    """Fit a session so far into `room` tokens.

    Args:
        room: what the system message leaves of the budget.
        pages: tokens of every page shown whole, the current one last.
        answers: tokens of what was answered at every past step.
        mark: tokens of a message that stands for a page left out.
        note: tokens of the note that says how many steps are left out.
        below: tokens below every page, counted with it, which no cut takes away; less than half of the room.
        window: tokens of the window of a past page (policy `anchored`), asked only for pages that must
        shrink.

    The order in which things give way: old pages to windows (where the policy has windows), old pages to
    marks, and then, when the current page would get less than a quarter of the room, the oldest steps,
    until half of the room is free for it. What is then still too long is the current page: it is cut.
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
            # A current page that was cut is counted whole from here on: it is the next to give way.
            used += page + answers[step]
    return Plan(steps_out, pages_out, max(windows, pages_out), page_room)


def plan_changes(
    room: int,
    *,
    page: Callable[[int, int], int],
    answers: Sequence[int],
    mark: int,
    note: int,
    below: int = 0,
    window: Callable[[int], int] | None = None,
) -> Plan:
    """Fit a session whose pages are shown as changes into `room` tokens.

    A page that gives way leaves nothing behind that others may refer to: the oldest page that stays is whole,
    and those after it refer to it and to each other alone. Otherwise as `plan_history`, whose arguments these
    are but for one:

    Args:
        room: see there.
        page: `page(first, step)` is the tokens of the page of `step` where that of `first` is the oldest
        shown.
        answers: see there.
        mark: see there.
        note: see there.
        below: see there.
        window: see there.
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
    return Plan(steps_out, pages_out, max(first, pages_out), page_room)
