"""The frame of every page: head, header with the search box, departments, footer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from markupsafe import escape

from facsim.shop.catalogue import Catalogue, Query
from facsim.shop.storefront.fragments import Fragment, Renderer
from facsim.shop.storefront.info import ACCOUNT, FOOTER, TOPICS
from facsim.shop.storefront.urls import Route, address_of, search_address
from facsim.shop.storefront.views import ActionKind, PageAction, PageView

_KEPT_HEADERS = 2_000
_IN_NAVIGATION = 8
# Placeholders in the blank header, in this order, filled in for each visitor.
_TYPED, _COUNT = "\x00typed", "\x00count"


class PageLayout:
    """Assembles the pages of one design."""

    def __init__(self, catalogue: Catalogue, renderer: Renderer) -> None:
        self._catalogue, self._renderer = catalogue, renderer
        self._header = lru_cache(maxsize=_KEPT_HEADERS)(self._make_header)
        self._blank_headers = {minimal: self._make_blank_header(minimal) for minimal in (False, True)}
        self._footer = self._make_footer()

    def document(self, main: Fragment, view: PageView, data: Mapping[str, object]) -> Fragment:
        """Render the whole page.

        Args:
            main: its content.
            view: its view.
            data: structured data (JSON-LD).
        """
        typed = view.query.text if view.query else ""
        header = self._header(typed, view.cart_count, view.kind == "checkout")
        return self._renderer.render(
            "document.html",
            title=view.title,
            address=view.address,
            kind=view.kind,
            data=data,
            skip=PageAction("other", "Skip to content", f"{view.address}#content", part="header"),
            header=header,
            main=main,
            footer=self._footer,
        )

    def departments(self, part: str) -> list[PageAction]:
        """Links to the results of all departments."""
        return [department_action(name, part) for name in self._catalogue.departments]

    def _make_header(self, typed: str, cart_count: int, minimal: bool) -> Fragment:
        """The header; `minimal` during checkout, to avoid distractions."""
        blank = self._blank_headers[minimal]
        actions = list(blank.actions)
        for place, action in enumerate(actions):
            if action.kind == "cart":
                actions[place] = _cart_action(cart_count)
            elif action.part == "button":
                actions[place] = _go_action(typed)
        text, count = str(escape(typed)), str(cart_count)
        return Fragment(blank.html.replace(_TYPED, text, 1).replace(_COUNT, count, 1), tuple(actions))

    def _make_blank_header(self, minimal: bool) -> Fragment:
        """A header with placeholders for the typed query and the number of items in the cart."""
        departments = self.departments("header")[:_IN_NAVIGATION]
        everything = topic_action("departments", "header")
        return self._renderer.render(
            "header.html",
            minimal=minimal,
            home=PageAction("home", "Facsim Shop", "/", part="header"),
            search=PageAction("search", "Search the shop", "/search", part="header"),
            go=_go_action(""),
            typed=_TYPED,
            account=[] if minimal else [topic_action(topic, "header") for topic in ACCOUNT],
            cart=_cart_action(0),
            cart_count=_COUNT,
            departments=[] if minimal else [everything, *departments],
        )

    def _make_footer(self) -> Fragment:
        return self._renderer.render(
            "footer.html",
            groups=[
                (heading, [topic_action(topic, "footer") for topic in topics])
                for heading, topics in FOOTER.items()
            ],
            departments=self._catalogue.departments,
        )


def _go_action(typed: str) -> PageAction:
    """The button beside the search box: it submits the text in the box again."""
    return PageAction("search", "Search", search_address(Query(text=typed)) if typed else "/", part="button")


def _cart_action(count: int) -> PageAction:
    return PageAction("cart", f"Cart ({count})", "/cart", part="header")


@lru_cache(maxsize=1_000)
def department_action(department: str, part: str) -> PageAction:
    """A link to a department's results."""
    address = search_address(Query(department=department))
    return PageAction("department", department, address, value=department, part=part)


def topic_action(topic: str, part: str, kind: ActionKind = "other") -> PageAction:
    """A link to an information page."""
    return PageAction(kind, TOPICS[topic].title, address_of(Route("info", topic=topic)), part=part)
