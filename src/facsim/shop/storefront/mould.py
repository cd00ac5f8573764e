"""Simplified pages with gaps: made once, and filled in for each page that differs only in what fills them.

What elements are called depends on headings, labels and links. Other texts, and addresses, only have to stand
where they belong. So they are cut out of a page, and what `simplify` makes of the page with marks in their
place is kept, for whatever stands there next. Where a mark turns up in a name after all, there is no mould.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape

from facsim.page import simplify

_FILLED = "title|h1|p|td|th|li|span|del"
# Marked are texts that fill an element, and attributes that are shown or say nothing. White space, and what
# would be joined to the word before it, stays.
_GAP = re.compile(
    rf'(<(?:{_FILLED})(?: [^>]*)?>| (?:href|src|alt|value|data-stars)=")'
    rf'([^<>"\s#.,;:!?)][^<>"]*)(?=</(?:{_FILLED})>|")'
)
# Lists and tables of texts are one text each, however long they are.
_ROW = re.compile(r'</td></tr>\n<tr><th scope="row">([^<]*)</th><td>')
_JOINTS = {"\x1f": "</li>\n<li>", "\x1e": "</td></tr>\n<tr><th>", "\x1d": "</th>\n<td>"}
_JOINT = re.compile("[\x1d-\x1f]")
_MARK, _MARKED_NAME = "Qz{}zq", re.compile(r'name="[^"]*qz\d+zq')
_PART = '<a href="#part{0}">Part {0}</a>'
_HOLE = re.compile(
    r"Qz(?P<text>\d+)zq"
    r"|<li>\s*(?:<h3>)?<a [^>]*>Part (?P<item>\d+)</a>(?:</h3>)?</li>"
    r"|<a [^>]*>Part (?P<link>\d+)</a>"
    r"|(?P<header><header>Part</header>)|(?P<footer><footer>Part</footer>)"
)
_LANDMARKS = {"header": 0, "footer": 1}


def stand_in(place: int, *, card: bool = False) -> str:
    """What stands in a page for the list items of a part; `card`: for a list of things with a heading."""
    link = stand_in_link(place)
    return f"<li><h3>{link}</h3></li>" if card else f"<li>{link}</li>"


def stand_in_link(place: int) -> str:
    """What stands in a page for a part that is one link in a sentence."""
    return _PART.format(place)


def gaps(html: str) -> tuple[tuple[str, ...], list[str]]:
    """A page as what its mould depends on, and what fills the mould's gaps."""
    cut = _GAP.split(_ROW.sub("\x1e\\1\x1d", html.replace("</li><li>", "\x1f")))
    values = cut[2::3]
    del cut[2::3]
    return tuple(cut), values


class Mould:
    """A simplified page with holes for texts and parts.

    Args:
        simplified: the page with marks and stand-ins.
    """

    def __init__(self, simplified: str) -> None:
        self._pieces: list[tuple[str, str, int]] = []
        at = 0
        for hole in _HOLE.finditer(simplified):
            before = simplified[at : hole.start()]
            kind = str(hole.lastgroup)
            place = _LANDMARKS[kind] if kind in _LANDMARKS else int(hole[kind])
            if kind == "text" and before.endswith('="'):
                kind = "attribute"
            self._pieces.append((before, kind, place))
            at = hole.end()
        self._end = simplified[at:]

    @classmethod
    def of(cls, cut: Sequence[str]) -> Mould | None:
        """The mould of the pages that were cut like this; None if marks would become names."""
        marked: list[str] = []
        for place, piece in enumerate(cut):
            marked.append(piece)
            if place % 2:
                marked.append(_MARK.format(place // 2))
        simplified = simplify("".join(marked)).html
        return None if _MARKED_NAME.search(simplified) else cls(simplified)

    def filled(self, values: Sequence[str], parts: Sequence[str]) -> str:
        """The simplified page.

        Args:
            values: of the gaps, as the raw page has them.
            parts: simplified; the first two are header and footer.
        """
        written: list[str] = []
        for before, kind, place in self._pieces:
            written.append(before)
            if kind == "text":
                written.append(_text(values[place]))
            elif kind == "attribute":
                value = values[place]
                written.append(escape(unescape(value)) if "&" in value else value)
            else:
                written.append(parts[place])
        written.append(self._end)
        return "".join(written)


def _text(value: str) -> str:
    if "&" in value:
        value = escape(unescape(value), quote=False)
    return _JOINT.sub(lambda joint: _JOINTS[joint[0]], value)
