"""Difficult pages in real Chromium: every kind of action, its target, and the text as it was meant."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from difficult_pages import CARDS, PAGES
from recorded_browser import (
    RecordedBrowser,
    close,
    recorded_browser,
    study_of,
    wait_for_mark,
    wait_for_recorder,
)
from small_site import SmallSite, small_site

from facsim.data import DataSet
from facsim.data.sources.style_rules import StyleRules
from facsim.data.sources.style_sheets import mark_styles
from facsim.page import simplify
from facsim.record.recording import Recording
from facsim.rollout.page_capture import CAPTURE
from facsim.schema import Action, Session

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright


@dataclass
class Study:
    browser: RecordedBrowser
    site: SmallSite

    def open(self, path: str = "/") -> Page:
        return self.browser.open(self.site.address + path)

    def sessions(self) -> tuple[DataSet, list[Session]]:
        self.browser.wait_until_delivered()
        assert self.browser.recording.write() is not None
        data = DataSet.open(self.browser.recording.out)
        return data, list(data)


@pytest.fixture(scope="module")
def site() -> Iterator[SmallSite]:
    with small_site(PAGES) as running:
        running.delays["/slow"] = 1.0
        yield running


@pytest.fixture
def study(playwright: Playwright, site: SmallSite, tmp_path: Path) -> Iterator[Study]:
    recording = Recording(study_of(site.address), tmp_path / "data")
    with (
        recording.collector(0) as port,
        recorded_browser(playwright, recording, port, tmp_path / "profile") as browser,
    ):
        browser.consent()
        yield Study(browser, site)
    recording.store.close()


def typed(text: str) -> Callable[[str], tuple[str, str, str]]:
    return lambda label: ("type_and_submit", label, text)


def clicked(label: str) -> tuple[str, str]:
    return ("click", label)


def what_was_done(data: DataSet, session: Session) -> list[Any]:
    """Type, label of the element on the stored page, and text of each action."""
    found: list[Any] = []
    for step in session.steps:
        action: Action = step.action
        if action.type == "terminate":
            found.append("terminate")
            continue
        element = data.page(step.page_id).by_name.get(action.name)
        label = None if element is None else element.text
        found.append((action.type, label) if action.text is None else (action.type, label, action.text))
    return found


def test_clicks_reach_what_was_meant(study: Study) -> None:
    page = study.open()
    page.get_by_text("Open the tile").click()
    page.click("#plain")
    page.click("#between")
    page.click("#card")
    page.get_by_text("Save it").click()
    page.get_by_text("Gift wrap").click()
    page.get_by_text("I agree").click()
    page.click("#more")
    page.get_by_text("Hidden offer").hover()
    page.locator("x-card").get_by_role("button").click()
    page.locator("x-closed").click(position={"x": 20, "y": 10})
    page.frame_locator("iframe").get_by_role("button").click()
    page.click("#gone")
    page.click("#ask")
    page.click("#yes")
    page.get_by_role("link", name="Second page").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/second")
    wait_for_recorder(page)
    close(page)
    data, (session,) = study.sessions()
    assert what_was_done(data, session) == [
        clicked("Open the tile"),
        clicked("Red shoe Save it"),
        clicked("Save it"),
        clicked("Gift wrap"),
        clicked("I agree"),
        clicked("More"),
        clicked("Inside open"),
        clicked("Inside closed"),
        clicked("In the frame"),
        clicked("Disappears"),
        clicked("Ask"),
        clicked("Yes"),
        clicked("Second page"),
        "terminate",
    ]
    assert session.steps[1].context.count("click on nothing") == 2
    before, after = (data.page(session.steps[place].page_id) for place in (5, 6))
    assert "Hidden offer" not in before.html  # though its icon and its select are drawn where they are
    assert "Hidden offer" in after.html
    # What is behind the dialog is seen but cannot be reached.
    behind = data.page(session.steps[11].page_id)
    assert "Second page" in behind.html
    assert [element.text for element in behind.elements] == ["Yes"]


@pytest.mark.parametrize("path", ["/", "/cards"])
def test_recordings_and_rollouts_name_a_page_alike(study: Study, path: str) -> None:
    page = study.open(path)
    # Closed shadow roots only extensions can look into; frames are captured one by one.
    page.evaluate("document.querySelectorAll('x-closed, iframe').forEach(e => e.remove())")
    simulated = simplify(page.evaluate(CAPTURE))
    page.get_by_role("button").first.click()
    close(page)
    data, (session,) = study.sessions()
    recorded = data.page(session.steps[0].page_id)
    assert [element.name for element in recorded.elements] == [element.name for element in simulated.elements]


def test_style_sheets_tell_what_the_browser_tells_of_cards(study: Study) -> None:
    rules = StyleRules.read([("li { cursor: pointer }", "")], 1280)
    assert rules is not None
    for html in (study.open("/cards").evaluate(CAPTURE), mark_styles(CARDS, rules)):
        assert [element.name for element in simplify(html).elements] == [
            "red_mug",
            "red_mug.save_it",
            "blue_mug",
            "blue_mug.save_it",
            "green_mug.view",
            "green_mug.save_it",
            "grey_mug.save_it",
        ]


def test_typed_text_is_one_action(study: Study) -> None:
    page = study.open()
    page.get_by_label("Comment").click()
    page.keyboard.type("one")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    page.get_by_label("Message").click()
    page.keyboard.type("hello")
    page.locator("x-card").get_by_label("Field open").click()
    page.keyboard.type("abc")
    page.keyboard.press("Backspace")
    page.keyboard.press("Tab")
    page.frame_locator("iframe").get_by_label("Frame field").click()
    page.keyboard.type("in frame")
    page.click("#city")
    page.keyboard.type("ber")
    page.get_by_role("option", name="Berlin").click()
    page.click("#q")
    page.keyboard.type("x")
    page.keyboard.press("Backspace")
    page.get_by_label("Comment").click()
    page.click("#q")
    page.keyboard.type("shoes")
    page.keyboard.press("Enter")
    page.wait_for_url("**/second?q=shoes")
    close(page)
    data, (session,) = study.sessions()
    assert what_was_done(data, session) == [
        typed("one\ntwo")("Comment"),
        typed("hello")("Message"),
        typed("ab")("Field open"),
        typed("in frame")("Frame field"),
        typed("ber")("City"),
        clicked("Berlin"),
        clicked("Comment"),
        typed("shoes")("Search"),
        "terminate",
    ]
    assert [step.submitted for step in session.steps if step.action.text] == [False] * 5 + [True]


def test_options_of_a_select(study: Study) -> None:
    page = study.open()
    page.focus("#colour")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.click("#more")
    close(page)
    data, (session,) = study.sessions()
    assert what_was_done(data, session) == [clicked("blue"), clicked("More"), "terminate"]


def test_navigation_and_tabs_are_context(study: Study) -> None:
    page = study.open()
    page.get_by_role("link", name="Slow page").click()
    page.wait_for_url("**/slow")
    wait_for_recorder(page)
    page.go_back()
    wait_for_recorder(page)
    page.mouse.wheel(0, 100)
    wait_for_recorder(page)
    page.get_by_role("link", name="Second page").click()
    page.wait_for_url("**/second")
    with study.browser.context.expect_page() as opened:
        page.get_by_role("link", name="New window").click()
    other = opened.value
    wait_for_recorder(other)
    other.click("#more")
    close(other)
    page.bring_to_front()
    wait_for_recorder(page)
    page.get_by_role("link", name="Home").click()
    wait_for_recorder(page)
    close(page)
    data, (session,) = study.sessions()
    assert what_was_done(data, session) == [
        clicked("Slow page"),
        clicked("Second page"),
        clicked("New window"),
        clicked("More"),
        clicked("Home"),
        "terminate",
    ]
    context = [json.loads(step.context) for step in session.steps]
    assert [one["tab"] for one in context] == [1, 1, 1, 2, 1, 1]
    ways = [event["how"] for event in context[1]["before"] if event["kind"] == "navigate"]
    assert ways == ["navigate", "back_forward"]
    assert "tab closed" in {event["kind"] for event in context[4]["before"]}
    assert all(one["scroll"]["page_height"] > 0 for one in context)


def test_a_recording_that_just_ends_is_censored(study: Study) -> None:
    page = study.open()
    page.click("#more")
    data, (session,) = study.sessions()
    assert session.censored
    assert what_was_done(data, session) == [clicked("More")]


def test_nothing_is_recorded_elsewhere_or_while_paused(study: Study) -> None:
    with small_site({"/": '<title>Foreign</title><button id="b">Foreign</button>'}) as foreign:
        page = study.browser.context.new_page()
        page.goto(foreign.address)
        assert page.locator("facsim-recording").count() == 0
        page.click("#b")
        page.goto(study.site.address)
        wait_for_recorder(page)
        page.click("#more")
        popup = study.browser.popup()
        popup.click("#pause")
        popup.wait_for_selector("#pause:text-is('Resume')")
        page.bring_to_front()
        wait_for_mark(page, "")
        page.click("#tile")
        popup.click("#pause")
        popup.wait_for_selector("#pause:text-is('Pause')")
        page.bring_to_front()
        wait_for_mark(page, "Recording for")
        page.click("#ask")
        page.goto(foreign.address)  # goes elsewhere: that is leaving
        page.wait_for_timeout(500)
    data, (before, after) = study.sessions()
    assert what_was_done(data, before) == [clicked("More")]
    assert before.censored
    assert what_was_done(data, after) == [clicked("Ask"), "terminate"]
