"""One catalogue and one search for all tests of this folder: making them takes most of a second."""

from __future__ import annotations

import pytest

from facsim.shop.catalogue import Catalogue, SearchEngine


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue(11)


@pytest.fixture(scope="session")
def search(catalogue: Catalogue) -> SearchEngine:
    return SearchEngine(catalogue)
