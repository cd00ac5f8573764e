"""HTML as flat lists of nodes in document order.

Lexbor parses the page (as browsers do) and serializes the tree; its normalised output is then tokenized. This
is several times faster than visiting nodes through Python objects. Nothing here recurses, so depth is free.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from ctypes import CDLL
from dataclasses import dataclass, field
from html import unescape
from itertools import chain

import numpy as np
from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode, SelectolaxError

from facsim.page.class_words import FUNCTION, ICON, VARIANT, function_of, read_class
from facsim.page.flatten import fill_slots, put_in_frames, take_documents
from facsim.page.preprocess import check_size_of_parts, preprocess
from facsim.page.tags import FLOWING, MOVED, UNSEEN, VOID
from facsim.util.errors import ConfigError, InputError

TEXT = "#text"
_NOSCRIPT, _TEMPLATE, _MARKED = b"<noscript", b"<template", b"data-facsim-"
_SHADOWED, _FRAMED = b"shadowrootmode", b"srcdoc"
_TO_LOOK_FOR = (_NOSCRIPT, _TEMPLATE, _MARKED, _SHADOWED, _FRAMED)
"""Rare features; work for those that a page lacks is skipped."""
# Attributes used by some rule; most elements have none of them.
_TELLING_WORDS = (
    "alt checked colspan contenteditable current disabled expanded for hidden href id inert label multiple "
    "name onclick open placeholder pressed required role selected style tabindex title type value"
)
_TELLING = frozenset(_TELLING_WORDS.split())
_ATTRIBUTE = re.compile(r'([^ =]+)(?:="([^"]*)")?')
_TELLING_STARTS = ("aria-", "data-facsim-")
_OWN_MARKS = (
    *(f"data-facsim-{mark}" for mark in ("name", "interactable", "drop", "found")),
    ICON,
    VARIANT,
    FUNCTION,
    MOVED,
)
_NO_ATTRIBUTES: dict[str, str] = {}
_START, _END, _EMPTY, _OTHER = range(4)
# Each may take time proportional to the depth.
_MAX_FAULTS = 1_000
_Tag = tuple[int, str, dict[str, str], int, bool]
"""Effect of the tag, tag name, attributes, kind, and whether white space after it separates words."""
_PART = 1_000_000
_LARGE = 2_000_000
_NO_TAG: _Tag = (_OTHER, "", _NO_ATTRIBUTES, 0, True)
MAX_FRAMES = 4
"""Maximum nesting of frames that is read."""


@dataclass(slots=True)
class Tree:
    """A document. The descendants of node `i` are the nodes `i + 1` to `ends[i]` (exclusive).

    All lists but `kinds_of` have one entry per node.

    Attributes:
        tags: tag in lower case, or `TEXT`.
        attributes: attributes by name, unescaped.
        texts: content of text nodes, unescaped; empty for elements.
        parents: index of the parent, -1 for a root.
        ends: one past the last descendant.
        kinds: kind number. Nodes of one kind have the same tag and attributes; text is kind 0.
        kinds_of: tag and attributes of each kind.
    """

    tags: list[str]
    attributes: list[dict[str, str]]
    texts: list[str]
    parents: MutableSequence[int]
    ends: MutableSequence[int]
    kinds: MutableSequence[int]
    kinds_of: list[tuple[str, dict[str, str]]]
    _by_tag: dict[str, list[int]] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.tags)

    def find(self, holds: Callable[[str, dict[str, str]], object]) -> list[int]:
        """Return the elements whose tag and attributes satisfy `holds`, in order. Calls it once per kind."""
        kinds_of = self.kinds_of
        return self.of_kinds([kind for kind in range(1, len(kinds_of)) if holds(*kinds_of[kind])])

    def with_tags(self, tags: Iterable[str]) -> list[int]:
        """Return the elements with one of the given tags, in order."""
        if not self._by_tag:
            for kind, (tag, _) in enumerate(self.kinds_of):
                self._by_tag.setdefault(tag, []).append(kind)
        return self.of_kinds([kind for tag in tags for kind in self._by_tag.get(tag, ())])

    def of_kinds(self, kinds: Sequence[int]) -> list[int]:
        """Return the nodes of the given kinds, in order."""
        if not kinds:
            return []
        chosen = np.zeros(len(self.kinds_of), dtype=np.bool_)
        chosen[kinds] = True
        found: list[int] = np.flatnonzero(chosen[np.asarray(self.kinds)]).tolist()
        return found

    def children(self, node: int) -> Iterator[int]:
        """Yield the indices of the children, in order."""
        child, end = node + 1, self.ends[node]
        while child < end:
            yield child
            child = self.ends[child]

    def text_content(self, node: int) -> str:
        """Return all text below a node with collapsed white space. Linear in the size of the subtree."""
        return " ".join("".join(self.texts[node : self.ends[node]]).split())


def parse(html: str, marks: Sequence[tuple[str, str, str]] = (), *, flat: bool = False) -> Tree:
    """Parse `html` as a browser would, without scripts, styles and templates.

    Args:
        html: any text.
        marks: (CSS selector, attribute, value) triples: the attribute is set on every node that matches.
        flat: whether to flatten shadow roots and frames with an inline document into the page.

    Raises:
        InputError: if the nesting is deeper than `MAX_DEPTH`, or an element has more than `MAX_ATTRIBUTES`.
        ConfigError: if a selector of a mark is not a CSS selector.
    """
    written = normalised(html, marks, flat=flat)
    if len(written) > _LARGE:
        _give_back_memory()
    return tokenize(written)


def _give_back_memory() -> None:
    """Return the memory of Lexbor's tree to the system: for a large page, ten times its size."""
    trim = getattr(CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def normalised(html: str, marks: Sequence[tuple[str, str, str]] = (), *, flat: bool = True) -> str:
    """Return the normalised HTML from which `parse` builds a tree; arguments and errors as for `parse`."""
    if flat:
        return _flattened(html, marks, MAX_FRAMES)
    return _stripped(_document(html)[0], UNSEEN, marks).html or ""


def _document(html: str, *, shadows: bool = False) -> tuple[LexborHTMLParser, frozenset[bytes]]:
    """Parse the document, and return which of `_TO_LOOK_FOR` its HTML contains."""
    check_size_of_parts(html)
    # Lone surrogates are not characters and cannot be encoded.
    encoded = html.encode("utf-8", "replace")
    lower = encoded.lower()
    found = frozenset(words for words in _TO_LOOK_FOR if words in lower)
    del lower  # Pages may be large.
    if _NOSCRIPT in found or _TEMPLATE in found:
        encoded = preprocess(html, shadows=shadows).encode("utf-8", "replace")
    # Events would keep `selectedcontent` up to date, at a cost that grows with the square of the options.
    document = LexborHTMLParser(encoded, options=LexborDocumentOptions.WO_EVENTS)
    if _MARKED in found:
        # Pages must not set our own marks, except a snapshot's visibility.
        for mark in _OWN_MARKS:
            for node in document.css(f"[{mark}]"):
                del node.attrs[mark]
    return document, found


def _stripped(
    document: LexborHTMLParser, unseen: frozenset[str], marks: Sequence[tuple[str, str, str]]
) -> LexborHTMLParser:
    """Return the marked document without elements whose tags are in `unseen`."""
    for selector, attribute, value in marks:
        for node in _select(document, selector):
            node.attrs[attribute] = value
    document.strip_tags(sorted(unseen), recursive=True)
    return document


def _flattened(html: str, marks: Sequence[tuple[str, str, str]], depth: int) -> str:
    """Normalised HTML with shadow roots and frames (nested up to `depth`) flattened into the page."""
    document, found = _document(html, shadows=True)
    if _SHADOWED in found:
        fill_slots(document)
    if not depth or _FRAMED not in found:
        return _stripped(document, UNSEEN, marks).html or ""
    # Frames without an inline document stay, empty: locators count siblings.
    sources = take_documents(_stripped(document, UNSEEN - {"iframe"}, marks))
    page = document.html or ""
    return put_in_frames(page, [_flattened(source, marks, depth - 1) for source in sources])


def _select(document: LexborHTMLParser, selector: str) -> list[LexborNode]:
    try:
        return document.css(selector)
    except SelectolaxError:
        raise ConfigError(f"recipe: {selector!r} is not a CSS selector") from None


def tokenize(html: str) -> Tree:  # noqa: PLR0912, PLR0915 (calls would cost more than what they do)
    """Cut normalised HTML, as Lexbor and the renderer write it, into a tree. One pass, linear.

    White space next to the edge of a block is insignificant and does not become a node.

    Raises:
        InputError: if it is far from normalised: many end tags do not match the last open element.
    """
    pieces = _pieces(html)
    # A piece (a tag or comment, and the text up to the next one) often occurs many times in a page.
    known: dict[str, tuple[_Tag, str]] = {}
    reader = _TagReader()
    seen = reader.seen
    # Each piece may contain a text, and each piece that is not an end tag an element.
    most = html.count("<") * 2 - html.count("</") + 2
    # Defaults are the values of text nodes: only elements write to all lists.
    tags = [TEXT] * most
    attributes = [_NO_ATTRIBUTES] * most
    texts = [""] * most
    # Arrays: a large page has millions of nodes, and an int object takes 32 bytes.
    parents = array("i", (-1,)) * most
    ends = array("I", range(1, most + 1))
    kinds = array("I", (0,)) * most
    cut_texts: dict[int, list[str]] = {}
    above, open_nodes = -1, [-1]
    size = faults = 0
    for piece in pieces:
        cut = known.get(piece)
        if cut is None:
            head, closing, text = piece.partition(">")
            form = seen.get(head) if closing else None
            is_whole = True
            if form is None:
                if not closing or head.startswith(("!", "?")):
                    form, text, is_whole = _cut(piece, pieces, reader)
                else:
                    form = reader.read(head)
            if text:
                if text.isspace():
                    text = "" if not form[4] else text if form[1] == "textarea" else " "
                elif "&" in text:
                    text = unescape(text)
            cut = form, text
            if is_whole:
                known[piece] = cut
        (does, tag, found, kind, _), text = cut
        if does is _END:
            # Index -1 is a text, so no element's tag matches it.
            if tags[above] == tag:
                ends[open_nodes.pop()] = size
            else:
                faults += 1
                if faults > _MAX_FAULTS:
                    raise InputError(f"stray end tags, such as </{tag}>", expected="normalised HTML")
                _close_badly_nested(tag, tags, open_nodes, ends, size)
            above = open_nodes[-1]
        elif does is not _OTHER:
            tags[size] = tag
            attributes[size] = found
            kinds[size] = kind
            parents[size] = above
            if does is _START:
                open_nodes.append(size)
                above = size
            size += 1
        if text:
            # Frameworks cut texts in pieces with comments; in the next browser they are whole: `$<!-- -->5`.
            if does is _OTHER and size and tags[size - 1] is TEXT and parents[size - 1] == above:
                cut_texts.setdefault(size - 1, [texts[size - 1]]).append(text)
                continue
            texts[size] = text
            parents[size] = above
            size += 1
    for node in open_nodes[1:]:
        ends[node] = size
    for node, parts in cut_texts.items():
        texts[node] = "".join(parts)
    for column in (tags, attributes, texts, parents, ends, kinds):
        del column[size:]
    return Tree(tags, attributes, texts, parents, ends, kinds, reader.kinds_of)


def _pieces(html: str) -> Iterator[str]:
    """Yield the text between each "<" and the next. Splits part by part to save memory."""
    first = html.find("<")
    first = first if first >= 0 else len(html)
    parts = (part.split("<") for part in _parts(html, first))
    return chain((f"!>{html[:first]}",), chain.from_iterable(parts))


def _parts(html: str, at: int) -> Iterator[str]:
    """Yield a page from a "<" on, in parts of about `_PART` characters from after a "<" to before one."""
    while at < len(html):
        end = html.find("<", at + _PART)
        end = end if end >= 0 else len(html)
        yield html[at + 1 : end]
        at = end


def _close_badly_nested(
    tag: str, tags: Sequence[str], open_nodes: list[int], ends: MutableSequence[int], size: int
) -> None:
    """Handle an end tag that does not match the last open node: close the last open node with its tag."""
    for place in range(len(open_nodes) - 1, 0, -1):
        if tags[open_nodes[place]] == tag:
            for node in open_nodes[place:]:
                ends[node] = size
            del open_nodes[place:]
            return


def _cut(piece: str, following: Iterator[str], reader: _TagReader) -> tuple[_Tag, str, bool]:
    """Return what a tag does, the text after it, and whether the piece contains all of both.

    If a comment or an odd name contains "<", the rest of the tag is in the following pieces.
    """
    closing = "-->" if piece.startswith("!--") else ">"
    is_whole = closing in piece
    if not is_whole:
        pieces = [piece]
        for more in following:
            pieces.append(more)
            if closing in more:
                break
        piece = "<".join(pieces)
    head, _, text = piece.partition(closing)
    if head.startswith(("!", "?")):
        return _NO_TAG, text, is_whole
    return reader.seen.get(head) or reader.read(head), text, is_whole


class _TagReader:
    """Reads the tags of one page, each distinct one once."""

    def __init__(self) -> None:
        self.seen: dict[str, _Tag] = {}
        """The tags so far, by their source."""
        self.kinds_of: list[tuple[str, dict[str, str]]] = [(TEXT, _NO_ATTRIBUTES)]
        self._classes: dict[str, dict[str, str]] = {}
        """What each `class` tells. Elements with different addresses often have the same."""

    def read(self, head: str) -> _Tag:
        """Read a tag; adds it to `seen` and, unless it has the kind of another one, to `kinds_of`."""
        seen = self.seen
        if head[:1] == "/":
            tag = head[1:]
            found = seen[head] = (_OTHER if tag in VOID else _END), tag, _NO_ATTRIBUTES, 0, tag in FLOWING
            return found
        tag, _, written = head.partition(" ")
        attributes = self._attributes(written) if written else _NO_ATTRIBUTES
        if tag in ("button", "a") and (function := function_of(tag, written)):
            attributes = {**attributes, FUNCTION: function}
        # Most elements have no relevant attributes. Those with one tag are all of one kind.
        if not attributes and tag in seen:
            found = seen[head] = seen[tag]
            return found
        self.kinds_of.append((tag, attributes))
        found = (
            (_EMPTY if tag in VOID else _START),
            tag,
            attributes,
            len(self.kinds_of) - 1,
            tag in FLOWING,
        )
        seen[head] = found
        if not attributes:
            seen[tag] = found
        return found

    def _attributes(self, written: str) -> dict[str, str]:
        """Parse the relevant attributes of `a="1" b="2" c`."""
        found: dict[str, str] = {}
        if '=" ' in written:  # A value that starts with a space would be mistaken for the next attribute.
            for name, value in _ATTRIBUTE.findall(written):
                if _is_telling(name):
                    found[name] = unescape(value)
                elif name == "class":
                    found |= self._class(value)
            return found or _NO_ATTRIBUTES
        for part in written.removesuffix('"').split('" '):
            name, _, value = part.partition('="')
            if name == "class":
                if told := self._class(value):
                    found |= told
            elif name in _TELLING or name.startswith(_TELLING_STARTS):
                found[name] = unescape(value) if "&" in value else value
            elif " " in name:  # Valueless attributes precede it.
                *bare, name = name.split(" ")
                found.update((other, "") for other in bare if _is_telling(other))
                if _is_telling(name):
                    found[name] = unescape(value)
        return found or _NO_ATTRIBUTES

    def _class(self, value: str) -> dict[str, str]:
        told = self._classes.get(value)
        if told is None:
            told = self._classes[value] = read_class(value)
        return told


def _is_telling(attribute: str) -> bool:
    return attribute in _TELLING or attribute.startswith(_TELLING_STARTS)
