"""Convert a source's sessions to those of a data set: clean the text and simplify the pages.

Sessions are grouped into chunks. All raw pages of a chunk are processed together, each once with all
its targets (`page_processing`), optionally in worker processes. Then the sessions are built in order.
The report and the data set do not depend on chunks or workers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from facsim.data.ingest_report import DeferredReport, IngestReport
from facsim.data.packed_text import PackedText
from facsim.data.page_processing import PageTask, TargetQuery, TargetResult, process_page
from facsim.data.sources import PAGE_OF_NO_PAGES, RawSession, RawStep, SessionRefused
from facsim.data.writer import page_id_of
from facsim.page import Recipe, read_page
from facsim.schema import Action, Page, Session, Step
from facsim.util.errors import InputError
from facsim.util.executor import Executor
from facsim.util.process_pool import ProcessExecutor

LARGE_PAGE = 10_000_000
CHUNK_CHARACTERS = 32_000_000
"""Limit on the raw HTML of a chunk's distinct pages, in characters. It stays in memory, compressed, until
the chunk is built."""
CHUNK_STEPS = 50_000
_KNOWN_PAGES = 200_000
_A_TAG = re.compile(r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^<>]*)?/?>")
_NOT_HTML = ("%PDF-", "\x89PNG", "GIF8", "PK\x03\x04")

_PageKey = tuple[bytes, str | None]
"""Digest of a raw page, and its URL if a recipe may depend on it."""


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page ready to be stored, compressed if it was raw: a long recording has thousands of them.

    Attributes:
        simplified: the simplified page.
        raw: the original document.
    """

    simplified: str | PackedText
    raw: str | PackedText | None

    @property
    def html(self) -> str:
        """The simplified page."""
        return self.simplified if isinstance(self.simplified, str) else self.simplified.text

    @property
    def raw_html(self) -> str | None:
        """The original document."""
        return self.raw.text if isinstance(self.raw, PackedText) else self.raw


@dataclass(slots=True)
class _KnownPage:
    """What is kept of a page after its chunk, without the HTML."""

    page_id: str
    targets: dict[TargetQuery, TargetResult]


@dataclass(slots=True)
class _PendingStep:
    """A step whose page is not processed yet. The raw step has no HTML if the page is raw."""

    raw: RawStep
    key: _PageKey | None = None
    query: TargetQuery | None = None
    known: _KnownPage | None = None
    was_cleaned: bool = False
    is_html: bool = True
    size: int = 0


@dataclass(slots=True)
class _PendingSession:
    """A session whose pages are not processed yet, with what the source reported while reading it."""

    raw: RawSession
    steps: list[_PendingStep]
    refused: SessionRefused | None
    report: DeferredReport


@dataclass(slots=True)
class _Chunk:
    """Sessions, and the raw pages and targets that they need."""

    sessions: list[_PendingSession] = field(default_factory=list)
    html: dict[_PageKey, PackedText] = field(default_factory=dict)
    queries: dict[_PageKey, dict[TargetQuery, None]] = field(default_factory=dict)
    characters: int = 0
    steps: int = 0

    @property
    def is_full(self) -> bool:
        """Whether to build it now. Without raw pages, waiting has no benefit."""
        return not self.html or self.characters >= CHUNK_CHARACTERS or self.steps >= CHUNK_STEPS


