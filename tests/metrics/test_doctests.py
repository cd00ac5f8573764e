"""The worked examples of the docstrings hold; every metric has one."""

import doctest
import importlib
import inspect
import pkgutil
from functools import partial

import pytest

import facsim.metrics
from facsim.metrics import METRICS

MODULES = sorted(
    name for _, name, _ in pkgutil.walk_packages(facsim.metrics.__path__, prefix="facsim.metrics.")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name):
    result = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    assert result.failed == 0


@pytest.mark.parametrize("definition", METRICS.values(), ids=lambda definition: definition.name)
def test_every_metric_has_an_example(definition):
    compute = definition.compute.func if isinstance(definition.compute, partial) else definition.compute
    assert ">>>" in (inspect.getdoc(compute) or "")
