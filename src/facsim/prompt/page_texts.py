"""The texts that represent a page in prompts, rendered and counted once per session, not per prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from weakref import WeakKeyDictionary

from facsim.page import condense, names_in
from facsim.prompt.config import Message, PromptConfig
from facsim.prompt.page_changes import as_changes, escape_markers
from facsim.prompt.page_fitting import PageFitter
from facsim.prompt.page_index import PageIndex
from facsim.prompt.page_window import window_around
from facsim.prompt.templates import CUT_MARK, PAGE_LEFT_OUT, escape_data, quoted
from facsim.prompt.tokens import MESSAGE_TOKENS, count_tokens, count_tokens_cached
from facsim.schema import Page

WINDOW_TOKENS = 512
"""Maximum tokens of the window of an old page under the policy `anchored`."""

_FULL = 0.93
"""A shortened page that uses this share of its room is accepted; below it, a longer one is tried."""

_MAX_HISTORIES = 256
"""A page that recurs in many sessions caches its text for this many different histories."""


@dataclass(frozen=True, slots=True)
class PageMessage:
    """A user message with a page, whole or shortened, or with its placeholder.

    Attributes:
        message: the message.
        tokens: its tokens, including the chat template's.
        html: the page in it; empty for a placeholder.
        is_whole: whether the prompt contains the whole page, in this message or in those it refers to.
    """

    message: Message
    tokens: int
    html: str = ""
    is_whole: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The names of the elements in it."""
        return frozenset(names_in(self.html))


class PageTexts:
    """The texts of one page under one prompt config."""

    def __init__(self, html: str, config: PromptConfig) -> None:
        self._html, self._config = escape_data("page", html), config
        if config.pages == "changes":
            self._html = escape_markers(self._html)
        self.whole = replace(self._shown(self._html), is_whole=True)
        self._windows: dict[str, PageMessage | None] = {}
        self._cuts: dict[int, PageMessage] = {}
        self._changes: dict[bytes, PageMessage] = {}

    @cached_property
    def index(self) -> PageIndex:
        """The page's tokens and labels, for references from later pages."""
        return PageIndex(self._html)

    @cached_property
    def digest(self) -> bytes:
        """Hash of the page's text."""
        return hashlib.blake2b(self._html.encode(), digest_size=16).digest()

    def after(self, earlier: Sequence[PageTexts]) -> PageMessage:
        """The page as changes, given the `earlier` pages that the prompt shows, oldest first."""
        if not earlier:
            return self.whole
        history = hashlib.blake2b(b"".join(texts.digest for texts in earlier), digest_size=16).digest()
        shown = self._changes.get(history)
        if shown is None:
            changes = as_changes(self.index, [texts.index for texts in earlier])
            shown = replace(self._shown(changes), is_whole=True)
            if len(self._changes) >= _MAX_HISTORIES:
                del self._changes[next(iter(self._changes))]
            self._changes[history] = shown
        return shown

    def window(self, name: str | None) -> PageMessage:
        """The window around the element `name`, or the placeholder of a page if there is no such window."""
        if name is not None and name not in self._windows:
            self._windows[name] = self._within(
                WINDOW_TOKENS, lambda characters: window_around(self._html, name, characters)
            )
        return (name and self._windows[name]) or omitted_page(self._config)

    def cut(self, room: int) -> PageMessage:
        """The page shortened to at most `room` tokens."""
        if room not in self._cuts:
            shown = self._within(room, PageFitter(self._html).to)
            self._cuts[room] = shown or self._shown(CUT_MARK)
        return self._cuts[room]

    def _within(self, room: int, shorten: Callable[[int], str | None]) -> PageMessage | None:
        """`shorten(characters)` for the most characters that fit into `room` tokens."""
        if self.whole.tokens <= room:
            return self.whole
        frame = MESSAGE_TOKENS + count_tokens_cached(quoted("page", ""), self._config)
        characters = len(self._html) * (room - frame) / max(1, self.whole.tokens - frame)
        best: PageMessage | None = None
        for _ in range(8):
            text = shorten(int(characters))
            shown = self._shown(text) if text is not None else None
            if shown is None:
                break
            if shown.tokens <= room:
                best = shown if best is None or shown.tokens > best.tokens else best
                if shown.tokens >= _FULL * room or shown.html == self._html:
                    break
            elif best is not None:
                break
            # A part may hold more tokens per character than the whole, or fewer.
            characters *= 0.98 * room / shown.tokens
        return best

    def _shown(self, html: str) -> PageMessage:
        message = Message("user", quoted("page", html))
        return PageMessage(message, MESSAGE_TOKENS + count_tokens(message.content, self._config), html)


def omitted_page(config: PromptConfig) -> PageMessage:
    """The placeholder message of a page that is left out."""
    return PageMessage(
        Message("user", PAGE_LEFT_OUT), MESSAGE_TOKENS + count_tokens_cached(PAGE_LEFT_OUT, config)
    )


def page_texts(page: Page, config: PromptConfig) -> PageTexts:
    """The texts of a page, cached for the lifetime of the page object."""
    of_page = _TEXTS.setdefault(page, {})
    texts = of_page.get(config)
    if texts is None:
        texts = of_page[config] = PageTexts(
            condense(page.html) if config.page_text == "condensed" else page.html, config
        )
    return texts


_TEXTS: WeakKeyDictionary[Page, dict[PromptConfig, PageTexts]] = WeakKeyDictionary()
