"""Generates the tables of docs/research/shopper-coefficients.md from the coefficients.

`python -m facsim.shop.shoppers.reference docs/research/shopper-coefficients.md` updates the file; a test
fails if it is stale.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

from facsim.shop.shoppers.coefficients import BOUNDS, COEFFICIENTS, PAGES, Coefficients
from facsim.shop.shoppers.styles import STYLES, Style
from facsim.util.errors import InputError

BEGIN = "<!-- made from facsim.shop.shoppers.coefficients by `python -m facsim.shop.shoppers.reference` -->"
END = "<!-- end -->"


def tables(coefficients: Coefficients = COEFFICIENTS) -> str:
    """Return every coefficient with its reason, as Markdown tables."""
    lines = [
        "### aims: utility of each aim on each kind of page, before anything about the page is known",
        "",
        f"Utilities of aims are multiplied by `sharpness` = {coefficients.sharpness:g} (fitted): how far "
        "people are from acting at random. -9 means: not offered there.",
        "",
        "| aim | " + " | ".join(PAGES) + " | reason |",
        "|---|" + "--:|" * len(PAGES) + "---|",
    ]
    for aim, constant in coefficients.aims.items():
        values = (f"{getattr(constant, page):g}" for page in PAGES)
        lines.append(f"| `{aim}` | " + " | ".join(values) + f" | {constant.reason} |")
    groups = [item.name for item in fields(coefficients) if item.name not in ("aims", "sharpness")]
    for group, numbers in (*((group, getattr(coefficients, group)) for group in groups), ("bounds", BOUNDS)):
        said = str(type(numbers).__doc__).rstrip(".")
        lines += ["", f"### {group}: {said[0].lower()}{said[1:]}", "", "| name | value | what and why |"]
        lines.append("|---|--:|---|")
        lines += [
            f"| `{item.name}` | {getattr(numbers, item.name):g} | {item.metadata['reason']} |"
            for item in fields(numbers)
        ]
    tastes = [item.name for item in fields(Style) if item.type == "float" and item.name != "share"]
    lines += ["", "### styles: how kinds of people differ", ""]
    lines.append("| style | share | " + " | ".join(tastes) + " | reason |")
    lines.append("|---|--:|" + "--:|" * len(tastes) + "---|")
    for style in STYLES:
        values = (f"{getattr(style, taste):g}" for taste in tastes)
        lines.append(f"| {style.name} | {style.share:g} | " + " | ".join(values) + f" | {style.reason} |")
    return "\n".join(lines)


def updated(text: str) -> str:
    """Return the text with up-to-date tables.

    Raises:
        InputError: if the text lacks the markers for them.
    """
    head, found, tail = text.partition(BEGIN)
    if not found or END not in tail:
        raise InputError("markers for the shoppers' coefficients missing", expected=f"{BEGIN} … {END}")
    return f"{head}{BEGIN}\n{tables()}\n{END}{tail.partition(END)[2]}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
