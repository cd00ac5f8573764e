"""Page views: what a page shows and the actions it offers, as values.

A page is rendered from these values and registers its actions while rendering, so shoppers, server and HTML
cannot disagree. Everything in a view is visible on its page: a shopper who reads views knows no more than a
person who reads the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from facsim.shop.catalogue import Facet, Query

PageKind = Literal["home", "results", "product", "cart", "checkout", "order", "info"]
"""`info`: help, account, returns and similar pages; `other` actions lead there."""

ActionKind = Literal[
    "search",  # type into the search box and submit
    "product",  # open a product page, from anywhere
    "department",  # open a department's results
    "filter",  # set or clear one facet's value
    "clear",  # clear all filters
    "sort",
    "page",  # go to another page of the results
    "did_you_mean",
    "related_search",
    "option",  # choose a size or colour
    "add_to_cart",
    "buy_now",
    "cart",  # open the cart
    "quantity",
    "remove",  # remove a line from the cart
    "checkout",
    "continue",  # go to the next step of a longer checkout
    "place_order",
    "back",  # return from cart, checkout or product to shopping (results, home)
    "home",
    "reviews",  # read the reviews on a product page
    "other",  # help, account, footer: distractions as in a real shop
]


@dataclass(frozen=True, slots=True)
class PageAction:
    """Something to click (or, for `search`, to type into).

    Attributes:
        kind: kind of action.
        label: its visible text.
        address: path and query it requests. For `post` actions, the form's action.
        method: `get` for links, `post` for buttons that change something.
        fields: form fields of `post` actions.
        product: id of the product it concerns.
        value: what it selects: facet value, option, sort order or page number.
        facet: title of the facet that a `filter` belongs to; `size` or `colour` for an `option`.
        part: part of the page: `title`, `picture`, `header`, `footer`, `sponsored`, `related`, `recent`, …
        selected: whether it is already selected.
    """

    kind: ActionKind
    label: str
    address: str
    method: Literal["get", "post"] = "get"
    fields: tuple[tuple[str, str], ...] = ()
    product: int | None = None
    value: str = ""
    facet: str = ""
    part: str = ""
    selected: bool = False


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product as shown on a card. Fields that the design does not show are None, so nobody can weigh them.

    Attributes:
        product: product id.
        place: 1-based position on the page.
        price: in cents.
        list_price: struck-through price in cents, if higher.
        delivery: as displayed, for example `Tomorrow`; `delivery_days` is the same as a number.
        badge: for example `Limited time deal`, `Best seller`.
    """

    product: int
    place: int
    title: str
    brand: str
    price: int
    list_price: int | None = None
    rating: float | None = None
    reviews: int | None = None
    delivery: str = ""
    delivery_days: int | None = None
    sponsored: bool = False
    badge: str = ""

    def at(self, place: int) -> ProductCard:
        """Return the same card at another position. Five times faster than `dataclasses.replace`."""
        return ProductCard(
            self.product,
            place,
            self.title,
            self.brand,
            self.price,
            self.list_price,
            self.rating,
            self.reviews,
            self.delivery,
            self.delivery_days,
            self.sponsored,
            self.badge,
        )


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product's page.

    Attributes:
        card: the same facts as on its card; `place` is 0.
        features: features named in the title and bullet points.
        options: by facet (`size`, `colour`): the values, and the chosen one (empty: none yet).
        chosen: chosen value by facet.
        snippets: stars and text of the reviews shown.
    """

    card: ProductCard
    department: str
    features: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    size: str = ""
    colour: str = ""
    snippets: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CartLine:
    """A line of the cart."""

    card: ProductCard
    size: str
    colour: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PageView:
    """A page: what it shows, and its actions in document order, one for each interactive element.

    Attributes:
        kind: kind of page.
        address: its canonical path and query.
        actions: the available actions.
        title: its main heading.
        pictures: whether products are shown with `big` pictures.
        query, total, last_page, facets, did_you_mean: on results pages.
        cards: product cards in document order.
        product: the product of a product page.
        lines, cart_total: on cart, checkout and order pages; money in cents.
        cart_count: number of items in the cart.
        checkout_step: step of the checkout; the last one is `review`.
    """

    kind: PageKind
    address: str
    actions: tuple[PageAction, ...]
    title: str = ""
    pictures: Literal["normal", "big"] = "normal"
    query: Query | None = None
    total: int = 0
    last_page: int = 1
    cards: tuple[ProductCard, ...] = ()
    facets: tuple[Facet, ...] = ()
    did_you_mean: str = ""
    product: ProductView | None = None
    lines: tuple[CartLine, ...] = ()
    cart_total: int = 0
    cart_count: int = 0
    checkout_step: str = ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """What the shop knows about a visitor: used in process, and stored as JSON in the server's database.

    Attributes:
        lines: cart lines (product, size, colour, quantity) in the order they were added.
        recent: ids of recently viewed products, latest first.
        order: number of the placed order; 0 before.
        results: address of the results page seen last, for links back to it.
        bought: lines of the placed order.
    """

    lines: tuple[tuple[int, str, str, int], ...] = ()
    recent: tuple[int, ...] = ()
    order: int = 0
    results: str = "/"
    bought: tuple[tuple[int, str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page as served, and its view."""

    html: str
    view: PageView = field(repr=False)
