"""The rules of style sheets about `display`, `visibility` and `cursor`: which there are, and which apply.

What a snapshot cannot tell (hover, sizes of containers) is taken as false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

_TOKEN: Final = re.compile(
    r"/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|\\.|[{};]", re.DOTALL
)
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_DECLARATION: Final = re.compile(
    r"(?:^|;)\s*+(display|visibility|cursor)\s*+:\s*+([a-z-]+)\s*+(?:(!\s*+important)\s*+)?(?=;|$)", re.I
)
_POINTER: Final = re.compile(r"cursor\s*:\s*pointer", re.I)
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
_LONGEST_SELECTOR: Final = 500
_MOST_RULES: Final = 20_000

Property = Literal["display", "visibility", "cursor"]
_PROPERTIES: Final[frozenset[Property]] = frozenset(("display", "visibility", "cursor"))


def hides(name: Property, value: str) -> bool:
    """Whether a value of `display` or `visibility` hides an element."""
    return value == "none" if name == "display" else value in ("hidden", "collapse")


@dataclass(frozen=True, slots=True)
class Rule:
    """A selector that sets one of the properties, under conditions (the at-rules around it)."""

    selector: str
    name: Property
    value: str
    is_important: bool
    conditions: tuple[str, ...]
    keys: frozenset[str]
    specificity: tuple[int, int, int]

    @property
    def is_telling(self) -> bool:
        """Whether it hides something or shows a pointer."""
        return self.value == "pointer" if self.name == "cursor" else hides(self.name, self.value)


@dataclass(frozen=True, slots=True)
class StyleRules:
    """The rules of a document that apply at its window's width, in order."""

    rules: tuple[tuple[Rule, bool], ...]

    @classmethod
    def read(cls, sheets: Sequence[tuple[str, str]], width: float) -> StyleRules | None:
        """Read style sheets. None if no rule hides anything or shows a pointer.

        Args:
            sheets: CSS and media query of each.
            width: of the window, in pixels.
        """
        found: list[tuple[Rule, bool]] = []
        for css, media in sheets:
            if media and not _applies(f"@media {media}", width):
                continue
            for rule in _rules(css):
                if all(_applies(condition, width) for condition in rule.conditions):
                    layered = any(condition.startswith("@layer") for condition in rule.conditions)
                    found.append((rule, layered))
        tells = any(rule.is_telling for rule, _ in found)
        return cls(tuple(found[:_MOST_RULES])) if tells else None


@lru_cache(maxsize=512)
def _rules(css: str) -> tuple[Rule, ...]:
    """The rules of a style sheet about what is marked; about `cursor` only if it shows pointers."""
    found: list[Rule] = []
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
    prelude: str, block: str, conditions: tuple[str, ...], properties: frozenset[Property]
) -> Iterator[Rule]:
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
            yield Rule(
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
