"""One sample of the shop for all tests of its data, and one oracle."""

from collections.abc import Iterator

import pytest
from made_once import made_once

from facsim.data import DataSet
from facsim.predict.oracle import Oracle
from facsim.shop import sample
from facsim.shop.simulation import storefront_of

SESSIONS, SEED = 120, 7


@pytest.fixture(scope="session")
def shop_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataSet]:
    """Sessions to the standard design. The shop stays open: its pages are made once for all tests."""
    store = storefront_of(SEED)
    name = f"shop-{SESSIONS}-{SEED}"
    yield DataSet.open(made_once(tmp_path_factory, name, lambda out: sample(SESSIONS, SEED, out)))
    del store


@pytest.fixture(scope="session")
def oracle(shop_data: DataSet) -> Oracle:
    """Fitted on the sample. It keeps the pages that it was asked about, so that they are made once."""
    oracle = Oracle()
    oracle.fit(shop_data)
    return oracle
