"""What tag to write where, so that any HTML parser makes of the simplified page the tree that was written.

Parsers end some elements where others begin (a link where a link begins, a paragraph where a list does), and
leave out tags that they do not expect (a form in a form, a cell without a table). On the page as it was,
something between kept them apart that the simplified page does not have: an `object`, a frame, a shadow root,
an element of a formula, a box without meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

NEUTRAL = "span"
"""Ends nothing and is ended by nothing."""
_WORD = re.compile("[a-z][a-z0-9-]*")

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_TABLE_PARTS = frozenset({"caption", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"})
# The edges of what the HTML standard calls "scopes": what is in one of these ends no paragraph around it.
_SCOPES = frozenset({"applet", "caption", "marquee", "object", "table", "td", "th"})
_BLOCKS = (
    "address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form header hgroup hr li listing main menu nav ol p plaintext pre search section summary ul xmp"
)
_END_P = frozenset(_BLOCKS.split()) | _HEADINGS
# "Special" ones: an item of a list around one of these goes on when one begins in it.
_SPECIAL = (_END_P | _SCOPES | _TABLE_PARTS | {"button", "embed", "input", "select", "textarea"}) - {
    "address",
    "div",
    "p",
}
# A formula has tags of its own; one of these that is called `image` is read as `img`. Into `selectedcontent`
# parsers put a copy of the option that is selected.
_OTHERWISE = frozenset({"math", "image", "selectedcontent"})


def _tag_table(*rows: tuple[Iterable[str], str]) -> dict[str, frozenset[str]]:
    """For each tag the words of all rows that list it. A row is tags, and words for them."""
    found: dict[str, frozenset[str]] = {}
    for tags, words in rows:
        for tag in tags:
            found[tag] = found.get(tag, frozenset()) | frozenset(words.split())
    return found


_ALONE = ("a", "button", "form", "li", "nobr", "option", "p", "select", "table")
_OPENS = _tag_table(*(((tag,), tag) for tag in _ALONE), (("dd", "dt"), "dd"), (_HEADINGS, "heading"))
"""What an element adds to what is around those in it."""

_NOT_IN = _tag_table(
    (_END_P, "p"),
    *(((tag,), tag) for tag in ("a", "button", "form", "li", "nobr")),
    (("dd", "dt"), "dd"),
    (_HEADINGS, "heading"),
    (("select", "input", "textarea"), "select"),
    (("option", "optgroup"), "option"),
)
"""In what a tag ends something around it, or is left out."""

MATTERS = _TABLE_PARTS | _OTHERWISE | {*_NOT_IN}
"""Tags that are not written everywhere."""

_SHIELDS = _tag_table(
    (_SCOPES, "p nobr"), (("button",), "p"), (_SPECIAL, "li dd"), (("caption", "td", "th"), "table")
)
"""What an element keeps from those in it."""

OpenScopes = frozenset[str]
"""What is open around a place, as far as it matters."""
NO_SCOPES: OpenScopes = frozenset()


@lru_cache(maxsize=4_096)
def allowed_tag(around: OpenScopes, tag: str) -> tuple[str, OpenScopes]:
    """What to write for a tag in a place, and what is then around those in it.

    The tag is written if a parser takes it there as it is meant, or else a box or a neutral tag.
    """
    written = tag if _WORD.fullmatch(tag) else "div"
    is_lost = written in _TABLE_PARTS and "table" not in around
    if is_lost or written in _OTHERWISE or not around.isdisjoint(_NOT_IN.get(written, NO_SCOPES)):
        written = NEUTRAL
    inside = around - _SHIELDS.get(written, NO_SCOPES)
    if written not in _HEADINGS:
        inside -= {"heading"}  # It is ended only by what is directly in it.
    return written, inside | _OPENS.get(written, NO_SCOPES)
