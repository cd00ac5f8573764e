"""A fast path through the simplifier for the shop's own pages, with byte-identical output.

Header, footer, cards and links in lists repeat on thousands of pages, and their names depend only on the
enclosing box. Each of these fragments is therefore simplified once, on a separate page, and cached. A
placeholder replaces it in the rest of the page (`FastSimplifier`).

The rest becomes a `SimplifiedTemplate`. Element names depend on headings, labels and links; other texts and
addresses only need to end up in the right place, so they are cut out as slots. The simplified page with
markers in the slots is cached, and filled for every page that differs only in its slots.

The result equals `simplify` of the whole page. If two elements would get the same name, or a marker would
become part of a name, the whole page is simplified instead.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from html import escape, unescape

from facsim.page import simplify
from facsim.page.slugs import slug

_CACHED_FRAGMENTS = 20_000
_CACHED_TEMPLATES = 2_000
_CACHED_LISTS = 4_000

# Locations of the fragments in a raw page.
_HEADER, _HEADER_END = '<div hidden class="banner', "</header>\n"
_FOOTER, _FOOTER_END = "<footer", "</noscript>\n"
# Names in cart lines depend on the prices shown.
_NO_TEMPLATE = '<li class="line'
_SHELF = re.compile(
    r'(<section class="(?:shelf|results)[^>]*>(?:<h2>[^<]*</h2>)?\s*<ul class="grid[^>]*>\s*)'
)
_CARD_END, _SHELF_END = "</li>", "</ul></section>"
# Lists of links: the filters of a facet, and rows of links under a label.
_LIST = re.compile(
    r'(<section class="facet[^>]*><h2[^>]*>[^<]*</h2>\s*<ul[^>]*>'
    r'|<(?:nav|section|div) [^>]*aria-label="[^"]*">[^\n]*?\n?<ul class="row[^>]*>)'
    r"\s*(<li[^\n]*(?:\n<li[^\n]*)*?)\s*</ul></(section|nav|div)>"
)
# A link's address and the count next to a filter change with every query; names do not.
_VARIABLE = re.compile(r'(?<= href=")([^"]*)(?=")|(?<=\()([\d,]+)(?=\)</small></li>)')
_VARIABLE_MARK = "\x1f"
_ITEM = re.compile(
    rf'<li>(<a [^>]*?href="){_VARIABLE_MARK}("[^>]*>[^<]*</a>)'
    rf"(?: (<small[^>]*>)\({_VARIABLE_MARK}\)</small>)?</li>\s*"
    r'|<li class="gap[^>]*>[^<]*</li>\s*'
)
# Links within a sentence.
_SENTENCE = re.compile(
    r'(<p class="(?:brand|rating|hint)_[^>]*>(?:[^<]|<span[^>]*>[^<]*</span>)*)'
    r'(<a href=")([^"]*)(">)([\d,]+(?= ratings<))?([^<]*</a>)([^<]*</p>)'
)
# The typed query and the cart count change with every session; names do not.
_TYPED = re.compile(r'(<input id="q"[^>]* value=")([^"]+)"')
_COUNT = re.compile(r'(<span class="count[^>]*>)\((\d+)\)')
# An address without words: names may be built from the words of an address and its fragment.
_NEUTRAL_ADDRESS = "/0000000"
_ELEMENT = re.compile(r'<([a-z]+) name="([^"]*)"(?: href="([^"]*)")?')
_LABEL = re.compile(r"<a [^>]*>([^<]+)</a>")
_ITEMS = re.compile(r"<ul>(.*)</ul>", re.DOTALL)
_LINK = re.compile(r"<a .*?</a>")

# Slots of a template: texts that fill an element, and attributes that are shown or carry no words. Leading
# white space stays in the template, and so does what would be joined to the word before it.
_SLOT_TAGS = "title|h1|p|td|th|li|span|del"
_SLOT = re.compile(
    rf'(<(?:{_SLOT_TAGS})(?: [^>]*)?>| (?:href|src|alt|value|data-stars)=")'
    rf'([^<>"\s#.,;:!?)][^<>"]*)(?=</(?:{_SLOT_TAGS})>|")'
)
# A list or table of plain texts is a single slot, whatever its length.
_TABLE_ROW = re.compile(r'</td></tr>\n<tr><th scope="row">([^<]*)</th><td>')
_SEPARATORS = {"\x1f": "</li>\n<li>", "\x1e": "</td></tr>\n<tr><th>", "\x1d": "</th>\n<td>"}
_SEPARATOR = re.compile("[\x1d-\x1f]")
_MARKER, _MARKER_IN_NAME = "Qz{}zq", re.compile(r'name="[^"]*qz\d+zq')
_PLACEHOLDER = '<a href="#part{0}">Part {0}</a>'
_MARKED = re.compile(
    r"Qz(?P<text>\d+)zq"
    r"|<li>\s*(?:<h3>)?<a [^>]*>Part (?P<item>\d+)</a>(?:</h3>)?</li>"
    r"|<a [^>]*>Part (?P<link>\d+)</a>"
    r"|(?P<header><header>Part</header>)|(?P<footer><footer>Part</footer>)"
)
_LANDMARK_FRAGMENTS = {"header": 0, "footer": 1}


class SimplifiedTemplate:
    """A simplified page with slots for texts and fragments.

    Args:
        simplified: the simplified page, with markers and placeholders.
    """

    def __init__(self, simplified: str) -> None:
        self._pieces: list[tuple[str, str, int]] = []
        at = 0
        for marked in _MARKED.finditer(simplified):
            before = simplified[at : marked.start()]
            kind = str(marked.lastgroup)
            index = _LANDMARK_FRAGMENTS[kind] if kind in _LANDMARK_FRAGMENTS else int(marked[kind])
            if kind == "text" and before.endswith('="'):
                kind = "attribute"
            self._pieces.append((before, kind, index))
            at = marked.end()
        self._end = simplified[at:]

    @classmethod
    def from_pieces(cls, pieces: Sequence[str]) -> SimplifiedTemplate | None:
        """The template of all pages that `extract_slots` cuts into these pieces.

        Returns:
            None if a marker would become part of a name.
        """
        marked: list[str] = []
        for index, piece in enumerate(pieces):
            marked.append(piece)
            if index % 2:
                marked.append(_MARKER.format(index // 2))
        simplified = simplify("".join(marked)).html
        return None if _MARKER_IN_NAME.search(simplified) else cls(simplified)

    def fill(self, values: Sequence[str], fragments: Sequence[str]) -> str:
        """The simplified page.

        Args:
            values: of the slots, as written in the raw page.
            fragments: simplified HTML; the first two are header and footer.
        """
        written: list[str] = []
        for before, kind, index in self._pieces:
            written.append(before)
            if kind == "text":
                written.append(_slot_text(values[index]))
            elif kind == "attribute":
                value = values[index]
                written.append(escape(unescape(value)) if "&" in value else value)
            else:
                written.append(fragments[index])
        written.append(self._end)
        return "".join(written)


class FastSimplifier:
    """Simplifies pages of the shop, with least-recently-used caches of fragments and templates."""

    def __init__(self) -> None:
        self._cached_items: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._sentence = lru_cache(maxsize=_CACHED_FRAGMENTS)(_simplify_sentence)
        self._landmark = lru_cache(maxsize=_CACHED_FRAGMENTS)(_simplify_landmark)
        self._template = lru_cache(maxsize=_CACHED_TEMPLATES)(SimplifiedTemplate.from_pieces)
        self._lists = lru_cache(maxsize=_CACHED_LISTS)(self._list)

    def simplify(self, html: str) -> tuple[str, list[tuple[str, str, str]]]:
        """Return `simplify(html).html`, and the tag, name and address of each element as written."""
        simplified = self._assemble(html) or simplify(html).html
        elements = _ELEMENT.findall(simplified)
        if len({name for _, name, _ in elements}) < len(elements):
            simplified = simplify(html).html
            elements = _ELEMENT.findall(simplified)
        return simplified, elements

    def _assemble(self, html: str) -> str | None:
        """Assemble the page from its fragments; None if it is not a page of the shop."""
        header, footer = html.find(_HEADER), html.rfind(_FOOTER)
        if header < 0 or footer < 0:
            return None
        main = html.index(_HEADER_END, header) + len(_HEADER_END)
        end = html.index(_FOOTER_END, footer) + len(_FOOTER_END)
        fragments = [self._header(html[header:main]), self._landmark("footer", html[footer:end])]
        rest = (
            f"{html[html.index('<title>') : html.index('</title>')]}</title></head>"
            f"{html[html.index('<body') : header]}<header>Part</header>\n"
            f"{self._replace_fragments(html[main:footer], fragments)}<footer>Part</footer>\n{html[end:]}"
        )
        return self._fill(rest, fragments)

    def _fill(self, rest: str, fragments: list[str]) -> str:
        """Simplify the rest of a page and insert the fragments."""
        if _NO_TEMPLATE not in rest:
            pieces, values = extract_slots(rest)
            template = self._template(pieces)
            if template is not None:
                return template.fill(values, fragments)
        return SimplifiedTemplate(simplify(rest).html).fill((), fragments)

    def _replace_fragments(self, main: str, fragments: list[str]) -> str:
        """Replace a page's fragments by placeholders; the fragments are appended to `fragments`."""

        def replace_link(match: re.Match[str]) -> str:
            before, start, address, tag_end, number, label, after = match.groups()
            first, second, third = self._sentence(
                f"{before}{start}", tag_end, number is not None, f"{label}{after}"
            )
            fragments.append(f"{first}{address}{second}{number or ''}{third}")
            return f"{before}{placeholder_link(len(fragments) - 1)}{after}"

        def replace_items(match: re.Match[str]) -> str:
            context, items, tag = match.groups()
            written = self._links(context, items, tag)
            if written is None:
                return match[0]
            fragments.append(written)
            return f"{context}{placeholder_item(len(fragments) - 1)}</ul></{tag}>"

        # Cards are most of a page and contain no other fragments.
        shelves = _SHELF.split(main)
        for index in range(2, len(shelves), 2):
            context, (cards, end, after) = shelves[index - 1], shelves[index].partition(_SHELF_END)
            items = [f"{card}{_CARD_END}" for card in cards.split(_CARD_END)[:-1]]
            if end and items:
                fragments.append("\n".join(self._items(context, "section", items)))
                shelves[index] = f"{placeholder_item(len(fragments) - 1, card=True)}{end}{after}"
        return _LIST.sub(replace_items, _SENTENCE.sub(replace_link, "".join(shelves)))

    def _links(self, context: str, items: str, tag: str) -> str | None:
        """Simplify the items of a list of links; None if an item is not a link."""
        cut = _VARIABLE.split(items)
        pieces = self._lists(context, tag, tuple(cut[::3]))
        if pieces is None:
            return None
        written = [pieces[0]]
        for address, number, after in zip(cut[1::3], cut[2::3], pieces[1:], strict=True):
            written += (number if address is None else address, after)
        return "".join(written)

    def _list(self, context: str, tag: str, cut: tuple[str, ...]) -> list[str] | None:
        """Simplify a list of links and split it where its addresses and numbers go."""
        links: list[str] = []
        written: list[str] = []
        items = _VARIABLE_MARK.join(cut)
        at = 0
        for item in _ITEM.finditer(items):
            before, label, small = item.groups()
            at += len(item[0])
            if before:
                count = f" {small}(0)</small>" if small else ""
                links.append(f"<li>{before}{_NEUTRAL_ADDRESS}{label}{count}</li>")
                written.append(f" ({_VARIABLE_MARK})</li>" if small else "</li>")
            else:
                written.append("<li>…</li>")
        if at < len(items):
            return None
        simplified = iter(self._items(context, tag, links))
        for index, end in enumerate(written):
            if end != "<li>…</li>":
                link = next(simplified).removesuffix(" (0)</li>").removesuffix("</li>")
                written[index] = link.replace(_NEUTRAL_ADDRESS, _VARIABLE_MARK, 1) + end
        return "\n".join(written).split(_VARIABLE_MARK)

    def _items(self, context: str, tag: str, items: Sequence[str]) -> list[str]:
        """Simplify each item as on a page that contains only this list."""
        cached = self._cached_items
        keys = [(context, tag, item) for item in items]
        missing = [key for key in dict.fromkeys(keys) if key not in cached]
        if missing:
            made = simplify_each(context, [item for _, _, item in missing], tag)
            cached.update(zip(missing, made, strict=True))
        found = [cached[key] for key in keys]
        for key in keys:
            cached.move_to_end(key)
        while len(cached) > _CACHED_FRAGMENTS:
            cached.popitem(last=False)
        return found

    def _header(self, html: str) -> str:
        typed, count = _TYPED.search(html), _COUNT.search(html)
        if typed:
            html = html.replace(typed[0], f'{typed[1]}#typed"', 1)
        if count:
            html = html.replace(count[0], f"{count[1]}(0)", 1)
        header = self._landmark("header", html)
        if count:
            header = header.replace("(0)", f"({count[2]})", 1)
        if typed:
            header = header.replace("#typed", escape(unescape(typed[2])), 1)
        return header


