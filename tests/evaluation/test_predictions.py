"""predictions.jsonl takes the fast path only if every line is one that we wrote."""

import json

import pytest

from facsim.evaluation import predictions_table
from facsim.evaluation.predictions_table import read_predictions
from facsim.evaluation.record_lines import EXTRAS_SCHEMA, decode_record, encode_record
from facsim.util.errors import InputError


@pytest.fixture
def file(shop, tmp_path):
    from facsim.evaluation import evaluate

    run = evaluate(shop, "baseline:random-element", run_dir=tmp_path / "run", part="all", limit=4)
    return run.path / "predictions.jsonl"


def without_checksums(file):
    """Rewrite the file as the version before checksums wrote it."""
    for number in range(len(file.read_text().splitlines())):
        changed(file, number, lambda line: {key: line[key] for key in line if key != "checksum"})


def changed(file, number, change):
    """Rewrite one line, given and returned as an object."""
    lines = file.read_text().splitlines()
    lines[number] = json.dumps(change(json.loads(lines[number])), ensure_ascii=False, separators=(",", ":"))
    file.write_text("\n".join(lines) + "\n")


def test_both_paths_read_the_same(file, monkeypatch):
    fast = predictions_table._read_fast(file)
    without_checksums(file)
    # Nothing vouches for these lines, so each one is checked.
    assert predictions_table._read_fast(file) is None
    assert read_predictions(file).equals(fast)
    monkeypatch.setattr(predictions_table, "_read_fast", lambda _: None)
    assert read_predictions(file).equals(fast)


@pytest.mark.parametrize("name", ["true_name", "pred_text", "rank", "failed", "step"])
def test_a_line_in_the_middle_that_lacks_a_field_is_found(file, name):
    """A column reader takes a missing field for a null one."""
    without_checksums(file)
    changed(file, 2, lambda line: {key: value for key, value in line.items() if key != name})
    with pytest.raises(
        InputError, match=f"line 3: (has no field '{name}'|is not a prediction).* delete this line"
    ):
        read_predictions(file)


def test_texts_that_look_like_fields_do_not_matter(file):
    text = '{"rank":1,"failed":true}\\'
    lines = file.read_bytes().splitlines()
    record, _ = decode_record(lines[2])
    lines[2] = encode_record(record | {"answer": text, "rationale": text}).rstrip(b"\n")
    file.write_bytes(b"\n".join(lines) + b"\n")
    found = read_predictions(file)
    assert found["answer"][2] == found["rationale"][2] == text
    assert predictions_table._read_fast(file) is not None


@pytest.mark.parametrize("change", [{"pred_name": ["a"]}, {"rationale": 3}, {"pred_type": 7}], ids=str)
def test_values_that_a_column_reader_would_convert_are_found(file, change):
    without_checksums(file)
    changed(file, 2, lambda line: line | change)
    with pytest.raises(InputError, match=f"line 3: is not a prediction: {next(iter(change))} is"):
        read_predictions(file)


def test_a_line_of_an_earlier_version_is_read(file):
    def older(line):
        return {key: value for key, value in line.items() if key not in EXTRAS_SCHEMA}

    whole = read_predictions(file)
    without_checksums(file)
    changed(file, 0, older)
    assert read_predictions(file)["session_id"].equals(whole["session_id"])
    assert read_predictions(file)["from_cache"][0] is None
