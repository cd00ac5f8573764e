"""The viewer in a browser, watched for everything that must not happen there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESK, PHONE = {"width": 1600, "height": 1000}, {"width": 400, "height": 850}


class Watched:
    """A page of the browser, and everything about it that must not be."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.faults: list[str] = []
        page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda popup: self.faults.append(f"popup: {popup.url}"))
        page.on("request", self._request)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(f"{self.address}/"):
            self.faults.append(f"request: {request.url}")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    @property
    def step(self) -> str:
        return " ".join(self.page.locator(".where").inner_text().split())

    def overflows(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@contextmanager
def watched(
    chromium: Browser, address: str, size: dict[str, int] = DESK, **options: Any
) -> Iterator[Watched]:
    context = chromium.new_context(viewport=size, reduced_motion="reduce", **options)
    try:
        yield Watched(context.new_page(), address)
    finally:
        context.close()
