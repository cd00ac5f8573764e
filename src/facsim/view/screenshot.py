"""A step as a PNG. Only a browser can render a sandboxed frame, so a browser on this machine does it."""

from __future__ import annotations

import importlib.util
import os
import threading

from facsim.util.chromium import find_chromium
from facsim.util.errors import ConfigError

WIDTH, HEIGHT, MOST_HEIGHT = 1600, 1000, 3000
_one_at_a_time = threading.Lock()


def can_draw() -> bool:
    """Whether a browser is available."""
    return find_chromium() is not None and importlib.util.find_spec("playwright") is not None


def picture(where: str, theme: str) -> bytes:
    """A screenshot of a page of this viewer.

    Args:
        where: its address.
        theme: `light`, `dark` or `auto`.

    Raises:
        ConfigError: if no browser is available.
    """
    if not can_draw():
        raise ConfigError(
            "A picture of a step needs Chromium and the package playwright: "
            "pip install 'facsim[browser]', and on Debian apt-get install chromium"
        )
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (an extra)

    # In its own thread: the caller may be inside an event loop.
    drawn: list[bytes] = []
    failed: list[Exception] = []

    def draw() -> None:
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=find_chromium(),
                    chromium_sandbox=os.geteuid() != 0,  # Chromium has no sandbox for root
                    args=["--disable-gpu", "--disable-quic"],
                )
                try:
                    page = browser.new_page(
                        viewport={"width": WIDTH, "height": HEIGHT},
                        color_scheme="dark" if theme == "dark" else "light",
                        reduced_motion="reduce",
                    )
                    page.goto(where, wait_until="load")
                    page.frame_locator("[data-frame]").locator(".sheet").wait_for()
                    # As high as the side panel needs.
                    needed = int(page.evaluate("document.documentElement.scrollHeight"))
                    height = min(max(HEIGHT, needed), MOST_HEIGHT)
                    page.set_viewport_size({"width": WIDTH, "height": height})
                    page.wait_for_timeout(150)  # the frame scrolls to its highlight after loading
                    drawn.append(page.screenshot())
                finally:
                    browser.close()
        except Exception as error:  # playwright raises many types
            failed.append(error)

    with _one_at_a_time:
        worker = threading.Thread(target=draw)
        worker.start()
        worker.join()
    if failed:
        raise ConfigError(f"The browser could not draw the step: {str(failed[0]).splitlines()[0]}")
    return drawn[0]
