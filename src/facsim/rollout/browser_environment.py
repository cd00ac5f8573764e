"""One session in a browser context: pages are read from Chromium, actions are real mouse and key events."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from facsim.page import simplify
from facsim.rollout.host_rules import host_and_port
from facsim.rollout.page_capture import RequestWatch, capture, settle, within
from facsim.rollout.payment_guard import SubmittedForm, pays, pays_by_address, places_order
from facsim.rollout.people import SimulatedPerson
from facsim.rollout.web_environment import (
    ActionError,
    BrowserLostError,
    DrawOrder,
    Observation,
    SiteError,
    name_order,
)
from facsim.schema import Action, Element
from facsim.util.errors import InputError

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Dialog, ElementHandle, Locator, Page, Route

    from facsim.rollout.browser_pool import BrowserPool

    Target = Locator | ElementHandle
    """An element of the live page; in a shadow root only a handle can be had."""

_ACTION_SECONDS: Final = 10.0
"""Time for one mouse or keyboard action: scrolling to the element, waiting until it is not covered."""
_CALL_SECONDS: Final = 30.0
_LAUNCH_SECONDS: Final = 120.0
_CLOSE_SECONDS: Final = 10.0
_MOST_DIALOGS: Final = 20
_MOST_TABS: Final = 8
_KEY_MILLISECONDS: Final = 5.0
_SLOWEST_KEY_SECONDS: Final = 3.0
"""On a busy machine: a text that is typed in part is neither the old page nor the next one."""
_WITHIN_PAGE: Final = ("#", "javascript:", "mailto:", "tel:")
_NAVIGATION_SECONDS: Final = 2.0
"""How long a link or a form may take to begin with the next page, before a script seems to handle it."""

# The form of an element: whether a click submits it, where to, and the words of its buttons.
_FORM: Final = """e => e.form && {
  submits: e.type === 'submit' || e.type === 'image',
  address: e.form.action + '', method: e.form.method + '',
  buttons: [...e.form.elements].filter(one => one.type === 'submit' || one.type === 'image')
    .map(one => (one.innerText || one.value || one.getAttribute('aria-label') || '') + '')
}"""

# The simplifier's path into shadow roots, as selectors relative to each.
_IN_SHADOW: Final = """path => path.reduce(
  (root, selector) => root && (root.shadowRoot || root).querySelector(selector), document)"""


class BrowserEnvironment:
    """A session in a context of its own.

    Args:
        pool: open.
    """

    def __init__(self, pool: BrowserPool) -> None:
        self._pool = pool
        self._context: BrowserContext | None = None

    async def reset(self, person: SimulatedPerson) -> Observation:
        """Open the site's first page as a new visitor.

        Raises:
            SiteError: if it cannot be opened.
        """
        from playwright.async_api import Error  # noqa: PLC0415 (an extra)

        await self.close()
        try:
            self._context = await within(self._pool.new_context(person), _LAUNCH_SECONDS, "a new context")
            self._context.on("page", self._adopt)
            self._context.on("dialog", self._on_dialog)
            if not self._pool.may_purchase(self._pool.url):
                await self._context.route("**/*", self._guard_request)
            self._tabs: list[Page] = []
            self._crashed = False
            self._dialogs = 0
            self._watch = RequestWatch(self._context)
            page = await within(self._context.new_page(), _CALL_SECONDS, "a new tab")
            await self._pool.wait_for_turn(self._pool.url)
            limit = self._pool.options.page_seconds
            await within(
                page.goto(self._pool.url, wait_until="commit", timeout=1000 * limit), limit + 5, "opening"
            )
        except Error as error:
            raise SiteError(f"{self._pool.url} cannot be opened: {_first_line(error)}") from None
        return await self.observe()

    async def observe(self) -> Observation:
        """The page in front of the person, as soon as it is quiet.

        Raises:
            SiteError: if it cannot be read, or is not on the list of hosts.
        """
        page = await self._settled_page()
        if not self._pool.allowed.allows_url(page.url):
            raise SiteError(f"{page.url[:200]} is not on the list of hosts")
        return await self.read(page)

    async def _settled_page(self) -> Page:
        """The tab in front, once it is quiet, or after the limit as it is then."""
        options = self._pool.options
        while True:
            self._check_alive()
            page = self._page
            await settle(
                page, self._watch, quiet_seconds=options.quiet_seconds, limit_seconds=options.page_seconds
            )
            self._check_alive()
            if self._page is page:  # no tab was opened or closed meanwhile
                return page

    async def read(self, page: Page) -> Observation:
        """The page in a tab as it is.

        Raises:
            SiteError: if it cannot be read.
        """
        html = await capture(page, seconds=self._pool.options.page_seconds)
        try:
            simplified = simplify(html, url=page.url, recipe=self._pool.options.recipe)
            _ = simplified.elements  # reads their locators
        except InputError as error:
            raise SiteError(f"{page.url[:200]} cannot be simplified: {error}") from None
        self._observation = Observation(simplified, page.url, html)
        return self._observation

    async def step(self, action: Action) -> Observation | None:
        """Act on an element as a person would, and wait for the page that follows.

        A button that pays is not pressed, unless the site's options allow it: the session ends with the
        purchase that it would have been.

        Raises:
            ActionError: if the element is gone, covered or of another kind, or leads to a host that is not on
                the list.
            SiteError: if the session cannot go on.
        """
        element = self._observation.page.by_name[action.name or ""]
        page, before = self._page, self._page.url
        target = await self._locate(page, element)
        form = await self._form(action, element, target)
        orders = self.places_order(action)
        if not self._pool.may_purchase(before) and pays(action, element, form):
            return None
        await self._pool.wait_for_turn(before)
        self._dialogs = 0
        tabs, navigations = len(self._tabs), self._watch.navigations
        await self._act(action, element, target)
        if form is not None or _leads_on(action, element):
            deadline = time.monotonic() + _NAVIGATION_SECONDS
            while (len(self._tabs), self._watch.navigations) == (tabs, navigations):
                if time.monotonic() > deadline:
                    break  # a script has taken over
                await asyncio.sleep(0.01)
        observation = await self._after(before)
        return None if orders else observation

    def category(self, action: Action) -> str:
        """The category of an action on the current page."""
        return self._pool.categories.category(action, self._observation.page, self._observation.url)

    def places_order(self, action: Action) -> bool:
        """Whether an action presses a button that places an order."""
        element = self._observation.page.by_name.get(action.name or "")
        return action.type == "click" and element is not None and places_order(element)

    def draw_order(self, action: Action) -> DrawOrder:
        """By type, name and text."""
        return name_order(action)

    async def close(self) -> None:
        """Close the context. A browser that does not close it is closed itself."""
        context, self._context = self._context, None
        if context is None:
            return
        try:
            await asyncio.wait_for(context.close(), _CLOSE_SECONDS)
        except TimeoutError:
            await self._pool.close_browser()
        except Exception:  # noqa: S110 - it is gone, which is what was wanted
            pass

    @property
    def _page(self) -> Page:
        """The tab in front: the newest that is open."""
        self._tabs = [tab for tab in self._tabs if not tab.is_closed()]
        if not self._tabs:
            raise BrowserLostError("the last tab was closed")
        return self._tabs[-1]

    def _adopt(self, page: Page) -> None:
        """Watch a new tab or popup; it comes to the front."""
        page.on("crash", self._on_crash)
        self._tabs.append(page)
        if len(self._tabs) > _MOST_TABS:
            self._tabs.pop(1)

    def _on_crash(self, _: Page) -> None:
        self._crashed = True

    async def _on_dialog(self, dialog: Dialog) -> None:
        """Accept alerts, confirmations and leaving; give prompts no answer."""
        self._dialogs += 1
        with contextlib.suppress(Exception):  # the page may be gone
            if self._dialogs > _MOST_DIALOGS or dialog.type == "prompt":
                await dialog.dismiss()
            else:
                await dialog.accept()

    async def _guard_request(self, route: Route) -> None:
        """Abort what must not be sent. Redirects are not seen here; the proxy stops those."""
        request = route.request
        allowed = self._pool.allowed.allows_url(request.url)
        pays = (
            request.method == "POST"
            and pays_by_address(request.url.partition("?")[0])
            and not self._pool.may_purchase(request.url)
        )
        with contextlib.suppress(Exception):  # the page may be gone
            await (route.continue_() if allowed and not pays else route.abort("aborted"))

    def _check_alive(self) -> None:
        if self._crashed:
            raise BrowserLostError("the page crashed")
        if self._dialogs > _MOST_DIALOGS:
            raise SiteError("the page opens one dialog after another")
        context = self._context
        if context is None or context.browser is None or not context.browser.is_connected():
            raise BrowserLostError("the browser is gone")

    async def _locate(self, page: Page, element: Element) -> Target:
        """The element in the live page.

        Raises:
            ActionError: if it is gone.
        """
        from playwright.async_api import Error  # noqa: PLC0415 (an extra)

        path = element.locator.split(" >>> ")
        try:
            if len(path) == 1:
                located = page.locator(element.locator)
                if await within(located.count(), _CALL_SECONDS, "finding an element") == 1:
                    return located
            else:
                handle = await within(
                    page.evaluate_handle(_IN_SHADOW, path), _CALL_SECONDS, "finding an element"
                )
                if found := handle.as_element():
                    return found
        except Error as error:
            raise ActionError(f"{element.name} cannot be found: {_first_line(error)}") from None
        raise ActionError(f"{element.name} is not on the page any more")

    async def _form(self, action: Action, element: Element, target: Target) -> SubmittedForm | None:
        """The form that an action would submit, if any."""
        from playwright.async_api import Error  # noqa: PLC0415 (an extra)

        if action.text is None and element.tag not in ("button", "input"):
            return None
        try:
            found = await within(target.evaluate(_FORM), _CALL_SECONDS, "a form")
        except Error:
            return None  # acting on it will fail, and says why
        if not found or not (found["submits"] or action.text is not None):
            return None
        return SubmittedForm(found["address"], found["method"], tuple(found["buttons"]))

    async def _act(self, action: Action, element: Element, target: Target) -> None:
        from playwright.async_api import Error  # noqa: PLC0415 (an extra)
        from playwright.async_api import TimeoutError as TooLate  # noqa: PLC0415 (an extra)

        limit = 1000 * _ACTION_SECONDS
        # Playwright would count the time until the next page arrives as that of the action.
        if action.text is None:
            call = target.click(timeout=limit, no_wait_after=True)
        else:
            call = _type(target, element, action.text)
        try:
            # Typing takes several calls, and time for each key.
            allowed = 4 * _ACTION_SECONDS + len(action.text or "") * _SLOWEST_KEY_SECONDS
            await within(call, allowed, "acting")
        except TooLate as error:
            raise ActionError(f"{element.name} cannot be acted on: {_reason(error)}") from None
        except Error as error:
            if self._crashed:
                raise BrowserLostError("the page crashed") from None
            raise ActionError(f"{element.name} cannot be acted on: {_first_line(error)}") from None

    async def _after(self, before: str) -> Observation:
        """The page after an action. One that is not on the list of hosts is left at once."""
        from playwright.async_api import Error  # noqa: PLC0415 (an extra)

        page = await self._settled_page()
        where = page.url
        if self._pool.allowed.allows_url(where):
            return await self.read(page)
        if len(self._tabs) > 1:
            with contextlib.suppress(Error):
                await within(page.close(), _CALL_SECONDS, "closing a tab")
        else:
            with contextlib.suppress(Error):
                await within(
                    page.go_back(wait_until="commit", timeout=1000 * _ACTION_SECONDS),
                    _CALL_SECONDS,
                    "going back",
                )
        if not self._pool.allowed.allows_url(self._page.url):
            raise SiteError(f"the action led from {before[:200]} to {where[:200]}, and there is no way back")
        place = host_and_port(where)
        raise ActionError(
            f"it leads to {place[0] if place else where[:100]}, which is not on the list of hosts"
        )


def _leads_on(action: Action, element: Element) -> bool:
    """Whether a click is expected to load another page."""
    href = element.href or ""
    return action.text is None and element.tag == "a" and bool(href) and not href.startswith(_WITHIN_PAGE)


async def _type(target: Target, element: Element, text: str) -> None:
    """Choose an option, or replace the text of a field with real keys, and press Enter."""
    limit = 1000 * _ACTION_SECONDS
    if element.tag == "select":
        await target.select_option(label=text, timeout=limit)
        return
    await target.click(timeout=limit)
    await target.press("ControlOrMeta+a", timeout=limit)
    await target.press("Delete", timeout=limit)
    # A handle's `type` is what a locator's `press_sequentially` calls.
    slowest = 1000 * len(text) * _SLOWEST_KEY_SECONDS
    press_keys = getattr(target, "press_sequentially", target.type)
    await press_keys(text, delay=_KEY_MILLISECONDS, timeout=limit + slowest)
    await target.press("Enter", timeout=limit, no_wait_after=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


def _reason(error: Exception) -> str:
    """What Playwright waited for in vain: the last line of its log."""
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip(" -")]
    telling = [
        line for line in lines if "intercepts" in line or "not visible" in line or "not enabled" in line
    ]
    return (telling or lines or ["it took too long"])[-1][:300]
