"""Reads pages that are already simplified: their elements are the nodes with a `name`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from facsim.page.confusables import skeleton
from facsim.page.outline import outline_of
from facsim.page.roles import STATES, role_of, states_of
from facsim.page.slugs import fold, is_name
from facsim.page.tags import UNSEEN
from facsim.page.text_runs import MAX_TEXT, TextRuns
from facsim.page.tree import Tree, parse, tokenize
from facsim.schema import Element, Outline, Page
from facsim.util.errors import InputError

MARK = '<html data-simplified="1">'
"""Prefix of pages written by our renderer. They are read without a full HTML parser."""

_STATES = "|".join(("open", *STATES))
_WRITTEN = re.compile(
    rf"(?:[^<>]++|</[a-z][a-z0-9-]*+>|<(?!(?:{'|'.join(sorted(UNSEEN))})[ >])[a-z][a-z0-9-]*+"
    r"(?: (?:name|type|value|placeholder|href|label|multiple|alt|role|aria-[a-z]++)=\"[^\"<>]*+\""
    rf"| (?:{_STATES})(?=[ >]))*+>)*+"
)
"""What the renderer can write after `MARK`: no scripts, no comments, no other attributes."""

_WORDS_OF_BUTTONS = {"submit": "Submit", "reset": "Reset"}
"""Default labels of buttons without a value."""
_NAMED_FOR_OTHER_REASONS = frozenset({"meta", "param", "slot", "map", "iframe"})


def read_page(html: str) -> Page:
    """Read simplified HTML, ours or another tool's, where each element has a unique `name`.

    If elements share a name (a fault that `facsim audit` reports), the first one counts.
    """
    return Page(html, partial(load_elements, html, {}), partial(load_outline, html))


def names_in(html: str) -> list[str]:
    """Return every name in simplified HTML, in document order, including repetitions.

    Faster than `read_page(html).elements`, which has each name once.

    Raises:
        InputError: if the page cannot be read.
    """
    tree = tree_of(html)
    return [name for node in range(len(tree)) if (name := name_of(tree, node))]


def load_elements(html: str, locators: Mapping[str, str]) -> tuple[Element, ...]:
    """Return the elements of simplified HTML.

    Args:
        html: simplified HTML.
        locators: known locators by name.
    """
    tree = tree_of(html)
    runs = TextRuns(tree)
    nodes: dict[str, int] = {}
    for node in range(len(tree)):
        if name := name_of(tree, node):
            nodes.setdefault(name, node)
    equivalents = _equivalents({name: tree.attributes[node].get("href", "") for name, node in nodes.items()})
    return tuple(
        _element_of(tree, runs, node, locator=locators.get(name, ""), equivalents=equivalents.get(name, ()))
        for name, node in nodes.items()
    )


def load_outline(html: str) -> Outline:
    """Return what a person reads on a simplified page."""
    tree = tree_of(html)
    return outline_of(tree, [name_of(tree, node) for node in range(len(tree))])


def name_of(tree: Tree, node: int) -> str | None:
    """Return the name of a node of a simplified page; None if it is not an element to act on."""
    name = tree.attributes[node].get("name")
    return name if name and tree.tags[node] not in _NAMED_FOR_OTHER_REASONS else None


def is_ours(html: str, tree: Tree) -> bool:
    """Whether a page that starts with `MARK` could have been written by the renderer.

    Args:
        html: the page, with `MARK`.
        tree: its nodes, as returned by `tree_of`.
    """
    names = [attributes["name"] for attributes in tree.attributes if attributes.get("name")]
    return (
        all(map(is_name, names))
        and len(set(map(skeleton, names))) == len(names)
        and _WRITTEN.fullmatch(html, len(MARK)) is not None
        and not any(_is_secret(tag, attributes) for tag, attributes in tree.kinds_of)
        and _named(tree) == _named(parse(html))
    )


def _is_secret(tag: str, attributes: Mapping[str, str]) -> bool:
    kind = attributes.get("type", "").lower() if tag == "input" else ""
    return kind == "hidden" or (kind == "password" and "value" in attributes)


def _named(tree: Tree) -> list[tuple[str, str, int]]:
    """Tag and name of each element, and the number of elements that contain it."""
    found: list[tuple[str, str, int]] = []
    ends: list[int] = []
    for node, attributes in enumerate(tree.attributes):
        if "name" in attributes:
            while ends and ends[-1] <= node:
                ends.pop()
            found.append((tree.tags[node], attributes["name"], len(ends)))
            ends.append(tree.ends[node])
    return found


def tree_of(html: str) -> Tree:
    """Parse simplified HTML into nodes."""
    # Our own output is normalised. Comments are a sign that another tool wrote to it, too.
    if html.startswith(MARK) and "<!" not in html:
        try:
            return tokenize(html)
        except InputError:
            pass  # It only looks like ours.
    return parse(html)


def _element_of(
    tree: Tree, runs: TextRuns, node: int, *, locator: str, equivalents: tuple[str, ...]
) -> Element:
    tag, attributes = tree.tags[node], tree.attributes[node]
    role = role_of(tag, attributes)
    value = attributes.get("value")
    options: tuple[str, ...] = ()
    text = fold(attributes["aria-label"])[:MAX_TEXT] if "aria-label" in attributes else ""
    if tag == "select":
        options, chosen = _options_of(tree, node)
        value = value if value is not None else chosen
    elif tag == "textarea":
        value = value if value is not None else tree.text_content(node)
    elif tag == "option":
        text = text or tree.text_content(node)
    elif not text and tree.ends[node] > node + 1:
        text = runs.text(node)
    if not text:
        text = _label(attributes, role)
    return Element(
        name=attributes["name"],
        tag=tag,
        role=role,
        text=text,
        value=value,
        href=attributes.get("href"),
        options=options,
        states=states_of(attributes) if attributes else frozenset(),
        locator=locator,
        equivalents=equivalents,
    )


def _label(attributes: Mapping[str, str], role: str) -> str:
    for attribute in ("alt", "placeholder", "title"):
        label = fold(attributes.get(attribute, ""))
        if label:
            return label[:MAX_TEXT]
    if role != "button":
        return ""
    return fold(attributes.get("value", ""))[:MAX_TEXT] or _WORDS_OF_BUTTONS.get(
        attributes.get("type", ""), ""
    )


def _options_of(tree: Tree, select: int) -> tuple[tuple[str, ...], str | None]:
    """Texts of a select's options, and the text of the selected one (the first if none is marked)."""
    texts: list[str] = []
    chosen: str | None = None
    for node in range(select + 1, tree.ends[select]):
        if tree.tags[node] == "option":
            text = tree.attributes[node].get("label") or tree.text_content(node)
            texts.append(text)
            if "selected" in tree.attributes[node]:
                chosen = text
    if chosen is None and texts and "multiple" not in tree.attributes[select]:
        chosen = texts[0]
    return tuple(texts), chosen


def _equivalents(links: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """For each link (name -> href), the links in its card (same name but the last part) to its target."""
    same: dict[tuple[str, str], list[str]] = {}
    for name, href in links.items():
        if href and (key := _destination(name, href)):
            same.setdefault(key, []).append(name)
    # A list of a hundred links to one place is not a card.
    cards = [names for names in same.values() if 1 < len(names) <= 8]
    return {name: tuple(other for other in names if other != name) for names in cards for name in names}


def _destination(name: str, href: str) -> tuple[str, str] | None:
    card, href = name.rpartition(".")[0], href.strip()
    if not card or not href or href.startswith("#") or href[:11].lower() == "javascript:":
        return None
    return card, href
