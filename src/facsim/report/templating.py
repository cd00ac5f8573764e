"""The Jinja environment of the HTML report: its colours, files and filters."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from facsim.metrics import Estimate
from facsim.metrics.registry import Definition
from facsim.report import leaderboard_table
from facsim.report.palette import CATEGORY_COLOURS, ERROR_COLOURS, OTHER_COLOURS, REST, RUN_COLOURS
from facsim.report.terminal_summary import p_value
from facsim.util.display_text import one_line

_LONGEST: Final = 4_000


def palette_css() -> str:
    """One CSS class per colour, for both themes."""
    named = {f"r-{index}": pair for index, pair in enumerate(RUN_COLOURS)}
    named |= {"r-rest": REST}
    named |= {f"k-{name}": pair for name, pair in CATEGORY_COLOURS.items()}
    named |= {f"k-own-{index}": pair for index, pair in enumerate(OTHER_COLOURS)}
    named |= {f"e-{name}": pair for name, pair in ERROR_COLOURS.items()}
    return "".join(f".{name}{{--c:light-dark({light},{dark})}}\n" for name, (light, dark) in named.items())


def number(estimate: Estimate, definition: Definition) -> str:
    """A metric, formatted for its unit."""
    value = estimate.value
    if definition.unit == "share":
        return f"{100 * value:.1f}%"
    if definition.unit == "dollars":
        return f"${value:,.4f}" if definition.interval else leaderboard_table.dollars(value)
    if definition.unit == "tokens":
        return f"{value:,.0f}"
    return f"{value:,.3f}" if definition.unit in ("bits", "nats") else f"{value:,.2f}"


def uncapitalised(text: str) -> str:
    """Text with a lower-case start, for use after a colon; names such as F1 stay."""
    return text if text[1:2].isdigit() else text[:1].lower() + text[1:]


def _ends(estimate: Estimate | None, unit: str = "share") -> str:
    """An interval in short."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    dash = " to " if estimate.low < 0 else "\N{EN DASH}"  # a dash next to a minus sign is hard to read
    if unit == "share":
        return f"{100 * estimate.low:.1f}{dash}{100 * estimate.high:.1f}"
    return f"{estimate.low:.4g}{dash}{estimate.high:.4g}"


def _attributes(estimate: Estimate | None) -> Markup:
    """The number with full precision, for sorting and for programs."""
    if estimate is None:
        return Markup("")
    found = Markup(' data-value="{}"').format(repr(estimate.value))
    if estimate.low is not None and estimate.high is not None:
        found += Markup(' data-low="{}" data-high="{}"').format(repr(estimate.low), repr(estimate.high))
    return found


def _shown(value: object) -> object:
    """Any text a template prints: control characters made visible here, HTML escaped by autoescaping."""
    return one_line(value, _LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(text: str) -> Markup:
    """A text of several lines with control characters made visible; for `<pre>`."""
    rows = (
        " " * (len(line) - len(line.lstrip(" "))) + one_line(line, _LONGEST) for line in text.splitlines()
    )
    return Markup("\n").join(rows)


@cache
def environment() -> Environment:
    """The Jinja environment: every value is escaped, and undefined names are errors."""
    environment = Environment(
        loader=PackageLoader("facsim.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": leaderboard_table.percent,
        "ends": _ends,
        "dollars": leaderboard_table.dollars,
        "p": p_value,
        "short": one_line,
        "lines": _lines,
        "attributes": _attributes,
        "number": number,
        "uncapitalised": uncapitalised,
    }
    return environment


def asset(name: str) -> str:
    """A file next to the template."""
    return resources.files("facsim.report").joinpath("templates", name).read_text(encoding="utf-8")


def source_hash(text: str) -> str:
    """The hash by which a content security policy allows an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
