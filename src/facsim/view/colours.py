"""The colours of runs, for light and dark, as classes of a style sheet.

A policy that forbids inline styles forbids hostile ones, so every colour has a class.
"""

from __future__ import annotations

from functools import cache

from facsim.report.palette import RUN_COLOURS


def slot(place: int) -> str:
    """The class that gives the colour of the run at a place."""
    return f"c{place % len(RUN_COLOURS)}"


@cache
def css() -> str:
    """`--c0` … for either theme, a class `.c0` … that makes one of them `--c`, and those of rings."""
    light = "".join(f"--c{number}:{colours[0]};" for number, colours in enumerate(RUN_COLOURS))
    dark = "".join(f"--c{number}:{colours[1]};" for number, colours in enumerate(RUN_COLOURS))
    classes = "".join(f".c{number}{{--c:var(--c{number})}}" for number in range(len(RUN_COLOURS)))
    looks = ["person", "best", *(f"c{number}" for number in range(len(RUN_COLOURS)))]
    classes += "".join(
        f".ring{place}-{look}{{--ring{place}:var(--{look})}}" for place in (1, 2, 3) for look in looks
    )
    return (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{.theme-auto{{{dark}}}}}.theme-dark{{{dark}}}"
        f"{classes}\n"
    )
