"""The texts that a page is shown as, each made and counted once per session, not once per prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from weakref import WeakKeyDictionary

from facsim.page import condense, names_in
from facsim.prompt.config import Message, PromptConfig
from facsim.prompt.cut import window_around
from facsim.prompt.fit import Fitter
from facsim.prompt.page_changes import as_changes, escape_markers
from facsim.prompt.page_index import PageIndex
from facsim.prompt.templates import CUT_MARK, PAGE_LEFT_OUT, harmless, quoted
from facsim.prompt.tokens import MESSAGE_TOKENS, count_short, count_tokens
from facsim.schema import Page

WINDOW_TOKENS = 512
"""Most tokens of the window that `anchored` keeps of an old page."""

_FULL = 0.93
"""A cut that uses this share of its room is good enough; under it, a longer one is tried."""


_MAX_KEPT = 256
"""A page that comes in many sessions keeps its text after so many different histories."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A user message that shows a page, or what is left of it.

    Attributes:
        message: the message.
        tokens: its length, with what a chat template adds.
        html: the page in it; empty where it is left out.
        is_whole: whether all of the page is in the prompt: in this message, or in those it refers to.
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
    """The texts of one page under one config."""

    def __init__(self, html: str, config: PromptConfig) -> None:
        self._html, self._config = harmless("page", html), config
        if config.pages == "changes":
            self._html = escape_markers(self._html)
        self.whole = replace(self._shown(self._html), is_whole=True)
        self._windows: dict[str, Shown | None] = {}
        self._cuts: dict[int, Shown] = {}
        self._changes: dict[bytes, Shown] = {}

    @cached_property
    def index(self) -> PageIndex:
        """Its tokens and labels, for later pages to refer to."""
        return PageIndex(self._html)

    @cached_property
    def digest(self) -> bytes:
        """Identifies the page."""
        return hashlib.blake2b(self._html.encode(), digest_size=16).digest()

    def after(self, earlier: Sequence[PageTexts]) -> Shown:
        """The page as changes: what the `earlier` pages of the prompt show is referred to."""
        if not earlier:
            return self.whole
        history = hashlib.blake2b(b"".join(texts.digest for texts in earlier), digest_size=16).digest()
        shown = self._changes.get(history)
        if shown is None:
            changes = as_changes(self.index, [texts.index for texts in earlier])
            shown = replace(self._shown(changes), is_whole=True)
            if len(self._changes) >= _MAX_KEPT:
                del self._changes[next(iter(self._changes))]
            self._changes[history] = shown
        return shown

    def window(self, name: str | None) -> Shown:
        """What stood around the element that was acted on; the mark for a page left out if there is none."""
        if name is not None and name not in self._windows:
            self._windows[name] = self._within(
                WINDOW_TOKENS, lambda characters: window_around(self._html, name, characters)
            )
        return (name and self._windows[name]) or left_out(self._config)

    def cut(self, room: int) -> Shown:
        """What is left of the page in at most `room` tokens."""
        if room not in self._cuts:
            shown = self._within(room, Fitter(self._html).to)
            self._cuts[room] = shown or self._shown(CUT_MARK)
        return self._cuts[room]

    def _within(self, room: int, shorten: Callable[[int], str | None]) -> Shown | None:
        """What `shorten(characters)` gives for the most characters that stay within `room` tokens."""
        if self.whole.tokens <= room:
            return self.whole
        frame = MESSAGE_TOKENS + count_short(quoted("page", ""), self._config)
        characters = len(self._html) * (room - frame) / max(1, self.whole.tokens - frame)
        best: Shown | None = None
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

    def _shown(self, html: str) -> Shown:
        message = Message("user", quoted("page", html))
        return Shown(message, MESSAGE_TOKENS + count_tokens(message.content, self._config), html)


def left_out(config: PromptConfig) -> Shown:
    """The message that stands for a page left out."""
    return Shown(Message("user", PAGE_LEFT_OUT), MESSAGE_TOKENS + count_short(PAGE_LEFT_OUT, config))


def page_texts(page: Page, config: PromptConfig) -> PageTexts:
    """The texts of a page: kept as long as the page is, so a session's pages are read once."""
    of_page = _TEXTS.setdefault(page, {})
    texts = of_page.get(config)
    if texts is None:
        texts = of_page[config] = PageTexts(
            condense(page.html) if config.page_text == "condensed" else page.html, config
        )
    return texts


_TEXTS: WeakKeyDictionary[Page, dict[PromptConfig, PageTexts]] = WeakKeyDictionary()
