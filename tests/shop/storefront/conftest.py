"""A catalogue for all tests of the storefront, and walks through the shop that reach every kind of page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pytest

from facsim.shop.catalogue import Catalogue
from facsim.shop.storefront import Act, Design, Rendered, Storefront, Visitor


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

    def pages(self, steps: int) -> Iterator[tuple[Rendered, Act | None, str | None]]:
        """Pages in turn, each with the act done there and the text typed."""
        for _ in range(steps):
            rendered = self.shop.open(self.address, self.visitor)
            act, text = self.choose(rendered)
            yield rendered, act, text
            self.address, self.visitor = self.shop.follow(act, self.visitor, text)

    def choose(self, rendered: Rendered) -> tuple[Act, str | None]:
        kinds = sorted({act.kind for act in rendered.view.acts} - {"home"})
        kind = self.rng.choice([kind for kind in kinds for _ in range(_LIKING.get(kind, 2))])
        act = self.rng.choice([act for act in rendered.view.acts if act.kind == kind])
        if act.kind != "search" or act.part == "button":
            return act, None
        products = self.shop.catalogue.products
        name = self.rng.choice(products).kind.name
        return act, self.rng.choice([name, f"best {name}", name[:-1], name.replace("e", "", 1)])


_LIKING = {"other": 1, "search": 4, "add_to_cart": 4, "checkout": 4, "place_order": 1, "product": 4}


@pytest.fixture(scope="session")
def walk() -> type[Walk]:
    return Walk


@pytest.fixture(scope="session")
def purchase() -> Callable[[Storefront], list[Rendered]]:
    """The pages of a purchase of two things, one of them twice."""

    def pages(shop: Storefront) -> list[Rendered]:
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
            acts = [act for act in page.view.acts if act.kind == kind and value in ("", act.value)]
            if acts or kind != "continue":
                address, visitor = shop.follow(acts[0], visitor)
        return [*found, shop.open(address, visitor)]

    return pages
