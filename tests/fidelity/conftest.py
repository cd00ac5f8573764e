"""One sample of the shop for all tests of fidelity."""

from __future__ import annotations

import pytest

from facsim.data import DataSet
from facsim.shop import sample


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Simulated shoppers, about 200 people."""
    return sample(400, 3, tmp_path_factory.mktemp("fidelity") / "shop")
