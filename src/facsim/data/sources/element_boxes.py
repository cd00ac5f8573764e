"""Targets by coordinates: the smallest of a page's element boxes that holds the point of a click."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Way = Literal["name", "selector", "id", "xpath"]
WAYS: tuple[Way, ...] = ("name", "selector", "id", "xpath")


@dataclass(frozen=True, slots=True)
class BoxedElement:
    """An element and how its box names it."""

    way: Way
    value: str


def element_at_point(boxes: Any, x: Any, y: Any) -> BoxedElement | None:
    """The element whose box holds a point; of several the smallest, and of equal ones the last.

    Args:
        boxes: a list, or its JSON, of objects with `x`, `y`, `width`, `height`, and one of `name`,
            `selector`, `id` and `xpath`. In the same coordinates as the point.
        x: from the left.
        y: from the top.

    Returns:
        The element; None if the point is in no box.

    Raises:
        ValueError: if boxes or coordinates cannot be read; the clause says why.
    """
    point_x, point_y = _number(x, "coordinate"), _number(y, "coordinate")
    best: tuple[float, BoxedElement] | None = None
    for box in _listed(boxes):
        left, top, width, height = (_number(box.get(key), "box") for key in ("x", "y", "width", "height"))
        if not (left <= point_x <= left + width and top <= point_y <= top + height):
            continue
        way = next((way for way in WAYS if isinstance(box.get(way), str) and box[way]), None)
        if way is None:
            raise ValueError("element box has neither name, selector, id nor xpath")
        if best is None or width * height <= best[0]:
            best = width * height, BoxedElement(way, box[way])
    return best[1] if best else None


def _listed(boxes: Any) -> list[Mapping[str, Any]]:
    if isinstance(boxes, str):
        try:
            boxes = json.loads(boxes)
        except (ValueError, RecursionError):
            raise ValueError("element boxes are not JSON") from None
    if not isinstance(boxes, list) or not all(isinstance(box, Mapping) for box in boxes):
        raise ValueError("element boxes are not a list of objects")
    return boxes


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError(f"{what} is not a number")
    return number
