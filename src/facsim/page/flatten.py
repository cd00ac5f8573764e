"""Flattens shadow roots and frames with an inline document into the page, as a person sees it.

`facsim.page.preprocess` turns a declarative shadow root into an element, so that Lexbor puts it into the
tree. This module moves a host's children into the slots, and inserts inline documents into their frames.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

from selectolax.lexbor import LexborHTMLParser, LexborNode

from facsim.page.tags import FOREIGN, HOLDS_HTML, MOVED, SHADOW_ROOT

_HOST_TAGS = "article aside blockquote body div footer h1 h2 h3 h4 h5 h6 header main nav p section span"
"""Tags that can have a shadow root, besides custom elements; in others it stays a template."""
_PLACE = f"facsim-frame-{secrets.token_hex(16)}"
"""Placeholder in a frame for the document to be inserted. Pages cannot guess it."""
_HOSTS = frozenset(_HOST_TAGS.split())
# More would be an attack. The content of the rest still shows, outside its slot.
_MAX_ROOTS = 5_000
_MAX_DEPTH = 512


def take_documents(document: LexborHTMLParser) -> list[str]:
    """Empty all frames, and leave a placeholder in those with an inline document (`srcdoc`).

    Returns:
        The inline documents, in order.
    """
    sources: list[str] = []
    # In a drawing a frame can be inside another one, and goes with its content.
    inner = {frame.mem_id for frame in document.css("iframe iframe")}
    for frame in document.css("iframe"):
        if frame.mem_id in inner:
            continue
        for child in _children(frame):
            child.decompose()
        source = frame.attributes.get("srcdoc")
        if source is not None:
            del frame.attrs["srcdoc"]
        if source and not _is_foreign(frame):
            frame.insert_child(_PLACE)
            sources.append(source)
    return sources


def put_in_frames(html: str, contents: Iterable[str]) -> str:
    """Insert the frames' documents into serialized HTML (only for the tokenizer)."""
    parts = html.split(_PLACE)
    return "".join(chain.from_iterable(zip_longest(parts, contents, fillvalue="")))


def _is_foreign(node: LexborNode) -> bool:
    """Whether a node is part of an SVG or MathML tree, where its tag has no HTML meaning."""
    above = node.parent
    for _ in range(_MAX_DEPTH):
        if above is None or (above.tag or "").lower() in HOLDS_HTML:
            break
        if above.tag in FOREIGN:
            return True
        above = above.parent
    return False


def fill_slots(document: LexborHTMLParser) -> None:
    """Move the children of shadow hosts into their slots; children without a slot are not shown."""
    roots = document.css(SHADOW_ROOT)[:_MAX_ROOTS]
    depths = [_depth(root) for root in roots]
    # Moved nodes take their nested roots along; those are deeper and already done.
    for place in sorted(range(len(roots)), key=lambda place: (-depths[place], place)):
        # A host has only one root; a second one was dropped with the unslotted children.
        if depths[place] < _MAX_DEPTH and "data-facsim-drop" not in roots[place].attributes:
            _fill_slots_of(roots[place])


def _fill_slots_of(root: LexborNode) -> None:
    host = root.parent
    if host is None:
        return
    if host.tag not in _HOSTS and "-" not in (host.tag or ""):
        root.decompose()
        return
    slots: dict[str, LexborNode] = {}
    for slot in root.css("slot"):
        if _root_of(slot) == root.mem_id:
            slots.setdefault(slot.attributes.get("name") or "", slot)
    places: dict[str, int] = {}
    emptied: set[str] = set()
    for child in _children(host):
        tag = child.tag or ""
        places[tag] = places.get(tag, 0) + 1
        if child.mem_id == root.mem_id:
            continue
        wanted = (child.attributes.get("slot") or "") if child.is_element_node else ""
        slot_of_child = slots.get(wanted)
        if slot_of_child is None or tag == SHADOW_ROOT:
            if child.is_element_node:
                child.attrs["data-facsim-drop"] = ""
            else:
                child.decompose()
            continue
        if wanted not in emptied and (child.is_element_node or not child.is_empty_text_node):
            emptied.add(wanted)
            for fallback in _children(slot_of_child):
                fallback.decompose()
        if child.is_element_node:
            child.attrs[MOVED] = str(places[tag])
        # This inserts a copy.
        slot_of_child.insert_child(child)
        child.decompose()


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        following = child.next
        yield child
        child = following


def _root_of(node: LexborNode) -> int | None:
    """The shadow root in which a node was written, even if it has been moved."""
    skips = 0
    current: LexborNode | None = node
    for _ in range(_MAX_DEPTH * 2):
        if current is None:
            return None
        if current.tag == SHADOW_ROOT:
            if not skips:
                return current.mem_id
            skips -= 1
        elif MOVED in current.attributes:
            skips += 1
        current = current.parent
    return None


def _depth(node: LexborNode) -> int:
    depth = 0
    parent = node.parent
    while parent is not None and depth < _MAX_DEPTH:
        depth += 1
        parent = parent.parent
    return depth
