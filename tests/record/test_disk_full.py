"""The browser's disk is full: actions are delivered from memory, or recording stops and the person sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded_browser import (
    RecordedBrowser,
    mark_of,
    processes_of,
    recorded_browser,
    stored_labels,
    wait_for_mark,
)
from small_site import SmallSite, small_site

from facsim.data import DataSet
from facsim.record.recording import Recording

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

pytestmark = pytest.mark.slow  # a minute, and only where a small disk can be mounted

BUTTONS = "".join(f'<button id="b{number}">Button {number}</button>' for number in range(20))
LINK = '<a id="link" href="/">Shoes</a>'


@pytest.fixture(scope="module")
def site() -> Iterator[SmallSite]:
    rows = [f"<p>{number} {'A row of a long page. ' * 30}</p>" for number in range(9_000)]  # 6 MB
    page = f"<!doctype html><title>Buttons</title>{BUTTONS}{LINK}"
    # Longer than a page of memory, in which a full file system may still have room.
    with small_site({"/": page + "".join(rows[:30]), "/large": page + "".join(rows)}) as running:
        yield running


@dataclass
class SmallDisk:
    """A file system of its own that can be filled."""

    folder: Path

    def fill(self) -> None:
        filler = os.open(self.folder / "filler", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        size = 2**20
        while size:
            try:
                os.write(filler, b"x" * size)
            except OSError:
                size //= 2
        os.close(filler)

    def make_room(self) -> None:
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def wait_for_popup(browser: RecordedBrowser, text: str, *, badge: str) -> None:
    """Wait until the extension's window tells of a problem (or, if empty, of none), and its badge too.

    The service worker tries the disk after it has delivered, so both may follow the delivery by a moment.
    """
    page = browser.popup()
    page.wait_for_selector("#title:not(:empty)")
    page.wait_for_function(
        "text => text ? problem.textContent.includes(text) : !problem.textContent", arg=text, timeout=20_000
    )
    page.close()
    for _ in range(100):
        if browser.in_worker("() => chrome.action.getBadgeText({})") == badge:
            return
        time.sleep(0.05)
    raise AssertionError(f"the badge is not {badge}")


def test_actions_are_delivered_from_memory(
    playwright: Playwright, site: SmallSite, recording: Recording, disk: SmallDisk
) -> None:
    profile = disk.folder / "profile"
    with (
        recording.collector(0) as port,
        recorded_browser(playwright, recording, port, profile) as browser,
    ):
        browser.consent()
        page = browser.open(site.address)
        page.click("#b0")
        browser.wait_until_delivered()
        assert "Recording for" in mark_of(page)
        disk.fill()
        # The first action on the full disk leaves its page.
        page.click("#link")
        page.wait_for_load_state()
        for number in range(1, 4):
            page.click(f"#b{number}")
        wait_for_mark(page, "The disk is full")
        browser.wait_until_delivered()
        assert stored_labels(recording) == ["Button 0", "Shoes", "Button 1", "Button 2", "Button 3"]
        wait_for_popup(browser, "cannot write to its disk", badge="!")
        disk.make_room()
        page.click("#b4")
        wait_for_mark(page, "Recording for")
        browser.wait_until_delivered()
        wait_for_popup(browser, "", badge="REC")
    assert stored_labels(recording) == [
        "Button 0", "Shoes", *(f"Button {number}" for number in range(1, 5))
    ]  # fmt: skip
    assert recording.write() is not None
    (session,) = DataSet.open(recording.out)
    assert len([step for step in session.steps if step.action.type == "click"]) == 6


def test_without_room_anywhere_recording_stops_and_goes_on(
    playwright: Playwright, site: SmallSite, recording: Recording, disk: SmallDisk
) -> None:
    collector = recording.collector(0)
    port = collector.__enter__()
    with recorded_browser(playwright, recording, port, disk.folder / "profile") as browser:
        browser.consent()
        page = browser.open(f"{site.address}/large")
        page.click("#b0", timeout=60_000)
        browser.wait_until_delivered()
        collector.__exit__(None, None, None)
        disk.fill()
        page.click("#b1", timeout=60_000)  # 6 MB: fits into the browser's memory
        wait_for_mark(page, "The disk is full")
        page.click("#b2", timeout=60_000)  # does not
        wait_for_mark(page, "Not recording")
        page.click("#b3", timeout=60_000)
        with recording.collector(port):
            # Room comes back: what waited in the page is stored, and recording goes on.
            disk.make_room()
            wait_for_mark(page, "Recording for")
            page.click("#b4", timeout=60_000)
            browser.wait_until_delivered(40)
        assert stored_labels(recording) == ["Button 0", "Button 1", "Button 2", "Button 4"]
    assert recording.write() is not None
    first, second = DataSet.open(recording.out)
    # Button 3 is missing: no session claims that Button 4 came after Button 2.
    assert first.censored
    assert len(first.steps) == 3
    assert second.steps[0].action.name is not None


def test_what_is_lost_with_a_page_ends_the_session(
    playwright: Playwright, site: SmallSite, recording: Recording, disk: SmallDisk
) -> None:
    collector = recording.collector(0)
    port = collector.__enter__()
    with recorded_browser(playwright, recording, port, disk.folder / "profile") as browser:
        browser.consent()
        page = browser.open(f"{site.address}/large")
        page.click("#b0", timeout=60_000)
        browser.wait_until_delivered()
        collector.__exit__(None, None, None)
        disk.fill()
        page.click("#b1", timeout=60_000)
        wait_for_mark(page, "The disk is full")
        page.click("#b2", timeout=60_000)
        wait_for_mark(page, "Not recording")
        page.goto(site.address)  # Button 2 waited in the page
        disk.make_room()
        with recording.collector(port):
            page.click("#b4")
            browser.wait_until_delivered(40)
    assert stored_labels(recording) == ["Button 0", "Button 1", "Button 4"]
    assert recording.write() is not None
    first, second = DataSet.open(recording.out)
    assert first.censored
    assert [len(first.steps), second.steps[0].action.type] == [2, "click"]


def test_pause_and_forget_count_on_a_full_disk(
    playwright: Playwright, site: SmallSite, recording: Recording, disk: SmallDisk
) -> None:
    with (
        recording.collector(0) as port,
        recorded_browser(playwright, recording, port, disk.folder / "profile") as browser,
    ):
        browser.consent()
        page = browser.open(site.address)
        page.click("#b0")
        browser.wait_until_delivered()
        disk.fill()
        page.click("#b1")
        wait_for_mark(page, "The disk is full")
        popup = browser.popup()
        popup.click("#pause")
        popup.wait_for_selector("#pause:text('Resume')")
        popup.close()
        page.bring_to_front()
        page.click("#b2")
        popup = browser.popup()
        popup.click("#forget")
        popup.wait_for_selector("#said:not(:empty)")
        browser.wait_until_delivered()
        assert stored_labels(recording) == []
        disk.make_room()
        popup.click("#pause")
        popup.wait_for_selector("#pause:text('Pause')")
        popup.close()
        page.bring_to_front()
        page.click("#b3")
        browser.wait_until_delivered()
        assert stored_labels(recording) == ["Button 3"]


FILL_MEMORY = """async () => {
    // Chromium counts no short strings.
    for (let size = 2 ** 22, number = Date.now(); size >= 64; number++) {
        const pad = {[`pad${number}`]: 'x'.repeat(size)};
        try { await chrome.storage.session.set(pad); } catch { size = Math.floor(size / 2); }
    }
}"""
EMPTY_MEMORY = """async () => {
    const names = Object.keys(await chrome.storage.session.get(null));
    await chrome.storage.session.remove(names.filter(name => name.startsWith('pad')));
}"""


def test_pause_counts_without_room_anywhere(
    playwright: Playwright, site: SmallSite, recording: Recording, disk: SmallDisk
) -> None:
    collector = recording.collector(0)
    port = collector.__enter__()
    with recorded_browser(playwright, recording, port, disk.folder / "profile") as browser:
        browser.consent()
        page = browser.open(site.address)
        page.click("#b0")
        browser.wait_until_delivered()
        collector.__exit__(None, None, None)
        disk.fill()
        page.click("#b1")
        wait_for_mark(page, "The disk is full")
        browser.in_worker(FILL_MEMORY)
        page.click("#b2")
        wait_for_mark(page, "Not recording")
        browser.in_worker(FILL_MEMORY)  # small events, too, have found no room for a while
        popup = browser.popup()
        popup.click("#pause")
        popup.wait_for_selector("#pause:text('Resume')")
        popup.close()
        page.bring_to_front()
        browser.in_worker(EMPTY_MEMORY)
        with recording.collector(port):
            disk.make_room()
            browser.wait_until_delivered(40)
            page.click("#b3")
            page.wait_for_timeout(3_000)
            browser.wait_until_delivered(40)
        assert stored_labels(recording)[:2] == ["Button 0", "Button 1"]
        assert "Button 3" not in stored_labels(recording)


def test_a_choice_made_while_memory_moves_to_the_disk_is_kept(
    playwright: Playwright, site: SmallSite, recording: Recording, disk: SmallDisk
) -> None:
    with (
        recording.collector(0) as port,
        recorded_browser(playwright, recording, port, disk.folder / "profile") as browser,
    ):
        browser.consent()
        popup = browser.popup()
        paused = popup.evaluate("""async () => {
            const {storage} = await import('./queue.js'), set = chrome.storage.local.set.bind(chrome.storage.local);
            const {state} = await storage.read(['state']);
            await chrome.storage.session.set({state, full: true});  // the disk is full, and the person has chosen
            await storage.read(['state']);
            let choosing = null;
            chrome.storage.local.set = async values => {
                await set(values);
                if (!values.state || choosing) return;
                choosing = storage.write({state: {...state, paused: true}});
                await new Promise(done => setTimeout(done, 500));
            };
            await storage.settle();
            await choosing;
            return (await storage.read(['state'])).state.paused;
        }""")
        assert paused is True


def test_what_is_stored_after_a_full_disk_survives_a_kill(
    playwright: Playwright, site: SmallSite, recording: Recording, disk: SmallDisk
) -> None:
    profile = disk.folder / "profile"
    collector = recording.collector(0)
    port = collector.__enter__()
    with recorded_browser(playwright, recording, port, profile) as browser:
        browser.consent()
        page = browser.open(site.address)
        page.click("#b0")
        browser.wait_until_delivered()
        collector.__exit__(None, None, None)
        disk.fill()
        page.click("#b1")
        wait_for_mark(page, "The disk is full")
        disk.make_room()
        for number in range(2, 6):
            page.click(f"#b{number}")
        wait_for_mark(page, "Recording for")
        browser.in_worker("() => import('./queue.js').then(queue => queue.send())")
        for process in processes_of(profile):
            os.kill(process, signal.SIGKILL)
    with (
        recording.collector(port),
        recorded_browser(playwright, recording, port, profile) as again,
    ):
        again.wait_until_delivered(40)
    assert stored_labels(recording) == [f"Button {number}" for number in range(6)]
