"""The plan depends on the session so far alone, keeps what it promises, and gives way in blocks."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from facsim.prompt.budget import BudgetPlan, plan_history

MARK, NOTE = 8, 12


def plan(room, pages, answers, windows=None):
    return plan_history(
        room,
        pages=pages,
        answers=answers,
        mark=MARK,
        note=NOTE,
        window=windows.__getitem__ if windows else None,
    )


def used(found: BudgetPlan, pages, answers, windows=None) -> int:
    """Tokens of the prompt that a plan describes, counted from scratch."""
    total = NOTE if found.steps_left_out else 0
    for step in range(found.steps_left_out, len(answers)):
        if step < found.pages_left_out:
            shown = MARK
        elif windows and step < found.pages_in_window:
            shown = windows[step]
        else:
            shown = pages[step]
        total += shown + answers[step]
    return total + (pages[-1] if found.page_room is None else found.page_room)


sessions = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(MARK, 900), min_size=n, max_size=n),
        st.lists(st.integers(5, 60), min_size=n - 1, max_size=n - 1),
    )
)


@given(sessions, st.integers(100, 5_000), st.booleans())
def test_every_prompt_fits_and_shows_enough_of_the_current_page(session, room, anchored):
    pages, answers = session
    windows = [min(page, 50) for page in pages] if anchored else None
    found = plan(room, pages, answers, windows)
    assert used(found, pages, answers, windows) <= room
    if found.page_room is not None:
        assert room // 4 <= found.page_room < pages[-1]
        # The current page is cut last: every old page has given way.
        assert found.pages_left_out == len(answers)
    assert found.steps_left_out <= found.pages_left_out <= found.pages_in_window <= len(answers)


@given(sessions, st.integers(100, 5_000), st.booleans())
def test_what_has_given_way_stays_away_and_is_never_the_current_step(session, room, anchored):
    pages, answers = session
    windows = [min(page, 50) for page in pages] if anchored else None
    plans = [plan(room, pages[: n + 1], answers[:n], windows) for n in range(len(pages))]
    for step, (before, after) in enumerate(pairwise(plans), start=1):
        assert after.steps_left_out >= before.steps_left_out
        assert after.pages_left_out >= before.pages_left_out
        assert after.pages_in_window >= before.pages_in_window
        if before.page_room is not None:  # a page that was shown cut never comes back whole
            assert after.pages_in_window >= step


def test_all_is_shown_while_it_fits():
    assert plan(1_000, [300, 300, 300], [20, 20]) == BudgetPlan()


def test_drop_oldest_drops_pages_until_three_quarters_are_used():
    found = plan(1_000, [200] * 5, [20] * 4)
    # 4 * 220 + 200 = 1080 > 1000; without two pages it is 696 <= 750.
    assert found == BudgetPlan(pages_left_out=2, pages_in_window=2)


def test_giving_way_comes_in_blocks():
    pages, answers = [100] * 200, [10] * 199
    dropped = [plan(6_000, pages[: n + 1], answers[:n]).pages_left_out for n in range(200)]
    changes = sum(a != b for a, b in pairwise(dropped))
    assert dropped[-1] > 100
    assert changes <= 15


def test_anchored_shrinks_pages_before_it_drops_them():
    windows = [50] * 10
    found = plan(1_000, [200] * 5, [20] * 4, windows)
    assert found == BudgetPlan(pages_in_window=3)
    tight = plan(300, [200] * 5, [20] * 4, windows)
    assert tight.pages_in_window == 4
    assert 0 < tight.pages_left_out <= 4


def test_a_long_current_page_is_cut_to_what_the_actions_leave():
    found = plan(1_000, [500, 500, 5_000], [20, 20])
    assert found == BudgetPlan(pages_left_out=2, pages_in_window=2, page_room=1_000 - 2 * (20 + MARK))


def test_oldest_steps_go_when_actions_alone_leave_no_room():
    pages, answers = [50] * 41, [40] * 40
    found = plan(1_000, pages, answers)
    assert found.steps_left_out > 0
    assert found.page_room is None
    assert found.pages_left_out == 40


def test_windows_are_asked_only_for_pages_that_must_shrink():
    asked = []

    def window(step: int) -> int:
        asked.append(step)
        return 50

    plan_history(1_000, pages=[200] * 5, answers=[20] * 4, mark=MARK, note=NOTE, window=window)
    assert set(asked) == {0, 1, 2}
