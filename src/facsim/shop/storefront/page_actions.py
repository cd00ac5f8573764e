"""The actions that elements of a page represent."""

from __future__ import annotations

from dataclasses import replace

from facsim.shop.catalogue import Facet, FacetValue, Query
from facsim.shop.storefront.urls import ResultLinks, Route, address_of, search_address
from facsim.shop.storefront.views import ActionKind, CartLine, PageAction
from facsim.shop.storefront.visitor_updates import MAX_QUANTITY


def checkout_address(steps: tuple[str, ...], at: int) -> str:
    """The address of a checkout step; the first step has no suffix."""
    return address_of(Route("checkout", step=steps[at] if 0 < at < len(steps) else ""))


def search_action(text: str, part: str, kind: ActionKind = "related_search") -> PageAction:
    """A link that searches for a text."""
    return PageAction(kind, text, search_address(Query(text=text)), value=text, part=part)


def filter_action(links: ResultLinks, facet: Facet, value: FacetValue) -> PageAction:
    """A link that sets a filter value, or clears it if it is set."""
    address = links.narrowed(facet.field, "" if value.selected else value.value)
    return PageAction(
        "filter", value.text, address, value=value.value, facet=facet.title, selected=value.selected
    )


def clear_action(query: Query) -> PageAction:
    """A link that clears all filters."""
    # A visitor who came through a department link has no other query to return to.
    plain = Query(text=query.text, sort=query.sort) if query.text else Query(department=query.department)
    return PageAction("clear", "Clear all filters", search_address(plain))


def sort_action(query: Query, links: ResultLinks, value: str, text: str) -> PageAction:
    """A link that changes the sort order of the results."""
    return PageAction("sort", text, links.narrowed("sort", value), value=value, selected=value == query.sort)


def pagination_actions(at: int, last: int, links: ResultLinks) -> list[PageAction | None]:
    """Links to other pages; None for gaps in the page numbers."""

    def action(number: int, label: str) -> PageAction:
        return PageAction("page", label, links.with_page(number), value=str(number), selected=number == at)

    if last < 2:
        return []
    actions: list[PageAction | None] = [action(at - 1, "Previous")] if at > 1 else []
    before = 0
    for number in sorted({1, *range(max(1, at - 2), min(last, at + 2) + 1), last}):
        if number > before + 1:
            actions.append(None)
        actions.append(action(number, str(number)))
        before = number
    if at < last:
        actions.append(action(at + 1, "Next"))
    return actions


def option_action(route: Route, field: str, value: str) -> PageAction:
    """A link that chooses a size or a colour."""
    other = replace(route, all_reviews=False)
    changed = replace(other, size=value) if field == "size" else replace(other, colour=value)
    return PageAction(
        "option",
        value,
        address_of(changed),
        product=route.product,
        value=value,
        facet=field,
        selected=value == getattr(route, field),
    )


def reviews_action(label: str, address: str, product: int, part: str) -> PageAction:
    """A link to a product's reviews."""
    return PageAction("reviews", label, f"{address}#reviews", product=product, part=part)


def change_action(heading: str) -> PageAction:
    """A link to the checkout step where an entry can be changed."""
    return PageAction("other", f"Change {heading.lower()}", "/account", part="checkout")


def cart_line_actions(line: CartLine) -> dict[str, PageAction | None]:
    """The actions of a line of the cart."""
    card, number = line.card, line.card.product
    address = address_of(Route("product", product=number))
    key = (("product", str(number)), ("size", line.size), ("colour", line.colour))

    def quantity(label: str, amount: int) -> PageAction:
        fields = (*key, ("quantity", str(amount)))
        return PageAction("quantity", label, "/cart/quantity", "post", fields, number, str(amount))

    return {
        "picture": PageAction("product", card.title, address, product=number, part="picture"),
        "title": PageAction("product", card.title, address, product=number, part="title"),
        "less": quantity("Decrease quantity", line.quantity - 1) if line.quantity > 1 else None,
        "more": quantity("Increase quantity", line.quantity + 1) if line.quantity < MAX_QUANTITY else None,
        "remove": PageAction("remove", "Remove", "/cart/remove", "post", key, number),
    }
