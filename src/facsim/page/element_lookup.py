"""From a place in the raw document to the element of the simplified page that a click there reaches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from secrets import token_hex

from facsim.page.decode import decode
from facsim.page.simplify import simplify
from facsim.page.tree import Locators, parse
from facsim.schema import Element, Page
from facsim.util.errors import ConfigError

NOT_CSS = "selector is not CSS"
NOT_FOUND = "selector finds nothing on its page"
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
    found = elements_at(raw_html, [selector], page=page)[0]
    if found == NOT_CSS:
        raise ConfigError(f"{selector!r} is not a CSS selector")
    if isinstance(found, str):
        raise LookupError(selector)
    return found


def elements_at(raw_html: str | bytes, selectors: Sequence[str], *, page: Page) -> list[Element | str | None]:
    """`element_at` for many selectors, with one parse of the document.

    Args:
        raw_html: the raw document.
        selectors: CSS, or locators of elements.
        page: what `simplify` made of the document.

    Returns:
        For each selector its element, None if there is nothing to act on, or a problem: `NOT_CSS` or
        `NOT_FOUND`.

    Raises:
        InputError: if the document is no page.
    """
    by_locator = {element.locator: element for element in page.elements if element.locator}
    results: dict[str, Element | str | None] = {}
    wanted: list[str] = []
    for selector in dict.fromkeys(selectors):
        if _LOCATOR.fullmatch(selector):
            found = next((by_locator[place] for place in _outwards(selector) if place in by_locator), None)
            if found or " >>> " in selector:
                results[selector] = found
                continue
        if is_selector(selector):
            wanted.append(selector)
        else:
            results[selector] = NOT_CSS
    if wanted:
        # Pages cannot guess the marks, so they cannot set them.
        mark = f"{_FOUND}-{token_hex(8)}-"
        marks = [(selector, f"{mark}{index}", "") for index, selector in enumerate(wanted)]
        tree = parse(decode(raw_html), marks, flat=True)
        first: dict[str, int] = {}
        for node in tree.find(lambda _, attributes: any(name.startswith(mark) for name in attributes)):
            for name in tree.attributes[node]:
                if name.startswith(mark):
                    first.setdefault(name, node)
        locators = Locators(tree)
        for selector, name, _ in marks:
            node = first.get(name, -1)
            results[selector] = NOT_FOUND if node < 0 else None
            while node >= 0:
                if element := by_locator.get(locators.of(node)):
                    results[selector] = element
                    break
                node = tree.parents[node]
    return [results[selector] for selector in selectors]


def is_selector(text: str) -> bool:
    """Whether a text is a CSS selector."""
    try:
        parse("<p>", [(text, _FOUND, "")])
    except (ConfigError, UnicodeEncodeError):  # a lone surrogate is in no selector
        return False
    return True


def _outwards(locator: str) -> list[str]:
    """A locator, and those of what is around its node."""
    places = []
    while locator:
        places.append(locator)
        child, shadow = locator.rfind(" > "), locator.rfind(" >>> ")
        locator = locator[: max(child, shadow)] if max(child, shadow) > 0 else ""
    return places
