"""predictions.jsonl is read quickly only where every line is beyond doubt."""

import json

import pytest

from facsim.evaluation import predictions_table
from facsim.evaluation.predictions_table import read_predictions
from facsim.util.errors import InputError


@pytest.fixture
def file(shop, tmp_path):
    from facsim.evaluation import evaluate

    run = evaluate(shop, "baseline:random-element", out=tmp_path / "run", split="all", limit=4)
    return run.path / "predictions.jsonl"


def changed(file, number, change):
    """Rewrite one line, given and returned as an object."""
    lines = file.read_text().splitlines()
    lines[number] = json.dumps(change(json.loads(lines[number])), ensure_ascii=False, separators=(",", ":"))
    file.write_text("\n".join(lines) + "\n")


def test_what_we_write_is_read_quickly_and_alike(file, monkeypatch):
    quick = read_predictions(file)
    monkeypatch.setattr(predictions_table, "_read_quickly", lambda _: None)
    assert read_predictions(file).equals(quick)


@pytest.mark.parametrize("name", ["true_name", "pred_text", "rank", "failed", "step"])
def test_a_line_in_the_middle_that_lacks_a_field_is_found(file, name):
    """A reader of columns takes a field that is missing for one that is empty."""
    changed(file, 2, lambda line: {key: value for key, value in line.items() if key != name})
    with pytest.raises(InputError, match=f"has no field '{name}'|line 3: is not a prediction"):
        read_predictions(file)


def test_texts_that_look_like_fields_do_not_matter(file):
    text = '{"rank":1,"failed":true}\\'
    changed(file, 2, lambda line: line | {"answer": text, "rationale": text})
    found = read_predictions(file)
    assert found["answer"][2] == found["rationale"][2] == text
    assert predictions_table._read_quickly(file) is not None


def test_a_line_of_an_earlier_version_is_read(file):
    def older(line):
        return {key: value for key, value in line.items() if key not in predictions_table.EXTRAS_SCHEMA}

    whole = read_predictions(file)
    changed(file, 0, older)
    assert read_predictions(file)["session_id"].equals(whole["session_id"])
    assert read_predictions(file)["from_cache"][0] is None
