"""A rollout is watched in a real Chromium while it runs, and replayed by the same pages afterwards."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from paced_rollout import RATIONALE, PacedRollout, paced_rollout, wait_until
from viewing import served
from watched_viewer import PHONE, watched

from facsim.data import DataSet
from facsim.rollout.running_rollout import RunningRollout

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("playwright"), reason="no Playwright here")


def wait_for_questions(paced: PacedRollout, sessions: int) -> None:
    """Wait until the predictor is being asked in so many sessions."""

    def is_asked() -> bool:
        running = RunningRollout.find(paced.out)
        pending = {} if running is None else running.snapshot().pending
        return len([one for one in pending.values() if one is not None]) == sessions

    wait_until(is_asked)


def watch_one(page: Page, paced: PacedRollout) -> str:
    """Watch a session from the list to its third question; returns its id."""
    from playwright.sync_api import expect

    expect(page.locator(".top .live")).to_have_text("running: 0 of 3 sessions done, 2 in progress")
    expect(page.locator(".outcome.live")).to_have_count(2)
    row = page.locator("[data-row]").last
    session_id = row.inner_text()
    row.click()
    expect(page.locator(".did .live")).to_have_text("Waiting for the predictor")
    expect(page.locator(".where")).to_have_text("Step 1 / 1")
    first = page.locator("[data-frame]").get_attribute("src")
    assert page.frame_locator("[data-frame]").locator(".sheet").count() == 1

    paced.allow(2)  # one in each session
    expect(page.locator(".where")).to_have_text("Step 2 / 2", timeout=60_000)
    expect(page.locator(".did .live")).to_have_text("Waiting for the predictor")
    assert page.evaluate("document.querySelector('[data-frame]').dataset.src") != first

    page.locator("[data-previous]").click()
    expect(page.locator(".did blockquote bdi")).to_have_text(RATIONALE)
    chances = [float(text) for text in page.locator(".probable .number").all_inner_texts()]
    assert chances == sorted(chances, reverse=True) and 0.5 < sum(chances) <= 1.02
    assert page.locator(".probable .taken").count() <= 1
    paced.allow(4)
    expect(page.locator(".moments li")).to_have_count(3, timeout=60_000)
    expect(page.locator(".where")).to_have_text("Step 1 / 3")  # who looks at a step stays there
    return session_id


@pytest.mark.parametrize("browser", [False, True], ids=["in process", "in a browser"])
def test_a_running_rollout_is_followed_to_its_end(
    chromium: Browser, tmp_path: Path, *, browser: bool
) -> None:
    from playwright.sync_api import expect

    with paced_rollout(tmp_path, sessions=3, concurrency=2, browser=browser) as paced:
        wait_for_questions(paced, 2)
        with served(paced.out, []) as address, watched(chromium, address) as view:
            view.open("/")
            session_id = watch_one(view.page, paced)
            paced.allow(5)  # the fifth answer is unusable
            view.page.locator("[data-up]").click()
            expect(view.page.locator(".outcome.live")).to_have_count(2)

            paced.finish()
            expect(view.page.locator(".top .live")).to_have_count(0, timeout=20_000)
            expect(view.page.locator("[data-row]")).to_have_count(3)
            expect(view.page.locator("body")).to_have_attribute("data-version", "")
            session = DataSet.open(paced.out).session(session_id)
            view.open(f"/session?id={session_id}&step=latest")
            assert view.step == f"Step {len(session.steps)} / {len(session.steps)}"
            view.page.keyboard.press("Home")
            expect(view.page.locator(".did blockquote bdi")).to_have_text(RATIONALE)
            expect(view.page.locator(".probable li").first).to_be_visible()
            assert not view.faults


def test_unusable_answers_are_shown_as_text_and_nothing_overflows(chromium: Browser, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    with paced_rollout(tmp_path, sessions=1, concurrency=1, browser=False, unusable=2) as paced:
        wait_for_questions(paced, 1)
        with served(paced.out, []) as address, watched(chromium, address, PHONE) as view:
            view.open("/")
            view.page.locator("[data-row]").click()
            paced.allow(2)
            expect(view.page.locator(".unusable pre")).to_have_text(
                "<script>alert(1)</script>", timeout=60_000
            )
            expect(view.page.locator(".unusable li")).to_contain_text("no JSON in it")
            assert not view.overflows()
            paced.finish()
            expect(view.page.locator(".top .live")).to_have_count(0, timeout=20_000)
            assert not view.faults


def test_a_rollout_whose_folder_was_removed_is_shown_as_it_was(chromium: Browser, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    with paced_rollout(tmp_path, sessions=2, concurrency=2, browser=False) as paced:
        wait_for_questions(paced, 2)
        with served(paced.out, []) as address, watched(chromium, address) as view:
            view.open("/")
            paced.process.kill()
            paced.process.wait()
            (tmp_path / "out.rollout" / "journal.sqlite").unlink()
            expect(view.page.locator(".top .live")).to_have_count(0)
            view.page.locator("[data-row]").first.click()
            expect(view.page.locator(".where")).to_have_text("Step 1 / 1")
            assert not view.faults
