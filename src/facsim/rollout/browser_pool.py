"""One Chromium for all sessions, a context for each, and a proxy that bounds where they can go."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import time
from collections.abc import Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from facsim.page import CategoryRules, Recipe
from facsim.rollout.allowlist_proxy import AllowlistProxy
from facsim.rollout.host_rules import HostRules, host_and_port, is_loopback
from facsim.util.chromium import find_chromium
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Playwright

    from facsim.rollout.people import SimulatedPerson

DEFAULT_RATE: Final = 1.0
"""Actions per second and host, outside loopback."""

_FLAGS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Without it WebRTC would send packets past the proxy.
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)
_CLOSE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class BrowserOptions:
    """How a site is visited.

    Attributes:
        allow_hosts: further hosts that pages may load from and lead to; see `HostRules`.
        allow_purchase: hosts where an order may really be placed. On loopback it always may.
        rate: actions per second and host, over all sessions; None for no limit, the default on loopback.
        storage_state: a file with cookies and local storage, as Playwright writes it: a login.
        quiet_seconds: a page without changes and requests for this long is ready.
        page_seconds: a page that is never quiet is taken as it is after this long.
        recipe: hints for the simplifier.
        viewport: width and height in pixels.
        show: whether the browser has a window.
    """

    allow_hosts: tuple[str, ...] = ()
    allow_purchase: tuple[str, ...] = ()
    rate: float | None = None
    storage_state: Path | None = None
    quiet_seconds: float = 0.3
    page_seconds: float = 15.0
    recipe: Recipe | None = None
    viewport: tuple[int, int] = (1366, 900)
    show: bool = False


class BrowserPool:
    """Browser contexts for sessions on a site. An async context manager.

    Args:
        url: address of the first page.
        options: how it is visited.

    Attributes:
        spec: the address.
        name: the site's host.
        refused: number of refused requests by host.

    Raises:
        ConfigError: if the address or a host is unusable, or Playwright or Chromium is missing.
    """

    def __init__(self, url: str, options: BrowserOptions | None = None) -> None:
        self.url, self.options = url, options or BrowserOptions()
        place = host_and_port(url)
        if place is None or not url.startswith(("http://", "https://")):
            raise ConfigError(f"site {url!r}: expected an address that begins with http:// or https://")
        if importlib.util.find_spec("playwright") is None:
            raise ConfigError(
                "a real browser needs a package that is not installed (playwright); "
                "run: pip install 'facsim[browser]'"
            )
        self.spec, self.name = url, place[0]
        own = place[0] if place[1] in (80, 443) else f"{place[0]}:{place[1]}"
        self.allowed = HostRules.of(own, *self.options.allow_hosts)
        self.purchase_allowed = HostRules.of(*self.options.allow_purchase)
        state = self.options.storage_state
        if state is not None and not state.is_file():
            raise ConfigError(f"{state}: no such file; expected a storage state that Playwright wrote")
        rate = self.options.rate
        if rate is not None and rate <= 0:
            raise ConfigError(f"rate {rate}: expected more than 0 actions per second")
        self.categories = CategoryRules.default()
        self._proxy = AllowlistProxy(self.allowed)
        self.refused = self._proxy.refused
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._launching = asyncio.Lock()
        self._next_action: dict[str, float] = {}

    def settings(self) -> Mapping[str, Hashable]:
        """What changes the pages and what is done on them."""
        options = self.options
        return {
            "browser": True,
            "allow_hosts": options.allow_hosts,
            "allow_purchase": options.allow_purchase,
            "viewport": options.viewport,
            "recipe": options.recipe is not None,
            "login": options.storage_state is not None,
        }

    async def __aenter__(self) -> Self:
        from playwright.async_api import async_playwright  # noqa: PLC0415 (an extra)

        await self._proxy.__aenter__()
        self._playwright = await async_playwright().start()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.close_browser()
            if self._playwright is not None:
                with suppress(Exception):
                    await asyncio.wait_for(self._playwright.stop(), _CLOSE_SECONDS)
        finally:
            await self._proxy.__aexit__()

    async def new_context(self, person: SimulatedPerson) -> BrowserContext:
        """A new browser context for a person, with a new browser if the last one is gone.

        Raises:
            ConfigError: if Chromium does not start.
        """
        del person
        async with self._launching:
            if self._browser is None or not self._browser.is_connected():
                self._browser = await self._launch()
        width, height = self.options.viewport
        return await self._browser.new_context(
            viewport={"width": width, "height": height},
            storage_state=self.options.storage_state,
            accept_downloads=False,
            service_workers="block",
        )

    async def close_browser(self) -> None:
        """Close the browser; the next session starts another one."""
        browser, self._browser = self._browser, None
        if browser is not None:
            with suppress(Exception):  # whatever a dying browser says
                await asyncio.wait_for(browser.close(), _CLOSE_SECONDS)

    def may_purchase(self, url: str) -> bool:
        """Whether an order may be placed on a page."""
        place = host_and_port(url)
        return place is not None and (is_loopback(place[0]) or self.purchase_allowed.allows(*place))

    async def wait_for_turn(self, url: str) -> None:
        """Wait until the next action on this host is due."""
        place = host_and_port(url)
        host = place[0] if place else ""
        rate = self.options.rate or (None if is_loopback(host) else DEFAULT_RATE)
        if rate is None:
            return
        now = time.monotonic()
        turn = max(now, self._next_action.get(host, now))
        self._next_action[host] = turn + 1 / rate
        await asyncio.sleep(turn - now)

    async def _launch(self) -> Browser:
        from playwright.async_api import Error  # noqa: PLC0415 (an extra)

        assert self._playwright is not None, "the site is not open"
        flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        try:
            return await self._playwright.chromium.launch(
                executable_path=find_chromium(),
                headless=not self.options.show,
                args=flags,
                # `<-loopback>`: loopback goes through the proxy, too.
                proxy={"server": f"http://127.0.0.1:{self._proxy.port}", "bypass": "<-loopback>"},
                handle_sigint=False,
                handle_sigterm=False,
            )
        except Error as error:
            raise ConfigError(
                f"Chromium does not start: {error.message.splitlines()[0]}. Install it (Debian: apt-get "
                "install chromium), or run: playwright install chromium"
            ) from None