def placeholder_item(index: int, *, card: bool = False) -> str:
    """Raw HTML that replaces a list's items; `card`: for a list of items with a heading."""
    link = placeholder_link(index)
    return f"<li><h3>{link}</h3></li>" if card else f"<li>{link}</li>"


def placeholder_link(index: int) -> str:
    """Raw HTML that replaces a link within a sentence."""
    return _PLACEHOLDER.format(index)


def extract_slots(html: str) -> tuple[tuple[str, ...], list[str]]:
    """Split a page into the pieces that determine its template and the values of the slots between them."""
    cut = _SLOT.split(_TABLE_ROW.sub("\x1e\\1\x1d", html.replace("</li><li>", "\x1f")))
    values = cut[2::3]
    del cut[2::3]
    return tuple(cut), values


def simplify_items(context: str, items: str, tag: str) -> str:
    """Simplify items of a list on a page that contains only this list."""
    box, end = "", ""
    if context.startswith('<section class="facet'):
        box, end = '<aside aria-label="Refinements">', "</aside>"
    elif tag == "div":
        box, end = '<section aria-label="Buy">', "</section>"
    page = simplify(f"<body><main>{box}{context}{items}</ul></{tag}>{end}</main></body>").html
    found = _ITEMS.search(page)
    return found[1].strip() if found else ""


