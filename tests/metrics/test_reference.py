"""The docs say what the registry says, and the registry is complete."""

import re
from pathlib import Path

import pytest

from facsim.metrics import METRICS
from facsim.metrics.error_types import ERROR_TYPES
from facsim.metrics.match import RULES
from facsim.metrics.reference import tables, updated
from facsim.util.errors import InputError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "metrics.md"


def test_the_tables_of_the_docs_are_fresh():
    text = DOCS.read_text(encoding="utf-8")
    assert updated(text) == text, "run: python -m facsim.metrics.reference docs/reference/metrics.md"


def test_every_metric_is_in_the_docs():
    named = set(re.findall(r"^\| `(\w+)` \|", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(METRICS) <= named


def test_the_example_of_the_docs_runs():
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {}
    exec(code, names)
    assert names["metrics"]["accuracy"].value == 0.75


def test_a_file_without_the_places_is_refused():
    with pytest.raises(InputError, match="no place for the metrics of 'Accuracy'"):
        updated("# Metrics\n")


@pytest.mark.parametrize("definition", METRICS.values(), ids=lambda definition: definition.name)
def test_definitions_are_one_line_and_fit_a_table(definition):
    assert definition.meaning[0].isupper()
    assert not set("|\n") & set(definition.meaning + definition.source + definition.title)
    assert not definition.meaning.endswith(".")


def test_groups_are_contiguous():
    assert len(tables()) == len({definition.group for definition in METRICS.values()})


def test_every_rule_and_error_type_has_its_metrics():
    assert {f"error_{error}" for error in ERROR_TYPES} <= set(METRICS)
    assert {f"accuracy_{rule}" for rule in RULES if rule != "exact"} <= set(METRICS)
