"""The shop's search."""

from __future__ import annotations

import pytest

from facsim.shop.catalogue import Catalogue, Query, Search


@pytest.fixture(scope="module")
def search() -> Search:
    return Search(Catalogue(3))


def test_what_is_typed_is_found(search: Search) -> None:
    for kind in search.catalogue.kinds:
        found = search.find(Query(kind.name))
        assert any(search.catalogue.product(id_).kind == kind for id_ in found.products), kind.name
