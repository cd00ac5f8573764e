"""Reads the page in front of a person from the browser: waits until it is quiet, then takes a snapshot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, TypeVar

from facsim.rollout.web_environment import BrowserLostError, SiteError

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, Request

_SCRIPTS: Final = files("facsim.rollout")
CAPTURE: Final = (_SCRIPTS / "capture.js").read_text(encoding="utf-8")
_QUIET: Final = (_SCRIPTS / "quiet.js").read_text(encoding="utf-8")
# Pages wait for these; pictures and media may come later.
_AWAITED: Final = frozenset({"document", "xhr", "fetch", "script", "stylesheet"})
_LONG_REQUEST_SECONDS: Final = 5.0
"""A request that takes longer is one that a server keeps open."""
_LONGEST_NAVIGATION_SECONDS: Final = 60.0
"""A next page that has not begun to arrive by then is given up; it may belong to a tab that was closed."""
_SLACK_SECONDS: Final = 5.0
_Result = TypeVar("_Result")


class RequestWatch:
    """Requests of a context.

    Attributes:
        navigations: number of pages that tabs began to load.
    """

    def __init__(self, context: BrowserContext) -> None:
        self._open: dict[Request, float] = {}
        self._next_pages: dict[Request, float] = {}
        self.navigations = 0
        self._last = time.monotonic()
        context.on("request", self._begin)
        context.on("requestfinished", self._end)
        context.on("requestfailed", self._end)

    def is_quiet(self, seconds: float) -> bool:
        """Whether nothing was requested or answered for so long, and nothing is outstanding."""
        now = time.monotonic()
        waiting = any(now - began < _LONG_REQUEST_SECONDS for began in self._open.values())
        # A slow server may take long to answer, and the old page must not pass for the next one meanwhile.
        leaving = any(now - began < _LONGEST_NAVIGATION_SECONDS for began in self._next_pages.values())
        return not waiting and not leaving and now - self._last >= seconds

    def _begin(self, request: Request) -> None:
        if request.is_navigation_request() and not _is_in_frame(request):
            self.navigations += 1
            self._next_pages[request] = time.monotonic()
        if request.resource_type in _AWAITED:
            self._open[request] = self._last = time.monotonic()

    def _end(self, request: Request) -> None:
        self._next_pages.pop(request, None)
        if self._open.pop(request, None) is not None:
            self._last = time.monotonic()


def _is_in_frame(request: Request) -> bool:
    from playwright.async_api import Error  # noqa: PLC0415 (an extra)

    try:
        return request.frame.parent_frame is not None
    except Error:  # the first page of a new tab
        return False


async def within(call: Coroutine[Any, Any, _Result], seconds: float, what: str) -> _Result:
    """The result of a call to the browser.

    Raises:
        SiteError: if it takes longer.
        BrowserLostError: if the page crashed or the browser is gone.
        playwright.async_api.Error: if the call failed otherwise.
    """
    from playwright.async_api import Error  # noqa: PLC0415 (an extra)

    try:
        return await asyncio.wait_for(call, seconds)
    except TimeoutError:
        raise SiteError(f"the page does not respond ({what} took over {seconds:g} s)") from None
    except Error as error:
        if "crashed" in error.message:
            raise BrowserLostError("the page crashed") from None
        if "has been closed" in error.message or "Connection closed" in error.message:
            raise BrowserLostError(f"the browser or the tab was closed ({what})") from None
        raise


async def settle(page: Page, watch: RequestWatch, *, quiet_seconds: float, limit_seconds: float) -> bool:
    """Wait until a page is quiet; false if it was not within the limit.

    Raises:
        SiteError: if the page does not respond.
        BrowserLostError: if the browser is gone.
    """
    from playwright.async_api import Error  # noqa: PLC0415 (an extra)

    deadline = time.monotonic() + limit_seconds
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        try:
            wait = [1000 * quiet_seconds, 1000 * remaining]
            quiet = await within(page.evaluate(_QUIET, wait), remaining + _SLACK_SECONDS, "waiting")
        except Error:  # a navigation took the document away
            await asyncio.sleep(quiet_seconds / 4)
            continue
        if quiet and watch.is_quiet(quiet_seconds):
            return True
        if quiet:
            await asyncio.sleep(quiet_seconds / 4)


async def capture(page: Page, *, seconds: float) -> str:
    """HTML of the page with computed visibility, live values and open shadow roots.

    Raises:
        SiteError: if the page cannot be read within so many seconds.
        BrowserLostError: if the browser is gone.
    """
    from playwright.async_api import Error  # noqa: PLC0415 (an extra)

    deadline = time.monotonic() + seconds
    while True:
        try:
            html: str = await within(page.evaluate(CAPTURE), seconds + _SLACK_SECONDS, "reading")
            return html
        except Error as error:
            if time.monotonic() > deadline:
                raise SiteError(f"the page cannot be read: {error.message.splitlines()[0]}") from None
            await asyncio.sleep(0.05)  # a navigation took the document away
