"""One sample of the shop for all tests of its data."""

import pytest

from facsim.data import DataSet
from facsim.shop import sample

SESSIONS, SEED = 120, 7


@pytest.fixture(scope="session")
def shop_data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Sessions to the standard design."""
    return sample(SESSIONS, SEED, tmp_path_factory.mktemp("shop") / "data")
