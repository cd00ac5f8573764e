"""A page as arrays: per-element features that depend on the page alone, computed once per page."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.predict.choice.intent import folded, number_in
from facsim.schema import Element, Page

ROLES = [
    "link",
    "button",
    "textbox",
    "searchbox",
    "combobox",
    "spinbutton",
    "checkbox",
    "radio",
    "option",
    "slider",
    "menuitem",
    "tab",
    "switch",
    "listbox",
    "img",
    "heading",
    "listitem",
    "row",
    "cell",
    "gridcell",
    "generic",
]
TAGS = [
    "a",
    "button",
    "input",
    "select",
    "textarea",
    "option",
    "label",
    "summary",
    "li",
    "td",
    "th",
    "tr",
    "div",
    "span",
    "p",
    "img",
    "h1",
    "h2",
    "h3",
    "h4",
    "form",
    "svg",
    "section",
    "article",
    "nav",
]
_ROLE_CODES = {role: code for code, role in enumerate(ROLES)}
_TAG_CODES = {tag: code for code, tag in enumerate(TAGS)}
_STATES = ("checked", "selected", "disabled", "expanded", "pressed", "current", "required")
_DIGITS = re.compile(r"\d+")

STATIC = [
    "role",
    "tag",
    "typable",
    "has_link",
    "has_value",
    "has_text",
    "text_length",
    "text_words",
    "name_depth",
    "name_words",
    "number",
    "options",
    "position",
    "position_share",
    "kin",
    "kin_index",
    "kin_number_rank",
    "kin_number_share",
    *_STATES,
]
"""Columns of `PageTable.static`. Kin are the elements of the page that share a template."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PageTable:
    """The elements of one page as columns, in document order.

    Every column has one entry per element.

    Attributes:
        elements: the elements.
        rows: row index by element name.
        texts: folded text, or the folded value where there is no text.
        values: folded value of a control; empty for other elements.
        labels: folded words of the name.
        templates: template of the name, see `template_of`.
        static: features, shape `(elements, len(STATIC))`.
        word_rows: inverted index over the words of texts, values and names: word to rows.
        word_counts: number of distinct words, shape `(elements,)`.
        typable: whether the role accepts text, shape `(elements,)`.
        filled: whether there is a value, shape `(elements,)`.
    """

    elements: tuple[Element, ...]
    rows: dict[str, int]
    texts: list[str]
    values: list[str]
    labels: list[str]
    templates: list[str]
    static: Floats
    word_rows: dict[str, list[int]]
    word_counts: Floats
    typable: Flags
    filled: Flags

    def __len__(self) -> int:
        return len(self.elements)


def template_of(element: Element) -> str:
    """The template of a name: the part it shares with names in the same position on other pages.

    Digits become `#`. Of three or more parts only the first and the last are kept:
    `search_results.karcher_k1700.view_product` gives `search_results.*.view_product`. A name of one part has
    no template of its own; its tag is used instead.
    """
    parts = element.name.split(".")
    while len(parts) > 1 and parts[-1].isdigit():
        parts.pop()
    if len(parts) == 1:
        return f"<{element.tag}>"
    shape = f"{parts[0]}.*.{parts[-1]}" if len(parts) > 2 else f"{parts[0]}.*"
    return _DIGITS.sub("#", shape)


def read_page_table(page: Page) -> PageTable:
    """Compute the table of a page."""
    elements = page.elements
    values = [folded(element.value or "") for element in elements]
    texts = [folded(element.text) or value for element, value in zip(elements, values, strict=True)]
    labels = [folded(element.name) for element in elements]
    templates = [template_of(element) for element in elements]
    word_rows: dict[str, list[int]] = {}
    word_counts = np.zeros(len(elements), np.float32)
    for row, (text, value, label) in enumerate(zip(texts, values, labels, strict=True)):
        own = dict.fromkeys((*text.split(), *value.split(), *label.split()))
        word_counts[row] = len(own)
        for word in own:
            word_rows.setdefault(word, []).append(row)
    return PageTable(
        elements=elements,
        rows={element.name: row for row, element in enumerate(elements)},
        texts=texts,
        values=values,
        labels=labels,
        templates=templates,
        static=_static(elements, templates),
        word_rows=word_rows,
        word_counts=word_counts,
        typable=np.array([element.is_typable for element in elements], np.bool_),
        filled=np.array([bool(element.value) for element in elements], np.bool_),
    )


def _static(elements: tuple[Element, ...], templates: list[str]) -> Floats:
    count = len(elements)
    numbers = [number_in(element.text or element.value or "") for element in elements]
    kin = _kin(templates, numbers)
    rows = [
        (
            _ROLE_CODES.get(element.role, len(ROLES)),
            _TAG_CODES.get(element.tag, len(TAGS)),
            element.is_typable,
            element.href is not None,
            bool(element.value),
            bool(element.text),
            math.log1p(len(element.text)),
            element.text.count(" ") + bool(element.text),
            element.name.count("."),
            element.name.count("_") + 1,
            math.nan if number is None else math.log1p(number),
            len(element.options),
            row,
            row / count,
            *kin[row],
            *(state in element.states for state in _STATES),
        )
        for row, (element, number) in enumerate(zip(elements, numbers, strict=True))
    ]
    return np.array(rows, np.float32).reshape(count, len(STATIC))


def _kin(templates: list[str], numbers: list[float | None]) -> list[tuple[float, ...]]:
    """Per element: number of kin, index among them, rank of its number among theirs, rank share."""
    groups: dict[str, list[int]] = {}
    for row, template in enumerate(templates):
        groups.setdefault(template, []).append(row)
    table: list[tuple[float, ...]] = [(math.nan,) * 4] * len(templates)
    for rows in groups.values():
        order = sorted((number, row) for row in rows if (number := numbers[row]) is not None)
        ranks = {row: rank for rank, (_, row) in enumerate(order)}
        for index, row in enumerate(rows):
            rank = ranks.get(row, math.nan) if len(order) > 1 else math.nan
            table[row] = (len(rows), index, rank, rank / max(len(order) - 1, 1))
    return table
