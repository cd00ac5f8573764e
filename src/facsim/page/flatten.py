"""Shadow roots and frames with a document of their own, put where a person sees them.

`facsim.page.preprocess` turns a declarative shadow root into an element, so that Lexbor puts it into the
tree. Here what a host holds moves into the slots, and the documents of frames go into them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

from selectolax.lexbor import LexborHTMLParser, LexborNode

from facsim.page.tags import FOREIGN, HOLDS_HTML, MOVED, SHADOW_ROOT

_HOST_TAGS = "article aside blockquote body div footer h1 h2 h3 h4 h5 h6 header main nav p section span"
"""Those that can have a shadow root, beside elements with a dash in their tag; others have a template."""
_PLACE = f"facsim-frame-{secrets.token_hex(16)}"
"""Stands in a frame for the document that will be put there. No page knows it."""
_HOSTS = frozenset(_HOST_TAGS.split())
# More is an attack. What is in the others still shows, out of its slot.
_MAX_ROOTS = 5_000
_MAX_DEPTH = 512


def take_documents(document: LexborHTMLParser) -> list[str]:
    """Empty all frames, and leave a mark in those with a document of their own (`srcdoc`).

    Returns:
        These documents, in order.
    """
    sources: list[str] = []
    for frame in document.css("iframe"):
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
    """What Lexbor wrote of a document without its frames', with these in place (for the tokenizer alone)."""
    parts = html.split(_PLACE)
    return "".join(chain.from_iterable(zip_longest(parts, contents, fillvalue="")))


def _is_foreign(node: LexborNode) -> bool:
    """Whether a node is part of a drawing or formula; its tag means nothing there."""
    above = node.parent
    for _ in range(_MAX_DEPTH):
        if above is None or (above.tag or "").lower() in HOLDS_HTML:
            break
        if above.tag in FOREIGN:
            return True
        above = above.parent
    return False


def fill_slots(document: LexborHTMLParser) -> None:
    """Move what shadow hosts hold into their slots; what has no slot is not shown."""
    roots = document.css(SHADOW_ROOT)[:_MAX_ROOTS]
    depths = [_depth(root) for root in roots]
    # What moves takes along the roots in it, which are deeper and done.
    for place in sorted(range(len(roots)), key=lambda place: (-depths[place], place)):
        # A second root of a host is none; it has been dropped with what has no slot.
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
        # Puts a copy in.
        slot_of_child.insert_child(child)
        child.decompose()


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        following = child.next
        yield child
        child = following


def _root_of(node: LexborNode) -> int | None:
    """The shadow root that a node was written in, wherever it has been moved to."""
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
