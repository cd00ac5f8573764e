"""A simplified page and its named elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING

from facsim.util.dataframes import to_pandas
from facsim.util.errors import FacsimError
from facsim.util.notebook_html import HtmlCell, figure, paragraph, scrolled, table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


@dataclass(frozen=True, slots=True)
class Element:
    """An interactable element of a page.

    Attributes:
        name: unique on the page, hierarchical, with dots: `refinements.customer_reviews.4_stars_up`.
        tag: HTML tag in lower case.
        role: ARIA role, explicit or implied by the tag: `link`, `button`, `textbox`, `checkbox`, …
        text: the accessible text, with white space collapsed; empty if there is none.
        value: current value of a form control, if it has one.
        href: link destination as written in the page.
        options: option texts of a `select`.
        states: the set ones among `checked`, `selected`, `disabled`, `expanded`, `pressed`, `current`,
            `required`.
        locator: CSS selector that matches this node, and no other, in the original document; empty for
            pages that were stored simplified.
        equivalents: names of other elements on this page with the same destination in the same card (image
            and title of one product).
    """

    name: str
    tag: str
    role: str
    text: str = ""
    value: str | None = None
    href: str | None = None
    options: tuple[str, ...] = ()
    states: frozenset[str] = frozenset()
    locator: str = ""
    equivalents: tuple[str, ...] = ()

    @property
    def is_typable(self) -> bool:
        """Whether a person can type into it."""
        return self.role in TYPABLE_ROLES


TYPABLE_ROLES = frozenset({"textbox", "searchbox", "combobox", "spinbutton"})


@dataclass(frozen=True, slots=True)
class OutlineLine:
    """A line of a page as a person reads it.

    Attributes:
        text: the text, with white space collapsed; empty for an element, which has its own text.
        name: name of the element on this line; None for text between elements.
        heading: whether the line is in a heading.
    """

    text: str
    name: str | None = None
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """The readable text of a page.

    Attributes:
        title: document title; empty if there is none.
        lines: all lines from top to bottom, including one per element.
    """

    title: str
    lines: tuple[OutlineLine, ...]


@dataclass(frozen=True)
class Page:
    """A simplified page. Two pages are equal if their HTML is equal.

    Made by `facsim.page`: `simplify(raw_html)`, or `read_page(simplified_html)` for a stored one.

    Attributes:
        html: the simplified HTML; every interactable element carries its unique `name`.
        load_elements: parses the elements on first use. A long session has many pages, and most code that
            reads earlier pages needs only the HTML.
        load_outline: parses the outline on first use; without it, the outline has the elements only.
    """

    html: str
    load_elements: Callable[[], tuple[Element, ...]] = field(repr=False, compare=False)
    load_outline: Callable[[], Outline] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """The interactable elements in document order. Names are unique."""
        return self.load_elements()

    @cached_property
    def by_name(self) -> Mapping[str, Element]:
        """The elements by name."""
        return {element.name: element for element in self.elements}

    @cached_property
    def outline(self) -> Outline:
        """The readable text of the page, line by line."""
        if self.load_outline is None:
            return Outline("", tuple(OutlineLine("", element.name) for element in self.elements))
        return self.load_outline()

    def to_polars(self) -> pl.DataFrame:
        """One row per element, in document order, with the attributes of `Element` as columns."""
        import polars as pl  # noqa: PLC0415 - imported only when used

        texts = ("options", "states", "equivalents")
        names = [one.name for one in fields(Element)]
        schema = {name: pl.List(pl.String) if name in texts else pl.String() for name in names}
        rows = [
            {name: getattr(element, name) for name in names}
            | {"options": list(element.options), "states": sorted(element.states)}
            | {"equivalents": list(element.equivalents)}
            for element in self.elements
        ]
        return pl.DataFrame(rows, schema=schema)

    def to_pandas(self) -> pd.DataFrame:
        """The same table in pandas.

        Raises:
            ConfigError: if pandas is not installed.
        """
        return to_pandas(self.to_polars())

    def _repr_html_(self) -> str:
        """For notebooks: the text of the page line by line, with the names of its elements."""
        try:
            elements, outline = self.by_name, self.outline
        except FacsimError as error:
            return figure(paragraph(str(error), strong="This page cannot be read."))
        rows = [_notebook_row(line, elements.get(line.name) if line.name else None) for line in outline.lines]
        counts = f"{len(elements):,} elements · {len(self.html):,} characters"
        head = paragraph(f"· {counts}", strong=outline.title or "Page")
        if not rows:
            return figure(head, paragraph("nothing to read on it", dim=True))
        return figure(head, scrolled(table(["on the page", "role", "name"], rows, unit="lines")))

    def __contains__(self, name: object) -> bool:
        return name in self.by_name


def _notebook_row(line: OutlineLine, element: Element | None) -> list[HtmlCell]:
    if element is None:
        return [HtmlCell(line.text, strong=line.heading), HtmlCell(""), HtmlCell("")]
    shown = element.text if element.value is None else f"{element.text} [{element.value}]"
    return [
        HtmlCell(shown, strong=line.heading),
        HtmlCell(element.role, dim=True),
        HtmlCell(element.name, mono=True),
    ]
