"""Preprocesses the text of a page before Lexbor parses it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from facsim.page.tags import CLOSED_BY_THE_NEXT, FOREIGN, HOLDS_HTML, SHADOW_ROOT
from facsim.util.errors import InputError

SHADOW = "shadowrootmode"

# Browsers stop at a depth of 512. Lexbor does not.
MAX_DEPTH = 20_000
MAX_ATTRIBUTES = 10_000
_LONG = 20_000
_LONG_TAG = re.compile(r"[A-Za-z][^>]{20000,}")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_TAG = re.compile(r"(/?)([A-Za-z][^\s/>]*)")
_BEGINNING = 10
# These end a drawing or formula (the HTML standard, "the rules for parsing tokens in foreign content").
_ENDING_FOREIGN = (
    "b big blockquote body br center code dd div dl dt em embed font h1 h2 h3 h4 h5 h6 head hr i img li "
    "listing menu meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var"
)
_BREAKS_OUT = frozenset(_ENDING_FOREIGN.split())
_ENDS_NAME = re.compile(r"[^/][\s/>]")

_NOSCRIPT = re.compile("<noscript", re.IGNORECASE)
_TEMPLATE = re.compile("<template", re.IGNORECASE)
# Tags inside these are plain text.
_RAW_TAGS = ("script", "style", "noscript", "textarea", "title", "xmp", "iframe")
_RAW = re.compile(rf"<!--|<(?:{'|'.join(_RAW_TAGS)})(?=[\s/>])|<(?:/?template)(?=[\s/>])", re.IGNORECASE)
_CLOSING = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in _RAW_TAGS}
_WHOLE_TAG = r"</?[A-Za-z][^>=]*+(?:=\s*+(?:\"[^\"]*+\"|'[^']*+')?+[^>=]*+)*+>"
_TO_ITS_END = re.compile(_WHOLE_TAG)
_OUTSIDE = re.compile(rf"[^<]*+(?:(?:{_WHOLE_TAG}|<(?!/?[A-Za-z]))[^<]*+)*+")
_ATTRIBUTES = re.compile(r"(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_IS_SHADOW = re.compile(SHADOW + r"\s*=\s*[\"']?\s*(?:open|closed)\b", re.IGNORECASE)


def preprocess(html: str, *, shadows: bool = False) -> str:
    """Rewrite a page so that a parser with scripting disabled reads it like a browser with scripting enabled.

    `noscript` elements are emptied: nobody sees their content, and inside the head it would close the head.

    Args:
        html: any text.
        shadows: whether declarative shadow roots become elements (`SHADOW_ROOT`) and thus part of the tree.
    """
    shadows = shadows and _TEMPLATE.search(html) is not None
    if not shadows and not _NOSCRIPT.search(html):
        return html
    kept: list[str] = []
    templates: list[bool] = []  # for each open template, whether it is a shadow root
    done = at = outside = 0
    while found := _RAW.search(html, at):
        if past := _past_tag(html, outside, found.start()):
            at = outside = past
            continue
        opening = found[0].lower()
        outside, at = found.span()
        if opening.endswith("template"):
            if change := _template(html, at, templates, closes="/" in opening) if shadows else "":
                kept += html[done : found.start()], change
                done = at
            continue
        if opening == "<!--":
            end = html.find("-->", at)
        else:
            closing = _CLOSING[opening[1:]].search(html, at)
            end = closing.start() if closing else -1
        if end < 0:
            break
        if opening == "<noscript":
            start = html.find(">", at, end) + 1
            if start:
                kept.append(html[done:start])
                done = end
        outside = at = end
    return "".join((*kept, html[done:]))


def _past_tag(html: str, outside: int, place: int) -> int:
    """Return the end of the tag whose name or attributes contain `place`; 0 if there is none.

    Args:
        html: the page.
        outside: an earlier offset outside any tag, with no comments, scripts or similar between the two.
        place: the offset.
    """
    before = _OUTSIDE.match(html, outside, place)
    start = before.end() if before else outside
    if start == place:
        return 0
    tag = _TO_ITS_END.match(html, start)
    return tag.end() if tag else len(html)


def _template(html: str, at: int, templates: list[bool], *, closes: bool) -> str:
    """Replacement for the start of a `template` tag; empty if it stays."""
    if closes:
        return f"</{SHADOW_ROOT}" if templates and templates.pop() else ""
    written = _ATTRIBUTES.match(html, at, at + 2_000)
    is_shadow = bool(written and _IS_SHADOW.search(written[0]))
    templates.append(is_shadow)
    return f"<{SHADOW_ROOT}" if is_shadow else ""


def check_size_of_parts(html: str) -> None:
    """Refuse pages for which Lexbor would need minutes, because its time grows quadratically.

    Pages with few tags cannot be deep, and short tags cannot have many attributes; these are not checked.

    Raises:
        InputError: if the nesting is deeper than `MAX_DEPTH`, or an element has more than `MAX_ATTRIBUTES`.
    """
    for tag in _long_tags(html):
        if len(_QUOTED.sub("", tag).split()) > MAX_ATTRIBUTES:
            raise InputError(f"an element with more than {MAX_ATTRIBUTES:,} attributes", expected="a page")
    if html.count("<") > MAX_DEPTH and html.count("<") - html.count("</") > MAX_DEPTH:
        _check_depth(html)


def _long_tags(html: str) -> Iterator[str]:
    """Tags of more than `_LONG` characters, without their "<"."""
    step = _LONG // 2
    at = 0
    while at + step < len(html):
        following = html.find("<", at, at + step)
        if following >= 0:
            at += step
            continue
        following = html.find("<", at)
        tag = _LONG_TAG.match(html, html.rfind("<", 0, at) + 1, following if following >= 0 else len(html))
        if tag:
            yield tag[0]
        if following < 0:
            return
        at = following


def _check_depth(html: str) -> None:
    opened: Counter[str] = Counter()
    depth = 0
    foreign: list[str] = []  # open elements from the SVG or MathML root on, where tags may be self-closing
    # The first characters of a piece nearly always determine its tag, and there are few distinct ones.
    known: dict[str, tuple[str, bool]] = {}
    for piece in html.split("<"):
        beginning = piece[:_BEGINNING]
        does = known.get(beginning)
        if does is None:
            does = _tag_of(piece)
            if _ENDS_NAME.search(beginning):
                known[beginning] = does
        name, closes = does
        if not name:
            continue
        if closes:
            depth -= _close(name, foreign, opened)
            continue
        if foreign and (name in _BREAKS_OUT or foreign[-1] in HOLDS_HTML):
            foreign.clear()
        if foreign or name in FOREIGN:
            if piece.partition(">")[0].endswith("/"):
                continue
            foreign.append(name)
        elif name in CLOSED_BY_THE_NEXT:
            continue
        opened[name] += 1
        depth += 1
        if depth > MAX_DEPTH:
            raise InputError(
                f"elements nested deeper than {MAX_DEPTH:,}",
                expected="a page (browsers stop at a depth of 512)",
            )


def _close(name: str, foreign: list[str], opened: Counter[str]) -> int:
    """Pop the elements that an end tag closes; return their number."""
    if not foreign:
        is_open = opened[name] > 0
        opened[name] -= is_open
        return is_open
    place = len(foreign) - 1
    while place >= 0 and foreign[place] != name:
        place -= 1
    closed = foreign[place:] if place >= 0 else [name] if opened[name] else []
    # An end tag that matches nothing in the drawing closes it.
    del foreign[max(place, 0) :]
    opened.subtract(closed)
    return len(closed)


def _tag_of(piece: str) -> tuple[str, bool]:
    """Name of the tag at the start of a piece, and whether it closes; empty if it is not a tag."""
    found = _TAG.match(piece)
    return (found[2].lower(), bool(found[1])) if found else ("", False)
