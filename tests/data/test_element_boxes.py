"""Targets by coordinates: the smallest element box that holds the point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facsim.data import DataSet
from facsim.data.ingest import ingest
from facsim.data.sources.element_boxes import BoxedElement, element_at_point

CARD = {"selector": ".card", "x": 0, "y": 0, "width": 200, "height": 300}
LINK = {"xpath": "//a", "x": 10, "y": 10, "width": 100, "height": 20}
BUY = {"id": "buy", "x": 10, "y": 200, "width": 80, "height": 30}


@pytest.mark.parametrize(
    ("x", "y", "found"),
    [
        (15, 15, BoxedElement("xpath", "//a")),
        ("15.5", "210", BoxedElement("id", "buy")),
        (199, 299, BoxedElement("selector", ".card")),
        (200, 300, BoxedElement("selector", ".card")),
        (201, 10, None),
    ],
)
def test_the_smallest_box_around_a_point(x: object, y: object, found: BoxedElement | None) -> None:
    boxes = [CARD, LINK, BUY]
    assert element_at_point(boxes, x, y) == found
    assert element_at_point(json.dumps(boxes), x, y) == found


@pytest.mark.parametrize(
    ("boxes", "x", "problem"),
    [
        ("not json", 1, "not JSON"),
        ({"a": 1}, 1, "not a list of objects"),
        ([1], 1, "not a list of objects"),
        ([{"x": 0, "y": 0, "width": 9}], 1, "box is not a number"),
        ([{"x": 0, "y": 0, "width": 9, "height": 9}], 1, "neither name, selector, id nor xpath"),
        ([LINK], None, "coordinate is not a number"),
        ([LINK], "nan", "coordinate is not a number"),
        ([LINK], True, "coordinate is not a number"),
    ],
)
def test_unreadable_boxes_are_told(boxes: object, x: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        element_at_point(boxes, x, 1)


def test_a_log_with_coordinates(tmp_path: Path) -> None:
    html = "<html><body><div class=card><a href=/p/1>Steel kettle</a><button id=buy>Buy now</button></div></body></html>"
    rows = [
        {"visit": "v", "event": "click", "x": 15, "y": 15, "boxes": [CARD, LINK, BUY], "html": html},
        {
            "visit": "v",
            "event": "click",
            "x": 20,
            "y": 205,
            "boxes": json.dumps([CARD, LINK, BUY]),
            "html": html,
        },
        {"visit": "v", "event": "click", "x": 900, "y": 5, "boxes": [LINK], "html": html},
        {"visit": "v", "event": "click", "x": 1, "y": 5, "boxes": "?", "html": html},
        {"visit": "v", "event": "terminate", "x": None, "y": None, "boxes": None, "html": html},
    ]
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "map.yaml").write_text(
        "name: n\norigin: o\nsession: visit\npage: {column: html, kind: raw}\n"
        "action: {type: event, target: {boxes: boxes, x: x, y: y}}\n"
    )
    report = ingest("jsonl", tmp_path / "log.jsonl", tmp_path / "out", mapping=tmp_path / "map.yaml")
    names = [step.action.name for step in DataSet.open(tmp_path / "out").session("v").steps]
    assert names == ["steel_kettle", "buy_now", None, None, None]
    assert report.noted["point is in no element box: target unknown"].count == 1
    assert report.noted["element boxes are not JSON: target unknown"].count == 1