class SessionBuilder:
    """Converts raw sessions to sessions and their pages, and fills the report.

    Args:
        report: receives repairs, notes and refusals, in the order of the sessions.
        recipe: hints for simplifying raw pages.
        keep_raw: whether raw pages are stored.
        executor: processes the pages.
    """

    def __init__(
        self,
        report: IngestReport,
        *,
        recipe: Recipe | None = None,
        keep_raw: bool = True,
        executor: Executor | None = None,
    ) -> None:
        self._report, self._recipe, self._keep_raw = report, recipe, keep_raw
        self._executor = executor or ProcessExecutor()
        self._known: OrderedDict[_PageKey, _KnownPage] = OrderedDict()
        # State of the chunk being built.
        self._results: dict[_PageKey, tuple[PackedText | None, str | None]] = {}  # page, or problem
        self._processed: dict[_PageKey, _KnownPage] = {}
        self._html: dict[_PageKey, PackedText] = {}

    def sessions(
        self,
        read: Callable[[IngestReport], Iterable[RawSession]],
        source: str,
        stored: Container[str],
        wanted: Callable[[], int | None] = lambda: None,
    ) -> Iterator[tuple[RawSession, Session, dict[str, StoredPage]]]:
        """Yield every usable session with its new pages by id. Refuse the others in the report.

        Args:
            read: yields the raw sessions, and writes to the report that is passed in.
            source: name of the source.
            stored: ids of the pages already in the data set.
            wanted: maximum number of further sessions; called before more are read.
        """
        deferred = DeferredReport(self._report)
        waiting = iter(read(deferred))
        is_over = False
        while not is_over:
            chunk = _Chunk()
            limit = wanted()
            while limit is None or len(chunk.sessions) < limit:
                raw = next(waiting, None)
                if raw is None:
                    is_over = True
                    break
                chunk.sessions.append(self._pending(chunk, raw, deferred, stored))
                if chunk.is_full:
                    break
            self._process(chunk)
            for pending in chunk.sessions:
                pending.report.replay()
                try:
                    built = self._build(pending, source)
                except SessionRefused as refusal:
                    self._report.refuse(refusal.kind, refusal.where)
                    continue
                yield pending.raw, *built
            is_over = is_over or limit == 0
        deferred.take().replay()

    def _pending(
        self, chunk: _Chunk, raw: RawSession, report: DeferredReport, stored: Container[str]
    ) -> _PendingSession:
        """A session after all its steps have been read."""
        steps: list[_PendingStep] = []
        refused = None
        try:
            for step in raw.steps:
                steps.append(self._pending_step(chunk, step, stored))
        except SessionRefused as refusal:
            refused = refusal
        return _PendingSession(raw, steps, refused, report.take())

    def _pending_step(self, chunk: _Chunk, raw: RawStep, stored: Container[str]) -> _PendingStep:
        chunk.steps += 1
        if raw.simplified:
            return _PendingStep(raw)
        html = clean_text(raw.html)
        without_html = replace(raw, html="")
        if not is_html(html):
            return _PendingStep(without_html, was_cleaned=html is not raw.html, is_html=False)
        digest = hashlib.blake2b(html.encode("utf-8"), digest_size=16).digest()
        key = (digest, raw.url if self._recipe is not None else None)
        query = _query_of(raw)
        known = self._known.get(key)
        if known is None or known.page_id not in stored or (query and query not in known.targets):
            if key not in chunk.html:
                chunk.html[key] = PackedText.of(html)
                chunk.characters += len(html)
            queries = chunk.queries.setdefault(key, {})
            if query:
                queries[query] = None
        return _PendingStep(without_html, key, query, known, html is not raw.html, size=len(html))

    def _process(self, chunk: _Chunk) -> None:
        """Process the raw pages of a chunk."""
        tasks = (
            PageTask(packed.text, key[1], tuple(chunk.queries[key])) for key, packed in chunk.html.items()
        )
        results = self._executor.map(partial(process_page, self._recipe), tasks)
        self._results, self._processed = {}, {}
        self._html = chunk.html
        for key, result in zip(chunk.html, results, strict=True):
            page = None if result.html is None else PackedText.of(result.html)
            self._results[key] = page, result.problem
            known = self._known.get(key) or _KnownPage(result.page_id, {})
            known.targets |= result.targets
            self._known[key] = self._processed[key] = known
        while len(self._known) > _KNOWN_PAGES:
            self._known.popitem(last=False)

    def _build(self, pending: _PendingSession, source: str) -> tuple[Session, dict[str, StoredPage]]:
        """The session and its new pages.

        Raises:
            SessionRefused: if the session cannot be used.
        """
        raw = pending.raw
        where = raw.where or f"session {raw.session_id}"
        steps: list[Step] = []
        pages: dict[str, StoredPage] = {}
        for index, step in enumerate(pending.steps):
            place = step.raw.where or f"{where}, step {index}"
            page_id, name = self._page(step, pages, place)
            steps.append(self._step(step.raw, page_id, name, place))
        if pending.refused is not None:
            raise pending.refused
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
            censored=raw.censored,
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
            context=self._clean(raw.context, where),
        )

    def _page(self, step: _PendingStep, pages: dict[str, StoredPage], where: str) -> tuple[str, str | None]:
        """The id of a step's page, which is added to `pages`, and the target's name."""
        if step.raw.simplified:
            return self._simplified_page(step.raw, pages, where)
        if step.was_cleaned:
            self._report_cleaning(where)
        if not step.is_html:
            raise SessionRefused("page is not HTML", where)
        self._note_size(step.size, where)
        name = self._clean(step.raw.action.name, where)
        assert step.key is not None
        result = self._results.get(step.key)
        known = self._processed.get(step.key) or step.known
        assert known is not None
        page_id, targets = known.page_id, known.targets
        if result is not None:
            page, problem = result
            if page is None:
                raise SessionRefused(problem or "page cannot be simplified", where)
            raw_html = self._html[step.key] if self._keep_raw else None
            pages.setdefault(page_id, StoredPage(page, raw_html))
        if step.query is not None:
            return page_id, self._target(step, targets[step.query], where)
        if step.raw.action.type != "terminate" and name is None:
            self._report.note("target without a name: kept, counted as unreachable", where)
        return page_id, name

    def _target(self, step: _PendingStep, target: TargetResult, where: str) -> str | None:
        assert step.query is not None
        if target.problem is not None:
            place = where if step.query.by == "name" else f"{where}: {step.query.value}"
            self._report.note(f"{target.problem}: kept, counted as unreachable", place)
        return target.name

    def _simplified_page(
        self, raw: RawStep, pages: dict[str, StoredPage], where: str
    ) -> tuple[str, str | None]:
        html = self._clean(raw.html, where) or ""
        if not is_html(html):
            raise SessionRefused("page is not HTML", where)
        self._note_size(len(html), where)
        name = self._clean(raw.action.name, where)
        self._look_for(raw.action, name, read_page(html), where)
        raw_html = self._clean(raw.raw_html, where)
        page_id = page_id_of(html)
        pages.setdefault(page_id, StoredPage(html, raw_html if self._keep_raw else None))
        return page_id, name

    def _look_for(self, action: Action, name: str | None, page: Page, where: str) -> None:
        """Note a target that cannot be reached. Pages are parsed only if a string search finds nothing."""
        if action.type == "terminate" or page.html == PAGE_OF_NO_PAGES:
            return
        if name is None:
            self._report.note("target without a name: kept, counted as unreachable", where)
        elif f' name="{name}"' not in page.html and name not in _readable(page, where):
            self._report.note("target's name is not on its page: kept, counted as unreachable", where)

    def _note_size(self, characters: int, where: str) -> None:
        if characters > LARGE_PAGE:
            self._report.note("page of more than 10 million characters", where)

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
            self._report_cleaning(where)
        return cleaned

    def _report_cleaning(self, where: str) -> None:
        self._report.repair("NUL or lone surrogate in a text: removed, or replaced by U+FFFD", where)


def _query_of(raw: RawStep) -> TargetQuery | None:
    """The target query for a raw page."""
    if raw.action.type == "terminate":
        return None
    if raw.action.name is not None:
        return TargetQuery("name", clean_text(raw.action.name))
    if raw.selector is not None:
        return TargetQuery("selector", clean_text(raw.selector))
    if raw.target_text is not None:
        return TargetQuery("text", clean_text(raw.target_text), raw.target_role)
    return None


def _readable(page: Page, where: str) -> Page:
    try:
        _ = page.elements
    except InputError as error:
        raise SessionRefused(f"page cannot be read: {error.problem}", where) from None
    return page


def clean_text(text: str) -> str:
    """`text` without NULs, and with lone surrogates replaced by U+FFFD: neither can be stored as UTF-8.

    Returns the same object if nothing changes.
    """
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            # Surrogate pairs that were written separately are joined; lone surrogates are replaced.
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def is_html(text: str) -> bool:
    """Whether `text` looks like a page: it has a tag, and is neither JSON nor a known binary format."""
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
