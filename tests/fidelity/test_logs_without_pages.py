"""A log of events without pages, from its CSV to its fidelity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facsim import ingest, measure_fidelity
from facsim.data import DataSet

MAPPING = """
name: events
origin: made by hand
session: session
user: user
page: none
time: at
url: url
action:
  type: {column: event, values: {search: type_and_submit, view: click, order: click, leave: terminate}}
  text: query
  target: {name: target}
category: {column: event, values: {search: search, view: product_click, order: purchase, leave: terminate}}
outcome: {column: result}
"""


def log(folder: Path, name: str, seed: int, buys: float) -> DataSet:
    rng = np.random.default_rng(seed)
    rows = ["session,user,at,event,query,target,url,result"]
    for session in range(60):
        result = "purchase" if rng.random() < buys else "terminate"
        events = ["search", *["view"] * rng.integers(1, 4), "order" if result == "purchase" else "leave"]
        for second, event in enumerate(events):
            query = "red shoes" if event == "search" else ""
            target = f"item_{rng.integers(9)}" if event == "view" else "" if event == "leave" else event
            at = f"2026-01-01T{session // 60:02}:{session % 60:02}:{2 * second:02}Z"
            rows.append(
                f"{name}{session},{name}{session // 2},{at},{event},{query},{target},/{event},{result}"
            )
    (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")
    (folder / "mapping.yaml").write_text(MAPPING)
    ingest("csv", folder / f"{name}.csv", out=folder / name, mapping=folder / "mapping.yaml")
    return DataSet.open(folder / name)


def test_logs_without_pages_are_compared(tmp_path: Path) -> None:
    people, same = log(tmp_path, "people", 0, 0.3), log(tmp_path, "same", 1, 0.3)
    other = log(tmp_path, "other", 2, 0.9)
    assert not people.has_pages
    report = measure_fidelity(people, same, other, resamples=199)
    assert report["other"]["outcome"].p == pytest.approx(1 / 200)
    assert report["same"]["outcome"].p > 0.05
    names = {one.measure for one in report["same"].measures}
    assert {"length", "funnel", "transitions", "products", "revisits", "duration"} <= names
    assert report["same"]["products"].real > 1
