"""Simplified pages put together from parts that were simplified before: the shop's own way to be fast.

Header, footer, cards and filters are the same on thousands of pages, and what they are called depends on
nothing but the box that they stand in. So each is simplified once, in a page that holds nothing else, and put
where a stand-in was in the rest of the page. What comes out is what `simplify` makes of the whole page. Where
two things would be called the same, the whole page is simplified instead.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from html import escape, unescape

from facsim.page import simplify

_KEPT_PARTS = 20_000
_HEADER = re.compile(r'<div hidden class="banner.*?</header>\n', re.DOTALL)
_FOOTER = re.compile(r"<footer.*</noscript>\n", re.DOTALL)
_SHELF = re.compile(
    r'(<section class="(?:shelf|results)[^>]*>(?:<h2>[^<]*</h2>)?\s*<ul class="grid[^>]*>\s*)(.*?)'
    r"</ul></section>",
    re.DOTALL,
)
_CARD = re.compile(r"<li .*?</li>\s*", re.DOTALL)
_FACET = re.compile(
    r'(<section class="facet[^>]*><h2[^>]*>[^<]*</h2>\s*<ul[^>]*>\s*)(.*?)</ul></section>', re.DOTALL
)
# A filter's address and count change with every query; what it is called does not.
_FILTER = re.compile(r'(<li>[^"]*"[^"]*" rel="nofollow" href=")([^"]*)("[^(]*\()([\d,]+)(\)</small></li>)\s*')
# What was typed and how much is in the cart change with every visit; what they are called does not.
_TYPED = re.compile(r'(<input id="q"[^>]* value=")([^"]+)"')
_COUNT = re.compile(r'(<span class="count">)\((\d+)\)')
_NAME = re.compile(r'<[a-z]+ name="([^"]*)"')
_LIST = re.compile(r"<ul>(.*)</ul>", re.DOTALL)
_STAND_IN = '<li><h3><a href="#part{0}">Part {0}</a></h3></li>'
_PLAIN_STAND_IN = '<li><a href="#part{0}">Part {0}</a></li>'
_STOOD_IN = re.compile(r'<li>\s*(?:<h3>\s*)?<a name="[^"]*" href="#part(\d+)">Part \d+</a>(?:</h3>)?</li>')


class Splicer:
    """Simplifies pages of the shop. Parts are kept, at most `_KEPT_PARTS`."""

    def __init__(self) -> None:
        self._parts: OrderedDict[tuple[str, str], str] = OrderedDict()

    def simplified(self, html: str) -> str:
        """What `simplify(html).html` is."""
        parts: list[str] = []

        def without_cards(shelf: re.Match[str]) -> str:
            cards = [self._part("card", card, shelf[1]) for card in _CARD.findall(shelf[2])]
            if not cards:
                return shelf[0]
            parts.append("\n".join(cards))
            return f"{shelf[1]}{_STAND_IN.format(len(parts) - 1)}</ul></section>"

        def without_filters(facet: re.Match[str]) -> str:
            filters = [self._filter(found, facet[1]) for found in _FILTER.finditer(facet[2])]
            parts.append("\n".join(filters))
            return f"{facet[1]}{_PLAIN_STAND_IN.format(len(parts) - 1)}</ul></section>"

        header, footer = _HEADER.search(html), _FOOTER.search(html)
        if header is None or footer is None:
            return simplify(html).html
        main = _SHELF.sub(without_cards, html[header.end() : footer.start()])
        main = _FACET.sub(without_filters, main)
        start, end = html[: header.start()], html[footer.end() :]
        rest = simplify(f"{start}<header>Header</header>\n{main}<footer>Footer</footer>\n{end}").html
        whole = _STOOD_IN.sub(lambda found: parts[int(found[1])], rest)
        whole = whole.replace("<header>Header</header>", self._header(header[0]), 1)
        whole = whole.replace("<footer>Footer</footer>", self._part("footer", footer[0], ""), 1)
        names = _NAME.findall(whole)
        if len(set(names)) < len(names) or _STOOD_IN.search(whole):
            return simplify(html).html
        return whole

    def _header(self, html: str) -> str:
        typed, count = _TYPED.search(html), _COUNT.search(html)
        if typed:
            html = html.replace(typed[0], f'{typed[1]}#typed"', 1)
        if count:
            html = html.replace(count[0], f"{count[1]}(0)", 1)
        part = self._part("header", html, "")
        if count:
            part = part.replace("(0)", f"({count[2]})", 1)
        if typed:
            part = part.replace("#typed", escape(unescape(typed[2])), 1)
        return part

    def _filter(self, found: re.Match[str], facet: str) -> str:
        part = self._part("filter", f"{found[1]}#address{found[3]}0{found[5]}", facet)
        return part.replace("#address", found[2], 1).replace("(0)", f"({found[4]})", 1)

    def _part(self, kind: str, html: str, shelf: str) -> str:
        key = (shelf, html)
        found = self._parts.get(key)
        if found is None:
            found = self._parts[key] = _ALONE[kind](html, shelf)
            if len(self._parts) > _KEPT_PARTS:
                self._parts.popitem(last=False)
        else:
            self._parts.move_to_end(key)
        return found


def _card_alone(html: str, shelf: str) -> str:
    page = simplify(f"<body><main>{shelf}{html}</ul></section></main></body>").html
    found = _LIST.search(page)
    return found[1] if found else ""


def _filter_alone(html: str, facet: str) -> str:
    page = simplify(
        f'<body><main><aside aria-label="Refinements">{facet}{html}</ul></section></aside></main></body>'
    ).html
    found = _LIST.search(page)
    return found[1] if found else ""


def _landmark_alone(html: str, _: str) -> str:
    tag = "footer" if html.startswith("<footer") else "header"
    page = simplify(f"<body>{html}<main></main></body>").html
    return page[page.index(f"<{tag}>") : page.rindex(f"</{tag}>") + len(tag) + 3]


_ALONE: dict[str, Callable[[str, str], str]] = {
    "card": _card_alone,
    "filter": _filter_alone,
    "header": _landmark_alone,
    "footer": _landmark_alone,
}
