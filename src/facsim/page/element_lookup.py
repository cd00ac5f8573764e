"""From a place in the raw document to the element of the simplified page that a click there reaches."""

from __future__ import annotations

import re

from facsim.page.decode import decode
from facsim.page.simplify import simplify
from facsim.page.tree import Locators, parse
from facsim.schema import Element, Page
from facsim.util.errors import ConfigError

_FOUND = "data-facsim-found"
# Written as `simplify` writes locators: what is left of one after taking off steps leads to what is around.
_LOCATOR = re.compile(r"html(?: > [^ ]+:nth-of-type\(\d+\)| >>> (?:html|:host))*")


def element_at(raw_html: str | bytes, selector: str, *, page: Page | None = None) -> Element | None:
    """The element that a click on the node at `selector` reaches: its own, or the nearest one around it.

    People click on the picture or the words inside a link; the link is what they act on.

        >>> html = '<a href="/p/1"><img alt="Blue mug"></a>'
        >>> element_at(html, "img").name
        'blue_mug'

    Args:
        raw_html: the raw document.
        selector: CSS; of several nodes the first counts. Shadow roots that are part of the document
            and frames with a document of their own are searched too. An `Element.locator` will do as well.
        page: what `simplify` made of it; made here if not given.

    Returns:
        The element; None if there is nothing to act on.

    Raises:
        ConfigError: if `selector` is not CSS.
        LookupError: if it finds no node.
        InputError: if the document is no page.
    """
    page = page or simplify(raw_html)
    by_locator = {element.locator: element for element in page.elements if element.locator}
    if _LOCATOR.fullmatch(selector):
        found = next((by_locator[place] for place in _outwards(selector) if place in by_locator), None)
        if found or " >>> " in selector:
            return found
    try:
        tree = parse(decode(raw_html), [(selector, _FOUND, "")], flat=True)
    except ConfigError:
        raise ConfigError(f"{selector!r} is not a CSS selector") from None
    node = next((node for node, attributes in enumerate(tree.attributes) if _FOUND in attributes), -1)
    if node < 0:
        raise LookupError(selector)
    locators = Locators(tree)
    while node >= 0:
        if element := by_locator.get(locators.of(node)):
            return element
        node = tree.parents[node]
    return None


def _outwards(locator: str) -> list[str]:
    """A locator, and those of what is around its node."""
    places = []
    while locator:
        places.append(locator)
        child, shadow = locator.rfind(" > "), locator.rfind(" >>> ")
        locator = locator[: max(child, shadow)] if max(child, shadow) > 0 else ""
    return places
