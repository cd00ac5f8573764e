"""A catalogue for all tests of the storefront, and walks through the shop that reach every kind of page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pytest

from facsim.shop.catalogue import Catalogue
from facsim.shop.storefront import Design, PageAction, RenderedPage, Storefront, Visitor


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue(3)


class Shops:
    """One storefront for each design, made when first asked for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._made: dict[str, Storefront] = {}

    def __call__(self, design: Design) -> Storefront:
        if design.name not in self._made:
            self._made[design.name] = Storefront(self._catalogue, design)
        return self._made[design.name]


@pytest.fixture(scope="session")
def shops(catalogue: Catalogue) -> Shops:
    return Shops(catalogue)


class Walk:
    """Somebody who clicks about at random, rarely twice the same kind of thing."""

    def __init__(self, shop: Storefront, seed: int) -> None:
        self.shop, self.rng = shop, Random(seed)
        self.visitor = Visitor()
        self.address = "/"

    def pages(self, steps: int) -> Iterator[tuple[RenderedPage, PageAction | None, str | None]]:
        """Pages in turn, each with the action done there and the text typed."""
        for _ in range(steps):
            rendered = self.shop.open(self.address, self.visitor)
            action, text = self.choose(rendered)
            yield rendered, action, text
            self.address, self.visitor = self.shop.follow(action, self.visitor, text)

    def choose(self, rendered: RenderedPage) -> tuple[PageAction, str | None]:
        kinds = sorted({action.kind for action in rendered.view.actions} - {"home"})
        kind = self.rng.choice([kind for kind in kinds for _ in range(_LIKING.get(kind, 2))])
        action = self.rng.choice([action for action in rendered.view.actions if action.kind == kind])
        if action.kind != "search" or action.part == "button":
            return action, None
        products = self.shop.catalogue.products
        name = self.rng.choice(products).kind.name
        return action, self.rng.choice([name, f"best {name}", name[:-1], name.replace("e", "", 1)])


_LIKING = {"other": 1, "search": 4, "add_to_cart": 4, "checkout": 4, "place_order": 1, "product": 4}


@pytest.fixture(scope="session")
def simulate_session() -> type[Walk]:
    return Walk


@pytest.fixture(scope="session")
def purchase() -> Callable[[Storefront], list[RenderedPage]]:
    """The pages of a purchase of two things, one of them twice."""

    def pages(shop: Storefront) -> list[RenderedPage]:
        with_options = next(
            one for one in shop.catalogue.products if len(one.sizes) > 1 and len(one.colours) > 1
        )
        other = next(one for one in shop.catalogue.products if not one.sizes and one.list_price)
        address, visitor = f"/product/{with_options.id}", Visitor()
        found = []
        for wanted in (
            ("option", with_options.sizes[-1]),
            ("add_to_cart", ""),
            ("quantity", "2"),
            ("product", str(other.id)),
            ("buy_now", ""),
            ("continue", ""),
            ("continue", ""),
            ("continue", ""),
            ("place_order", ""),
        ):
            kind, value = wanted
            if kind == "product":
                address = f"/product/{value}"
                continue
            page = shop.open(address, visitor)
            found.append(page)
            actions = [
                action for action in page.view.actions if action.kind == kind and value in ("", action.value)
            ]
            if actions or kind != "continue":
                address, visitor = shop.follow(actions[0], visitor)
        return [*found, shop.open(address, visitor)]

    return pages
