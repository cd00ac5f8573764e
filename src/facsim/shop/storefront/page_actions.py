"""What can be done on pages: the acts that their elements stand for."""

from __future__ import annotations

from dataclasses import replace

from facsim.shop.catalogue import Facet, FacetValue, Query
from facsim.shop.storefront.urls import Around, Place, address_of, search_address
from facsim.shop.storefront.views import Act, ActKind, Line
from facsim.shop.storefront.visits import MAX_QUANTITY


def checkout_address(steps: tuple[str, ...], at: int) -> str:
    """The address of a step of the checkout; the first has none of its own."""
    return address_of(Place("checkout", step=steps[at] if 0 < at < len(steps) else ""))


def search_act(text: str, part: str, kind: ActKind = "related_search") -> Act:
    """A link that searches for a text."""
    return Act(kind, text, search_address(Query(text=text)), value=text, part=part)


def filter_act(around: Around, facet: Facet, value: FacetValue) -> Act:
    """A filter: sets it, or clears it if it is set."""
    address = around.narrowed(facet.field, "" if value.selected else value.value)
    return Act("filter", value.text, address, value=value.value, facet=facet.title, selected=value.selected)


def clear_act(query: Query) -> Act:
    """The link that takes all filters back."""
    # Who came by a department's link has nothing else to see the results of.
    plain = Query(text=query.text, sort=query.sort) if query.text else Query(department=query.department)
    return Act("clear", "Clear all filters", search_address(plain))


def sort_act(query: Query, around: Around, value: str, text: str) -> Act:
    """A link to another order of the results."""
    return Act("sort", text, around.narrowed("sort", value), value=value, selected=value == query.sort)


def page_acts(at: int, last: int, around: Around) -> list[Act | None]:
    """Links to other pages; None where numbers are left out."""

    def act(number: int, label: str) -> Act:
        return Act("page", label, around.with_page(number), value=str(number), selected=number == at)

    if last < 2:
        return []
    acts: list[Act | None] = [act(at - 1, "Previous")] if at > 1 else []
    before = 0
    for number in sorted({1, *range(max(1, at - 2), min(last, at + 2) + 1), last}):
        if number > before + 1:
            acts.append(None)
        acts.append(act(number, str(number)))
        before = number
    if at < last:
        acts.append(act(at + 1, "Next"))
    return acts


def option_act(place: Place, field: str, value: str) -> Act:
    """A link that chooses a size or a colour."""
    other = replace(place, all_reviews=False)
    changed = replace(other, size=value) if field == "size" else replace(other, colour=value)
    return Act(
        "option",
        value,
        address_of(changed),
        product=place.product,
        value=value,
        facet=field,
        selected=value == getattr(place, field),
    )


def reviews_act(label: str, address: str, product: int, part: str) -> Act:
    """A link to a product's reviews."""
    return Act("reviews", label, f"{address}#reviews", product=product, part=part)


def change_act(heading: str) -> Act:
    """A link to where something of the checkout can be changed."""
    return Act("other", f"Change {heading.lower()}", "/account", part="checkout")


def line_acts(line: Line) -> dict[str, Act | None]:
    """What can be done with a line of the cart."""
    card, number = line.card, line.card.product
    address = address_of(Place("product", product=number))
    key = (("product", str(number)), ("size", line.size), ("colour", line.colour))

    def quantity(label: str, amount: int) -> Act:
        fields = (*key, ("quantity", str(amount)))
        return Act("quantity", label, "/cart/quantity", "post", fields, number, str(amount))

    return {
        "picture": Act("product", card.title, address, product=number, part="picture"),
        "title": Act("product", card.title, address, product=number, part="title"),
        "less": quantity("Decrease quantity", line.quantity - 1) if line.quantity > 1 else None,
        "more": quantity("Increase quantity", line.quantity + 1) if line.quantity < MAX_QUANTITY else None,
        "remove": Act("remove", "Remove", "/cart/remove", "post", key, number),
    }
