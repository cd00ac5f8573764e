"""Examples in docstrings."""

import doctest

import pytest

from facsim.shop.catalogue import product_texts as writing
from facsim.shop.catalogue import spelling


@pytest.mark.parametrize("module", [spelling, writing])
def test_examples(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0
