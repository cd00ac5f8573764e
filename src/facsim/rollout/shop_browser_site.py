"""The embedded shop in a real browser: it is served on localhost, and visited like any other site."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from facsim.rollout.browser_environment import BrowserEnvironment
from facsim.rollout.browser_pool import BrowserOptions, BrowserPool
from facsim.rollout.people import SimulatedPerson
from facsim.rollout.shop_site import SITE_NAME, PageActions, ShopSite
from facsim.rollout.web_environment import DrawOrder, Observation
from facsim.schema import Action
from facsim.shop.step_categories import StepCategories
from facsim.shop.storefront import SITE
from facsim.shop.storefront.server import make_server
from facsim.shop.storefront.urls import NotFoundError
from facsim.shop.storefront.views import Visitor
from facsim.shop.storefront.visitor_store import COOKIE, VisitorStore
from facsim.util.localhost import HOST, bind_localhost, require_web_packages, running_in_thread

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page


class ShopBrowserSite(BrowserPool):
    """The shop, served while the site is open.

    Args:
        shop: the shop.
        options: how it is visited.

    Raises:
        ConfigError: if a package is missing.
    """

    def __init__(self, shop: ShopSite, options: BrowserOptions | None = None) -> None:
        require_web_packages("serving the shop")
        self.shop = shop
        self._listener = bind_localhost(0)
        port = self._listener.getsockname()[1]
        super().__init__(f"http://{HOST}:{port}/", options)
        self.spec, self.name = shop.spec, SITE_NAME
        self._folder = tempfile.TemporaryDirectory(prefix="facsim-shop-")
        self.visitors = VisitorStore(Path(self._folder.name) / "visitors.sqlite")
        self._server = make_server(shop.simulation.store, self.visitors, port)
        self._serving = ExitStack()

    def settings(self) -> Mapping[str, Hashable]:
        """Those of the shop, and of the browser."""
        return {**self.shop.settings(), **super().settings()}

    def environment(self) -> ShopBrowserEnvironment:
        """A new session in a context of its own."""
        return ShopBrowserEnvironment(self)

    async def __aenter__(self) -> Self:
        running = running_in_thread(self._server, self._listener)
        await asyncio.to_thread(self._serving.enter_context, running)
        await super().__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        await asyncio.to_thread(self._serving.close)
        self._listener.close()
        self.visitors.close()
        self._folder.cleanup()

    async def new_context(self, person: SimulatedPerson) -> BrowserContext:
        """A context whose visitor is the person: one of the shop's own shoppers may have a cart already."""
        context = await super().new_context(person)
        key, visitor = VisitorStore.new_key(), Visitor()
        if person.shopper is not None:
            visitor = self.shop.simulation.shopper(person.shopper).visitor
        self.visitors.put(key, visitor)
        await context.add_cookies([{"name": COOKIE, "value": key, "url": self.url}])
        return context


class ShopBrowserEnvironment(BrowserEnvironment):
    """A session in the served shop. Actions are drawn in the shop's own order, as in process."""

    def __init__(self, site: ShopBrowserSite) -> None:
        super().__init__(site)
        self._shop_site = site
        self._categories = StepCategories()
        self._actions: PageActions | None = None

    async def read(self, page: Page) -> Observation:
        """The page, with the address that it has in process."""
        observation = await super().read(page)
        store = self._shop_site.shop.simulation.store
        split = urlsplit(observation.url)
        address = f"{split.path}?{split.query}" if split.query else split.path
        self._actions = None
        try:
            rendered = store.open(address, await self._visitor())
        except NotFoundError:
            return observation
        named = store.named(rendered)
        if named.page.html == observation.page.html:
            self._actions = PageActions(rendered, named.names)
            self._observation = Observation(observation.page, SITE + rendered.view.address, rendered.html)
        return self._observation

    def category(self, action: Action) -> str:
        """The category, as in process."""
        if self._actions is None:
            return super().category(action)
        return self._categories.category(self._actions.of(action), action, self._observation.url)

    def draw_order(self, action: Action) -> DrawOrder:
        """The order of `facsim shop sample`."""
        return super().draw_order(action) if self._actions is None else self._actions.draw_order(action)

    async def _visitor(self) -> Visitor:
        assert self._context is not None
        for cookie in await self._context.cookies(self._shop_site.url):
            if cookie.get("name") == COOKIE:
                return self._shop_site.visitors.get(cookie.get("value", "")) or Visitor()
        return Visitor()
