"""One catalogue and one search for all tests of this folder: making them takes most of a second."""

from __future__ import annotations

import pytest

from facsim.shop.catalogue import Catalogue, Search


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue(11)


@pytest.fixture(scope="session")
def search(catalogue: Catalogue) -> Search:
    return Search(catalogue)
