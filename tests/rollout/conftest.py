"""One sample of the shop for all tests of rollouts."""

from collections.abc import Iterator

import pytest
from made_once import made_once

from facsim.data import DataSet
from facsim.shop import sample
from facsim.shop.simulation import storefront_of

SESSIONS, SEED = 60, 7


@pytest.fixture(scope="session")
def shop_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataSet]:
    store = storefront_of(SEED)  # as long as it is open, its pages are made once for all tests
    name = f"shop-{SESSIONS}-{SEED}"
    yield DataSet.open(made_once(tmp_path_factory, name, lambda out: sample(SESSIONS, SEED, out)))
    del store
