"""The texts, attributes and names of a simplified page, and the page with some of them replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape, unescape

from facsim.data.scrub.detector import EDGE
from facsim.data.scrub.spans import PersonalSpan
from facsim.page.read import MARK
from facsim.page.slugs import words_of
from facsim.page.tags import FLOWING, INLINE
from facsim.page.tree import normalised

_TOKEN = re.compile(
    r'<(?P<end>/?)(?P<tag>[a-zA-Z][^\s/>]*+)(?P<attributes>(?:[^">]++|"[^"]*+")*+)>|<![^>]*+>?|[^<]++|<'
)
_ATTRIBUTE = re.compile(r'(?P<name>[^\s="]+)="(?P<value>[^"]*)"')
_FIELD = re.compile(r'<(input|textarea)\b((?:[^">]++|"[^"]*+")*+)>(?:([^<]*)(?=</textarea))?')
URL_ATTRIBUTES = frozenset({"href", "src", "action", "formaction", "poster", "cite", "srcset", "data-href"})
_NO_TEXT = frozenset(
    {
        "name",
        "type",
        "role",
        "class",
        "id",
        "style",
        "for",
        "method",
        "rel",
        "target",
        "lang",
        "dir",
        "hreflang",
        "media",
        "sizes",
        "width",
        "height",
        "colspan",
        "rowspan",
        "tabindex",
        "scope",
        "charset",
        "http-equiv",
        "data-simplified",
        "autocomplete",
        "inputmode",
        "pattern",
        "min",
        "max",
        "step",
        "maxlength",
    }
)
_NO_TYPING = frozenset({"checkbox", "radio", "submit", "button", "reset", "image", "range", "color", "file"})
_CUT_AT = 45
"""A part of a name this long may have been cut within a value."""


@dataclass(frozen=True, slots=True)
class FormField:
    """A field that a person can type into.

    Attributes:
        name: the element's dotted name; None for a field without one.
        label: its label.
        input_type: the attribute `type`.
        value: what is in it.
    """

    name: str | None
    label: str
    input_type: str
    value: str


@dataclass(slots=True)
class PageParts:
    """A page in tokens.

    Attributes:
        tokens: the HTML, cut into tags and texts.
        text: all text, with a new line between blocks and `EDGE` between inline elements.
        places: for each text token, its index in `tokens` and its start in `text`.
        field_places: indices of tokens that are the content of a textarea, with its field.
    """

    tokens: list[re.Match[str]]
    text: str = ""
    places: list[tuple[int, int]] = field(default_factory=list)
    field_places: dict[int, FormField] = field(default_factory=dict)


def fields_in(html: str) -> Iterator[FormField]:
    """The fields of a simplified page."""
    for match in _FIELD.finditer(html):
        attributes = attributes_of(match[2])
        value = attributes.get("value", "") if match[1] == "input" else unescape(match[3] or "")
        if attributes.get("type", "").lower() not in _NO_TYPING:
            yield _field_of(attributes, value)


def _field_of(attributes: dict[str, str], value: str) -> FormField:
    label = attributes.get("aria-label") or attributes.get("placeholder") or attributes.get("title") or ""
    return FormField(attributes.get("name"), label, attributes.get("type", ""), value)


def attributes_of(tag: str) -> dict[str, str]:
    """The attributes of a tag with a value, unescaped."""
    return {match["name"].lower(): unescape(match["value"]) for match in _ATTRIBUTE.finditer(tag)}


def parts_of(html: str) -> PageParts:
    """A simplified page in tokens.

    A page that another tool wrote is normalised first, which drops its scripts, styles and comments.

    Raises:
        InputError: if the page cannot be read.
    """
    if not html.startswith(MARK) or "<!" in html or html.count('"') % 2:
        html = normalised(html, flat=False)
    parts = PageParts(list(_TOKEN.finditer(html)))
    pieces: list[str] = []
    length = 0
    inside: FormField | None = None
    for index, token in enumerate(parts.tokens):
        tag = token["tag"]
        if tag is None:
            piece = "" if token[0].startswith("<!") else unescape(token[0])
            if piece:
                parts.places.append((index, length))
            if piece and inside is not None:
                parts.field_places[index] = inside
        else:
            lower = tag.lower()
            piece = "" if lower in INLINE else EDGE if lower in FLOWING else "\n"
            if lower == "textarea":
                inside = None if token["end"] else _field_of(attributes_of(token["attributes"]), "")
        pieces.append(piece)
        length += len(piece)
    parts.text = "".join(pieces)
    return parts


@dataclass(frozen=True, slots=True)
class PageReplacements:
    """How the parts of a page are replaced.

    Attributes:
        spans: of `PageParts.text`.
        placeholder: of a span of the text.
        text: a text of an attribute → the same without personal data.
        url: the same for addresses.
        field: what a field is filled with → the same; None if the field is not personal.
    """

    spans: Sequence[PersonalSpan]
    placeholder: Callable[[PersonalSpan], str]
    text: Callable[[str], str]
    url: Callable[[str], str]
    field: Callable[[FormField, str], str | None]


def replaced(parts: PageParts, how: PageReplacements) -> list[str]:
    """The tokens of the page with texts and attributes replaced, names not yet."""
    tokens = ["" if token[0].startswith("<!") else token[0] for token in parts.tokens]
    spans = list(how.spans)
    first = 0
    for index, start in parts.places:
        text = unescape(parts.tokens[index][0])
        in_field = parts.field_places.get(index)
        filled = how.field(in_field, text) if in_field is not None else None
        if filled is not None:
            tokens[index] = escape(filled, quote=False)
            continue
        while first < len(spans) and spans[first].end <= start:
            first += 1
        new, position, place = "", 0, first
        while place < len(spans) and spans[place].start < start + len(text):
            span = spans[place]
            begin, end = max(span.start - start, 0), min(span.end - start, len(text))
            # A value that goes over several texts: its placeholder is in the first.
            new += text[position:begin] + (how.placeholder(span) if span.start >= start else "")
            position, place = end, place + 1
        if place > first:
            tokens[index] = escape(new + text[position:], quote=False)
    for index, token in enumerate(parts.tokens):
        if token["tag"] is not None and "=" in token["attributes"]:
            tokens[index] = _tag_replaced(token, how)
    return tokens


def _tag_replaced(token: re.Match[str], how: PageReplacements) -> str:
    attributes = attributes_of(token["attributes"])
    is_field = token["tag"].lower() in ("input", "textarea")
    typable = is_field and attributes.get("type", "").lower() not in _NO_TYPING

    def new(match: re.Match[str]) -> str:
        name, value = match["name"].lower(), unescape(match["value"])
        if not value.strip() or name in _NO_TEXT:
            return match[0]
        if name in URL_ATTRIBUTES:
            changed = how.url(value)
        elif name == "value" and typable:
            filled = how.field(_field_of(attributes, value), value)
            changed = how.text(value) if filled is None else filled
        else:
            changed = how.text(value)
        return match[0] if changed == value else f'{match["name"]}="{escape(changed)}"'

    start, end = token.span("attributes")
    offset = token.start()
    return token[0][: start - offset] + _ATTRIBUTE.sub(new, token["attributes"]) + token[0][end - offset :]


def rename_elements(tokens: list[str], values: dict[str, str]) -> dict[str, str]:
    """Replace personal values in the names of elements, in place.

    Names are made of the words of elements' texts: `hello_maria_lopez`. They stay unique.

    Args:
        tokens: the page.
        values: personal values of the page with their placeholders.

    Returns:
        New names by old ones, of those that change.
    """
    worded = {tuple(words): values[value].lower() for value in values if (words := words_of(value))}
    found: list[tuple[int, re.Match[str]]] = []
    taken: set[str] = set()
    renamed: dict[str, str] = {}
    if not worded:
        return renamed
    first_words = {words[0] for words in worded} | {word for words in worded for word in words}
    for index, token in enumerate(tokens):
        if not token.startswith("<") or ' name="' not in token:
            continue
        match = next((one for one in _ATTRIBUTE.finditer(token) if one["name"] == "name"), None)
        if match is None:
            continue
        old = unescape(match["value"])
        new = ".".join(_part_renamed(part, worded, first_words) for part in old.split("."))
        if new == old:
            taken.add(old)
        else:
            renamed[old] = new
            found.append((index, match))
    for old, new in renamed.items():
        number, unique = 2, new
        while unique in taken:
            unique, number = f"{new}_{number}", number + 1
        taken.add(unique)
        renamed[old] = unique
    for index, match in found:
        token = tokens[index]
        tokens[index] = (
            f"{token[: match.start('value')]}{escape(renamed[unescape(match['value'])])}"
            f"{token[match.end('value') :]}"
        )
    return renamed


def _part_renamed(part: str, worded: dict[tuple[str, ...], str], any_words: set[str]) -> str:
    """A part of a name without the words of a value: all of them, or two and more where names are cut."""
    words = part.split("_")
    if any_words.isdisjoint(words):
        return part
    kept: list[str] = []
    place = 0
    while place < len(words):
        longest, placeholder = 0, ""
        for value, code in worded.items():
            size = _common_run(words, place, value, is_cut=len(part) >= _CUT_AT)
            if size > longest:
                longest, placeholder = size, code
        kept.append(placeholder if longest else words[place])
        place += longest or 1
    return "_".join(kept)


def _common_run(words: list[str], place: int, value: tuple[str, ...], *, is_cut: bool) -> int:
    """How many words from `place` on are a run of the value: the whole of it, or at least two if cut."""
    longest = 0
    for start in range(len(value)):
        size = 0
        while (
            place + size < len(words)
            and start + size < len(value)
            and words[place + size] == value[start + size]
        ):
            size += 1
        if size == len(value) or (is_cut and size >= 2):
            longest = max(longest, size)
    return longest
