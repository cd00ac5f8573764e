"""Form controls of a recorded DOM: fields, labels, forms and their buttons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from facsim.data.sources.rrweb.dom_node import DOCUMENT, DomNode

_NOT_TYPED: Final = frozenset(
    ("checkbox", "radio", "button", "submit", "reset", "image", "file", "range", "color", "hidden")
)
_SUBMITS: Final = frozenset({"submit", "image"})
_INTERACTIVE: Final = frozenset({"a", "button", "input", "select", "textarea"})


def is_field(node: DomNode | None) -> bool:
    """Whether a person types text into it."""
    if node is None:
        return False
    kind = node.attributes.get("type", "text").lower()
    return node.tag == "textarea" or (node.tag == "input" and kind not in _NOT_TYPED)


def is_submit_button(node: DomNode) -> bool:
    """Whether a click on it submits its form."""
    kind = node.attributes.get("type", "").lower()
    if node.tag == "input":
        return kind in _SUBMITS
    return node.tag == "button" and kind not in ("button", "reset")


def form_of(node: DomNode, root: DomNode | None) -> int | None:
    """The id of a control's form."""
    wanted = node.attributes.get("form")
    if wanted is not None and root is not None:
        found = first_below(root, lambda one: one.tag == "form" and one.attributes.get("id") == wanted)
        return found.id if found is not None else None
    return next((one.id for one in node.ancestors() if one.tag == "form"), None)


def label_of(node: DomNode) -> DomNode | None:
    """The label that passes a click on `node` on to its control."""
    for one in (node, *node.ancestors()):
        if one.tag == "label":
            return one
        if one.tag in _INTERACTIVE:
            return None
    return None


def first_below(root: DomNode, holds: Callable[[DomNode], bool]) -> DomNode | None:
    """The first node in document order below `root` that satisfies `holds`. Frames are not searched."""
    node = root.first
    while node is not None:
        if holds(node):
            return node
        if node.first is not None:
            node = node.first
            continue
        while node is not None and node is not root and node.next is None:
            node = node.parent
        node = node.next if node is not None and node is not root else None
    return None


def control_of(label: DomNode) -> DomNode | None:
    """The control that a label passes clicks on to."""
    wanted = label.attributes.get("for")
    if wanted is None:
        return first_below(label, lambda node: node.tag in ("input", "select", "textarea", "button"))
    root = next((one for one in label.ancestors() if one.kind == DOCUMENT), None)
    return first_below(root, lambda node: node.attributes.get("id") == wanted) if root is not None else None
