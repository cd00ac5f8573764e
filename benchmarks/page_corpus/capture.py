"""Keeps pages of a running application: as served, as rendered, as a picture, with their style sheets."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Playwright, Response
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import TimeoutError as BrowserTimeout

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
VIEWPORT = {"width": 1280, "height": 900}
_KEPT = frozenset({"stylesheet", "image", "font"})

# Written out and compared in one go: what comes and goes (a toast) must not come between.
SKELETON = """() => {
  const type = document.doctype ? new XMLSerializer().serializeToString(document.doctype) : '';
  const html = type + document.documentElement.outerHTML;
  // A parser that runs no scripts reads what is in noscript; the page's own did not.
  const tags = root => Array.from(root.querySelectorAll('*:not(noscript *)'), e => e.localName).join(' ');
  const again = new DOMParser().parseFromString(html, 'text/html');
  let shadows = 0;
  for (const e of document.querySelectorAll('*')) if (e.shadowRoot) shadows++;
  const elements = document.querySelectorAll('*').length;
  return {html, same: tags(document) === tags(again), shadows, elements};
}"""


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium that opens nothing of its own."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    try:
        yield browser
    finally:
        browser.close()


@dataclass
class Recorder:
    """One browser session of an application (a `Visitor`); writes `PAGE/VISIT/…` under a folder.

    Attributes:
        browser: the page of the session.
        address: where the application runs.
        folder: the application's folder in the corpus.
        visit: which visit this is, from 1.
        saved: names of the pages kept, in order.
    """

    browser: BrowserPage
    address: str
    folder: Path
    visit: int
    saved: list[str] = field(default_factory=list)
    _served: dict[str, bytes] = field(default_factory=dict)
    _resources: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "resources").mkdir(parents=True, exist_ok=True)
        self.browser.on("response", self._keep)
        self.browser.set_default_timeout(30_000)

    def go(self, path: str) -> None:
        """Open an address of the application and wait until the page is quiet."""
        self.browser.goto(self.address + path, wait_until="load")
        self._settle()

    def see(self, path: str, name: str) -> None:
        """Open and keep."""
        self.go(path)
        self.save(name)

    def save(self, name: str) -> None:
        """Write the page as it is now; a second page of the same name is an error."""
        self._settle()
        if name in self.saved:
            raise ValueError(f"{self.folder.name}: two pages are called {name}")
        folder = self.folder / "pages" / name / str(self.visit)
        folder.mkdir(parents=True, exist_ok=True)
        page = self.browser
        facts = page.evaluate(SKELETON)
        served = self._served.get(_without_fragment(page.url), b"")
        (folder / "served.html").write_bytes(served)
        (folder / "rendered.html").write_text(facts["html"], encoding="utf-8", newline="")
        page.screenshot(path=folder / "page.png", full_page=True)
        about = {
            "url": page.url.replace(self.address, "http://127.0.0.1:1"),
            "address": self.address,
            "title": page.title(),
            "reparses_the_same": facts["same"],
            "shadow_roots": facts["shadows"],
            "elements": facts["elements"],
        }
        (folder / "page.json").write_text(json.dumps(about, indent=1, ensure_ascii=False))
        self.saved.append(name)

    def close(self) -> None:
        """Write which style sheet, picture or font was which address."""
        path = self.folder / f"resources-{self.visit}.json"
        path.write_text(json.dumps(self._resources, indent=1, sort_keys=True))

    def _settle(self) -> None:
        """Wait until nothing is loaded any more and the DOM has been still for a while."""
        try:
            self.browser.wait_for_load_state("load")
            self.browser.wait_for_load_state("networkidle", timeout=8000)
        except BrowserTimeout:
            pass
        size = -1
        for _ in range(20):
            try:
                now = self.browser.evaluate("document.documentElement.outerHTML.length")
            except BrowserError:  # it went on to another page
                self.browser.wait_for_load_state("load")
                continue
            if now == size:
                return
            size = now
            self.browser.wait_for_timeout(200)

    def _keep(self, response: Response) -> None:
        kind = response.request.resource_type
        is_page = kind == "document" and response.frame == self.browser.main_frame
        if not (is_page or kind in _KEPT) or 300 <= response.status < 400:
            return
        try:
            body = response.body()
        except BrowserError:
            return
        if is_page:
            if response.status >= 500:
                raise SystemExit(f"{response.url}: the application answered {response.status}")
            self._served[_without_fragment(response.url)] = body
            return
        media = response.headers.get("content-type", "application/octet-stream")
        digest = hashlib.sha256(body).hexdigest()[:20]
        (self.folder / "resources" / digest).write_bytes(body)
        self._resources[response.url] = f"{digest} {media}"


@dataclass(frozen=True)
class Saved:
    """A page of the corpus at one visit."""

    app: str
    page: str
    visit: int
    folder: Path

    @property
    def rendered(self) -> str:
        """What Chromium wrote out."""
        return (self.folder / "rendered.html").read_text(encoding="utf-8")

    @property
    def served(self) -> bytes:
        """The body of the answer; empty if the page came about otherwise."""
        return (self.folder / "served.html").read_bytes()

    @property
    def about(self) -> dict[str, object]:
        """What `page.json` says."""
        about: dict[str, object] = json.loads((self.folder / "page.json").read_text())
        return about


def read_corpus(corpus: Path) -> list[Saved]:
    """All pages of a corpus, by application, page and visit."""
    return [
        Saved(folder.parents[2].name, folder.parent.name, int(folder.name), folder)
        for folder in sorted(corpus.glob("*/pages/*/[0-9]*"))
    ]


@contextmanager
def reopened(browser: Browser, saved: Saved) -> Iterator[BrowserPage]:
    """The page in Chromium again, laid out as it was, its scripts kept from running.

    The application is not needed. Its style sheets, pictures and fonts come from the corpus.
    """
    app_folder = saved.folder.parents[2]
    resources = json.loads((app_folder / f"resources-{saved.visit}.json").read_text())
    address = str(saved.about["address"])
    url = str(saved.about["url"]).replace("http://127.0.0.1:1", address, 1)
    body = saved.rendered
    context = browser.new_context(viewport=VIEWPORT)  # type: ignore[arg-type]

    def answer(route) -> None:  # type: ignore[no-untyped-def]
        request = route.request
        if request.is_navigation_request() and request.frame == page.main_frame:
            headers = {
                "content-type": "text/html; charset=utf-8",
                "content-security-policy": "script-src 'none'",
            }
            route.fulfill(status=200, headers=headers, body=body)
        elif request.url in resources:
            digest, media = resources[request.url].split(" ", 1)
            headers = {"content-type": media, "access-control-allow-origin": "*"}
            route.fulfill(status=200, headers=headers, body=(app_folder / "resources" / digest).read_bytes())
        else:
            route.abort()

    page = context.new_page()
    page.route(re.compile(".*"), answer)
    try:
        page.goto(url, wait_until="load")
        yield page
    finally:
        context.close()


def _without_fragment(url: str) -> str:
    return url.split("#", 1)[0]
