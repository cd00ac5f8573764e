"""What style sheets say of the elements of a snapshot: the cascade of `display`, `visibility` and `cursor`.

A menu that is closed by a class is in the DOM all the same, but recordings contain the style sheets. Elements
that listen for clicks without saying so in HTML have a pointer as cursor. What a snapshot cannot tell (hover,
sizes of containers) is taken as false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

VISIBLE: Final = "data-facsim-visible"
_TOKEN: Final = re.compile(
    r"/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|\\.|[{};]", re.DOTALL
)
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_DECLARATION: Final = re.compile(
    r"(?:^|;)\s*+(display|visibility|cursor)\s*+:\s*+([a-z-]+)\s*+(?:(!\s*+important)\s*+)?(?=;|$)", re.I
)
_INLINE: Final = re.compile(r"(?:^|;)\s*display\s*:\s*([a-z-]+)", re.I)
_INLINE_CURSOR: Final = re.compile(r"(?:^|;)\s*cursor\s*:\s*([a-z-]+)", re.I)
_POINTER: Final = re.compile(r"cursor\s*:\s*pointer", re.I)
# What says in HTML that it can be acted on. `tabindex="-1"` does not: scripts focus such elements.
_SAYS_SO: Final = frozenset(
    ["a", "area", "button", "input", "select", "textarea", "summary", "option", "label"]
)
_ROLES: Final = frozenset(
    [
        "button",
        "link",
        "checkbox",
        "radio",
        "switch",
        "tab",
        "option",
        "menuitem",
        "menuitemcheckbox",
        "menuitemradio",
        "combobox",
        "searchbox",
        "textbox",
        "slider",
        "spinbutton",
        "treeitem",
    ]
)
# States of the moment, pseudo-elements, and what Lexbor or a snapshot cannot tell.
_NOT_OF_SNAPSHOT: Final = re.compile(
    r"::|:(?:before|after|first-line|first-letter|hover|focus|active|visited|target|host|slotted|fullscreen|modal"
    r"|popover-open|autofill|-|user-|picture)",
    re.I,
)
_NEGATED: Final = re.compile(
    r":not\([^()]*(?:\([^()]*\)[^()]*)*\)|:(?:is|where|has)\([^()]*(?:\([^()]*\)[^()]*)*\)"
)
_KEY: Final = re.compile(r"([.#])(-?[_a-zA-Z][\w-]*)")
_SPECIFIC: Final = re.compile(
    r"(#[\w-]+)|(\.[\w-]+|\[[^\]]*\]|:[\w-]+(?:\([^()]*\))?)|((?:^|[\s>+~(,])[a-zA-Z][\w-]*)"
)
_QUERY: Final = re.compile(r"\(\s*(min|max)-width\s*:\s*(\d+\.?\d*|\.\d+)(px|em|rem)\s*\)", re.I)
_CLASSES: Final = re.compile(r'\sclass="([^"]*)"')
_IDS: Final = re.compile(r'\sid="([^"]*)"')
_LONGEST_SELECTOR: Final = 500
_DEEPEST: Final = 512
_MOST_RULES: Final = 20_000

_Property = Literal["display", "visibility", "cursor"]
_PROPERTIES: Final[frozenset[_Property]] = frozenset(("display", "visibility", "cursor"))
_Priority = tuple[bool, bool, tuple[int, int, int], int]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A selector that sets one of the properties, under conditions (the at-rules around it)."""

    selector: str
    property: _Property
    value: str
    is_important: bool
    conditions: tuple[str, ...]
    keys: frozenset[str]
    specificity: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class StyleRules:
    """The rules of a document that apply at its window's width, in order."""

    rules: tuple[tuple[_Rule, bool], ...]

    @classmethod
    def read(cls, sheets: Sequence[tuple[str, str]], width: float) -> StyleRules | None:
        """Read style sheets. None if no rule hides anything or shows a pointer.

        Args:
            sheets: CSS and media query of each.
            width: of the window, in pixels.
        """
        found: list[tuple[_Rule, bool]] = []
        for css, media in sheets:
            if media and not _applies(f"@media {media}", width):
                continue
            for rule in _rules(css):
                if all(_applies(condition, width) for condition in rule.conditions):
                    layered = any(condition.startswith("@layer") for condition in rule.conditions)
                    found.append((rule, layered))
        tells = any(_is_telling(rule) for rule, _ in found)
        return cls(tuple(found[:_MOST_RULES])) if tells else None


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
    if not any(_is_telling(rule) for rule, *_ in at_hand):
        return html
    document = LexborHTMLParser(html)
    open_nodes = _path_to(document, shown) if shown else frozenset()
    nodes: dict[int, LexborNode] = {}
    winners: dict[tuple[int, _Property], tuple[_Priority, str]] = {}
    for rule, layered, order in at_hand:
        # Unlayered rules are stronger than layered ones, important ones the other way round.
        priority = (rule.is_important, layered == rule.is_important, rule.specificity, order)
        for node in _matching(document, rule.selector):
            nodes[node.mem_id] = node
            key = (node.mem_id, rule.property)
            if key not in winners or winners[key][0] <= priority:
                winners[key] = (priority, rule.value)
    marks: dict[int, str] = {}
    for (number, name), (priority, value) in winners.items():
        if name == "display":
            node = nodes[number]
            inline = _INLINE.search(node.attributes.get("style") or "")
            if inline and not priority[0]:
                continue
            if _hides(name, value):
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
    shown = [nodes[number] for number, value in values.items() if not _hides("visibility", value)]
    around_shown = {number for node in shown for number in _path_of(node)}
    found = []
    pending = [nodes[number] for number, value in values.items() if _hides("visibility", value)]
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
        or (attributes.get("role") or "").strip().lower() in _ROLES
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


