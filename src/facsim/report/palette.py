"""The colours of runs and classes in the report and the viewer, for a light and for a dark background.

Colour never carries meaning alone: runs also have a letter, classes a label. The colours of runs stay
distinct under the common colour vision deficiencies, with a contrast of at least 4.5 to 1 against white and
#14171c.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RUN_COLOURS: Final[tuple[tuple[str, str], ...]] = (
    ("#0072B2", "#56B4E9"),  # blue
    ("#C2500A", "#F08A4B"),  # vermillion
    ("#00795A", "#2FC79B"),  # green
    ("#A3437A", "#E08BBF"),  # purple
    ("#8F6A00", "#E6B422"),  # amber
    ("#3D2F91", "#B3A5F5"),  # indigo
    ("#7A4B2A", "#C99873"),  # brown
    ("#A8123E", "#FF8A9E"),  # crimson
)
"""For the best runs in order, (light, dark); further runs are grey."""

CATEGORY_COLOURS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "search": ("#2F6FB3", "#5E9FE0"),
        "filter": ("#62A8D8", "#9CCBEF"),
        "product_click": ("#1E8A6B", "#3DB892"),
        "purchase": ("#D9A21B", "#E8BE4E"),
        "terminate": ("#C2553A", "#E27E62"),
        "other": ("#8C95A1", "#7E8896"),
        "click": ("#1E8A6B", "#3DB892"),
        "type_and_submit": ("#2F6FB3", "#5E9FE0"),
    }
)
"""For categories and types that are known by name."""

OTHER_COLOURS: Final[tuple[tuple[str, str], ...]] = (
    ("#7C5BA6", "#A98AD0"),
    ("#4E8C8F", "#74B7BA"),
    ("#B0688F", "#D795B8"),
    ("#6B7F2E", "#A3B85E"),
    ("#9A6B4A", "#C79A78"),
    ("#5668A8", "#8A9BDA"),
)
"""For categories that only one source has, in their order."""

ERROR_COLOURS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "failed": ("#3F4854", "#C5CCD6"),
        "unparseable": ("#6F7A88", "#98A3B1"),
        "illegal": ("#8A4F9E", "#B884CB"),
        "no_terminate": ("#B8452B", "#E0765A"),
        "no_click": ("#1A7A5E", "#35AD88"),
        "no_search": ("#2A63A3", "#5593D6"),
        "wrong_click": ("#6CBFA2", "#7FCDB2"),
        "wrong_field": ("#C7D36F", "#C7D36F"),
        "wrong_text": ("#7FB2E0", "#8FC0EC"),
    }
)
"""By error type: omissions in a strong colour, wrong actions in a light colour of the same hue."""

REST: Final = ("#6B7480", "#8B95A3")
"""For runs beyond the palette."""

ORACLE_COLOUR: Final = ("#3B424C", "#CFD5DC")
"""For the oracle, which is not ranked."""
