"""HTML with computed visibility from a DOM snapshot of Chromium (`DOMSnapshot.captureSnapshot`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

BID: Final = "bid"
"""Attribute with BrowserGym's id of an element."""

_OWN: Final = ("data-facsim-", "browsergym_")
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_DROPPED: Final = frozenset({"script", "style", "noscript", "template", "datalist"})
_ELEMENT, _TEXT = 1, 3


def html_of_snapshot(snapshot: Mapping[str, Any]) -> str:
    """The main document of a snapshot as HTML. Frames are empty.

    What has no box in the layout, nor anything in it, is marked as invisible
    (`docs/your-data/pages.md`, Computed visibility).

    Args:
        snapshot: with the keys `documents` and `strings`.
    """
    return "<!doctype html>" + "".join(_Document(snapshot["documents"][0], snapshot["strings"]).html())


class _Document:
    """One document of a snapshot."""

    def __init__(self, document: Mapping[str, Any], strings: Sequence[str]) -> None:
        self._nodes, self._strings = document["nodes"], strings
        self._children: defaultdict[int, list[int]] = defaultdict(list)
        for node, parent in enumerate(self._nodes["parentIndex"]):
            if parent >= 0:
                self._children[parent].append(node)
        self._values = self._rare("inputValue")
        self._checked = set(self._nodes.get("inputChecked", {}).get("index", ()))
        self._selected = set(self._nodes.get("optionSelected", {}).get("index", ()))
        self._shown = set(document["layout"]["nodeIndex"])
        # A parent comes before its children.
        for node in range(len(self._nodes["parentIndex"]) - 1, -1, -1):
            if node in self._shown:
                self._shown.add(self._nodes["parentIndex"][node])

    def html(self) -> Iterator[str]:
        """The document, piece by piece."""
        # Not recursive: pages may be nested deeper than Python's stack.
        pending: list[int | str] = [0]
        while pending:
            item = pending.pop()
            if isinstance(item, str):
                yield item
                continue
            kind = self._nodes["nodeType"][item]
            if kind == _TEXT:
                yield escape(self._string(self._nodes["nodeValue"][item]), quote=False)
                continue
            if kind == _ELEMENT:
                tag = self._string(self._nodes["nodeName"][item]).lower()
                if tag in _DROPPED or tag.startswith("::"):
                    continue
                yield f"<{tag}{''.join(self._attributes(item, tag))}>"
                if tag in _VOID:
                    continue
                pending.append(f"</{tag}>")
                if tag == "iframe":
                    continue
            pending.extend(reversed(self._children[item]))

    def _attributes(self, node: int, tag: str) -> Iterator[str]:
        pairs = self._nodes["attributes"][node]
        given = {
            self._string(name): self._string(value)
            for name, value in zip(pairs[::2], pairs[1::2], strict=True)
            if not self._string(name).startswith(_OWN)
        }
        if tag in ("input", "textarea") and node in self._values and given.get("type") != "password":
            given["value"] = self._values[node]
        for name, live in (("checked", self._checked), ("selected", self._selected)):
            if node in live:
                given[name] = ""
        is_inside_body = tag not in ("html", "head", "body", "title", "option", "optgroup")
        if is_inside_body and node not in self._shown and self._nodes["parentIndex"][node] in self._shown:
            given["data-facsim-visible"] = "false"
        for name, value in given.items():
            yield f' {name}="{escape(value)}"'

    def _rare(self, name: str) -> dict[int, str]:
        """Values that few nodes have."""
        found = self._nodes.get(name, {"index": (), "value": ()})
        return {node: self._string(value) for node, value in zip(found["index"], found["value"], strict=True)}

    def _string(self, index: int) -> str:
        return self._strings[index] if index >= 0 else ""
