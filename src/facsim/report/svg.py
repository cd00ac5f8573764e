"""SVG elements with escaped text and attributes, and ticks for an axis."""

from __future__ import annotations

import math
from typing import Final

from markupsafe import Markup, escape

from facsim.util.display_text import one_line

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)

_LONGEST: Final = 600

Value = str | float | int | None


def tag(name: str, *children: Markup | str, **attributes: Value) -> Markup:
    """An element. Strings among children and attributes are escaped, control characters included.

    Underscores in an attribute's name become hyphens; one at its end is dropped. None omits the attribute.

    >>> tag("text", "a < b", x=1.0, class_="label", text_anchor="end")
    Markup('<text x="1" class="label" text-anchor="end">a &lt; b</text>')
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), number(value))
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(
        child if isinstance(child, Markup) else escape(one_line(child, _LONGEST)) for child in children
    )
    if not inner:
        return Markup("<{0}{1}/>").format(Markup(name), written)  # noqa: S704 - names are ours
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, inner)  # noqa: S704


def number(value: str | float) -> str:
    """A coordinate with at most two decimals; in a string, control characters are escaped.

    >>> number(3.14159), number(2.0), number("50%")
    ('3.14', '2', '50%')
    """
    if isinstance(value, str):
        return one_line(value)
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def share(value: float) -> str:
    """A share as a length in percent, clamped to 0 to 100%.

    >>> share(0.12345), share(1.5)
    ('12.35%', '100%')
    """
    return f"{number(100 * min(1.0, max(0.0, value)))}%"


def ticks(top: float, about: int = 5) -> list[float]:
    """Round numbers from 0 to at least `top`, evenly spaced.

    >>> ticks(0.53), ticks(1.0, 4)
    ([0.0, 0.2, 0.4, 0.6], [0.0, 0.25, 0.5, 0.75, 1.0])
    """
    if not top > 0:
        return [0.0, 1.0]
    size = 10 ** math.floor(math.log10(top / about))
    step = next(size * factor for factor in _STEPS if size * factor * about >= top * (1 - 1e-9))
    return [round(step * index, 12) for index in range(math.ceil(top / step - 1e-9) + 1)]
