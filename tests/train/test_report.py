"""Reports of trainings: those of earlier versions are still read."""

import json
from pathlib import Path

from facsim.train import TrainingReport

EARLIER = Path(__file__).parent / "earlier" / "training.json"


def test_a_report_of_an_earlier_version_is_read():
    """Its names for examples were `rows` and `sequences`."""
    stored = json.loads(EARLIER.read_text())
    report = TrainingReport.read(EARLIER.parent)
    assert report.packed_examples == stored["sequences"]
    assert report.examples["examples"] == stored["rows"]["rows"]
    assert report.examples["trained_tokens"] == stored["rows"]["trained"]
    assert report.examples["sessions"] == stored["rows"]["sessions"]
    kept = [entry for entry in stored["accuracies"] if entry["step"] == stored["best_step"]]
    assert report.best_accuracy == kept[0]["accuracy"] > report.first_accuracy
    assert "examples" in report.summary()
    assert json.loads(report.to_json())["examples"] == dict(report.examples)
