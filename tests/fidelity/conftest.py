"""One sample of the shop for all tests of fidelity."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from made_once import made_once

from facsim.data import DataSet
from facsim.shop import sample
from facsim.shop.simulation import storefront_of


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataSet]:
    """Simulated shoppers, about 120 people. The shop stays open: its pages are made once for all tests."""
    store = storefront_of(3)
    yield DataSet.open(made_once(tmp_path_factory, "shop-240-3", lambda out: sample(240, 3, out)))
    del store
