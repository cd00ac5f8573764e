"""Draws the progress of long work: a bar in a terminal or a notebook."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from facsim.util.progress import Progress, no_progress

_NOTEBOOK_SECONDS = 0.5


@contextmanager
def default_progress(title: str, progress: Progress | None) -> Iterator[Progress]:
    """The given callback; if it is None, a bar in a terminal or a notebook, and nothing elsewhere."""
    if progress is not None:
        yield progress
    elif in_notebook():
        yield _NotebookBar(title)
    elif sys.stderr.isatty():
        with terminal_bars([title]) as (bar,):
            yield bar
    else:
        yield no_progress


@contextmanager
def terminal_bars(titles: Sequence[str], console: Any = None) -> Iterator[list[Progress]]:
    """Progress bars below each other on a terminal, removed at the end.

    Args:
        titles: the text before each bar.
        console: the rich console to draw on; standard error by default.
    """
    from rich.console import Console  # noqa: PLC0415 - not on the import path of the library
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
    )
    with Bar(*columns, console=console or Console(stderr=True, emoji=False), transient=True) as bar:
        yield [_TerminalBar(bar, title) for title in titles]


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel, which displays HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


class _TerminalBar:
    """One of the bars of a rich display."""

    def __init__(self, display: Any, title: str) -> None:
        self._display = display
        self._task = display.add_task(title, total=None, note="")

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        self._display.update(self._task, completed=done, total=total, note=note)


class _NotebookBar:
    """An HTML progress bar below the cell, updated in place."""

    def __init__(self, title: str) -> None:
        self._title, self._next = title, 0.0
        self._handle: Any = None

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        now = time.monotonic()
        if now < self._next and done != total:
            return
        self._next = now + _NOTEBOOK_SECONDS
        from IPython import display  # noqa: PLC0415 - a notebook has it

        ipython: Any = display
        shown = ipython.HTML(bar_html(self._title, done, total, note))
        if self._handle is None:
            self._handle = ipython.display(shown, display_id=True)
        else:
            self._handle.update(shown)


def bar_html(title: str, done: int, total: int | None, note: str = "") -> str:
    """The bar as HTML.

    >>> bar_html("choice", 3, 4, "2.0/s")
    'choice <progress value="3" max="4"></progress> 3/4 · 2.0/s'
    """
    bar = f'<progress value="{done}" max="{total}"></progress> {done:,}/{total:,}' if total else f"{done:,}"
    return f"{html.escape(title)} {bar}" + (f" · {html.escape(note)}" if note else "")
