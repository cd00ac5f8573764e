"""The consoles that verbs print with: results on standard output, progress and errors on standard error.

Everything printed goes through `SafeConsole`: text from outside (session ids, file names, servers' errors)
cannot send escape sequences to the terminal or reorder what is around it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from facsim.util.display_text import escape_controls
from facsim.util.progress import Progress
from facsim.util.progress_bar import terminal_bars


class SafeConsole(Console):
    """A console that shows control characters and direction marks as escapes instead of sending them."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable, with safe texts. What rich itself sends is left alone."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escape_controls(segment.text), segment.style)


# Lines in a file or a pipe are not folded, and tables have room, unless COLUMNS sets a width.
_piped = not sys.stdout.isatty()
console = SafeConsole(
    width=200 if _piped and "COLUMNS" not in os.environ else None, soft_wrap=_piped, emoji=False
)
help_console = SafeConsole(emoji=False)
errors = SafeConsole(stderr=True, soft_wrap=True, emoji=False)

_LOG_EVERY_SECONDS = 5.0


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A progress bar on a terminal; elsewhere a log line every few seconds."""
    with progress_bars([title]) as (bar,):
        yield bar


@contextmanager
def progress_bars(titles: Sequence[str]) -> Iterator[list[Progress]]:
    """Progress bars below each other, for work that runs side by side."""
    if not errors.is_terminal:
        yield [_LogLines(title) for title in titles]
        return
    with terminal_bars(titles, errors) as bars:
        yield bars


class _LogLines:
    """Progress for logs. The first line comes after a few seconds, so that quick work stays silent."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._next = time.monotonic() + _LOG_EVERY_SECONDS

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _LOG_EVERY_SECONDS
        of = f" of {total}" if total else ""
        errors.print(
            f"{self._title}: {done}{of}{f' · {note}' if note else ''}",
            style=None,
            highlight=False,
            markup=False,
        )
