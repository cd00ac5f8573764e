"""Chooses the tag to write in each place, so that any HTML parser restores the tree of the simplified page.

Parsers close some elements when others open (a link at a nested link, a paragraph at a list), and drop tags
that are not allowed (a form in a form, a cell outside a table). In the original page an element that the
simplified page lacks kept them apart: an `object`, a frame, a shadow root, a MathML element, a neutral box.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from facsim.page.tags import HEADINGS

NEUTRAL = "span"
"""Closes nothing and is closed by nothing."""
_WORD = re.compile("[a-z][a-z0-9-]*")

_TABLE_PARTS = frozenset({"caption", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"})
# The boundaries of "scopes" in the HTML standard: elements inside one close no paragraph outside it.
_SCOPES = frozenset({"applet", "caption", "marquee", "object", "table", "td", "th"})
_BLOCKS = (
    "address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form header hgroup hr li listing main menu nav ol p plaintext pre search section summary ul xmp"
)
_END_P = frozenset(_BLOCKS.split()) | HEADINGS.keys()
# "Special" elements: a list item that contains one of these stays open when another item opens inside it.
_SPECIAL = (_END_P | _SCOPES | _TABLE_PARTS | {"button", "embed", "input", "select", "textarea"}) - {
    "address",
    "div",
    "p",
}
# MathML has its own tags. HTML parsers read `image` as `img`, and fill `selectedcontent` with a copy of the
# selected option.
_OTHERWISE = frozenset({"math", "image", "selectedcontent"})


def _tag_table(*rows: tuple[Iterable[str], str]) -> dict[str, frozenset[str]]:
    """For each tag, the words of all rows that list it. A row is (tags, words)."""
    found: dict[str, frozenset[str]] = {}
    for tags, words in rows:
        for tag in tags:
            found[tag] = found.get(tag, frozenset()) | frozenset(words.split())
    return found


_ALONE = ("a", "button", "form", "li", "nobr", "option", "p", "select", "table")
_OPENS = _tag_table(*(((tag,), tag) for tag in _ALONE), (("dd", "dt"), "dd"), (HEADINGS, "heading"))
"""The scopes that an element opens for its descendants."""

_NOT_IN = _tag_table(
    (_END_P, "p"),
    *(((tag,), tag) for tag in ("a", "button", "form", "li", "nobr")),
    (("dd", "dt"), "dd"),
    (HEADINGS, "heading"),
    (("select", "input", "textarea"), "select"),
    (("option", "optgroup"), "option"),
)
"""The open scopes in which a tag closes an ancestor or is dropped."""

MATTERS = _TABLE_PARTS | _OTHERWISE | {*_NOT_IN}
"""Tags that cannot be written everywhere."""

_SHIELDS = _tag_table(
    (_SCOPES, "p nobr"), (("button",), "p"), (_SPECIAL, "li dd"), (("caption", "td", "th"), "table")
)
"""The scopes that an element hides from its descendants."""

OpenScopes = frozenset[str]
"""The relevant scopes open at a place."""
NO_SCOPES: OpenScopes = frozenset()


@lru_cache(maxsize=4_096)
def allowed_tag(around: OpenScopes, tag: str) -> tuple[str, OpenScopes]:
    """Return the tag to write in a place, and the scopes that are then open inside it.

    The tag is kept if a parser accepts it there as intended; otherwise it becomes a box or a neutral tag.
    """
    written = tag if _WORD.fullmatch(tag) else "div"
    is_lost = written in _TABLE_PARTS and "table" not in around
    if is_lost or written in _OTHERWISE or not around.isdisjoint(_NOT_IN.get(written, NO_SCOPES)):
        written = NEUTRAL
    inside = around - _SHIELDS.get(written, NO_SCOPES)
    if written not in HEADINGS:
        inside -= {"heading"}  # A heading is closed only by its direct children.
    return written, inside | _OPENS.get(written, NO_SCOPES)
