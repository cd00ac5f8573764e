"""The texts that a page is shown as, each made and counted once per session, not once per prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from facsim.page import condense, names_in
from facsim.prompt.config import Message, PromptConfig
from facsim.prompt.cut import window_around
from facsim.prompt.fit import Fitter
from facsim.prompt.templates import CUT_MARK, PAGE_LEFT_OUT, harmless, quoted
from facsim.prompt.tokens import MESSAGE_TOKENS, count_short, count_tokens
from facsim.schema import Page

WINDOW_TOKENS = 512
"""Most tokens of the window that `anchored` keeps of an old page."""

_FULL = 0.93
"""A cut that uses this share of its room is good enough; under it, a longer one is tried."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A user message that shows a page, or what is left of it, and its tokens."""

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
        self.whole = replace(self._shown(self._html), is_whole=True)
        self._windows: dict[str, Shown | None] = {}
        self._cuts: dict[int, Shown] = {}

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