def simplify_each(context: str, items: Sequence[str], tag: str) -> list[str]:
    """Simplify each item as if it were alone; uses one call unless two items would get the same name."""
    labels = [found[-1] for item in items if (found := _LABEL.findall(item))]
    if len({slug(unescape(label)) for label in labels}) == len(items):
        found = simplify_items(context, "".join(items), tag).removesuffix("</li>").split("</li>\n")
        if len(found) == len(items):
            return [f"{item}</li>" for item in found]
    return [simplify_items(context, item, tag) for item in items]


def _slot_text(value: str) -> str:
    if "&" in value:
        value = escape(unescape(value), quote=False)
    return _SEPARATOR.sub(lambda separator: _SEPARATORS[separator[0]], value)


def _simplify_sentence(before: str, tag_end: str, numbered: bool, after: str) -> tuple[str, str, str]:
    """Simplify a link in a sentence; return it split at its address and its number."""
    number = "0" if numbered else ""
    page = simplify(f"<body><main>{before}{_NEUTRAL_ADDRESS}{tag_end}{number}{after}</main></body>").html
    found = _LINK.search(page)
    first, _, second = found[0].partition(_NEUTRAL_ADDRESS) if found else ("", "", "")
    end = second.index(">") + 1
    return first, second[:end], second[end:].removeprefix(number)


def _simplify_landmark(tag: str, html: str) -> str:
    page = simplify(f"<body>{html}<main></main></body>").html
    return page[page.index(f"<{tag}>") : page.rindex(f"</{tag}>") + len(tag) + 3]
