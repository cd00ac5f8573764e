"""What verbs print with: results on standard output, progress and complaints on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from facsim.util.progress import Progress
from facsim.util.progress_bar import terminal_bar

# Lines in a file or a pipe are not folded, and tables have room, unless COLUMNS says how much.
_piped = not sys.stdout.isatty()
console = Console(
    width=200 if _piped and "COLUMNS" not in os.environ else None, soft_wrap=_piped, emoji=False
)
errors = Console(stderr=True, soft_wrap=True, emoji=False)

_LOG_EVERY_SECONDS = 5.0


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A progress bar on a terminal; elsewhere a plain log line every few seconds."""
    if not errors.is_terminal:
        yield _LogLines(title)
        return
    with terminal_bar(title, errors) as bar:
        yield bar


class _LogLines:
    """Progress for logs: the first line after a few seconds, so that quick work stays silent."""

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
