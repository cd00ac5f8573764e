"""A shop in use is used by all, and goes when nobody uses it any more."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

from facsim.shop.simulation import ShopSimulation, catalogue_of, storefront_of
from facsim.shop.storefront import Storefront

SEED = 7


def test_simulations_of_one_shop_share_its_pages() -> None:
    one, other = ShopSimulation(SEED, 20), ShopSimulation(SEED, 50)
    assert one.store is other.store is storefront_of(SEED)
    assert one.store.open("/") is other.store.open("/")
    assert ShopSimulation(SEED, 20, "no_ratings").store is not one.store


def test_a_shop_that_nobody_uses_is_freed() -> None:
    simulation = ShopSimulation(SEED, 20, "few_filters")
    simulation.store.open("/")
    seen = weakref.ref(simulation.store)
    del simulation
    gc.collect()
    assert seen() is None


def test_threads_get_the_pages_that_one_gets() -> None:
    catalogue = catalogue_of(SEED)
    addresses = ["/", *(f"/product/{product.id}" for product in catalogue.products[:6])]
    addresses += [f"/search?q={kind.name.replace(' ', '+')}" for kind in catalogue.kinds[:6]]
    alone, shared = Storefront(catalogue), Storefront(catalogue)

    def page(store: Storefront, address: str) -> tuple[str, tuple[str, ...]]:
        rendered = store.open(address)
        return rendered.html, store.named(rendered).names

    expected = [page(alone, address) for address in addresses]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda address: page(shared, address), 4 * addresses))
    assert found == 4 * expected