def _hides(name: _Property, value: str) -> bool:
    return value == "none" if name == "display" else value in ("hidden", "collapse")


def _is_telling(rule: _Rule) -> bool:
    return rule.value == "pointer" if rule.property == "cursor" else _hides(rule.property, rule.value)


@lru_cache(maxsize=512)
def _rules(css: str) -> tuple[_Rule, ...]:
    """The rules of a style sheet about what is marked; about `cursor` only if it shows pointers."""
    found: list[_Rule] = []
    properties = _PROPERTIES if _POINTER.search(css) else _PROPERTIES - {"cursor"}
    around: list[tuple[str, int]] = []
    start = 0
    for token in _TOKEN.finditer(css):
        mark = token[0]
        if mark == "{":
            around.append((_COMMENT.sub("", css[start : token.start()]).strip(), token.end()))
            start = token.end()
        elif mark == "}":
            if around:
                prelude, begin = around.pop()
                conditions = tuple(other for other, _ in around)
                is_plain = not prelude.startswith("@") and all(other.startswith("@") for other in conditions)
                if (is_plain and begin == start) or (is_plain and css.find("{", begin, token.start()) < 0):
                    found.extend(_rules_of(prelude, css[begin : token.start()], conditions, properties))
            start = token.end()
        elif mark == ";" and not (around and not around[-1][0].startswith("@")):
            start = token.end()
    return tuple(found)


def _rules_of(
    prelude: str, block: str, conditions: tuple[str, ...], properties: frozenset[_Property]
) -> Iterator[_Rule]:
    lower = block.lower()
    if not any(name in lower for name in properties):
        return
    values = {
        name: (value.lower(), bool(strong))
        for written, value, strong in _DECLARATION.findall(_COMMENT.sub("", block))
        for name in properties
        if written.lower() == name
    }
    for selector in _split(prelude) if values else ():
        if len(selector) > _LONGEST_SELECTOR or _NOT_OF_SNAPSHOT.search(selector):
            continue
        keys = frozenset(
            kind + name for kind, name in _KEY.findall(_NEGATED.sub("", _without_attributes(selector)))
        )
        ids, classes, tags = 0, 0, 0
        for one, two, three in _SPECIFIC.findall(selector):
            ids, classes, tags = ids + bool(one), classes + bool(two), tags + bool(three)
        for name, (value, strong) in values.items():
            yield _Rule(
                selector,
                name,
                value,
                strong,
                conditions,
                keys,
                (ids, classes, tags),
            )


def _without_attributes(selector: str) -> str:
    return re.sub(r"\[[^\]]*\]", "", selector)


def _split(prelude: str) -> list[str]:
    """The selectors of a list, split at commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(prelude):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(prelude[start:place].strip())
            start = place + 1
    return [part for part in (*parts, prelude[start:].strip()) if part]


def _applies(condition: str, width: float) -> bool:
    """Whether an at-rule's condition holds in a window of this width. What cannot be known does not."""
    name, _, rest = condition.partition(" ")
    if name == "@layer":
        return True
    if name == "@supports":
        return not rest.strip().lower().startswith("not")
    if name != "@media" and not condition.startswith("@media"):
        return False
    return any(_query_holds(query.strip().lower(), width) for query in condition[len("@media") :].split(","))


def _query_holds(query: str, width: float) -> bool:
    negated = query.startswith("not ")
    query = query.removeprefix("not ").removeprefix("only ")
    holds = True
    for part in " ".join(query.split()).split(" and "):
        size = _QUERY.fullmatch(part)
        if size:
            pixels = float(size[2]) * (1 if size[3] == "px" else 16)
            holds = holds and (width >= pixels if size[1] == "min" else width <= pixels)
        elif part not in ("screen", "all"):
            return False  # nothing is known, negated or not
    return holds != negated
