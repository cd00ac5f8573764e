"""The DOM of a recorded window, rebuilt from rrweb's snapshots and mutations.

Semantics of node ids follow rrweb's replayer: removals come before additions; an addition brings a single
node, its children are additions of their own; an addition waits for its parent and its next sibling, which
may come later in the same event; a node that is added again moves with its children; the document of a frame
is added to the frame's element, perhaps before that exists.

Mutations take constant time, and every node keeps its HTML until something in it changes
(`facsim.data.sources.rrweb.dom_writer`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any, Final

from facsim.data.sources.rrweb.dom_node import (
    DOCTYPE,
    DOCUMENT,
    ELEMENT,
    TEXT,
    DomNode,
    detach,
    insert,
    is_within,
    option_value,
)

LONGEST_ATTRIBUTE: Final = 100_000
_TAG: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9:._-]{0,99}")
_ATTRIBUTE: Final = re.compile(r"[^\s\"'<>/=\x00-\x1f]{1,200}")
_DECLARATION: Final = re.compile(r"((?:[^;\"'(]|\"[^\"]*\"|'[^']*'|\([^)]*\))+)")
_CSS_TAGS: Final = frozenset({"style", "link"})

LONG_ATTRIBUTE = f"attribute of more than {LONGEST_ATTRIBUTE:,} characters: left out"
UNKNOWN_PARENT = "mutation adds a node to a parent that is not in the recording: left out"
UNKNOWN_SIBLING = "mutation adds a node before a sibling that is not in the recording: put last"
UNKNOWN_NODE = "mutation of a node that is not in the recording: left out"
CYCLE = "mutation moves a node into itself: left out"
NOT_A_NODE = "node of a snapshot or mutation is not as documented: left out"


class RecordedDom:
    """The DOM of a window.

    Attributes:
        root: the document; None before the first snapshot.
        nodes: by id.
        version: changes with every change of the DOM.
        css_version: changes with every change of a style sheet.
        problems: what could not be applied, by kind; the caller reports and clears it.
        styles: elements with style sheets, in order of their addition.
    """

    def __init__(self) -> None:
        self.root: DomNode | None = None
        self.nodes: dict[int, DomNode] = {}
        self.version = 0
        self.css_version = 0
        self.problems: Counter[str] = Counter()
        self.styles: dict[int, DomNode] = {}
        self._documents: dict[int, dict[str, Any]] = {}

    def load(self, serialized: object) -> bool:
        """Replace everything with a full snapshot; False, and nothing changes, if it is none."""
        if not isinstance(serialized, dict) or serialized.get("type") != DOCUMENT:
            self.problems[NOT_A_NODE] += 1
            return False
        self.nodes.clear()
        self.styles.clear()
        self._documents.clear()
        self.root = self._build(serialized)
        self.version += 1
        self.css_version += 1
        return self.root is not None

    def mutate(self, data: dict[str, Any]) -> None:
        """Apply a mutation event: removals, additions, texts, attributes."""
        removed: set[int] = set()
        for removal in _dicts(data.get("removes")):
            node = self._node_to_change(removal, removed)
            if node is not None:
                removed |= self._remove(node)
        self._add_all(_dicts(data.get("adds")))
        for change in _dicts(data.get("texts")):
            node = self._node_to_change(change, removed)
            if node is not None:
                self._set_text(node, change.get("value"))
        for change in _dicts(data.get("attributes")):
            node, attributes = self._node_to_change(change, removed), change.get("attributes")
            if node is not None and isinstance(attributes, dict):
                self._set_attributes(node, attributes)

    def set_value(self, node: DomNode, text: str, *, checked: bool) -> None:
        """Apply an input event: the value of a control, or whether it is checked."""
        if node.tag == "select":
            for option in node.descendants():
                if option.tag == "option":
                    chosen = option_value(option) == text
                    if chosen != ("selected" in option.attributes):
                        _toggle(option, "selected", on=chosen)
                        self.touch(option)
        elif node.attributes.get("type", "").lower() in ("checkbox", "radio"):
            _toggle(node, "checked", on=checked)
        else:
            node.attributes["value"] = text[:LONGEST_ATTRIBUTE]
        self.touch(node)

    def touch(self, node: DomNode | None) -> None:
        """Forget the HTML of a changed node and of those around it."""
        self.version += 1
        # Whatever is around a node without HTML has none either. Documents never have any.
        while node is not None and (node.html is not None or node.kind == DOCUMENT):
            node.html = None
            node = node.parent

    def _node(self, number: object) -> DomNode | None:
        return self.nodes.get(number) if isinstance(number, int) else None

    def _node_to_change(self, change: dict[str, Any], removed: set[int]) -> DomNode | None:
        """The node of a change. Recorders also change nodes that the same event removed."""
        number = change.get("id")
        node = self._node(number)
        if node is None and not (isinstance(number, int) and number in removed):
            self.problems[UNKNOWN_NODE] += 1
        return node

    def _build(self, serialized: dict[str, Any]) -> DomNode | None:
        """The node with everything in it. Iterative: hostile snapshots are deep."""
        root = self._single(serialized)
        pending = [(root, serialized)] if root is not None else []
        while pending:
            parent, written = pending.pop()
            for child in _dicts(written.get("childNodes")):
                node = self._single(child)
                if node is None:
                    continue
                if node.kind == DOCUMENT:
                    self._attach_document(parent, node)
                else:
                    insert(parent, node, None)
                pending.append((node, child))
        return root

    def _single(self, serialized: dict[str, Any]) -> DomNode | None:
        """A node without its children, known under its id."""
        number, kind = serialized.get("id"), serialized.get("type")
        if not isinstance(number, int) or isinstance(number, bool) or not isinstance(kind, int):
            self.problems[NOT_A_NODE] += 1
            return None
        if number in self.nodes:  # recorded twice in one snapshot: the later one counts
            self._remove(self.nodes[number])
        node = DomNode(number, kind, in_shadow=serialized.get("isShadow") is True)
        if kind == ELEMENT:
            tag = serialized.get("tagName")
            node.tag = tag.lower() if isinstance(tag, str) and _TAG.fullmatch(tag) else "div"
            attributes = serialized.get("attributes")
            if isinstance(attributes, dict):
                node.is_blocked = serialized.get("needBlock") is True or "rr_width" in attributes
                self._write(node, attributes)
            if node.tag in _CSS_TAGS:
                self.styles[number] = node
                self.css_version += 1
        elif kind == TEXT:
            text = serialized.get("textContent")
            node.text = text if isinstance(text, str) else ""
        self.nodes[number] = node
        return node

    def _remove(self, node: DomNode) -> set[int]:
        """Take a node out, with all in it; returns their ids."""
        self.touch(node.parent)
        detach(node)
        gone = {node.id}
        gone.update(inner.id for inner in node.descendants())
        for number in gone:
            self.nodes.pop(number, None)
            if self.styles.pop(number, None) is not None:
                self.css_version += 1
        return gone

    def _add_all(self, additions: list[dict[str, Any]]) -> None:
        """Add nodes. Those whose parent or next sibling comes later wait for it."""
        to_come = {number for one in additions if (number := _id_of(one)) is not None}
        places = self._take_out(to_come)
        waiting: dict[int, list[dict[str, Any]]] = {}
        pending = list(reversed(additions))
        while pending:
            addition = pending.pop()
            awaited = self._awaited(addition, to_come)
            if awaited is not None:
                waiting.setdefault(awaited, []).append(addition)
                continue
            self._add(addition)
            number = _id_of(addition)
            if number is not None:
                to_come.discard(number)
                pending.extend(reversed(waiting.pop(number, ())))
        for additions_left in waiting.values():
            for addition in additions_left:
                self._add_late(addition)
        for node, parent, following in places:
            if node.parent is None and self.nodes.get(node.id) is node and not is_within(parent, node):
                insert(parent, node, following if following and following.parent is parent else None)
                self.touch(parent)

    def _take_out(self, numbers: set[int]) -> list[tuple[DomNode, DomNode, DomNode | None]]:
        """Take the known nodes among these out of their places: they move. Returns the places."""
        places = []
        for number in numbers:
            node = self.nodes.get(number)
            if node is not None and node.parent is not None and node.kind != DOCUMENT:
                places.append((node, node.parent, node.next))
                self.touch(node.parent)
                detach(node)
        return places

    def _awaited(self, addition: dict[str, Any], to_come: set[int]) -> int | None:
        """The id of a node that must come first."""
        parent, following = addition.get("parentId"), addition.get("nextId")
        if isinstance(parent, int) and parent not in self.nodes:
            return parent
        if not isinstance(following, int) or following <= 0 or following == _id_of(addition):
            return None
        return following if following not in self.nodes or following in to_come else None

    def _add_late(self, addition: dict[str, Any]) -> None:
        """Add a node although something that it waited for never came."""
        parent, serialized = addition.get("parentId"), addition.get("node")
        if parent in self.nodes:
            self.problems[UNKNOWN_SIBLING] += 1
            self._add(addition)
        elif isinstance(serialized, dict) and serialized.get("type") == DOCUMENT and isinstance(parent, int):
            self._documents[parent] = serialized
        else:
            self.problems[UNKNOWN_PARENT] += 1

    def _add(self, addition: dict[str, Any]) -> DomNode | None:
        parent, serialized = self._node(addition.get("parentId")), addition.get("node")
        if parent is None or not isinstance(serialized, dict):
            self.problems[UNKNOWN_PARENT if parent is None else NOT_A_NODE] += 1
            return None
        if serialized.get("type") == DOCUMENT:
            document = self._build(serialized)
            if document is not None:
                self._attach_document(parent, document)
            return document
        before = self.problems[CYCLE]
        node = self._moved(parent, serialized) or self._single(serialized)
        if node is None or self.problems[CYCLE] > before:
            return None
        if parent.kind == DOCUMENT and (node.tag == "html" or node.kind == DOCTYPE):
            self._remove_old(parent, node)
        insert(parent, node, self._next_sibling(parent, addition))
        self.touch(parent)
        if node.tag in _CSS_TAGS or parent.tag == "style":
            self.css_version += 1
        if node.id in self._documents:
            document = self._build(self._documents.pop(node.id))
            if document is not None:
                self._attach_document(node, document)
        return node

    def _moved(self, parent: DomNode, serialized: dict[str, Any]) -> DomNode | None:
        """The known node that moves, with its children; None if it is new.

        A node that would move into itself stays.
        """
        node = self._node(serialized.get("id"))
        if node is None or node.kind != serialized.get("type"):
            return None
        if node is parent or (node.first is not None and is_within(parent, node)):
            self.problems[CYCLE] += 1
            return node
        self.touch(node.parent)
        detach(node)
        node.in_shadow = serialized.get("isShadow") is True
        attributes = serialized.get("attributes")
        if isinstance(attributes, dict):
            node.attributes, node.style = {}, None
            self._write(node, attributes)
            node.html = None
        if node.kind == TEXT and isinstance(serialized.get("textContent"), str):
            node.text, node.html = serialized["textContent"], None
        return node

    def _next_sibling(self, parent: DomNode, addition: dict[str, Any]) -> DomNode | None:
        """The child before which a node is inserted; None to put it last."""
        previous = self._node(addition.get("previousId"))  # only in old recordings
        if previous is not None and previous.parent is parent:
            return previous.next
        following = self._node(addition.get("nextId"))
        return following if following is not None and following.parent is parent else None

    def _remove_old(self, document: DomNode, new: DomNode) -> None:
        """Remove the root or doctype that a new one replaces: recorders do not see it go."""
        child = document.first
        while child is not None:
            following = child.next
            if (child.kind, child.tag) == (new.kind, new.tag):
                self._remove(child)
            child = following

    def _attach_document(self, frame: DomNode, document: DomNode) -> None:
        if frame.content is not None and frame.content is not document:
            self._remove(frame.content)
        document.parent, frame.content = frame, document
        self.touch(frame)

    def _set_text(self, node: DomNode, value: object) -> None:
        if node.kind == TEXT:
            node.text, node.html = value if isinstance(value, str) else "", None
            self.touch(node.parent)
            if node.parent is not None and node.parent.tag == "style":
                self.css_version += 1

    def _set_attributes(self, node: DomNode, attributes: dict[str, Any]) -> None:
        if node.kind == ELEMENT:
            self._write(node, attributes)
            self.touch(node)
            if "_cssText" in attributes:
                self.css_version += 1

    def _write(self, node: DomNode, attributes: dict[str, Any]) -> None:
        """Set attributes; null removes one, an object changes parts of `style`."""
        for name, value in attributes.items():
            if not _ATTRIBUTE.fullmatch(name) or name.startswith("data-facsim-"):
                continue
            if value is None or value is False:
                node.attributes.pop(name, None)
            elif isinstance(value, dict):
                if name == "style":
                    self._set_style(node, value)
                continue
            elif isinstance(value, (str, int, float)):
                text = "" if value is True else value if isinstance(value, str) else _number(value)
                if len(text) > LONGEST_ATTRIBUTE and name != "_cssText":
                    self.problems[LONG_ATTRIBUTE] += 1
                    node.attributes.pop(name, None)
                    continue
                node.attributes[name] = text
            if name == "style":
                node.style = None

    def _set_style(self, node: DomNode, changes: dict[str, Any]) -> None:
        if node.style is None:
            node.style = {}
            for written in _DECLARATION.findall(node.attributes.get("style", "")):
                name, colon, value = written.partition(":")
                if colon:
                    node.style[name.strip()] = value.strip()
        for name, value in changes.items():
            if isinstance(value, str):
                node.style[name] = value
            elif isinstance(value, list) and value and isinstance(value[0], str):
                node.style[name] = " !".join(part for part in value[:2] if isinstance(part, str) and part)
            else:
                node.style.pop(name, None)
        node.attributes["style"] = "; ".join(f"{name}: {value}" for name, value in node.style.items())


def _id_of(addition: dict[str, Any]) -> int | None:
    node = addition.get("node")
    number = node.get("id") if isinstance(node, dict) else None
    return number if isinstance(number, int) else None


def _toggle(node: DomNode, attribute: str, *, on: bool) -> None:
    if on:
        node.attributes[attribute] = ""
    else:
        node.attributes.pop(attribute, None)


def _number(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
