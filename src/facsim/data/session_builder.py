"""From a step as a source has it to a step as the data set stores it: text cleaned, page simplified."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawSession, RawStep, SessionRefused
from facsim.data.writer import page_id_of
from facsim.page import read_page
from facsim.page.element_lookup import element_at
from facsim.schema import Action, Page, Session, Step
from facsim.util.errors import ConfigError, InputError

Simplify = Callable[[str, str | None], Page]
"""Raw HTML and its address -> simplified page."""

LARGE_PAGE = 10_000_000
_A_TAG = re.compile(r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^<>]*)?/?>")
_NOT_HTML = ("%PDF-", "\x89PNG", "GIF8", "PK\x03\x04")
_RAW_PAGES_KEPT = 4


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page ready to be stored."""

    html: str
    raw_html: str | None


class SessionBuilder:
    """Turns raw sessions into sessions and the pages they need, and tells the report what it met.

    Args:
        simplify: makes a page of raw HTML.
        report: is told of repairs and of what is worth knowing.
        keep_raw: whether raw pages are wanted; a session's are in memory until it is stored.
    """

    def __init__(self, simplify: Simplify, report: IngestReport, *, keep_raw: bool = True) -> None:
        self._simplify, self._report, self._keep_raw = simplify, report, keep_raw
        self._raw_pages: OrderedDict[tuple[str, str | None], _RawPage] = OrderedDict()

    def session(self, raw: RawSession, source: str) -> tuple[Session, dict[str, StoredPage]]:
        """The session and its pages by id.

        Raises:
            SessionRefused: if the session cannot be used.
        """
        where = raw.where or f"session {raw.session_id}"
        steps: list[Step] = []
        pages: dict[str, StoredPage] = {}
        for index, raw_step in enumerate(raw.steps):
            place = raw_step.where or f"{where}, step {index}"
            html, name, raw_html = self._page(raw_step, place)
            page_id = page_id_of(html)
            pages.setdefault(page_id, StoredPage(html, raw_html if self._keep_raw else None))
            steps.append(self._step(raw_step, page_id, name, place))
        if not steps:
            raise SessionRefused("session without steps", where)
        session = Session(
            session_id=self._id(raw.session_id, "session id", where),
            user_id=self._id(raw.user_id, "user id", where),
            steps=tuple(steps),
            persona=self._clean(raw.persona, where),
            intent=self._clean(raw.intent, where),
            outcome=raw.outcome,
            site=self._clean(raw.site, where),
            source=source,
            official_split=self._clean(raw.official_split, where),
        )
        return session, pages

    def _step(self, raw: RawStep, page_id: str, name: str | None, where: str) -> Step:
        action = raw.action
        if action.type != "terminate":
            action = replace(action, name=name, text=self._clean(action.text, where))
        return Step(
            page_id=page_id,
            action=action,
            category=self._clean(raw.category, where),
            rationale=self._clean(raw.rationale, where),
            rationale_source=raw.rationale_source,
            timestamp=raw.timestamp,
            elapsed=raw.elapsed,
            url=self._clean(raw.url, where),
            submitted=raw.submitted,
        )

    def _page(self, raw: RawStep, where: str) -> tuple[str, str | None, str | None]:
        """Simplified HTML, the target's name, raw HTML if there is any."""
        html = self._clean(raw.html, where) or ""
        if not is_html(html):
            raise SessionRefused("page is not HTML", where)
        if len(html) > LARGE_PAGE:
            self._report.note("page of more than 10 million characters", where)
        name = self._clean(raw.action.name, where)
        if raw.simplified:
            page = read_page(html)
            self._look_for(raw.action, name, page, where)
            return html, name, self._clean(raw.raw_html, where)
        key = (page_id_of(html), raw.url)
        if key not in self._raw_pages:
            try:
                self._raw_pages[key] = _RawPage(html, self._simplify(html, raw.url))
            except InputError as error:
                raise SessionRefused(f"page cannot be simplified: {error.problem}", where) from None
            if len(self._raw_pages) > _RAW_PAGES_KEPT:
                self._raw_pages.popitem(last=False)
        made = self._raw_pages[key]
        if name is None and raw.selector is not None:
            name = self._resolve(made, raw.selector, where)
        else:
            self._look_for(raw.action, name, made.page, where)
        return made.page.html, name, html

    def _look_for(self, action: Action, name: str | None, page: Page, where: str) -> None:
        """Note a target that cannot be reached. Pages are parsed only if a plain search finds nothing."""
        if action.type == "terminate":
            return
        if name is None:
            self._report.note("target without a name: kept, counted as unreachable", where)
        elif f' name="{name}"' not in page.html and name not in _readable(page, where):
            self._report.note("target's name is not on its page: kept, counted as unreachable", where)

    def _resolve(self, page: _RawPage, selector: str, where: str) -> str | None:
        try:
            name = page.name_at(selector)
        except LookupError as error:
            self._report.note(f"{error.args[0]}: kept, counted as unreachable", f"{where}: {selector}")
            return None
        return name

    def _id(self, text: str, what: str, where: str) -> str:
        cleaned = self._clean(text, where)
        if not cleaned:
            raise SessionRefused(f"{what} is empty", where)
        return cleaned

    def _clean(self, text: str | None, where: str) -> str | None:
        if text is None:
            return None
        cleaned = clean_text(text)
        if cleaned is not text:
            self._report.repair("NUL or lone surrogate in a text: removed, or replaced by U+FFFD", where)
        return cleaned


def _readable(page: Page, where: str) -> Page:
    try:
        _ = page.elements
    except InputError as error:
        raise SessionRefused(f"page cannot be read: {error.problem}", where) from None
    return page


class _RawPage:
    """A raw document and what became of it."""

    def __init__(self, raw_html: str, page: Page) -> None:
        self.page = page
        self._raw_html = raw_html

    def name_at(self, selector: str) -> str:
        """The name of the element at `selector` in the raw document, or of the nearest named one around it.

        People click on the picture or the words inside a link: the link is what they acted on.

        Raises:
            LookupError: if the selector is unusable, finds nothing, or nothing named.
        """
        try:
            element = element_at(self._raw_html, selector, page=self.page)
        except ConfigError:
            raise LookupError("selector is not CSS") from None
        except LookupError:
            raise LookupError("selector finds nothing on its page") from None
        if element is None:
            raise LookupError("selector finds no named element")
        return element.name


def clean_text(text: str) -> str:
    """`text` without NULs, and with lone surrogates replaced by U+FFFD: neither can be stored as UTF-8.

    Gives the very same object if there is nothing to do.
    """
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            # Two halves of one character, written apart, are joined; what stays alone is replaced.
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def is_html(text: str) -> bool:
    """Whether `text` looks like a page: it holds a tag, and is not JSON or a known binary format."""
    if not _A_TAG.search(text):
        return False
    start = text[:64].lstrip("\ufeff \t\r\n")
    if start.startswith(_NOT_HTML):
        return False
    if start.startswith(("{", "[")):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return True
        return False
    return True
