"""What a page shows and which actions it offers, as values.

A page is rendered from these values and registers its actions meanwhile, so shoppers, server and HTML cannot
disagree. Everything in a view is visible on its page: a shopper who reads views knows no more than a person
who reads the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from facsim.shop.catalogue import Facet, Query

PageKind = Literal["home", "results", "product", "cart", "checkout", "order", "info"]
"""`info`: help, account, returns and the like; where `other` actions lead."""

ActionKind = Literal[
    "search",  # the search box: typed into, and submitted
    "product",  # to a product's page, from wherever
    "department",  # to a department's results
    "filter",  # set or clear one facet's value
    "clear",  # clear all filters
    "sort",
    "page",  # to another page of the results
    "did_you_mean",
    "related_search",
    "option",  # choose a size or colour
    "add_to_cart",
    "buy_now",
    "cart",  # look into the cart
    "quantity",
    "remove",  # take a line out of the cart
    "checkout",
    "continue",  # the next step of a longer checkout
    "place_order",
    "back",  # from cart, checkout or product to where shopping goes on (results, home)
    "home",
    "reviews",  # read the reviews on a product's page
    "other",  # help, account, footer: a real shop's distractions
]


@dataclass(frozen=True, slots=True)
class PageAction:
    """Something to click (or, for `search`, to type into).

    Attributes:
        kind: what it does.
        label: its visible text.
        address: path and query that it asks for. For `post` actions the form's action.
        method: `get` for links, `post` for buttons that change something.
        fields: the form's fields, of `post` actions.
        product: id of the product that it is about.
        value: what it chooses: the facet's value, the option, the sort order, the page's number.
        facet: title of the facet that a `filter` belongs to; `size` or `colour` for an `option`.
        part: where it stands: `title`, `picture`, `header`, `footer`, `sponsored`, `related`, `recent`, …
        selected: whether it is chosen already.
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
    """A product as a card shows it. None: this design does not show it, so nobody can weigh it.

    Attributes:
        product: its id.
        place: 1-based place on the page.
        price: cents.
        list_price: cents, struck through, where it is higher.
        delivery: as written, for example `Tomorrow`; `delivery_days` is the same as a number.
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
        """The same card elsewhere on a page. `dataclasses.replace` takes five times as long."""
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
        card: the same facts that its card has, `place` 0.
        features: what title and bullet points say it has.
        options: by facet (`size`, `colour`): the values, and the one chosen (empty: none yet).
        chosen: by facet.
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
    """A page: what it shows, and its actions in document order, one for each element that can be acted on.

    Attributes:
        kind: which of the shop's pages it is.
        address: its path and query, in the one form that the shop itself writes.
        actions: what can be done.
        title: its main heading.
        pictures: whether products are shown by `big` pictures.
        query, total, last_page, facets, did_you_mean: of results.
        cards: products on cards, in document order.
        product: the product that the page is about.
        lines, cart_total: of cart, checkout and order; money in cents.
        cart_count: how many things are in the cart.
        checkout_step: which step of the checkout, the last one is `review`.
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
    """What the shop knows of a visitor. The same values in process and, as JSON, in the server's database.

    Attributes:
        lines: (product, size, colour, quantity) in the order they were put in.
        recent: ids of the products looked at last, latest first.
        order: number of the order placed; 0 before.
        results: address of the results page last seen, for the ways back to it.
        bought: the lines of the order placed.
    """

    lines: tuple[tuple[int, str, str, int], ...] = ()
    recent: tuple[int, ...] = ()
    order: int = 0
    results: str = "/"
    bought: tuple[tuple[int, str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page as served, and what it shows."""

    html: str
    view: PageView = field(repr=False)
