"""Which elements of a snapshot its style sheets hide: the cascade of `display` and `visibility` only.

A menu that is closed by a class is in the DOM all the same, but recordings contain the style sheets. What a
snapshot cannot tell (hover, sizes of containers) is taken as false.
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
    r"(?:^|;)\s*(display|visibility)\s*:\s*([a-z-]+)\s*(!\s*important)?\s*(?=;|$)", re.I
)
_INLINE: Final = re.compile(r"(?:^|;)\s*display\s*:\s*([a-z-]+)", re.I)
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
_QUERY: Final = re.compile(r"\(\s*(min|max)-width\s*:\s*([\d.]+)(px|em|rem)\s*\)", re.I)
_CLASSES: Final = re.compile(r'\sclass="([^"]*)"')
_IDS: Final = re.compile(r'\sid="([^"]*)"')
_LONGEST_SELECTOR: Final = 500
_DEEPEST: Final = 512
_MOST_RULES: Final = 20_000

_Property = Literal["display", "visibility"]
_Priority = tuple[bool, bool, tuple[int, int, int], int]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A selector that sets `display` or `visibility`, under conditions (the at-rules around it)."""

    selector: str
    property: _Property
    value: str
    is_important: bool
    conditions: tuple[str, ...]
    keys: frozenset[str]
    specificity: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class HidingRules:
    """The rules of a document that apply at its window's width, in order; none if no rule hides anything."""

    rules: tuple[tuple[_Rule, bool], ...]

    @classmethod
    def read(cls, sheets: Sequence[tuple[str, str]], width: float) -> HidingRules | None:
        """Read style sheets.

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
        hides = any(_is_hiding(rule) for rule, _ in found)
        return cls(tuple(found[:_MOST_RULES])) if hides else None


def hidden_values(html: str, attribute: str) -> frozenset[str]:
    """The values of an attribute on elements that are marked as hidden, or in such an element."""
    if f'{VISIBLE}="false"' not in html:
        return frozenset()
    document = LexborHTMLParser(html)
    hidden = f'[{VISIBLE}="false"]'
    found = document.css(f"{hidden}[{attribute}], {hidden} [{attribute}]")
    return frozenset(node.attributes.get(attribute) or "" for node in found)


def mark_visibility(html: str, rules: HidingRules, *, shown: str | None = None) -> str:
    """Mark the elements that the rules hide with `data-facsim-visible="false"`.

    An element with the attribute `hidden` that a rule shows all the same gets `true`.

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
    if not any(_is_hiding(rule) for rule, *_ in at_hand):
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


def _is_hiding(rule: _Rule) -> bool:
    return _hides(rule.property, rule.value)


@lru_cache(maxsize=512)
def _rules(css: str) -> tuple[_Rule, ...]:
    """The rules of a style sheet about `display` and `visibility`."""
    found: list[_Rule] = []
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
                    found.extend(_rules_of(prelude, css[begin : token.start()], conditions))
            start = token.end()
        elif mark == ";" and not (around and not around[-1][0].startswith("@")):
            start = token.end()
    return tuple(found)


def _rules_of(prelude: str, block: str, conditions: tuple[str, ...]) -> Iterator[_Rule]:
    lower = block.lower()
    if "display" not in lower and "visibility" not in lower:
        return
    values = {
        name.lower(): (value.lower(), bool(strong))
        for name, value, strong in _DECLARATION.findall(_COMMENT.sub("", block))
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
                "display" if name == "display" else "visibility",
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
    for part in re.split(r"\s+and\s+", query):
        size = _QUERY.fullmatch(part)
        if size:
            pixels = float(size[2]) * (1 if size[3] == "px" else 16)
            holds = holds and (width >= pixels if size[1] == "min" else width <= pixels)
        elif part not in ("screen", "all"):
            return False  # nothing is known, negated or not
    return holds != negated
