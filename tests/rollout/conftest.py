"""One sample of the shop for all tests of rollouts."""

import pytest

from facsim.data import DataSet
from facsim.shop import sample

SESSIONS, SEED = 60, 7


@pytest.fixture(scope="session")
def shop_data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return sample(SESSIONS, SEED, tmp_path_factory.mktemp("shop") / "data")
