"""Chromium with the extension, driven by Playwright, and its collector."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from browser import CHROMIUM, FLAGS

from facsim.record.extension_package import EXTENSION_ID, write_extension
from facsim.record.recording import Recording
from facsim.record.study import Study

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright


def study_of(*sites: str, **fields: Any) -> Study:
    """A study of some sites."""
    return Study.model_validate(
        {
            "title": "Shopping",
            "researcher": "Test University",
            "contact": "test@example.org",
            "purpose": "We test the recorder.",
            "sites": list(sites),
            **fields,
        }
    )


@dataclass
class RecordedBrowser:
    """A browser whose person takes part in a study."""

    context: BrowserContext
    recording: Recording

    def consent(self, participant: str = "p1", intent: str = "Buy shoes") -> None:
        """Agree on the consent page."""
        page = self.context.new_page()
        page.goto(f"chrome-extension://{EXTENSION_ID}/consent.html")
        page.fill("#participant", participant)
        page.fill("#intent", intent)
        page.check("#agree")
        page.click("button.main")
        page.wait_for_selector("#done:not([hidden])")
        page.close()

    def open(self, address: str) -> Page:
        """A page that is being recorded."""
        page = self.context.new_page()
        page.goto(address)
        wait_for_recorder(page)
        return page

    def popup(self) -> Page:
        """The extension's popup, as a page."""
        page = self.context.new_page()
        page.goto(f"chrome-extension://{EXTENSION_ID}/popup.html")
        return page

    def in_worker(self, script: str) -> Any:
        """Run a script in a page of the extension."""
        page = self.popup()
        try:
            return page.evaluate(script)
        finally:
            page.close()

    def wait_until_delivered(self, seconds: float = 20) -> None:
        """Wait until the queue is empty."""
        page = self.popup()
        count = "() => import('./queue.js').then(queue => queue.keys()).then(keys => keys.length)"
        until = time.monotonic() + seconds
        while page.evaluate(count):
            assert time.monotonic() < until, "the queue was not delivered"
            time.sleep(0.05)
        page.close()


def wait_for_recorder(page: Page) -> None:
    """Wait until the page is being recorded, which its mark shows."""
    page.wait_for_selector("facsim-recording", state="attached")


def mark_of(page: Page) -> str:
    """What the visible mark says, which is in a closed shadow root; empty if it is not shown."""
    session = page.context.new_cdp_session(page)
    texts: list[str] = []

    def read(node: dict[str, Any], inside: bool) -> None:
        attributes = node.get("attributes", [])
        if "mark" in attributes and "hidden" in attributes:
            return
        inside = inside or "words" in attributes
        if inside and node["nodeType"] == 3:
            texts.append(node["nodeValue"])
        for child in [*node.get("children", []), *node.get("shadowRoots", [])]:
            read(child, inside)

    read(session.send("DOM.getDocument", {"depth": -1, "pierce": True})["root"], False)
    session.detach()
    return "".join(texts)


def wait_for_mark(page: Page, text: str) -> None:
    """Wait until the mark says this, or, if empty, until it is gone."""
    for _ in range(900):  # the extension looks for room at the next event, or within 30 seconds
        said = mark_of(page)
        if text in said if text else not said:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the mark says {mark_of(page)!r}")


def close(page: Page) -> None:
    """Close a tab, not faster than a person could."""
    wait_for_recorder(page)
    page.close()


def stored_labels(recording: Recording) -> list[str]:
    """The labels of all stored actions, in order."""
    store = recording.store
    events = [stored.event for one in store.installations() for stored in store.events(one)]
    return [event.label for event in events if event.kind == "action"]


def processes_of(profile: Path) -> list[int]:
    """The processes of the browser with this profile."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if f"--user-data-dir={profile}".encode() in command.split(b"\0"):
                found.append(int(entry.name))
    return found


@contextmanager
def recorded_browser(
    playwright: Playwright, recording: Recording, port: int, profile: Path, **options: Any
) -> Iterator[RecordedBrowser]:
    """Chromium with the extension of a recording."""
    extension = profile.with_name(f"{profile.name}-extension")
    write_extension(recording.study, extension, port=port, token=recording.token)
    from playwright.sync_api import Error

    assert CHROMIUM
    context = playwright.chromium.launch_persistent_context(
        profile,
        headless=True,
        executable_path=CHROMIUM,
        args=[
            *FLAGS,
            "--headless=new",
            f"--disable-extensions-except={extension}",
            f"--load-extension={extension}",
        ],
        ignore_default_args=["--disable-extensions", "--headless=old", "--headless"],
        viewport={"width": 1280, "height": 900},
        **options,
    )
    try:
        yield RecordedBrowser(context, recording)
    finally:
        with suppress(Error):  # the test may have killed the browser
            context.close()
