"""rrweb events, written by hand as a recorder would write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]
START = 1_740_819_600_000
"""Milliseconds: 2025-03-01 09:00 UTC."""
MOUSE_DOWN, CLICK, FOCUS, BLUR, TOUCH_START, TOUCH_END = 1, 2, 5, 6, 7, 9


def element(number: int, tag: str, *children: Json, shadow: bool = False, **attributes: Any) -> Json:
    """An element. `_for`, `_class` and so on are attributes that Python reserves."""
    node: Json = {"type": 2, "id": number, "tagName": tag, "childNodes": list(children)}
    node["attributes"] = {name.strip("_").replace("_", "-"): value for name, value in attributes.items()}
    if any(child.get("isShadow") for child in children):
        node["isShadowHost"] = True
    return node | ({"isShadow": True} if shadow else {})


def text(number: int, content: str, *, shadow: bool = False) -> Json:
    return {"type": 3, "id": number, "textContent": content} | ({"isShadow": True} if shadow else {})


def document(number: int, *children: Json) -> Json:
    return {"type": 0, "id": number, "childNodes": list(children)}


def page(*in_body: Json, head: tuple[Json, ...] = ()) -> Json:
    """A document with ids 1 (document), 2 (html), 3 (head) and 4 (body)."""
    return document(1, element(2, "html", element(3, "head", *head), element(4, "body", *in_body)))


class Recorder:
    """Collects events; each comes a second after the one before it unless told otherwise."""

    def __init__(self, first_page: Json | None = None, *, url: str = "https://shop.example/") -> None:
        self.events: list[Json] = []
        self.now = START
        if first_page is not None:
            self.opens(first_page, url)

    def add(self, kind: int, data: Any, *, after: float = 1) -> Recorder:
        self.now += round(after * 1000)
        self.events.append({"type": kind, "data": data, "timestamp": self.now})
        return self

    def opens(self, new_page: Json, url: str, *, after: float = 1) -> Recorder:
        self.add(4, {"href": url, "width": 1280, "height": 720}, after=after)
        return self.snapshot(new_page)

    def snapshot(self, new_page: Json) -> Recorder:
        return self.add(2, {"node": new_page, "initialOffset": {"left": 0, "top": 0}}, after=0.01)

    def mutates(
        self, *, adds: Any = (), removes: Any = (), texts: Any = (), attributes: Any = (), after: float = 0.1
    ) -> Recorder:
        data = {"source": 0, "texts": list(texts), "attributes": list(attributes)}
        return self.add(3, data | {"removes": list(removes), "adds": list(adds)}, after=after)

    def mouse(self, kind: int, number: int, *, after: float = 1, **more: Any) -> Recorder:
        return self.add(3, {"source": 2, "type": kind, "id": number, **more}, after=after)

    def clicks(self, number: int, *, after: float = 1) -> Recorder:
        """Button down, then up: as a person clicks."""
        self.mouse(MOUSE_DOWN, number, after=after, x=10, y=10)
        return self.mouse(CLICK, number, after=0.1, x=10, y=10)

    def focuses(self, number: int, *, after: float = 0.01) -> Recorder:
        return self.mouse(FOCUS, number, after=after)

    def leaves(self, number: int, *, after: float = 0.01) -> Recorder:
        return self.mouse(BLUR, number, after=after)

    def inputs(self, number: int, content: str, *, after: float = 0.2, **more: Any) -> Recorder:
        data = {"source": 5, "id": number, "text": content, "isChecked": False, **more}
        return self.add(3, data, after=after)

    def types(self, number: int, content: str) -> Recorder:
        """Focus, then an input event for each key."""
        self.focuses(number)
        for end in range(1, len(content) + 1):
            self.inputs(number, content[:end])
        return self

    def moves(self, *, after: float = 1) -> Recorder:
        return self.add(
            3, {"source": 1, "positions": [{"x": 1, "y": 1, "id": 4, "timeOffset": 0}]}, after=after
        )

    def write(self, file: Path) -> Path:
        file.write_text(json.dumps(self.events))
        return file


def adding(parent: int, node: Json, before: int | None = None, **more: Any) -> Json:
    """An addition of a mutation. Recorders write nodes without their children."""
    return {"parentId": parent, "nextId": before, "node": node, **more}
