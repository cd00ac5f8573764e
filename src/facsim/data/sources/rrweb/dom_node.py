"""Nodes of a recorded DOM, with linked siblings: inserting and taking out take constant time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

DOCUMENT, DOCTYPE, ELEMENT, TEXT = 0, 1, 2, 3
"""Types of nodes (rrweb's `NodeType`); comments and CDATA have no text for a person."""
_DEEPEST_MOVE: Final = 2_000


@dataclass(slots=True, eq=False)
class DomNode:
    """A node. Children of a shadow root are children of its host, with `in_shadow`.

    Attributes:
        content: the document of a frame.
        html: the serialized node, kept until something in it changes.
        style: the parsed `style` attribute, once a mutation changed a part of it.
    """

    id: int
    kind: int
    tag: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    in_shadow: bool = False
    is_blocked: bool = False
    parent: DomNode | None = None
    first: DomNode | None = None
    last: DomNode | None = None
    previous: DomNode | None = None
    next: DomNode | None = None
    content: DomNode | None = None
    html: str | None = None
    style: dict[str, str] | None = None

    def ancestors(self) -> Iterator[DomNode]:
        """The nodes around this one, innermost first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def descendants(self) -> Iterator[DomNode]:
        """The nodes below this one, shadow roots and frames included. In no particular order."""
        pending = [self]
        while pending:
            node = pending.pop()
            if node is not self:
                yield node
            child = node.first
            while child is not None:
                pending.append(child)
                child = child.next
            if node.content is not None:
                pending.append(node.content)


def option_value(option: DomNode) -> str:
    """What a select has as its value if this option is chosen."""
    if "value" in option.attributes:
        return option.attributes["value"]
    texts = []
    child = option.first
    while child is not None:
        texts.append(child.text)
        child = child.next
    return " ".join("".join(texts).split())


def is_within(node: DomNode, wanted: DomNode) -> bool:
    """Whether `wanted` is around `node`, or `node` is so deep that it is not worth looking."""
    around = list(islice(node.ancestors(), _DEEPEST_MOVE))
    return len(around) == _DEEPEST_MOVE or any(one is wanted for one in around)


def insert(parent: DomNode, node: DomNode, following: DomNode | None) -> None:
    """Insert a detached node before a child of `parent`; last if that is None."""
    node.parent, node.next = parent, following
    node.previous = following.previous if following is not None else parent.last
    if node.previous is not None:
        node.previous.next = node
    else:
        parent.first = node
    if following is not None:
        following.previous = node
    else:
        parent.last = node


def detach(node: DomNode) -> None:
    """Take a node, with all in it, out of its place."""
    parent = node.parent
    if parent is None:
        return
    if parent.content is node:
        parent.content = None
    else:
        if node.previous is not None:
            node.previous.next = node.next
        else:
            parent.first = node.next
        if node.next is not None:
            node.next.previous = node.previous
        else:
            parent.last = node.previous
    node.parent = node.previous = node.next = None
