"""What style sheets say of the elements of a snapshot: the cascade of `display`, `visibility` and `cursor`.

A menu that is closed by a class is in the DOM all the same, but recordings contain the style sheets. Elements
that listen for clicks without saying so in HTML have a pointer as cursor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from facsim.data.sources.style_rules import Property, StyleRules, hides
from facsim.page.roles import WIDGET_ROLES
from facsim.page.tags import ACTIONABLE

VISIBLE: Final = "data-facsim-visible"
_INLINE: Final = re.compile(r"(?:^|;)\s*display\s*:\s*([a-z-]+)", re.I)
_INLINE_CURSOR: Final = re.compile(r"(?:^|;)\s*cursor\s*:\s*([a-z-]+)", re.I)
# What says in HTML that it can be acted on. `tabindex="-1"` does not: scripts focus such elements.
_SAYS_SO: Final = ACTIONABLE | {"a", "area", "label"}
_CLASSES: Final = re.compile(r'\sclass="([^"]*)"')
_IDS: Final = re.compile(r'\sid="([^"]*)"')
_DEEPEST: Final = 512

_Priority = tuple[bool, bool, tuple[int, int, int], int]


def hidden_values(html: str, attribute: str) -> frozenset[str]:
    """The values of an attribute on elements that are marked as hidden, or in such an element."""
    if f'{VISIBLE}="false"' not in html:
        return frozenset()
    document = LexborHTMLParser(html)
    hidden = f'[{VISIBLE}="false"]'
    found = document.css(f"{hidden}[{attribute}], {hidden} [{attribute}]")
    return frozenset(node.attributes.get(attribute) or "" for node in found)


def mark_styles(html: str, rules: StyleRules, *, shown: str | None = None) -> str:
    """Mark what the rules hide with `data-facsim-visible="false"`, and what has a pointer with `onclick`.

    An element with the attribute `hidden` that a rule shows all the same gets `true`. The outermost element
    with a pointer listens for clicks, unless HTML says so of it or of one around it. One with a pointer and
    `tabindex` becomes a button if it has text beside the controls in it: a card that opens when clicked.

    Args:
        html: the page, with attribute values in double quotes.
        rules: of its style sheets. Shadow roots and frames inside have their own.
        shown: CSS selector of an element that was visible whatever the rules say, because somebody acted on
            it: the pointer had opened what it is in.
    """
    present = {f".{name}" for names in set(_CLASSES.findall(html)) for name in names.split()}
    present.update(f"#{name}" for name in _IDS.findall(html))
    at_hand = [
        (rule, layered, order) for order, (rule, layered) in enumerate(rules.rules) if rule.keys <= present
    ]
    if not any(rule.is_telling for rule, *_ in at_hand):
        return html
    document = LexborHTMLParser(html)
    open_nodes = _path_to(document, shown) if shown else frozenset()
    nodes: dict[int, LexborNode] = {}
    winners: dict[tuple[int, Property], tuple[_Priority, str]] = {}
    for rule, layered, order in at_hand:
        # Unlayered rules are stronger than layered ones, important ones the other way round.
        priority = (rule.is_important, layered == rule.is_important, rule.specificity, order)
        for node in _matching(document, rule.selector):
            nodes[node.mem_id] = node
            key = (node.mem_id, rule.name)
            if key not in winners or winners[key][0] <= priority:
                winners[key] = (priority, rule.value)
    marks: dict[int, str] = {}
    for (number, name), (priority, value) in winners.items():
        if name == "display":
            node = nodes[number]
            inline = _INLINE.search(node.attributes.get("style") or "")
            if inline and not priority[0]:
                continue
            if hides(name, value):
                marks[number] = "false"
            elif inline or "hidden" in node.attributes:
                marks[number] = "true"
    for node in _invisible(
        nodes, {number: value for (number, name), (_, value) in winners.items() if name == "visibility"}
    ):
        nodes[node.mem_id] = node
        marks[node.mem_id] = "false"
    changed = False
    for number, mark in marks.items():
        if number not in open_nodes and nodes[number].tag not in ("html", "body", "head"):
            nodes[number].attrs[VISIBLE] = mark
            changed = True
    cursors = {number: won for (number, name), won in winners.items() if name == "cursor"}
    changed |= _mark_listening(_pointing(nodes, cursors))
    return (document.html or html) if changed else html


def _invisible(nodes: dict[int, LexborNode], values: dict[int, str]) -> list[LexborNode]:
    """The nodes whose computed `visibility` hides them and all in them. It is inherited.

    Args:
        nodes: by id.
        values: what the rules set, by id.
    """
    shown = [nodes[number] for number, value in values.items() if not hides("visibility", value)]
    around_shown = {number for node in shown for number in _path_of(node)}
    found = []
    pending = [nodes[number] for number, value in values.items() if hides("visibility", value)]
    while pending:
        node = pending.pop()
        if node.mem_id not in around_shown:
            found.append(node)
            continue
        child = node.child
        while child is not None:
            if child.is_element_node and child.mem_id not in values:
                pending.append(child)
            child = child.next
    return found


def _pointing(nodes: dict[int, LexborNode], cursors: dict[int, tuple[_Priority, str]]) -> list[LexborNode]:
    """The elements that a rule gives a pointer; those in them inherit it."""
    found = []
    for number, (priority, value) in cursors.items():
        node = nodes[number]
        inline = _INLINE_CURSOR.search(node.attributes.get("style") or "")
        computed = inline[1].lower() if inline and not priority[0] else value
        if computed == "pointer" and node.tag not in ("html", "body", "head"):
            found.append(node)
    return found


def _mark_listening(pointing: Sequence[LexborNode]) -> bool:
    """Whether any of the elements with a pointer was marked."""
    numbers = {node.mem_id for node in pointing}
    changed = False
    for node in pointing:
        if _is_focusable(node) and "role" not in node.attributes and _has_own_text(node):
            node.attrs["role"] = "button"
            changed = True
        elif not _says_so(node) and not _is_in_listening(node, numbers):
            node.attrs["onclick"] = ""
            changed = True
    return changed


def _is_in_listening(node: LexborNode, pointing: set[int]) -> bool:
    """Whether an element around this one listens for clicks."""
    current = node.parent
    for _ in range(_DEEPEST):
        if current is None or not current.is_element_node:
            return False
        if current.mem_id in pointing or _says_so(current):
            return True
        current = current.parent
    return True


def _says_so(node: LexborNode) -> bool:
    attributes = node.attributes
    return (
        node.tag in _SAYS_SO
        or "onclick" in attributes
        or (attributes.get("role") or "").strip().lower() in WIDGET_ROLES
        or _is_focusable(node)
    )


def _is_focusable(node: LexborNode) -> bool:
    return (node.attributes.get("tabindex") or "").strip().isdecimal()


def _has_own_text(node: LexborNode) -> bool:
    """Whether an element has text beside the controls in it."""
    pending = list(_children(node))
    controls = texts = False
    while pending and not (controls and texts):
        current = pending.pop()
        if current.is_text_node:
            texts = texts or bool((current.text_content or "").strip())
        elif current.is_element_node:
            if _says_so(current):
                controls = True
            else:
                pending.extend(_children(current))
    return controls and texts


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _path_to(document: LexborHTMLParser, selector: str) -> frozenset[int]:
    return frozenset(number for node in _matching(document, selector)[:1] for number in _path_of(node))


def _path_of(node: LexborNode) -> list[int]:
    """A node and those around it."""
    found: list[int] = []
    current: LexborNode | None = node
    while current is not None and len(found) < _DEEPEST:
        found.append(current.mem_id)
        current = current.parent
    return found


def _matching(document: LexborHTMLParser, selector: str) -> list[LexborNode]:
    try:
        return document.css(selector)
    except SelectolaxError:
        return []
