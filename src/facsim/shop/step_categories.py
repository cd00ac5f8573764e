"""The category of a step in the shop, from the page action that its element stands for."""

from __future__ import annotations

from typing import Final

from facsim.page import CategoryRules
from facsim.schema import Action, Element, Page
from facsim.shop.storefront import PageAction

# They lead to another URL of the same product and do not count as a product click.
_SAME_PRODUCT: Final = frozenset({"option", "reviews"})


class StepCategories:
    """Assigns categories by the built-in rules, without parsing pages."""

    def __init__(self) -> None:
        self._rules = CategoryRules.default()

    def category(self, page_action: PageAction | None, action: Action, url: str) -> str:
        """The category of an action.

        Args:
            page_action: what the action's element does; None for `terminate`.
            action: the action.
            url: address of the page.
        """
        if page_action is None or action.name is None:
            return self._rules.category(action, None, url)
        if page_action.kind in _SAME_PRODUCT:
            return "other"
        return self._rules.category(action, _page_with(page_action, action.name), url)


def _page_with(page_action: PageAction, name: str) -> Page:
    """A page with only the element of an action: reading whole pages is slow."""
    tag, role = ("a", "link") if page_action.method == "get" else ("button", "button")
    if page_action.kind == "search":
        tag, role = ("button", "button") if page_action.part == "button" else ("input", "searchbox")
    href = page_action.address if tag == "a" else None
    element = Element(name=name, tag=tag, role=role, text=page_action.label, href=href)
    return Page("", lambda: (element,))
