"""How simulated shoppers choose: a discrete-choice model over what they see.

At each page every action that they consider has a utility, the sum of named terms, and is taken with
probability softmax(utilities). The terms of a product are its *appeal*:

    fit       2 for the kind of product that is wanted, -3 for another;
              and 1.2 for the wanted feature, -0.5 without it
    price     style.price * (0.5 * (1 - price / budget) - 3 * max(0, ln(price / budget)))
    rating    style.rating * 1.5 * (rating - 4.1)
    reviews   style.reviews * 0.5 * (log10(reviews) - 2)
    brand     style.brand for the trusted brand
    speed     style.speed * 0.4 * (2 - delivery days)

The other terms stand beside the actions in `Chooser`. The largest term of the action taken is its reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from urllib.parse import parse_qs, urlsplit

from facsim.schema import Action, Element, Page
from facsim.shop.first.catalogue import PRICE_RANGES, Catalogue, Product
from facsim.shop.first.people import Need, Person
from facsim.shop.first.storefront import Cart

SHARPNESS = 1.4
"""Multiplies all utilities: how far people are from choosing at random."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something to do on a page.

    Attributes:
        action: what it is.
        terms: its utility, term by term.
        href: where it leads; None for typing and leaving.
        subject: the product that it is about.
    """

    action: Action
    terms: dict[str, float]
    href: str | None = None
    subject: Product | None = None

    @property
    def utility(self) -> float:
        """Sum of the terms."""
        return sum(self.terms.values())


@dataclass
class Visit:
    """What a shopper remembers of a visit so far."""

    person: Person
    need: Need
    cart: Cart = ()
    address: str = "/"
    stamina: float = 8.0
    steps: int = 0
    queries: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    filters: int = 0


class Chooser:
    """The policy of all shoppers; persons differ by their style, visits by need and memory."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def probabilities(self, page: Page, visit: Visit) -> list[tuple[Option, float]]:
        """Every action considered on a page, with its probability."""
        options = list(self._options(page, visit))
        top = max(option.utility for option in options)
        weights = [math.exp(SHARPNESS * (option.utility - top)) for option in options]
        total = sum(weights)
        return [(option, weight / total) for option, weight in zip(options, weights, strict=True)]

    def choose(self, rng: Random, page: Page, visit: Visit) -> Option:
        """Draw one action."""
        options, weights = zip(*self.probabilities(page, visit), strict=True)
        chosen: Option = rng.choices(options, weights)[0]
        return chosen

    def appeal(self, product: Product, visit: Visit) -> dict[str, float]:
        """How much a product says to a person, term by term (see the head of this module)."""
        style, need = visit.person.style, visit.need
        fit = 2.0 if product.kind is need.kind else -3.0
        if need.features:
            fit += 1.2 if need.features[0] in product.features else -0.5
        ratio = product.price / need.budget
        return {
            "fit": fit,
            "price": style.price * (0.5 * (1 - ratio) - 3 * max(0.0, math.log(ratio))),
            "rating": style.rating * 1.5 * (product.rating - 4.1),
            "reviews": style.reviews * 0.5 * (math.log10(product.reviews) - 2),
            "brand": style.brand if product.brand == need.brand else 0.0,
            "speed": style.speed * 0.4 * (2 - product.delivery_days),
        }

    def _options(self, page: Page, visit: Visit) -> Iterator[Option]:
        path = urlsplit(visit.address).path
        products = list(self._product_links(page, visit))
        unseen = [
            option.utility for option in products if option.subject and option.subject.id not in visit.seen
        ]
        yield from products
        if path == "/":
            yield from self._searches(page, visit, base=2.0)
            yield from self._departments(page, visit)
            if visit.steps:
                yield self._leave(visit, -0.5)
        elif path == "/search":
            best = max(unseen, default=-3.0)
            yield from self._searches(page, visit, base=0.3 if best > 0 else 1.8)
            yield from self._narrowing(page, visit, best)
            yield self._leave(visit, 0.6 if best < 0 else 0.0)
        elif path.startswith("/product/"):
            yield from self._product_page(page, visit, self._catalogue.by_id[int(path.split("/")[2])])
        else:
            yield from self._cart_page(page, visit)

    def _product_links(self, page: Page, visit: Visit) -> Iterator[Option]:
        on_product = visit.address.startswith("/product/")
        place = 0
        for element in page.elements:
            if not element.href or not element.href.startswith("/product/") or "radio" in element.role:
                continue
            last = element.href.removeprefix("/product/")
            if not last.isdecimal():
                continue
            product = self._catalogue.by_id[int(last)]
            terms = self.appeal(product, visit)
            is_picture = element.name.endswith(".image")
            place += is_picture
            terms["place"] = -0.12 * place - (1.2 if is_picture else 0.0)
            terms["page"] = -2.2 if on_product else -2.0 if visit.address == "/" else -0.4
            terms["seen"] = -2.5 if product.id in visit.seen else 0.0
            yield Option(Action.click(element.name), terms, element.href, product)

    def _searches(self, page: Page, visit: Visit, base: float) -> Iterator[Option]:
        box = next((element for element in page.elements if element.role == "searchbox"), None)
        if box is None:
            return
        need, style = visit.need, visit.person.style
        kind = need.kind.name
        texts = {kind: 0.9, f"{kind} for {need.use}": -0.4}
        if need.features:
            texts[f"{need.features[0]} {kind}"] = 0.8
        if need.brand:
            texts[f"{need.brand} {kind}".lower()] = 0.6 * style.brand
        if style.price > 1.5:
            texts[f"cheap {kind}"] = 0.2
        if style.rating > 1.5:
            texts[f"best {kind}"] = 0.2
        for text, liking in texts.items():
            terms = {"search": base + liking, "tired": -0.15 * len(visit.queries)}
            if visit.queries:
                # After a product people go back to what they searched; on results they try other words.
                again = -0.2 if visit.address.startswith("/product/") else -2.5
                terms["repeat"] = (
                    again if text == visit.queries[-1] else -0.8 if text in visit.queries else 0.0
                )
            yield Option(Action.type_and_submit(box.name, text), terms)

    def _departments(self, page: Page, visit: Visit) -> Iterator[Option]:
        for element in page.elements:
            if element.name.startswith("header.departments."):
                liking = 1.2 if element.text == visit.need.kind.department else -3.5
                terms = {"department": liking + 0.5 * visit.person.style.patience}
                yield Option(Action.click(element.name), terms, element.href)

    def _narrowing(self, page: Page, visit: Visit, best: float) -> Iterator[Option]:
        style = visit.person.style
        poor = 0.5 if best < 0 else 0.0
        for element in page.elements:
            group, _, _ = element.name.partition(".")
            terms: dict[str, float] | None = None
            if group.startswith("did_you_mean"):
                terms = {"spelling": 3.0}
            elif element.name.startswith("refinements.") and visit.filters < 2:
                terms = {"filter": style.filters - 0.6 - visit.filters + self._facet(element, visit)}
            elif group == "sort_by" and "current" not in element.states:
                liking = style.price if "low to high" in element.text else 0.0
                liking = style.rating if "review" in element.text else liking
                terms = {"sort": 0.6 * liking - 3.4}
            elif element.name == "pagination.next":
                terms = {"more": poor + 0.5 * style.patience - 1.2}
            if terms is not None:
                terms["tired"] = -0.05 * visit.steps
                yield Option(Action.click(element.name), terms, element.href)

    def _facet(self, element: Element, visit: Visit) -> float:
        fields = parse_qs(urlsplit(element.href or "").query)
        here = parse_qs(urlsplit(visit.address).query)
        style, need = visit.person.style, visit.need
        if fields.get("brand") != here.get("brand") and need.brand and fields.get("brand") == [need.brand]:
            return 1.2 * style.brand
        if fields.get("price") != here.get("price") and "price" in fields:
            low, high = PRICE_RANGES[fields["price"][0]]
            return 0.8 * style.price if low < need.budget <= high else -1.5
        if fields.get("rating") == ["4"] and "rating" not in here:
            return 0.8 * style.rating
        return -2.0

    def _product_page(self, page: Page, visit: Visit, product: Product) -> Iterator[Option]:
        appeal = self.appeal(product, visit)
        style = visit.person.style
        needs_option = bool(product.kind.options) and "?option=" not in visit.address
        compared = 0.35 * min(3, len(visit.seen))
        for element in page.elements:
            terms: dict[str, float] | None = None
            if element.name == "buy_now":
                terms = {**appeal, "decide": style.eagerness + compared - 4.7 - 2.0 * needs_option}
            elif element.name == "add_to_cart":
                terms = {**appeal, "decide": 0.7 * style.eagerness + compared - 4.7 - 1.5 * needs_option}
            elif element.role == "radio" and needs_option:
                terms = {"option": 0.5 * sum(appeal.values()) - 1.8}
            elif element.name.startswith("breadcrumb.all"):
                terms = {"more": 0.4 * style.patience - 0.9}
            if terms is not None:
                yield Option(Action.click(element.name), terms, element.href, product)
        yield from self._searches(page, visit, base=0.6)
        yield self._leave(visit, 0.3 if sum(appeal.values()) < 1 else 0.0)

    def _cart_page(self, page: Page, visit: Visit) -> Iterator[Option]:
        decided = {
            "proceed_to_checkout": 1.8,
            "place_order": 2.2,
            "continue_shopping": -0.6,
            "back_to_cart": -2.5,
        }
        for element in page.elements:
            liking = decided.get(element.name)
            if liking is not None and (liking < 0 or visit.cart):
                terms = {"decide": liking + 0.5 * visit.person.style.eagerness * (liking > 0)}
                yield Option(Action.click(element.name), terms, element.href)
        yield self._leave(visit, 0.3)

    def _leave(self, visit: Visit, base: float) -> Option:
        stamina = visit.stamina * math.exp(0.5 * visit.person.style.patience)
        # Steep: hardly anybody leaves at the first page of results, and few stay long past their stamina.
        tired = 1.6 * math.log((visit.steps + 1) / stamina)
        return Option(Action.terminate(), {"leave": base + 1.4, "tired": tired})
