"""The colours of runs, for light and dark, as classes of a style sheet.

A policy that forbids inline styles forbids hostile ones, so every colour has a class.
"""

from __future__ import annotations

from functools import cache

from facsim.report.palette import REST, RUN_COLOURS

_LOOKS = {**{f"c{place}": pair for place, pair in enumerate(RUN_COLOURS)}, "rest": REST}


def slot(place: int) -> str:
    """The class that gives the colour of the run at a place; beyond the colours grey, as in reports.

    >>> slot(0), slot(8)
    ('c0', 'rest')
    """
    return f"c{place}" if place < len(RUN_COLOURS) else "rest"


@cache
def css() -> str:
    """`--c0` … for either theme, a class `.c0` … that makes one of them `--c`, and those of rings."""
    light = "".join(f"--{look}:{colours[0]};" for look, colours in _LOOKS.items())
    dark = "".join(f"--{look}:{colours[1]};" for look, colours in _LOOKS.items())
    classes = "".join(f".{look}{{--c:var(--{look})}}" for look in _LOOKS)
    classes += "".join(
        f".ring{place}-{look}{{--ring{place}:var(--{look})}}"
        for place in (1, 2, 3)
        for look in ("person", "best", *_LOOKS)
    )
    return (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{.theme-auto{{{dark}}}}}.theme-dark{{{dark}}}"
        f"{classes}\n"
    )
