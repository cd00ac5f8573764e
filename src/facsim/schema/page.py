"""What a person sees: a simplified page and its named elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Element:
    """Something on a page that a person can act on.

    Attributes:
        name: unique on the page, hierarchical, dotted, in words: `refinements.customer_reviews.4_stars_up`.
        tag: HTML tag in lower case.
        role: ARIA role, given or implied by the tag: `link`, `button`, `textbox`, `searchbox`, `checkbox`, …
        text: the accessible text, white space folded; empty if there is none.
        value: current value of a control that has one.
        href: destination of a link as written in the page.
        options: texts of a select's options.
        states: those that hold of `checked`, `selected`, `disabled`, `expanded`, `pressed`, `current`,
            `required`.
        locator: CSS selector that finds the same node, and only it, in the original document; empty for pages
            that were stored simplified.
        equivalents: names of other elements on this page with the same destination in the same card (picture
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


@dataclass(frozen=True)
class Page:
    """A simplified page. Two pages are equal when their HTML is.

    Made by `facsim.page`: `simplify(raw_html)`, or `read_page(simplified_html)` for a stored one.

    Attributes:
        html: the simplified HTML; every interactable element carries its unique `name`.
        load_elements: reads the elements when they are first asked for. A long session holds many pages, and
            most readers of old pages need the HTML alone.
    """

    html: str
    load_elements: Callable[[], tuple[Element, ...]] = field(repr=False, compare=False)

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """The interactable elements in document order. Names are unique."""
        return self.load_elements()

    @cached_property
    def by_name(self) -> Mapping[str, Element]:
        """The elements by name."""
        return {element.name: element for element in self.elements}

    def __contains__(self, name: object) -> bool:
        return name in self.by_name
