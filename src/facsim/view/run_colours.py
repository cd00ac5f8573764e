"""The colours of runs as classes of a style sheet, for light and dark.

The content security policy forbids inline styles, so every colour has a class.
"""

from __future__ import annotations

from functools import cache

from facsim.report.palette import RUN_COLOURS
from facsim.report.run_styles import ORACLE_STYLE, style_at

_STYLES = (ORACLE_STYLE, *(style_at(place) for place in range(len(RUN_COLOURS) + 1)))
_COLOURS = {style.css: style.colours for style in _STYLES}


@cache
def css() -> str:
    """`--r-0` … for either theme, a class `.r-0` … that sets `--c` to it, and the classes of rings."""
    light = "".join(f"--{css_class}:{colours[0]};" for css_class, colours in _COLOURS.items())
    dark = "".join(f"--{css_class}:{colours[1]};" for css_class, colours in _COLOURS.items())
    classes = "".join(f".{css_class}{{--c:var(--{css_class})}}" for css_class in _COLOURS)
    classes += "".join(
        f".ring{place}-{css_class}{{--ring{place}:var(--{css_class})}}"
        for place in (1, 2, 3)
        for css_class in ("person", "best", *_COLOURS)
    )
    return (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{.theme-auto{{{dark}}}}}.theme-dark{{{dark}}}"
        f"{classes}\n"
    )
