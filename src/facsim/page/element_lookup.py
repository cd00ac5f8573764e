"""Maps a node of the raw document to the element of the simplified page that a click on it reaches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from secrets import token_hex

from facsim.page.decode import decode
from facsim.page.locators import Locators
from facsim.page.simplify import simplify
from facsim.page.tree import parse
from facsim.schema import Element, Page
from facsim.util.errors import ConfigError

NOT_CSS = "selector is not CSS"
NOT_FOUND = "selector finds nothing on its page"
_FOUND = "data-facsim-found"
# The format of `simplify`'s locators: removing steps from the end gives the locators of ancestors.
_LOCATOR = re.compile(r"html(?: > [^ ]+:nth-of-type\(\d+\)| >>> (?:html|:host))*")


def element_at(raw_html: str | bytes, selector: str, *, page: Page | None = None) -> Element | None:
    """Return the element that a click on the node at `selector` reaches: its own, or the nearest around it.

    People click on the picture or the words inside a link, but they act on the link.

        >>> html = '<a href="/p/1"><img alt="Blue mug"></a>'
        >>> element_at(html, "img").name
        'blue_mug'

    Args:
        raw_html: the raw document.
        selector: CSS selector; the first match counts. Declarative shadow roots and frames with an inline
            document are searched too. An `Element.locator` also works.
        page: the result of `simplify` for the document; computed if omitted.

    Returns:
        The element; None if there is nothing to act on.

    Raises:
        ConfigError: if `selector` is not a CSS selector.
        LookupError: if it matches no node.
        InputError: if the document is not a page.
    """
    page = page or simplify(raw_html)
    found = elements_at(raw_html, [selector], page=page)[0]
    if found == NOT_CSS:
        raise ConfigError(f"{selector!r} is not a CSS selector")
    if isinstance(found, str):
        raise LookupError(selector)
    return found


def elements_at(raw_html: str | bytes, selectors: Sequence[str], *, page: Page) -> list[Element | str | None]:
    """Run `element_at` for many selectors with a single parse of the document.

    Args:
        raw_html: the raw document.
        selectors: CSS selectors or element locators.
        page: the result of `simplify` for the document.

    Returns:
        For each selector its element, None if there is nothing to act on, or a problem: `NOT_CSS` or
        `NOT_FOUND`.

    Raises:
        InputError: if the document is not a page.
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
        # Pages cannot guess the marks, so they cannot forge them.
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
    """A locator, followed by those of its ancestors."""
    places = []
    while locator:
        places.append(locator)
        child, shadow = locator.rfind(" > "), locator.rfind(" >>> ")
        locator = locator[: max(child, shadow)] if max(child, shadow) > 0 else ""
    return places
